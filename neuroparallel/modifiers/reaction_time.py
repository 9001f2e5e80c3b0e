"""Answer as soon as you know: the response window opens with the stimulus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.modifiers._base import Modifier
from neuroparallel.modifiers._correct_actions import sampled
from neuroparallel.task import Task
from neuroparallel.task.trial import Trial

__all__ = ["ReactionTime"]


@dataclass(frozen=True, kw_only=True)
class ReactionTime(Modifier):
    """Let the subject answer from the onset of the stimulus on.

    An answer then leads where it leads in the task's own response window. Response times count from the onset of the
    stimulus, unless the task counts them from elsewhere. The earliest answer comes one step after the first sight of
    the stimulus.

    Args:
        opens: The period with which the window opens.
        closes: Whether time is up at the end of that period, as in NeuroGym; otherwise the window stays open until
            that of the task closes.

    Source:
        Roitman & Shadlen 2002, J Neurosci 22:9475.
    """

    opens: str = "stimulus"
    closes: bool = True

    def __post_init__(self) -> None:
        """Check the option."""
        super().__post_init__()
        if not isinstance(self.closes, bool):
            raise ArgumentError(f"closes is {self.closes!r}; it is true or false.")

    def check(self, task: Task, dt: float) -> None:
        periods, found = list(task.timing), sampled(task, dt)
        windows = np.flatnonzero(found.window)
        if self.opens not in periods:
            raise self.refuse(task, f"there is no period {self.opens!r}.{nearest(self.opens, periods)}")
        if len(windows) != 1:
            names = [periods[w] for w in windows]
            raise self.refuse(task, f"it has {len(windows)} response windows {names}, and one is needed.")
        if periods.index(self.opens) >= windows[0]:
            raise self.refuse(task, f"{self.opens!r} does not come before its response window {periods[windows[0]]!r}.")
        if found.final.any():
            raise self.refuse(task, "the choice held in the last moment counts, whatever was chosen before.")
        if found.truth_after.any():
            raise self.refuse(task, "what is right in its window depends on the time since that opened.")

    def define(self, task: Task, trial: Trial) -> None:
        task.define(trial)
        trial.finish()
        window, first = int(np.flatnonzero(trial.window)[0]), trial.periods.index(self.opens)
        lasting = sampled(task, trial.dt).steps != 0  # a period of no duration cannot be a window
        opened = [first] if self.closes else [p for p in range(first, window) if lasting[:, p].any()]
        columns = slice(1, None if self.closes else -1)  # the last column is time running out
        for p in opened:
            for array in (trial.reward, trial.outcome, trial.next, trial.pays):
                array[:, p, columns] = array[:, window, columns]
            trial.truth[:, p] = trial.truth[:, window]
            trial.window[p], trial.held[p] = True, trial.held[window]
        if not trial.clocks.any():
            trial.clock(self.opens)
