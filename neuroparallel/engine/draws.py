"""Drawing the conditions of trials, and finding the cell of the design that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.tables import Tables
from neuroparallel.errors import TaskError
from neuroparallel.seeding import (
    Bits,
    mix,
    name_bits,
    pick,
)

if TYPE_CHECKING:
    from neuroparallel.engine.stream import BatchStream


__all__ = ["Previous", "draw_levels", "levels_of"]


def draw_levels(tables: Tables, keys: Bits) -> dict[str, NDArray[np.int64]]:
    """Draw the level of every factor by integer comparison; uint64 (n,) trial keys to int64 (n,) per factor."""
    return {
        name: pick(factor.cuts, mix(keys + np.uint64(name_bits(f"condition.{name}"))))
        for name, factor in tables.design.factors.items()
    }


def levels_of(
    tables: Tables, conditions: dict[str, NDArray[Any]], drawn: dict[str, NDArray[np.int64]]
) -> NDArray[np.int64]:
    """Find the slot of the grid that holds given conditions; raises TaskError for a value that is no level."""
    slots = np.zeros(len(next(iter(drawn.values()))), np.int64)
    for name, factor in tables.design.factors.items():
        level = drawn[name]
        if factor.columns is None:
            changed = (factor.values.take(level) != conditions[name]).nonzero()[0]
            if changed.size:
                level = level.copy()
                level[changed] = _find_levels(tables, name, conditions[name][changed])
        slots += level * tables.design.strides[name]
    return slots


def _find_levels(tables: Tables, name: str, values: NDArray[Any]) -> NDArray[np.int64]:
    """The level that has each of some values."""
    known = tables.design.factors[name].values
    matches = known == values[:, None]
    wrong = ~matches.any(axis=1)
    if wrong.any():
        raise TaskError(
            f"{tables.task.task_name()}: sequence set {name} = {values[wrong][0]!r}, "
            f"which is none of its levels {known.tolist()}."
        )
    level: NDArray[np.int64] = matches.argmax(axis=1)
    return level


class Previous(dict[str, NDArray[Any]]):
    """Conditions of the trials before, looked up when a task asks for them."""

    def __init__(
        self, stream: BatchStream, lanes: NDArray[np.int64], first: NDArray[np.bool_], drawn: dict[str, NDArray[Any]]
    ) -> None:
        super().__init__()
        self._stream, self._lanes, self._first, self._drawn = stream, lanes, first, drawn

    def __missing__(self, name: str) -> NDArray[Any]:
        self[name] = np.where(self._first, self._drawn[name], self._stream.conditions[name][self._lanes])
        return self[name]
