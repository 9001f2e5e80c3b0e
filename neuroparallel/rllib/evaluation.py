"""Evaluation of a policy on unseen trials; actions are drawn at random only in games."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.baselines import lane_keys
from neuroparallel.agents.goals import DISTANCE, REWARD
from neuroparallel.agents.protocol import engine_of
from neuroparallel.analysis.equilibrium import distance_to_equilibrium
from neuroparallel.errors import ArgumentError, whole_number
from neuroparallel.modifiers import longest_block
from neuroparallel.outcomes import Outcome
from neuroparallel.records import Trials
from neuroparallel.records.trials import stream_codes
from neuroparallel.rllib import env_creation
from neuroparallel.rllib.metrics import SCORED, fraction_correct, trials_ended
from neuroparallel.rllib.policy import Policy, load_policy

__all__ = ["REWARD", "Score", "evaluate", "measure", "session_size", "size_of_test", "stream_names", "who_draws"]

Array: TypeAlias = NDArray[Any]
SESSION_STEPS = 4000
"""A session of trials that lasts no longer is tested as a whole, since what it asks is learnt in the course of it."""
_FEWEST, _REMEMBERED, _MOST = 40, 100, 2000  # trials of a lane
_TRIALS, _FEWEST_LANES = 4096, 16


@dataclass(frozen=True)
class Score:
    """The outcome of an evaluation.

    Attributes:
        correct: Stream to share of scored trials that were right, 0 to 1.
        scored: Stream to number of scored trials.
        trials: Rows of the table: a row per stream and trial.
        reward_per_trial: Summed over streams and subjects.
        reward_error: Its standard error, from the spread over lanes.
        earned: Stream to reward per trial.
        outcomes: Stream to outcome (``correct``, ``error``, ``abort``, ``miss`` ...) to its share of the stream's
            trials, 0 to 1; outcomes that did not occur are left out.
        distance: Of the choices to those of the nearest equilibrium; nan if it was not measured.
    """

    correct: dict[str, float]
    scored: dict[str, int]
    trials: int
    reward_per_trial: float
    reward_error: float = 0.0
    earned: Mapping[str, float] = field(default_factory=dict)
    outcomes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    distance: float = float("nan")

    @classmethod
    def of(cls, table: Trials, streams: Sequence[str], equilibrium: Sequence[Mapping[str, Any]] = ()) -> Score:
        """Score a trial table; everything that is said of an evaluation comes from here.

        Args:
            table: As `evaluate` returns it.
            streams: Full names of the streams, some of which may have no row.
            equilibrium: What the distance is measured to, see `distance_to_equilibrium`.
        """
        names, codes = stream_codes(table)
        tally = {name: np.zeros(len(Outcome), np.int64) for name in streams}
        paid = dict.fromkeys(streams, 0.0)
        for number, name in enumerate(names):
            mine = codes == number
            tally[name] = np.array([int((table["outcome"][mine] == outcome.label).sum()) for outcome in Outcome])
            paid[name] = float(table["reward"][mine].sum())
        ended = max(1, trials_ended(tally))
        by_lane = np.bincount(table["lane"], table["reward"]) if len(table) else np.zeros(1)
        return cls(
            correct={name: fraction_correct(counts) for name, counts in tally.items()},
            scored={name: int(counts[SCORED].sum()) for name, counts in tally.items()},
            trials=len(table),
            reward_per_trial=sum(paid.values()) / ended,
            reward_error=float(by_lane.std()) * math.sqrt(len(by_lane)) / ended,
            earned={name: paid[name] / max(1, int(counts.sum())) for name, counts in tally.items()},
            outcomes={name: _shares(counts) for name, counts in tally.items()},
            distance=distance_to_equilibrium(table, list(equilibrium)) if equilibrium else float("nan"),
        )

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


def _shares(counts: Array) -> dict[str, float]:
    """Share of each outcome that occurred, 0 to 1."""
    total = max(1, int(counts.sum()))
    return {outcome.label: int(counts[outcome]) / total for outcome in Outcome if counts[outcome]}


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


def session_size(env: Mapping[str, Any], lanes: int | None = None, trials: int | None = None) -> tuple[int, int]:
    """Say how many lanes an evaluation has, and how many trials in a row each of them plays.

    A lane plays at least 40 trials; 100 if something is remembered from trial to trial (staircases, drifting
    rewards), four of the longest blocks, and a whole session if that is counted in trials; never more than 2,000.
    There are about 4,000 trials in all, in 16 lanes or more.

    Args:
        env: What to do, as `env_config` describes it.
        lanes: Another number of lanes.
        trials: Another number of trials.

    Returns:
        Lanes and trials of each lane.
    """
    if trials is None:
        engine = env_creation.build_engine({**env, "lanes": 1})
        tasks = [stream.tables.task for stream in engine_of(engine).streams]
        session = engine.scenario.session or None
        wanted = [_FEWEST, *(4 * longest_block(task) for task in tasks)]
        wanted += [_REMEMBERED] if any(task.memory() for task in tasks) else []
        wanted += [session.trials] if session is not None and session.trials else []
        trials = min(max(wanted), _MOST)
    if lanes is None:
        lanes = max(_FEWEST_LANES, -(-_TRIALS // trials))
    return whole_number(lanes, "lanes", 1), whole_number(trials, "trials", 1)


def size_of_test(engine: Any, lanes: int, trials: int) -> tuple[int, int]:
    """Return how many lanes a short test plays, and how many trials in each.

    Args:
        engine: A batch engine.
        lanes: Lanes; a quarter of them if whole sessions are tested, as there are many trials in each.
        trials: Trials that count; one more is played in each lane.
    """
    session = _session_trials(engine)
    return (max(1, lanes // 4), session) if session else (lanes, trials + 1)


def _session_trials(engine: Any) -> int:
    """Return the number of trials of a session that is tested as a whole; 0 if none is."""
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
    lanes: int | None = None,
    trials: int | None = None,
    seed: int = 12345,
    env: Mapping[str, Any] | None = None,
    code: bool = False,
) -> Any:
    """Let a trained subject do trials, as it was tested in training (see `who_draws`), and return their table.

    Args:
        checkpoint: Directory of a checkpoint or run, or a policy.
        lanes: Copies that act side by side; None: as `session_size` says.
        trials: Trials in a row of each lane; None: as `session_size` says.
        seed: Seed of the trials.
        env: What to do, as `env_config` describes it; None: what the subject learnt.
        code: Import the code that the checkpoint names, as of `load_policy`.

    Returns:
        The trial table (`Trials`), from the first trial of each lane on.

    Raises:
        ArgumentError: There is no checkpoint, or nobody said what to do.
    """
    policy = checkpoint if isinstance(checkpoint, Policy) else load_policy(checkpoint, code=code)
    env = env or policy.metadata.get("env")
    if env is None:
        raise ArgumentError("The policy does not know its scenario; give env=env_config(scenario).")
    lanes, trials = session_size(env, lanes, trials)
    engine = env_creation.build_engine({**env, "lanes": lanes, "seed": seed}, record=True)
    observations = _begin(engine, policy, seed)
    groups = engine_of(engine).groups
    for _ in range(trials * engine.trial_steps()):
        observations, _, ends, truncations, _ = engine.step(policy.act(observations))
        over = np.logical_and.reduce([ends[agent] | truncations[agent] for agent in engine.possible_agents])
        if over.any():
            observations = engine.restart(over)
            policy.reset(over)
        elif all(group.trial.min() >= trials for group in groups):
            break
    table = engine.trials()
    return table.select(_place_in_lane(table) < trials)


def _place_in_lane(table: Trials) -> Array:
    """Return the trial number of each row in its lane, from 0, across sessions; the streams of a trial share it."""
    if not len(table):
        return np.zeros(0, np.int64)
    lived = np.stack([table[name] for name in ("lane", "session", "trial")], axis=1)
    keys, inverse = np.unique(lived, axis=0, return_inverse=True)
    first = np.searchsorted(keys[:, 0], keys[:, 0])
    place: Array = (np.arange(len(keys)) - first)[inverse.ravel()]
    return place


def measure(
    policy: Policy,
    env: Mapping[str, Any],
    *,
    lanes: int = 256,
    trials: int = 4,
    seed: int = 0,
    equilibrium: Sequence[Mapping[str, Any]] = (),
) -> tuple[Score, Trials]:
    """Score a subject on few trials of many lanes, after a trial of each lane that does not count.

    That trial is the only one without a past, and would be a fifth of a short test. A session of trials of up to 4,000
    steps is tested as a whole instead, by a quarter of the lanes, since what it asks is learnt in the course of it.

    Args:
        policy: The subject; its memory is emptied first.
        env: What to do, as `env_config` describes it.
        lanes: Copies.
        trials: Trials per lane that count.
        seed: Seed of the trials.
        equilibrium: What the distance is measured to, see `distance_to_equilibrium`.

    Returns:
        The score and the trials that it is of.
    """
    engine = env_creation.build_engine({**env, "lanes": 1})
    lanes, played = size_of_test(engine, lanes, trials)
    table = evaluate(policy, lanes=lanes, trials=played, seed=seed, env=env)
    if not _session_trials(engine):
        table = table.select(_place_in_lane(table) >= 1)
    return Score.of(table, stream_names(env), equilibrium), table


def stream_names(env: Mapping[str, Any]) -> list[str]:
    """Full names of all streams of what an ``env_config`` describes."""
    return list(env_creation.build_engine({**env, "lanes": 1}).stream_names)
