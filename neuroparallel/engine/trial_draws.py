"""Random draws at the start of a trial, and the slot of the tables that holds its condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.hook_checks import Place
from neuroparallel.engine.tables import Tables
from neuroparallel.errors import TaskError
from neuroparallel.seeding import Bits, mix, name_bits, pick, trial_keys
from neuroparallel.task import Task

if TYPE_CHECKING:
    from neuroparallel.engine.batch.stream_state import StreamState

__all__ = ["Given", "Previous", "TrialDraws", "TrialsAhead", "check_given", "slots_of"]

Given: TypeAlias = Mapping[str, NDArray[Any]]


class TrialDraws:
    """What is drawn at the start of a trial: a random word for every factor, law and duration, hashed all at once.

    A period that may come again draws its duration whenever it begins: that is not done here.

    Args:
        tables: The task.

    Attributes:
        laws: The law of each condition that has one.
        durations: The law in steps (see `Law.steps`) of each period whose duration is drawn here.
    """

    def __init__(self, tables: Tables) -> None:
        self._factors, self.laws, self._strides = tables.design.factors, tables.design.laws, tables.design.strides
        self.durations = {} if tables.cyclic else tables.period_laws
        names = [f"condition.{name}" for name in (*self._factors, *self.laws)]
        names += [f"duration.{tables.periods[period]}" for period in self.durations]
        self._purposes = np.array([name_bits(name) for name in names], np.uint64)[:, None]

    def words(self, keys: Bits) -> Bits:
        """The words of some trials; uint64 (n,) trial keys to uint64 (purposes, n)."""
        return mix(keys + self._purposes)

    def levels(self, slots: NDArray[np.integer[Any]]) -> dict[str, NDArray[np.int64]]:
        """The level of every factor in slots of the design, int64 (n,) each."""
        numbers = slots.astype(np.int64)
        return {name: numbers // self._strides[name] % len(factor) for name, factor in self._factors.items()}

    def values(self, words: Bits) -> dict[str, NDArray[np.float64]]:
        """The conditions that have a law; float64 (n,) each."""
        rows = words[len(self._factors) :]
        return {name: law.draw(row) for (name, law), row in zip(self.laws.items(), rows, strict=False)}

    def steps(self, words: Bits) -> dict[int, NDArray[np.int64]]:
        """For how many steps each period lasts whose duration is drawn; int64 (n,) each."""
        rows = words[len(self._factors) + len(self.laws) :]
        laws = self.durations.items()
        return {period: low + pick(cuts, row) for (period, (low, cuts)), row in zip(laws, rows, strict=True)}

    def slots(self, words: Bits) -> NDArray[np.int64]:
        """Return the slot of the design; int64 (n,)."""
        slots = np.zeros(words.shape[1], np.int64)
        for (name, factor), row in zip(self._factors.items(), words, strict=False):
            slots += pick(factor.cuts, row) * self._strides[name]
        return slots


AHEAD_WORDS = 4096  # how many trials are drawn at once, of all lanes together
MOST_AHEAD = 64


class TrialsAhead:
    """What the next trials of each lane draw, made for many trials and lanes at once: calls cost more than words do.

    Args:
        draws: What is drawn at the start of a trial.
        lanes: How many lanes there are.
        size: Number of slots, one for each condition of the design.

    Attributes:
        slots: Integers, (trials * lanes,). Slot of a trial, at the place that `find` says.
        values, steps: The same for its values, by law; its durations, by period.
    """

    def __init__(self, draws: TrialDraws, lanes: int, size: int) -> None:
        self._draws, self._lanes = draws, lanes
        some = min(max(AHEAD_WORDS // lanes, 1), MOST_AHEAD)
        self._some = 1 << (some.bit_length() - 1)  # trials that are made at a time, a power of two
        self._room = 2 * self._some
        self._until = np.zeros(lanes, np.int64)  # which trial of a lane is the first that was not drawn yet
        self._now = np.full(lanes, -1)  # which trial of a lane was the last to be looked up
        places = self._room * lanes
        self.slots = np.zeros(places, np.min_scalar_type(size))  # small, so that they stay in the cache
        self.values = {name: np.zeros(places) for name in draws.laws}
        self.steps = {period: np.zeros(places, np.int32) for period in draws.durations}

    def forget(self, lanes: Any, trial: NDArray[np.int64]) -> None:
        """Forget what was drawn for lanes; their present trials are, (n,)."""
        self._now[lanes], self._until[lanes] = trial, trial + 1

    def find(self, lanes: NDArray[np.int64], trial: NDArray[np.int64], keys: Bits) -> NDArray[np.int64]:
        """Where the draws of trials are found, in all arrays.

        Args:
            lanes: int64, (n,).
            trial: int64, (n,). The numbers of their trials.
            keys: uint64, (lanes,). Of all lanes.

        Returns:
            int64, (n,).
        """
        if np.count_nonzero(trial >= self._until.take(lanes)):
            self._make(keys)
        self._now[lanes] = trial
        place: NDArray[np.int64] = trial & (self._room - 1)
        place *= self._lanes
        place += lanes
        return place

    def _make(self, keys: Bits) -> None:
        """Draw further trials of all lanes that have room for them."""
        lanes = (self._until - self._now <= self._some).nonzero()[0]
        trial = self._until[lanes] + np.arange(self._some)[:, None]
        place = ((trial & (self._room - 1)) * self._lanes + lanes).ravel()
        words = self._draws.words(trial_keys(keys[lanes], trial).ravel())
        self.slots[place] = self._draws.slots(words)
        for name, value in self._draws.values(words).items():
            self.values[name][place] = value
        for period, steps in self._draws.steps(words).items():
            self.steps[period][place] = steps
        self._until[lanes] += self._some


def slots_of(
    tables: Tables, conditions: Mapping[str, NDArray[Any]], drawn: NDArray[np.int64], place: Place
) -> NDArray[np.int64]:
    """Find the slots of the grid that hold given conditions; raises TaskError for a value that is no level.

    Args:
        tables: The task.
        conditions: By name, (n,).
        drawn: int64, (n,). The slots that were drawn; most conditions are still as they have it.
        place: Which trials they are, for errors.
    """
    slots, design = drawn, tables.design
    for name, factor in design.factors.items():
        columns = {name: factor.values} if factor.columns is None else factor.columns
        changed = _either([tables.grid[key].take(drawn) != conditions[key] for key in columns]).nonzero()[0]
        if changed.size:
            stride = design.strides[name]
            some = Place(place.task, place.stream, place.trial[changed])
            level = _find_levels(some, columns, {key: conditions[key][changed] for key in columns})
            slots = slots.copy()
            slots[changed] += (level - drawn[changed] // stride % len(factor)) * stride
    return slots


def _find_levels(
    place: Place, columns: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]]
) -> NDArray[np.int64]:
    """The level, or row of a conditions table, that has each of some values."""
    matches = ~_either([known != wanted[name][:, None] for name, known in columns.items()])
    lost = ~matches.any(axis=1)
    if lost.any():
        row = int(lost.argmax())
        found = ", ".join(f"{name} = {values[row].item()!r}" for name, values in wanted.items())
        known = {name: values.tolist() for name, values in columns.items()}
        hook = "define" if place.task.sequence is None else "sequence"  # without one, a group's rule imposed it
        raise place.refuse(hook, f"the trial was given {found}, which is none of its levels", f"they are {known}.", row)
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
