"""The compiled tables as Python lists."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuroparallel.engine.tables import Tables
from neuroparallel.seeding import (
    name_bits,
)

__all__ = ["TableLists"]


class TableLists:
    """The compiled tables as Python lists, which a plain loop reads faster than arrays."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.refresh()
        self.window = tables.window.tolist()
        self.clock = tables.clock.tolist()
        self.held = tables.held.tolist()
        self.period = tables.period_of.tolist()
        self.last_step = tables.last_step.tolist()
        self.purpose = tables.purpose.tolist()
        self.laws = {period: (low, cuts.tolist()) for period, (low, cuts) in tables.period_laws.items()}
        design = tables.design
        self.factors = [
            (name_bits(f"condition.{name}"), factor.cuts.tolist(), design.strides[name])
            for name, factor in design.factors.items()
        ]
        self.grid: dict[str, list[Any]] = {}
        if not tables.lazy:
            self.grid = {name: column.tolist() for name, column in design.grid().items()}

    def refresh(self) -> None:
        """Read again what a lazily defined trial has changed."""
        tables, columns = self.tables, self.tables.columns
        self.reward: list[list[float]] = tables.reward.reshape(-1, columns).tolist()
        self.next: list[list[int]] = tables.next.reshape(-1, columns).tolist()
        self.outcome: list[list[int]] = tables.outcome.reshape(-1, columns).tolist()
        self.pays: list[list[bool]] = tables.pays.reshape(-1, columns).tolist()
        self.chosen: list[list[int]] = tables.chosen.reshape(-1, columns).tolist()
        self.stirs: list[list[bool]] = tables.stirs.reshape(-1, columns).tolist()
        self.steps: list[int] = tables.steps.tolist()
        self.truth: list[int] = tables.truth.tolist()
        self.truth_after: list[int] = tables.truth_after.tolist()
        self.answer: list[int] = tables.answer.tolist()
        self.mean = np.ascontiguousarray(tables.mean.T)
        self.slope = None if tables.slope is None else np.ascontiguousarray(tables.slope.T)
        calm = ~tables.stirs.reshape(-1, columns)
        calm &= (tables.truth_after == 0)[:, None] & (not tables.any_held)
        calm[tables.idle] = False  # an idle stream may be one whose session is over
        # What an action pays that changes nothing else; None if it does.
        paid = tables.reward.reshape(-1, columns).astype(object)
        paid[~calm] = None
        self.calm: list[list[float | None]] = paid.tolist()
        self.late: list[bool] = (tables.truth_after > 0).tolist()
