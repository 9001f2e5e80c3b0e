"""Scale of a scenario's rewards, so that learning does not depend on their unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuroparallel.agents.protocol import engine_of
from neuroparallel.agents.registry import make_agent
from neuroparallel.rllib.env_creation import build_engine

__all__ = ["reward_scale"]

_LANES, _FEWEST_STEPS, _SEED = 64, 100, 0


def reward_scale(env: Mapping[str, Any]) -> float:
    """Return the factor by which learning multiplies rewards: 1, or less if a step can pay more than 1.

    An agent that chooses or moves at random plays some trials; the largest reward or loss of a step becomes 1. Without
    that, the errors of the value prediction exceed the gradient of the policy by far in games that pay tens of points.

    Args:
        env: An ``env_config``.

    Returns:
        Above 0, at most 1. It depends on the scenario alone: the trials are those of a fixed seed.
    """
    engine = engine_of(build_engine({**env, "lanes": _LANES, "seed": _SEED}))
    agent = make_agent("random" if any(subject.moving for subject in engine.subjects) else "blind")
    observations, infos = engine.reset(_SEED)
    agent.reset(engine)
    largest = 1.0
    for _ in range(max(_FEWEST_STEPS, engine.trial_steps())):
        observations, rewards, _, _, infos = engine.step(agent.act(observations, infos, engine))
        largest = max(largest, *(float(np.abs(earned).max()) for earned in rewards.values()))
    return 1.0 / largest
