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
    from neuroparallel.engine.stream_state import StreamState

__all__ = ["Given", "Previous", "TrialDraws", "check_given", "levels_of"]

Given: TypeAlias = Mapping[str, NDArray[Any]]


class TrialDraws:
    """What is drawn at the start of a trial: a random word for every factor, law and duration, hashed all at once.

    A period that may come again draws its duration whenever it begins: that is not done here.

    Args:
        tables: The task.

    Attributes:
        durations: The law in steps (see `Law.steps`) of each period whose duration is drawn here.
    """

    def __init__(self, tables: Tables) -> None:
        self._factors, self._laws = tables.design.factors, tables.design.laws
        self.durations = {} if tables.cyclic else tables.period_laws
        names = [f"condition.{name}" for name in (*self._factors, *self._laws)]
        names += [f"duration.{tables.periods[period]}" for period in self.durations]
        self._purposes = np.array([name_bits(name) for name in names], np.uint64)[:, None]

    def words(self, keys: Bits) -> Bits:
        """The words of some trials; uint64 (n,) trial keys to uint64 (purposes, n)."""
        return mix(keys + self._purposes)

    def levels(self, words: Bits) -> dict[str, NDArray[np.int64]]:
        """The level of every factor, by integer comparison; int64 (n,) each."""
        return {name: pick(factor.cuts, row) for (name, factor), row in zip(self._factors.items(), words, strict=False)}

    def values(self, words: Bits) -> dict[str, NDArray[np.float64]]:
        """The conditions that have a law; float64 (n,) each."""
        rows = words[len(self._factors) :]
        return {name: law.draw(row) for (name, law), row in zip(self._laws.items(), rows, strict=False)}

    def steps(self, words: Bits) -> list[tuple[int, NDArray[np.int64]]]:
        """The periods whose durations are drawn, and for how many steps each lasts; int64 (n,) each."""
        rows = words[len(self._factors) + len(self._laws) :]
        laws = self.durations.items()
        return [(period, low + pick(cuts, row)) for (period, (low, cuts)), row in zip(laws, rows, strict=True)]


def levels_of(
    tables: Tables, conditions: dict[str, NDArray[Any]], drawn: dict[str, NDArray[np.int64]]
) -> NDArray[np.int64]:
    """Find the slot of the grid that holds given conditions; raises TaskError for a value that is no level."""
    slots = np.zeros(len(next(iter(drawn.values()))), np.int64)
    for name, factor in tables.design.factors.items():
        level = drawn[name]
        columns = {name: factor.values} if factor.columns is None else factor.columns
        changed = _either([values.take(level) != conditions[column] for column, values in columns.items()]).nonzero()[0]
        if changed.size:
            level = level.copy()
            level[changed] = _find_levels(tables, columns, {key: conditions[key][changed] for key in columns})
        slots += level * tables.design.strides[name]
    return slots


def _find_levels(
    tables: Tables, columns: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]]
) -> NDArray[np.int64]:
    """The level, or row of a conditions table, that has each of some values."""
    matches = ~_either([known != wanted[name][:, None] for name, known in columns.items()])
    lost = ~matches.any(axis=1)
    if lost.any():
        found = ", ".join(f"{name} = {values[lost][0]!r}" for name, values in wanted.items())
        known = {name: values.tolist() for name, values in columns.items()}
        raise TaskError(f"{tables.task.task_name()}: a trial was given {found}, which is none of its levels {known}.")
    level: NDArray[np.int64] = matches.argmax(axis=1)
    return level


def _either(differences: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Where any of some arrays is True; one alone is taken as it is, which is quicker."""
    return differences[0] if len(differences) == 1 else np.logical_or.reduce(differences)


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
        self, stream: StreamState, lanes: NDArray[np.int64], first: NDArray[np.bool_], drawn: dict[str, NDArray[Any]]
    ) -> None:
        super().__init__()
        self._stream, self._lanes, self._first, self._drawn = stream, lanes, first, drawn

    def __missing__(self, name: str) -> NDArray[Any]:
        self[name] = np.where(self._first, self._drawn[name], self._stream.conditions[name][self._lanes])
        return self[name]
