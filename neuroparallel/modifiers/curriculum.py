"""Phases of training that follow each other as a lane gets better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, nearest, probability, whole_number
from neuroparallel.modifiers._variants import Varied
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Draw, Memory, Task

__all__ = ["Curriculum"]


@dataclass(frozen=True, kw_only=True)
class Curriculum(Varied):
    """Let a lane go on to the next phase of its training when it has done well enough in the present one.

    Each lane goes by its own last trials, within a session; it begins with the first phase and stays in the last. (A
    curriculum that goes by all lanes together belongs to training, see `neuroparallel.rllib`.) The condition ``phase``
    has the phase, from 1.

    Args:
        phases: What is different in each phase, as the blocks of `block_schedule`; besides, ``correct``, the share of
            correct trials with which the phase is passed, if not the usual one.
        correct: Share of correct trials, of the last ``over`` ones, with which a phase is passed.
        over: Number of trials of the phase that are looked at; so many it lasts at least.
        back: Share of correct trials below which a lane goes back to the phase before; nothing: never.
    """

    listed, condition, besides = "phases", "phase", "correct"

    phases: Any
    correct: float = 0.8
    over: int = 50
    back: float | None = None

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        if not isinstance(self.phases, tuple) or len(self.phases) < 2:
            raise ArgumentError(f"phases is {self.phases!r}; it is a list of two mappings or more, one per phase.")
        for place, entry in enumerate(self.phases):
            if not isinstance(entry, Mapping):
                raise ArgumentError(f"phases.{place} is {entry!r}; it is a mapping of what is different in this phase.")
            if "trials" in entry:
                raise ArgumentError(
                    f"phases.{place}.trials: a phase lasts until it is passed.{nearest('over', ['over'])}"
                )
            probability(entry.get("correct", self.correct), f"phases.{place}.correct")
        whole_number(self.over, "over", 1, 10_000)
        probability(self.correct, "correct")
        if self.back is not None and not probability(self.back, "back") < self.correct:
            raise ArgumentError(f"back is {self.back!r}; it lies below correct ({self.correct:g}).")

    def check(self, task: Task, dt: float) -> None:
        super().check(task, dt)
        if not self.variants(task).scores(dt):
            raise self.refuse(task, "nothing is right or wrong in it, so nobody can do it well.")

    def memory(self, task: Task) -> dict[str, Memory]:
        return super().memory(task) | {
            "curriculum.phase": Memory(0, np.int64),
            "curriculum.trials": Memory(0, np.int64),
            "curriculum.hits": Memory(0, np.int64),
            "curriculum.last": Memory(np.zeros(self.over), bool),
        }

    def sequence(self, task: Task, draw: Draw) -> None:
        """Go on, or back, by the outcome of the last trial."""
        self.variants(task).draw(draw, self._advance(draw) + 1)

    def _advance(self, draw: Draw) -> NDArray[np.int64]:
        lanes, memory = np.arange(len(draw)), draw.memory
        phase, trials, hits, last = (memory[f"curriculum.{name}"] for name in ("phase", "trials", "hits", "last"))
        hit, place = (draw.outcome == Outcome.CORRECT) & ~draw.first, trials % self.over
        hits = hits + hit - last[lanes, place]
        last[lanes, place] = hit
        trials = np.where(draw.first, 0, trials + 1)
        needed = np.array([entry.get("correct", self.correct) for entry in self.phases])
        full, most = trials >= self.over, len(self.phases) - 1
        up = full & (hits >= needed[phase] * self.over - 1e-9) & (phase < most)
        down = full & (phase > 0) & (hits < (self.back or 0.0) * self.over - 1e-9) & ~up
        moved = up | down
        last[moved] = False
        now: NDArray[np.int64] = phase + up - down
        memory["curriculum.phase"] = now
        memory["curriculum.trials"], memory["curriculum.hits"] = np.where(moved, 0, trials), np.where(moved, 0, hits)
        return now
