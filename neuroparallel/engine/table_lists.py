"""The compiled tables as plain Python values, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.tables import Tables

__all__ = ["Row", "TableLists", "TableRows"]

KEPT = 10_000  # rows, so that large designs with long trials do not fill the memory


class Row:
    """One period of one condition: what is shown in it, for how long, and what each action leads to.

    Attributes:
        number: Which row of the tables it is.
        idle: Whether it is the one in which nothing is shown.
        rewards: What each action pays, by column.
        events: What else each action does: target, outcome, action chosen, whether its price is asked for; None where
            nothing happens.
        uneventful: What each action pays that does nothing else; None if it does.
        course: What is shown from its beginning on while nothing is done; kept by the preview.

    The others are as in `Tables`.
    """

    __slots__ = (
        *(
            "number",
            "idle",
            "period",
            "window",
            "held",
            "mean",
            "_means",
            "course",
            "slope",
            "rewards",
            "events",
            "uneventful",
        ),
        *("steps", "clock", "last_step", "purpose", "truth", "truth_after"),
    )

    def __init__(self, tables: Tables, number: int) -> None:
        self.number, self.idle = number, number == tables.idle
        self.period, self.window = int(tables.period_of[number]), bool(tables.window[number])
        self.held, self.purpose = int(tables.held[number]), int(tables.purpose[number])
        self.clock, self.last_step = bool(tables.clock[number]), bool(tables.last_step[number])
        self.steps = int(tables.steps[number])
        self.truth, self.truth_after = int(tables.truth[number]), int(tables.truth_after[number])
        self.mean = np.ascontiguousarray(tables.mean[:, number])
        self.slope = None if tables.slope is None else np.ascontiguousarray(tables.slope[:, number])
        codes = slice(number * tables.columns, (number + 1) * tables.columns)
        self.rewards: list[float] = tables.reward[codes].tolist()
        priced = tables.priced[codes] & tables.any_priced
        fields = (tables.next[codes], tables.outcome[codes], tables.chosen[codes], priced)
        leads = zip(*(field.tolist() for field in fields), strict=True)
        has_event = tables.has_event[codes].tolist()
        self.events: list[Any] = [lead if stir else None for lead, stir in zip(leads, has_event, strict=True)]
        self.uneventful = [
            None if stir or tables.any_held else paid
            for paid, stir in zip(self.rewards[: tables.actions], has_event, strict=False)
        ]
        self._means = self.mean[None]
        self.course: NDArray[np.float32] | None = None

    def means(self, count: int) -> NDArray[np.float32]:
        """Return the mean repeated, float32 (count, channels), not to be changed."""
        if count > len(self._means):
            self._means = np.tile(self.mean, (count, 1))
        return self._means[:count]


class TableRows(dict[int, Row]):
    """The rows of the tables by number, each read when it is asked for and kept for a while."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def __missing__(self, number: int) -> Row:
        if len(self) >= KEPT:
            self.clear()
        row = self[number] = Row(self._tables, number)
        return row


class TableLists:
    """The compiled tables as Python values, which a plain loop reads faster than arrays."""

    def __init__(self, tables: Tables) -> None:
        self.rows = TableRows(tables)
        self.laws = {period: (low, cuts.tolist()) for period, (low, cuts) in tables.period_laws.items()}
        self.conditions: list[tuple[Any, ...]] = []  # of each slot of the grid
        if not tables.lazy:
            self.conditions = list(zip(*(tables.grid[name].tolist() for name in tables.design.names), strict=True)) or [
                ()
            ]
