"""Rows of a table that share a stream, a condition, or whatever columns one names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuroparallel.errors import ArgumentError
from neuroparallel.records.table import Array, BoolArray, FloatArray, IntArray, Table
from neuroparallel.records.trials import Trials, group_codes

STREAM = ("subject", "stream")
# In time order within what one lane lived through; a table may lack some of them.
ORDER = ("session", "onset_s", "trial")


@dataclass(frozen=True, eq=False)
class Groups:
    """A division of rows into groups.

    Attributes:
        columns: The value of each named column in each group, (groups,).
        codes: int64, (rows,). Group of each row, in the order of ``rows``.
        rows: int64, (rows,). The rows of the table that are in a group.
    """

    columns: dict[str, Array]
    codes: IntArray
    rows: IntArray

    def __len__(self) -> int:
        """Number of groups."""
        return int(self.codes.max()) + 1 if len(self.codes) else 0

    def count(self, mask: BoolArray | None = None) -> IntArray:
        """Rows in each group, of the whole table's rows that are marked if ``mask`` is given."""
        codes = self.codes if mask is None else self.codes[mask[self.rows]]
        return np.bincount(codes, minlength=len(self)).astype(np.int64)

    def total(self, values: Array) -> FloatArray:
        """Sum over each group of values given for the whole table; missing ones count 0."""
        mine = np.nan_to_num(values[self.rows].astype(np.float64))
        return np.bincount(self.codes, mine, minlength=len(self)).astype(np.float64)

    def members(self) -> list[IntArray]:
        """Return the row numbers of each group, in table order."""
        order = np.argsort(self.codes, kind="stable")
        ends = np.cumsum(np.bincount(self.codes, minlength=len(self)))
        return np.split(self.rows[order], ends[:-1]) if len(self) else []


def grouped(table: Table, by: str | Sequence[str], mask: BoolArray | None = None) -> Groups:
    """Divide a table by the values of some columns.

    Args:
        table: Any table.
        by: Column names. ``subject`` and ``stream`` are left out where the table lacks them.
        mask: bool, (rows,). Leave all other rows out.

    Returns:
        The groups in ascending order; rows in which a named column is missing are in none.

    Raises:
        ArgumentError: A column of that name appears twice.
        UnknownNameError: There is no such column.
    """
    wanted = [by] if isinstance(by, str) else list(by)
    if len(set(wanted)) < len(wanted):
        raise ArgumentError(f"by: each column once; found {', '.join(wanted)}.")
    names = [name for name in wanted if name not in STREAM or name in table]
    table.require(*names)
    kept = np.ones(len(table), dtype=np.bool_) if mask is None else mask.copy()
    for name in names:
        kept &= ~_missing(table[name], name)
    rows = np.flatnonzero(kept)
    codes = group_codes([table[name][rows] for name in names]) if names else 0 * rows
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    columns = {name: table[name][rows][first] for name in names}
    return Groups(columns, inverse.astype(np.int64), rows)


def completed(table: Table) -> BoolArray:
    """Trials that came to their response window: not broken off early, not cancelled.

    An early response stands in the column ``choice`` too, but answers nothing. All trials of a
    table without ``outcome``.
    """
    if "outcome" not in table:
        return np.ones(len(table), dtype=np.bool_)
    return ~table.mask(outcome=("abort", "cancelled"))


def in_time_order(table: Table) -> IntArray:
    """Row numbers in the order in which the trials began, whatever the lane."""
    keys = [table[name] for name in reversed(ORDER) if name in table]
    return np.lexsort(keys).astype(np.int64) if keys else np.arange(len(table), dtype=np.int64)


def _missing(column: Array, name: str) -> BoolArray:
    if column.dtype.kind == "f":
        return np.isnan(column)
    if column.dtype.kind == "U" and name not in STREAM:
        return np.asarray(column == "", dtype=np.bool_)
    return np.zeros(len(column), dtype=np.bool_)


def parts_by(trials: Trials, by: str | Sequence[str]) -> dict[str, Trials]:
    """Divide trials by the values of some columns, for a line or a fit of each.

    Args:
        trials: Any trials.
        by: Column names, for example ``"subject"`` or ``"outcome"``.

    Returns:
        Name of a part (``"subject_0"``, ``"correct"`` and ``"error"`` of the column ``correct``, ``"dual 1"``) to its
        trials.

    Raises:
        UnknownNameError: There is no such column.
        ArgumentError: No trial has a value there.
    """
    names = [by] if isinstance(by, str) else list(by)
    trials.require(*names)
    groups = grouped(trials, names)
    if not len(groups):
        raise ArgumentError(f"by: no trial has a value in {', '.join(names)}.")
    labels = [", ".join(_label(name, groups.columns[name][number]) for name in names) for number in range(len(groups))]
    return {label: trials.select(rows) for label, rows in zip(labels, groups.members(), strict=True)}


def _label(name: str, value: object) -> str:
    if name == "correct":
        return "correct" if value else "error"
    return str(value) if isinstance(value, str) else f"{name.replace('_', ' ')} {value:g}"
