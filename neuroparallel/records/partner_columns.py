"""Partner columns: conditions of one group member, shown in the rows of the other members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neuroparallel.records.table import Array
from neuroparallel.records.trials import group_codes

__all__ = ["PartnerColumn", "partner_column_values"]

ABSENT, UNKNOWN = "none", "unknown"


@dataclass(frozen=True)
class PartnerColumn:
    """A column of the trial table that shows a condition of another member of the group.

    Attributes:
        name: Of the column.
        stream: Number of the stream whose condition it shows.
        condition: Name of the condition.
        is_flag: Whether it is true or false; then the column has ``go`` or ``nogo`` for a condition ``go``.
        without: Entries of the group's mix in which that stream does not take part.
    """

    name: str
    stream: int
    condition: str
    is_flag: bool
    without: tuple[int, ...]

    def texts(self, values: Array) -> Array:
        """Return the condition as it stands in the column."""
        if self.is_flag:
            return np.where(values.astype(bool), self.condition, f"no{self.condition}")
        return np.array([f"{value:g}" if np.ndim(value) == 0 else str(value) for value in values.tolist()], np.str_)


def partner_column_values(columns: Sequence[Sequence[PartnerColumn]], rows: Mapping[str, Array]) -> dict[str, Array]:
    """Return the columns of all groups.

    Args:
        columns: Those of each stream's group, by the stream's number.
        rows: ``stream`` (number), ``lane``, ``session``, ``condition:group_trial``, the shown conditions and, where
            groups have a mix, ``condition:mix``, (trials,) each.

    Returns:
        Text, (trials,) each: the condition in the same trial of the group; ``none`` if that stream did not take part,
        ``unknown`` if its row was dropped; empty in rows of other groups.
    """
    result: dict[str, Array] = {}
    for column in dict.fromkeys(entry for entries in columns for entry in entries):
        shares = np.array([column in entries for entries in columns])[rows["stream"]]
        text = np.full(len(shares), "", dtype=f"<U{len(UNKNOWN)}")
        if shares.any():
            mine = {name: values[shares] for name, values in rows.items()}
            found = _shown(column, mine)
            text = text.astype(np.promote_types(text.dtype, found.dtype))
            text[shares] = found
        result[column.name] = np.where(shares, text, result.get(column.name, text))
    return result


def _shown(column: PartnerColumn, rows: Mapping[str, Array]) -> Array:
    together = group_codes([rows[name] for name in ("lane", "session", "condition:group_trial")])
    source = rows["stream"] == column.stream
    values = rows.get(f"condition:{column.condition}", np.zeros(len(source)))  # absent before a row of that stream
    texts = column.texts(values[source])
    known = np.full(together.max() + 1, UNKNOWN, dtype=np.promote_types(texts.dtype, f"<U{len(UNKNOWN)}"))
    known[together[source]] = texts
    if column.without:
        known[together[np.isin(rows["condition:mix"], column.without)]] = ABSENT
    shown: Array = known[together]
    return shown
