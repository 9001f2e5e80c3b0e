"""How well a subject does, measured without exploration on trials that it never saw."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError
from neuroparallel.rllib import source
from neuroparallel.rllib.metrics import SCORED, fraction_correct, trials_ended
from neuroparallel.rllib.policy import Policy, load_policy

__all__ = ["Score", "evaluate", "measure", "run_trials"]

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Score:
    """The outcome of an evaluation.

    Attributes:
        correct: Stream to share of scored trials that were right, 0 to 1.
        scored: Stream to number of scored trials.
        trials: Trials that ended.
        reward_per_trial: Summed over streams and subjects.
    """

    correct: dict[str, float]
    scored: dict[str, int]
    trials: int
    reward_per_trial: float

    @property
    def mean(self) -> float:
        """Mean of the streams' percentages; nan if nothing was scored."""
        values = [value for value in self.correct.values() if value == value]
        return float(np.mean(values)) if values else float("nan")

    def meets(self, criterion: Mapping[str, float]) -> bool:
        """Whether every stream that the criterion names reaches it, and not by luck.

        A share must exceed the criterion by one standard error, so that it holds on other trials too.
        """
        for name, least in criterion.items():
            error = math.sqrt(least * (1.0 - least) / max(1, self.scored.get(name, 0)))
            if not self.correct.get(name, 0.0) >= least + error:
                return False
        return True


def run_trials(engine: Any, policy: Policy, trials: int, observations: dict[str, Array]) -> dict[str, Array]:
    """Let a subject act for the time that so many trials take at most; returns the last observations."""
    for _ in range(trials * engine.trial_steps()):
        observations, _, ends, truncations, _ = engine.step(policy.act(observations))
        over = np.logical_and.reduce([ends[agent] | truncations[agent] for agent in engine.possible_agents])
        if over.any():
            observations = engine.restart(over)
            policy.reset(over)
    return observations


def measure(policy: Policy, env: Mapping[str, Any], *, lanes: int = 256, trials: int = 4, seed: int = 0) -> Score:
    """Score a subject, after a trial that does not count.

    Args:
        policy: The subject; its memory is emptied first.
        env: What to do, as `env_config` describes it.
        lanes: Copies.
        trials: Trials per lane.
        seed: Of the trials.

    Returns:
        The score.
    """
    engine = source.build_engine({**env, "lanes": lanes, "seed": seed})
    policy.reset()
    observations = run_trials(engine, policy, 1, engine.reset(seed=seed)[0])
    engine.pop_tally(), engine.pop_reward()
    run_trials(engine, policy, trials, observations)
    tally, reward = engine.pop_tally(), engine.pop_reward()
    ended = trials_ended(tally)
    return Score(
        correct={name: fraction_correct(counts) for name, counts in tally.items()},
        scored={name: int(counts[SCORED].sum()) for name, counts in tally.items()},
        trials=ended,
        reward_per_trial=float(sum(reward.values())) / max(1, ended),
    )


def evaluate(
    checkpoint: str | Path | Policy,
    *,
    lanes: int = 256,
    trials: int = 4,
    seed: int = 12345,
    env: Mapping[str, Any] | None = None,
) -> Any:
    """Let a trained subject do trials without exploration, and return their table.

    Args:
        checkpoint: Directory of a checkpoint or run, or a policy.
        lanes: Copies that act side by side.
        trials: Trials per lane; one more before them does not count.
        seed: Of the trials.
        env: What to do, as `env_config` describes it; None: what the subject learnt.

    Returns:
        The trial table (`Trials`), without the first trial of each lane.

    Raises:
        ArgumentError: There is no checkpoint, or nobody said what to do.
    """
    policy = checkpoint if isinstance(checkpoint, Policy) else load_policy(checkpoint)
    env = env or policy.metadata.get("env")
    if env is None:
        raise ArgumentError("The policy does not know its scenario; give env=env_config(scenario).")
    engine = source.build_engine({**env, "lanes": lanes, "seed": seed}, record=True)
    policy.reset()
    run_trials(engine, policy, trials + 1, engine.reset(seed=seed)[0])
    table = engine.trials()
    counted = table["trial"] - table["trial"].min() if len(table) else table["trial"]
    return table.select((counted >= 1) & (counted <= trials))
