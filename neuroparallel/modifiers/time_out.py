"""After an error one has to wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.modifiers._base import Modifier, call_hook
from neuroparallel.modifiers._design import added_factor
from neuroparallel.modifiers._name_lists import read_names
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Draw, Task, is_finite_number
from neuroparallel.task.design import Factorial
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

__all__ = ["TimeOut"]

OUTCOMES = {"error": Outcome.ERROR, "abort": Outcome.ABORT, "miss": Outcome.MISS}


@dataclass(frozen=True, kw_only=True)
class TimeOut(Modifier):
    """Let the next trial begin with a wait if the last one went wrong.

    The wait is a period ``time_out`` in front of all others, in which nothing is shown and no action has an effect. It
    exists only in trials that follow such an outcome; the condition ``timed_out`` tells which these are.

    Args:
        ms: How long, a multiple of the time step.
        after: After which outcomes: ``error``, ``abort``, ``miss``.
    """

    ms: float = 1000.0
    after: Any = ("error",)

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        if not is_finite_number(self.ms) or self.ms <= 0:
            raise ArgumentError(f"ms is {self.ms!r}; a wait lasts more than 0 ms.")
        object.__setattr__(self, "after", read_names(self.after, "after"))
        for name in self.after:
            if name not in OUTCOMES:
                raise ArgumentError(f"after: {name!r} is no outcome to wait after.{nearest(name, OUTCOMES)}")

    def timing(self, task: Task) -> Timing:
        if "time_out" in task.timing:
            raise self.refuse(task, "it has a period 'time_out' already.")
        return Timing(time_out=0, **dict(task.timing))

    def conditions(self, task: Task) -> Factorial:
        return added_factor(task.conditions(), "timed_out", (False, True), (1.0, 0.0))

    def define(self, task: Task, trial: Trial) -> None:
        task.define(trial)
        trial.lasts("time_out", np.where(trial.timed_out, self.ms, 0.0))
        trial.on("any", during="time_out")  # nothing

    def sequence(self, task: Task, draw: Draw) -> None:
        """See how the last trial ended."""
        call_hook(task.sequence, draw)
        wrong = np.isin(draw.outcome, [int(OUTCOMES[name]) for name in self.after])
        draw.conditions["timed_out"] = wrong & ~draw.first
