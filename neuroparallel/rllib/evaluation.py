"""How well a subject does, measured on trials that it never saw; actions are drawn only where a game is played."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.goals import DISTANCE, REWARD
from neuroparallel.agents.plain import lane_keys
from neuroparallel.agents.protocol import engine_of
from neuroparallel.analysis.equilibrium import distance_to_equilibrium
from neuroparallel.errors import ArgumentError, whole_number
from neuroparallel.outcomes import Outcome
from neuroparallel.rllib import source
from neuroparallel.rllib.metrics import SCORED, fraction_correct, trials_ended
from neuroparallel.rllib.policy import Policy, load_policy

__all__ = ["REWARD", "Score", "evaluate", "measure", "run_trials", "who_draws"]

Array: TypeAlias = NDArray[Any]
SESSION_STEPS = 4000
"""A session of trials that lasts no longer is tested as a whole, since what it asks is learnt in the course of it."""


@dataclass(frozen=True)
class Score:
    """The outcome of an evaluation.

    Attributes:
        correct: Stream to share of scored trials that were right, 0 to 1.
        scored: Stream to number of scored trials.
        trials: Trials that ended.
        reward_per_trial: Summed over streams and subjects.
        reward_error: Its standard error, from the spread over lanes.
        earned: Stream to reward per trial.
        distance: Of the choices to those of the nearest equilibrium; nan if it was not measured.
    """

    correct: dict[str, float]
    scored: dict[str, int]
    trials: int
    reward_per_trial: float
    reward_error: float = 0.0
    earned: Mapping[str, float] = field(default_factory=dict)
    distance: float = float("nan")

    @property
    def mean(self) -> float:
        """Mean of the streams' percentages; nan if nothing was scored."""
        values = [value for value in self.correct.values() if value == value]
        return float(np.mean(values)) if values else float("nan")

    def meets(self, criterion: Mapping[str, float]) -> bool:
        """Whether every stream that the criterion names reaches it, and the reward if it does, and not by luck.

        A share and a reward must exceed the criterion by one standard error, so that it holds on other trials too; a
        distance must not be larger, as chance alone makes it so.
        """
        for name, least in criterion.items():
            if name == DISTANCE:
                if not self.distance <= least:
                    return False
                continue
            if name == REWARD:
                if not self.reward_per_trial >= least + self.reward_error:
                    return False
                continue
            error = math.sqrt(least * (1.0 - least) / max(1, self.scored.get(name, 0)))
            if not self.correct.get(name, 0.0) >= least + error:
                return False
        return True


def who_draws(engine: Any, explore: bool | None = None) -> tuple[str, ...]:
    """Name the agents that draw their actions when they are tested, as in training.

    They are those that have nothing but choices without right and wrong to make, as in a game. What is best depends on
    the others there, and may be to be unpredictable: the probabilities themselves are what was learnt.

    Args:
        engine: A batch engine.
        explore: True: all; False: none; None: as above.
    """
    agents = tuple(engine.possible_agents)
    if explore is not None:
        return agents if explore else ()
    core = engine_of(engine)
    judged = {stream.spec.subject for stream in core.streams if (stream.tables.sample.outcome == Outcome.CORRECT).any()}
    return tuple(
        subject.spec.name
        for index, subject in enumerate(core.subjects)
        if subject.spec.name in agents and index not in judged
    )


def run_trials(
    engine: Any, policy: Policy, trials: int, observations: dict[str, Array], earned: Array | None = None
) -> dict[str, Array]:
    """Let a subject act for the time that so many trials take at most; returns the last observations.

    Args:
        engine: A batch engine.
        policy: Who acts.
        trials: How many.
        observations: The present ones, by agent.
        earned: float, (lanes,). What all agents earn is added to it.
    """
    for _ in range(trials * engine.trial_steps()):
        observations, rewards, ends, truncations, _ = engine.step(policy.act(observations))
        if earned is not None:
            earned += sum(rewards.values())
        over = np.logical_and.reduce([ends[agent] | truncations[agent] for agent in engine.possible_agents])
        if over.any():
            observations = engine.restart(over)
            policy.reset(over)
    return observations


def measure(
    policy: Policy,
    env: Mapping[str, Any],
    *,
    lanes: int = 256,
    trials: int = 4,
    seed: int = 0,
    equilibrium: Sequence[Mapping[str, Any]] = (),
) -> Score:
    """Score a subject, after a trial that does not count; over a whole session if it is a short one.

    Args:
        policy: The subject; its memory is emptied first.
        env: What to do, as `env_config` describes it.
        lanes: Copies.
        trials: Trials per lane. A session of trials is tested from its first trial to its last, by a quarter of the
            lanes, unless it is longer than `SESSION_STEPS`.
        seed: Of the trials.
        equilibrium: What the distance is measured to, see `distance_to_equilibrium`.

    Returns:
        The score.
    """
    engine = source.build_engine({**env, "lanes": lanes, "seed": seed}, record=bool(equilibrium))
    session = _session_trials(engine)
    if session:
        lanes, trials = max(1, lanes // 4), session
        engine = source.build_engine({**env, "lanes": lanes, "seed": seed}, record=bool(equilibrium))
    observations = _begin(engine, policy, seed)
    if not session:
        observations = run_trials(engine, policy, 1, observations)
    engine.pop_tally(), engine.pop_reward()
    by_lane = np.zeros(lanes)
    run_trials(engine, policy, trials, observations, by_lane)
    tally, reward = engine.pop_tally(), engine.pop_reward()
    ended = max(1, trials_ended(tally))
    return Score(
        correct={name: fraction_correct(counts) for name, counts in tally.items()},
        scored={name: int(counts[SCORED].sum()) for name, counts in tally.items()},
        trials=trials_ended(tally),
        reward_per_trial=float(sum(reward.values())) / ended,
        reward_error=float(by_lane.std()) * math.sqrt(lanes) / ended,
        earned={name: value / max(1, int(tally[name].sum())) for name, value in reward.items()},
        distance=distance_to_equilibrium(engine.trials(), list(equilibrium)) if equilibrium else float("nan"),
    )


def _session_trials(engine: Any) -> int:
    """How many trials a session has that is tested as a whole; 0 if none is."""
    trials = int(engine_of(engine).layout.session_trials)
    return trials if trials * engine.trial_steps() <= SESSION_STEPS else 0


def _begin(engine: Any, policy: Policy, seed: int) -> dict[str, Array]:
    """Start the first session; the policy forgets everything, and draws, if it does, after the engine's seed."""
    observations: dict[str, Array] = engine.reset(seed=seed)[0]
    policy.reset(keys=lane_keys(engine_of(engine), "trained"))
    return observations


def evaluate(
    checkpoint: str | Path | Policy,
    *,
    lanes: int = 256,
    trials: int = 4,
    seed: int = 12345,
    env: Mapping[str, Any] | None = None,
) -> Any:
    """Let a trained subject do trials, as it was tested in training (see `who_draws`), and return their table.

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
    whole_number(trials, "trials", 1)
    engine = source.build_engine({**env, "lanes": lanes, "seed": seed}, record=True)
    run_trials(engine, policy, trials + 1, _begin(engine, policy, seed))
    table = engine.trials()
    counted = table["trial"] - table["trial"].min() if len(table) else table["trial"]
    return table.select((counted >= 1) & (counted <= trials))
