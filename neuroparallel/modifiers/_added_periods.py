"""Periods that a modifier adds to those of a task."""

from __future__ import annotations

from neuroparallel.task import Task
from neuroparallel.task.trial import END, Trial

__all__ = ["with_last_period"]


def with_last_period(task: Task, trial: Trial) -> None:
    """Define a task in a trial that has one more period at its end, which the task's own course does not reach."""
    task.define(trial)
    trial.finish()
    added = len(trial.periods) - 1
    trial.next[:, :added][trial.next[:, :added] == added] = END
