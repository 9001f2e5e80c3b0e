"""The trial that a task describes, under its short import path; it is defined in `neuroparallel.task.trial`."""

from neuroparallel.task.trial import COMMIT, END, STAY, Trial

__all__ = ["COMMIT", "END", "STAY", "Trial"]
