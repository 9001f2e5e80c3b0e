"""Evidence columns of a trial table: tasks declare them, analyses read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroparallel.errors import UnknownNameError
from neuroparallel.registry import supplied

if TYPE_CHECKING:
    from neuroparallel.records.trials import Trials

__all__ = ["BY_TASK", "EVIDENCE", "Evidence", "declared_evidence"]

EVIDENCE = "evidence"
"""Name under which a higher layer supplies the evidence columns of a task, as records do not import tasks."""

BY_TASK = "task"
"""In place of a column: the evidence that the task declares."""


@dataclass(frozen=True)
class Evidence:
    """The columns that hold strength and side of the evidence that counts.

    Attributes:
        strength: Column with the strength.
        side: Column that says what it speaks for.
        positive: Value of ``side`` for which evidence is positive.
        cue: Column that says which of several kinds of evidence counts; None: there is one kind.
        kinds: Value of ``cue`` to the columns with strength and side of that kind; ``strength`` and ``side`` are then
            only names for what counts.
    """

    strength: str = "coherence"
    side: str = "side"
    positive: int = 2
    cue: str | None = None
    kinds: Mapping[int, tuple[str, str]] = field(default_factory=dict)

    def columns_of(self, trials: Trials) -> dict[str, Any]:
        """Strength and side of what counts in each trial, under their names.

        Raises:
            UnknownNameError: The table lacks a column.
        """
        if self.cue is None:
            trials.require(self.strength, self.side)
            return {name: trials[name] for name in (self.strength, self.side)}
        strengths, sides = np.full(len(trials), np.nan), np.full(len(trials), np.nan)
        for value, (strength, side) in self.kinds.items():
            mine = trials[self.cue] == value
            strengths[mine], sides[mine] = trials[strength][mine], trials[side][mine]
        return {self.strength: strengths, self.side: sides}


def declared_evidence(trials: Trials) -> Evidence | None:
    """Return the evidence that the task of a table declares; None without one task that declares some."""
    names = np.unique(trials["task"]).tolist() if "task" in trials else []
    if len(names) != 1:
        return None
    try:
        declared: Evidence | None = supplied(EVIDENCE)(str(names[0]))
    except UnknownNameError:  # somebody's own, that this process has not seen
        return None
    return declared
