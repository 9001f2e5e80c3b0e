"""Training traps: known ways in which training goes on and nothing is learnt, each with its sign and remedy."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium as gym
import numpy as np

from neuroparallel.agents.goals import DISTANCE
from neuroparallel.agents.protocol import engine_of
from neuroparallel.engine.trial_lengths import evidence_steps
from neuroparallel.records import Trials
from neuroparallel.records.json_file import abort_warnings
from neuroparallel.records.trials import stream_codes
from neuroparallel.rllib.config import course_of
from neuroparallel.rllib.curriculum_trainer import Stage
from neuroparallel.rllib.env_creation import build_engine
from neuroparallel.rllib.evaluation import Score
from neuroparallel.rllib.settings import Course, short_memory

__all__ = ["PREFIX", "TRAPS", "Look", "Setup", "Trap", "TrapWatch"]

PREFIX = "Training trap"
"""How each warning of a trap begins, so that it can be filtered."""
FEW_NATS = 0.3  # of entropy per trial; an even choice between two options has 0.69
HASTY = 0.8  # share of responses that come in the first possible step
LEAST_EVIDENCE = 3  # steps of noisy stimuli during which a response is possible; with fewer there is little to wait for
LEAST_GAIN = 0.05  # of the share right (or the reward per trial) that is progress and not chance


@dataclass(frozen=True)
class Setup:
    """Facts about a stage that the detectors need and that do not change during training.

    Attributes:
        course: The course of a trial.
        network: Name of the network.
        n_steps: Steps per lane between updates.
        tmax: Longest memory for which the network's biases are set, steps.
        choosers: Policies with nothing but numbered choices, whose entropy is 0 if they are certain.
        free: Full names of the streams in which responses are possible while noisy stimuli go on.
        has_reward: Whether a stream's task has a reward above 0.
    """

    course: Course
    network: str
    n_steps: int
    tmax: float
    choosers: frozenset[str]
    free: tuple[str, ...]
    has_reward: bool

    @classmethod
    def of(cls, stage: Stage) -> Setup:
        """Read it off a stage."""
        engine = build_engine({**stage.env, "lanes": 1})
        model = stage.config.rl_module_spec.model_config
        streams = engine_of(engine).streams
        kinds = (gym.spaces.Discrete, gym.spaces.MultiDiscrete)
        free = [evidence_steps(stream.tables) >= LEAST_EVIDENCE for stream in streams]
        return cls(
            course=course_of(engine),
            network=str(model["network"]["name"]),
            n_steps=int(model["max_seq_len"]),
            tmax=float(model["tmax"]),
            choosers=frozenset(
                name for agent, name in stage.names.items() if isinstance(engine.action_space(agent), kinds)
            ),
            free=tuple(stream.spec.name for stream, is_free in zip(streams, free, strict=True) if is_free),
            has_reward=any(_has_reward(stream.tables) for stream in streams),
        )


def _has_reward(tables: Any) -> bool:
    """Return whether a task has a reward above 0."""
    best = max(float(tables.reward.max(initial=0.0)), float(tables.sample.reward.max(initial=0.0)))
    return best > 0 or tables.task.pay is not None


@dataclass(frozen=True)
class Look:
    """Measurements at an evaluation.

    Attributes:
        setup: Of the present stage.
        score: Of the evaluation.
        records: Its trials.
        criterion: What the stage must reach, as in `Plan`; empty if nothing.
        entropy: Policy to the entropy of its actions in the latest update, nats per step.
        best_reward: The largest reward of a single step of training since the latest evaluation; nan if unknown.
        trials: Trials of training that ended so far.
        steps: Time steps of training so far.
        stage: Number of the stage.
    """

    setup: Setup
    score: Score
    records: Trials
    criterion: Mapping[str, float] = field(default_factory=dict)
    entropy: Mapping[str, float] = field(default_factory=dict)
    best_reward: float = math.nan
    trials: int = 0
    steps: int = 0
    stage: int = 0

    @property
    def unmet(self) -> bool:
        """Whether there is a criterion, and the score does not meet it."""
        return bool(self.criterion) and not self.score.meets(self.criterion)

    @property
    def advance(self) -> float:
        """How far learning is, as one number that grows."""
        if DISTANCE in self.criterion:
            return -self.score.distance
        return self.score.mean if math.isfinite(self.score.mean) else self.score.reward_per_trial


@dataclass(frozen=True)
class Trap:
    """A trap.

    Attributes:
        name: One word, as in ``summary.json`` and in the columns ``trap/...`` of ``history.csv``.
        message: Takes what there is to see, and returns what is wrong and what to do; empty if nothing is.
        patience: Evaluations in a row at which it must be seen before it counts, since many signs are normal in an
            untrained subject.
        stuck: Whether it counts only if the score has not become better meanwhile.
        is_known: Whether the settings themselves show it, so that a warning was given before training began.
    """

    name: str
    message: Callable[[Look], str]
    patience: int = 1
    stuck: bool = False
    is_known: bool = False


def _aborts(look: Look) -> str:
    return " ".join(abort_warnings(look.score.outcomes))


def _chunk(look: Look) -> str:
    setup = look.setup
    return " ".join(short_memory(setup.network, setup.n_steps, setup.tmax, setup.course))


def _entropy(look: Look) -> str:
    if not look.unmet:
        return ""
    steps = look.setup.course.trial_steps
    certain = {
        name: steps * nats for name, nats in look.entropy.items() if name in look.setup.choosers and nats == nats
    }
    certain = {name: nats for name, nats in certain.items() if nats < FEW_NATS}
    if not certain:
        return ""
    listed = ", ".join(f"{name} ({nats:.2g} nats per trial)" for name, nats in certain.items())
    return (
        f"The actions of {listed} are all but certain although the criterion is not met, so nothing else is tried any "
        "more. Train anew with a larger entropy_coeff (0.1 per step of 100 ms or more is the default) or a smaller lr."
    )


def _reward(look: Look) -> str:
    if not look.setup.has_reward or not look.best_reward <= 0:
        return ""
    return (
        f"No step of {look.steps:,} has paid anything above 0, in {look.trials:,} trials that ended, so there is "
        "nothing to learn from. Begin with shorter trials (curriculum), do not end trials at an early response (early: "
        "penalty), or let subjects hold for longer at first (hold_steps: the steps until a response is possible)."
    )


def _haste(look: Look) -> str:
    if not look.unmet:
        return ""
    names, codes = stream_codes(look.records)
    times, dt_s = look.records["response_time_s"], look.setup.course.dt / 1000
    hasty = {}
    for number, name in enumerate(names):
        mine = times[(codes == number) & np.isfinite(times)]
        if name in look.setup.free and len(mine):
            share = float((mine < 1.5 * dt_s).mean())
            least = look.criterion.get(name, 1.0)
            if share >= HASTY and look.score.correct.get(name, 0.0) < least:
                hasty[name] = share
    if not hasty:
        return ""
    listed = ", ".join(f"{name} ({100 * share:.0f} %)" for name, share in hasty.items())
    return (
        f"Responses come in the first possible step, before more is seen: {listed}. To look for longer costs time and "
        "errors cost too little. Let an error cost as much as a right response pays (rewards.error: -1), discount less "
        "(gamma nearer to 1), or let subjects hold for longer at first (hold_steps)."
    )


TRAPS = (
    Trap("aborts", _aborts, patience=8, stuck=True),
    Trap("chunk", _chunk, is_known=True),
    Trap("entropy", _entropy, patience=8, stuck=True),
    Trap("haste", _haste, patience=8, stuck=True),
    Trap("reward", _reward, patience=5),
)
"""All traps: aborting one stream for the other's reward, updates shorter than the memory, collapse of entropy,
responses in the first possible step, no reward."""


class TrapWatch:
    """Looks for traps at each evaluation, and warns once of each.

    Args:
        earlier: What `state` returned in an earlier sitting of the same run.

    Attributes:
        found: Name of a trap to ``message``, ``steps`` at which it was found, and whether it still ``holds``.
    """

    def __init__(self, earlier: Mapping[str, Any] | None = None) -> None:
        state = earlier or {}
        self.found: dict[str, dict[str, Any]] = {name: dict(trap) for name, trap in state.get("found", {}).items()}
        self._seen: dict[str, list[float]] = {name: list(seen) for name, seen in state.get("seen", {}).items()}
        self._stage = int(state.get("stage", 0))
        self._best_reward = math.nan if state.get("best_reward") is None else float(state["best_reward"])

    def state(self) -> dict[str, Any]:
        """Return all that is known, so that a run that is resumed finds the same as one that was not interrupted."""
        return {"found": self.found, "seen": self._seen, "stage": self._stage, "best_reward": self._best_reward}

    def look(self, look: Look) -> dict[str, int]:
        """Take in an evaluation, and warn of what was not found before.

        Returns:
            Column of the learning curve to 1 if the subjects are in that trap, else 0.
        """
        if look.stage != self._stage:  # subjects are bad at it first
            self._stage, self._seen, self._best_reward = look.stage, {}, math.nan
        self._best_reward = float(np.fmax(self._best_reward, look.best_reward))
        look = replace(look, best_reward=self._best_reward)
        columns = {}
        for trap in TRAPS:
            message = trap.message(look)
            holds = self._holds(trap, bool(message), look.advance)
            columns[f"trap/{trap.name}"] = int(holds)
            if trap.name in self.found:
                self.found[trap.name]["holds"] = holds
            elif holds:
                self.found[trap.name] = {"message": message, "steps": look.steps, "holds": True}
                if not trap.is_known:
                    warnings.warn(f"{PREFIX} ({trap.name}): {message}", UserWarning, stacklevel=2)
        return columns

    def _holds(self, trap: Trap, is_seen: bool, advance: float) -> bool:
        """Whether a trap was seen often enough in a row, without progress."""
        seen = self._seen.setdefault(trap.name, [])
        if not is_seen:
            seen.clear()
            return False
        seen.append(advance)
        del seen[: -trap.patience]
        if len(seen) < trap.patience:
            return False
        half = trap.patience // 2
        return not trap.stuck or max(seen[half:]) < max(seen[:half]) + LEAST_GAIN
