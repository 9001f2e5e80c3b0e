"""When a task counts as learnt: a published share of right answers, or a part of what can be gained over chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neuroparallel.errors import ArgumentError, one_of

__all__ = ["Criterion"]

HIGHEST = 0.95  # of the way from chance to the ceiling: a published threshold above that is of other parameters


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """When a task counts as learnt.

    A threshold that was published for other parameters may lie above what anyone can reach with these. So
    ``correct`` counts where it is at most .95 of the way from chance to the ceiling, and ``part`` elsewhere.

    Args:
        source: Where the threshold comes from, or why it is this one.
        correct: Published share of trials that must be right, 0 to 1; None: there is none.
        part: Part of the way from chance (a subject that sees no stimulus) to the ceiling, above 0 and below 1.
        by: What is measured: the share of ``"correct"`` trials, or the ``"reward"`` per trial.
        ceiling: Who shows what can be reached: the name of a reference agent, ``patient`` (an accumulator that
            uses all the time there is), ``frugal`` (an ideal observer that maximises reward) or ``uniform`` (each
            option with the same odds); a fixed one.
        nothing: Why there is nothing to learn in the task by itself; empty if there is something.

    Example:
        >>> Criterion(source="Song, Yang & Wang 2017, eLife 6:e21492", correct=0.8).between(0.5, 0.9)
        0.8
    """

    source: str = "four fifths of the way from a blind agent to the ideal observer"
    correct: float | None = None
    part: float = 0.8
    by: Literal["correct", "reward"] = "correct"
    ceiling: str = "ideal_observer"
    nothing: str = ""

    def __post_init__(self) -> None:
        """Refuse a criterion that nobody could miss or reach."""
        one_of(self.by, ("correct", "reward"), "by")
        if not 0 < self.part < 1:
            raise ArgumentError(f"part is {self.part!r}; it lies above 0 and below 1.")
        if self.correct is not None and not 0 < self.correct <= 1:
            raise ArgumentError(f"correct is {self.correct!r}; it is a share of trials, above 0 and up to 1.")

    def published(self, chance: float, ceiling: float) -> bool:
        """Whether the published threshold can be used between these two."""
        return self.correct is not None and chance < self.correct <= chance + HIGHEST * (ceiling - chance)

    def between(self, chance: float, ceiling: float) -> float:
        """Return the threshold for given chance and ceiling, rounded to three digits."""
        if self.correct is not None and self.published(chance, ceiling):
            return self.correct
        return round(chance + self.part * (ceiling - chance), 3)
