"""Time costs: every moment of waiting is paid, usually with less than nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.modifiers._base import Modifier
from neuroparallel.modifiers._correct_actions import sampled
from neuroparallel.modifiers._name_lists import read_names
from neuroparallel.task import Task, is_finite_number
from neuroparallel.task.trial import Trial

__all__ = ["Urgency"]


@dataclass(frozen=True, kw_only=True)
class Urgency(Modifier):
    """Let time cost something while the subject has not answered.

    Args:
        per_second: What a second pays, in small change with every step; negative to make haste worth while.
        during: Names of the periods in which it does; nothing: those in which a response window is open.

    Source:
        The ``urgency`` of NeuroGym's reaction-time wrapper, there per step, whatever its length.
    """

    per_second: float = -0.1
    during: Any = None

    def __post_init__(self) -> None:
        """Check the option."""
        super().__post_init__()
        if not is_finite_number(self.per_second):
            raise ArgumentError(f"per_second is {self.per_second!r}; it is a finite number.")
        if self.during is not None:
            object.__setattr__(self, "during", read_names(self.during, "during"))

    def check(self, task: Task, dt: float) -> None:
        for name in self.during or ():
            if name not in task.timing:
                raise self.refuse(task, f"there is no period {name!r}.{nearest(name, task.timing)}")
        if sampled(task, dt).final.any():
            raise self.refuse(task, "the choice held in the last moment counts, so haste is worth nothing.")

    def define(self, task: Task, trial: Trial) -> None:
        task.define(trial)
        trial.finish()  # so that what early responses pay stands already
        wanted = np.isin(trial.periods, self.during) if self.during is not None else trial.window
        trial.reward[:, wanted, :-1] += self.per_second * trial.dt / 1000
