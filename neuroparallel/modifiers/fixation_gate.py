"""The stimulus waits until the subject has fixated."""

from __future__ import annotations

from dataclasses import dataclass

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.modifiers._added_periods import with_last_period
from neuroparallel.modifiers._base import Modifier
from neuroparallel.modifiers._correct_actions import sampled
from neuroparallel.task import Task, is_finite_number
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

__all__ = ["FixationGate"]


@dataclass(frozen=True, kw_only=True)
class FixationGate(Modifier):
    """Let the trial go on only once the subject has held fixation for the whole fixation period.

    Whoever acts in it does not abort the trial: the cue goes off for a while (a period ``refixate``), and fixation has
    to begin anew, as often as it takes; where its duration is drawn, it is drawn anew. It costs nothing but time.

    Args:
        period: The period in which to hold.
        pause: How long the cue is off after a break, ms; a time step or more.
    """

    period: str = "fixation"
    pause: float = 100.0

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        if not is_finite_number(self.pause) or self.pause <= 0:
            raise ArgumentError(f"pause is {self.pause!r}; the cue is off for more than 0 ms.")

    def check(self, task: Task, dt: float) -> None:
        periods = list(task.timing)
        if self.period not in periods:
            raise self.refuse(task, f"there is no period {self.period!r}.{nearest(self.period, periods)}")
        found, p = sampled(task, dt), periods.index(self.period)
        if found.window[p]:
            raise self.refuse(task, f"{self.period!r} is a response window.")
        if (found.steps[:, p] == 0).any():
            raise self.refuse(task, f"{self.period!r} lasts 0 ms, so there is nothing to hold.")

    def timing(self, task: Task) -> Timing:
        if "refixate" in task.timing:
            raise self.refuse(task, "it has a period 'refixate' already.")
        return Timing(**dict(task.timing), refixate=self.pause)

    def define(self, task: Task, trial: Trial) -> None:
        with_last_period(task, trial)
        trial.on("any", during=self.period, then="refixate")
        trial.on("any", during="refixate")  # nothing
        trial.on("timeout", during="refixate", then=self.period)
