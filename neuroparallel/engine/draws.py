"""Drawing the conditions of trials, and finding the cell of the design that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.tables import Tables
from neuroparallel.errors import TaskError
from neuroparallel.seeding import Bits, mix, name_bits, pick
from neuroparallel.task import Task

if TYPE_CHECKING:
    from neuroparallel.engine.stream import BatchStream

__all__ = ["Given", "Previous", "check_given", "draw_levels", "levels_of"]

Given: TypeAlias = Mapping[str, NDArray[Any]]


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
        columns = {name: factor.values} if factor.columns is None else factor.columns
        differs = [values.take(level) != conditions[column] for column, values in columns.items()]
        changed = np.logical_or.reduce(differs).nonzero()[0]
        if changed.size:
            level = level.copy()
            level[changed] = _find_levels(tables, columns, {key: conditions[key][changed] for key in columns})
        slots += level * tables.design.strides[name]
    return slots


def _find_levels(
    tables: Tables, columns: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]]
) -> NDArray[np.int64]:
    """The level, or row of a conditions table, that has each of some values."""
    matches = np.logical_and.reduce([known == wanted[name][:, None] for name, known in columns.items()])
    lost = ~matches.any(axis=1)
    if lost.any():
        found = ", ".join(f"{name} = {values[lost][0]!r}" for name, values in wanted.items())
        known = {name: values.tolist() for name, values in columns.items()}
        raise TaskError(f"{tables.task.task_name()}: a trial was given {found}, which is none of its levels {known}.")
    level: NDArray[np.int64] = matches.argmax(axis=1)
    return level


def check_given(task: Task, given: Given, values: Mapping[str, NDArray[Any]]) -> None:
    """Refuse a task whose `sequence` overwrote what its group had imposed."""
    for name, value in given.items():
        if (values[name] != value).any():
            raise TaskError(
                f"{task.task_name()}: {name!r} cannot be imposed on it by its group, as the task's own sequence of "
                "trials decides it."
            )


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
