"""The trials of a list, one after the other or shuffled."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, nearest, one_of, whole_number
from neuroparallel.modifiers._base import Modifier, call_hook, frozen
from neuroparallel.modifiers._constrained_orders import constrained_orders
from neuroparallel.modifiers._correct_actions import columns_of
from neuroparallel.modifiers._design import replaced_factors
from neuroparallel.modifiers._name_lists import read_names
from neuroparallel.records.safe_files import read_text
from neuroparallel.seeding import GAMMA, mix
from neuroparallel.task import Draw, Memory, Task
from neuroparallel.task.design import Factorial, Rows

__all__ = ["ConditionSequence"]

ORDERS = ("listed", "shuffled", "random")
POOL = 64  # different orders that keep to constraints, of which a session has one
Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ConditionSequence(Modifier):
    """Take the conditions of the trials from a list: written out, from a file, or a factorial design.

    Conditions that the list does not name are drawn as the task draws them. When the list is through, it begins anew.

    Args:
        trials: The list: a mapping of conditions to values, one per trial, or a list of mappings.
        file: A text file with a line for each trial, values separated by commas or tabs, names in the first line; it
            is read once, and the scenario keeps the list itself.
        factorial: Conditions of which all combinations are crossed: names, or a mapping of names to levels.
        columns: Which columns of the list to use; nothing: all, and each has to be a condition.
        repeat: How often each trial stands in the list.
        order: ``listed``; ``shuffled``: in another random order each time; ``random``: any trial at any time.
        max_repeats: For some conditions how often they may have the same value in a row: ``{side: 3}``.
        counterbalanced: A condition of which each value is to follow each one equally often, itself included. With
            this or ``max_repeats`` a session has one random order of the list, which keeps to it throughout.

    Raises:
        ArgumentError: The file cannot be read, or no order keeps to the constraints.
    """

    trials: Any = None
    file: str | None = None
    factorial: Any = None
    columns: Any = None
    repeat: int = 1
    order: str = "listed"
    max_repeats: Any = None
    counterbalanced: str | None = None

    def __post_init__(self) -> None:
        """Read the list, and refuse options that make no sense."""
        super().__post_init__()
        given = [name for name in ("trials", "file", "factorial") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ArgumentError(f"trials: give one of trials, file and factorial; found {given or 'none of them'}.")
        if self.columns is not None:
            object.__setattr__(self, "columns", read_names(self.columns, "columns"))
        if self.file is not None:
            object.__setattr__(self, "trials", frozen(_from_file(self.file)))
            object.__setattr__(self, "file", None)
        if self.trials is not None:
            object.__setattr__(self, "trials", frozen(_as_columns(self.trials, self.columns)))
            object.__setattr__(self, "columns", None)
        if self.factorial is not None and not isinstance(self.factorial, Mapping):
            object.__setattr__(self, "factorial", read_names(self.factorial, "factorial"))
        whole_number(self.repeat, "repeat", 1)
        one_of(self.order, ORDERS, "order")
        if self.max_repeats is not None:
            if not isinstance(self.max_repeats, Mapping):
                raise ArgumentError(f"max_repeats is {self.max_repeats!r}; it is a mapping of conditions to numbers.")
            for name, most in self.max_repeats.items():
                whole_number(most, f"max_repeats.{name}", 1)
        if self._constrained and self.order != "shuffled":
            raise ArgumentError("order: max_repeats and counterbalanced need order: shuffled.")

    @property
    def _constrained(self) -> bool:
        return self.max_repeats is not None or self.counterbalanced is not None

    # ---- the list ----

    def _list(self, task: Task) -> dict[str, NDArray[Any]]:
        """The list as columns of the types that the task's conditions have."""
        design = task.conditions()
        wanted = self.trials if self.trials is not None else self._crossed(task, design)
        found = {}
        for name, values in wanted.items():
            if name not in design.names:
                raise self.refuse(task, f"it has no condition {name!r}.{nearest(name, design.names)}")
            found[name] = np.tile(self._typed(task, design, name, values), self.repeat)
        return found

    def _crossed(self, task: Task, design: Factorial) -> dict[str, Any]:
        levels: dict[str, Any] = {}
        for name in self.factorial:
            if isinstance(self.factorial, Mapping):
                levels[name] = [{name: value} for value in _listed(self.factorial[name])]
                continue
            if name not in design.factors:
                raise self.refuse(task, f"it has no factor {name!r}.{nearest(name, design.factors)}")
            columns = columns_of(name, design.factors[name])
            lines = zip(*(values.tolist() for values in columns.values()), strict=True)
            levels[name] = [dict(zip(columns, line, strict=True)) for line in lines]
        rows = [{key: value for part in parts for key, value in part.items()} for parts in product(*levels.values())]
        return _as_columns(rows, None)

    def _typed(self, task: Task, design: Factorial, name: str, values: Any) -> NDArray[Any]:
        if name in design.laws:
            kind: Any = np.dtype(np.float64)
        else:
            kind = next(c[name].dtype for n, f in design.factors.items() if name in (c := columns_of(n, f)))
        try:
            typed = np.array([_converted(value, kind) for value in values])
        except (TypeError, ValueError):
            raise self.refuse(task, f"{name} has values that are no {_word(kind)} ({list(values)[:5]} ...).") from None
        return typed.astype(np.result_type(typed, kind))

    def check(self, task: Task, dt: float) -> None:
        columns, design = self._list(task), task.conditions()
        for name, factor in design.factors.items():
            together = set(columns_of(name, factor))
            if together & set(columns) and not together <= set(columns):
                missing = ", ".join(sorted(together - set(columns)))
                raise self.refuse(task, f"{', '.join(sorted(together & set(columns)))} cannot come without {missing}.")
        for name in (*(self.max_repeats or ()), *((self.counterbalanced,) if self.counterbalanced else ())):
            if name not in columns:
                raise self.refuse(task, f"the list has no condition {name!r}.{nearest(name, columns)}")
        self._orders(task)

    def _orders(self, task: Task) -> Integers | None:
        """The orders that keep to the constraints, (orders, n); None if there are no constraints."""
        if not self._constrained:
            return None
        columns = self._list(task)
        names = dict.fromkeys((*(self.max_repeats or ()), *((self.counterbalanced,) if self.counterbalanced else ())))
        levels = tuple((n, tuple(np.unique(columns[n], return_inverse=True)[1].tolist())) for n in names)
        return _pool(levels, tuple((self.max_repeats or {}).items()), self.counterbalanced)

    # ---- the task ----

    def conditions(self, task: Task) -> Factorial:
        columns, design = self._list(task), task.conditions()
        gone = [n for n, f in design.factors.items() if set(columns_of(n, f)) & set(columns)]
        gone += [name for name in design.laws if name in columns]
        table = {"listed": Rows(**columns)}
        return replaced_factors(design, table, without=gone)

    def memory(self, task: Task) -> dict[str, Memory]:
        n = len(next(iter(self._list(task).values())))
        found = {"condition_sequence.place": Memory(-1, np.int64)}
        if self.order == "shuffled":
            found["condition_sequence.order"] = Memory(np.zeros(n), np.int32)
        return found

    def sequence(self, task: Task, draw: Draw) -> None:
        """Take the next trial of the list."""
        columns = self._list(task)
        n = len(next(iter(columns.values())))
        place = (draw.memory["condition_sequence.place"] + 1) % n
        draw.memory["condition_sequence.place"] = place
        row = place
        if self.order == "random":
            row = np.minimum((draw.random("condition_sequence.row") * n).astype(np.int64), n - 1)
        elif self.order == "shuffled":
            self._shuffle(task, draw, place, n)
            row = draw.memory["condition_sequence.order"][np.arange(len(draw)), place]
        for name, values in columns.items():
            draw.conditions[name] = values[row]
        call_hook(task.sequence, draw)

    def _shuffle(self, task: Task, draw: Draw, place: Integers, n: int) -> None:
        """Find a new order where the list begins anew; with constraints, where the session begins."""
        orders = self._orders(task)
        lanes = np.flatnonzero(place == 0 if orders is None else draw.first)
        if not lanes.size:
            return
        words = draw.bits("condition_sequence.order")[lanes]
        if orders is not None:
            found = orders[(words % np.uint64(len(orders))).astype(np.int64)]
        else:
            found = mix(words[:, None] + np.arange(n).astype(np.uint64) * GAMMA).argsort(axis=1, kind="stable")
        draw.memory["condition_sequence.order"][lanes] = found


@lru_cache(maxsize=32)
def _pool(levels: tuple[Any, ...], most: tuple[Any, ...], counterbalanced: str | None) -> Integers:
    columns = {name: np.array(values) for name, values in levels}
    return constrained_orders(columns, dict(most), counterbalanced, POOL)


def _listed(values: Any) -> list[Any]:
    """Several values, or one, as a list."""
    return list(values) if isinstance(values, (tuple, list)) else [values]


def _as_columns(trials: Any, wanted: Any) -> dict[str, Any]:
    """A list of trials as columns of equal length."""
    if isinstance(trials, Mapping):
        columns = {str(name): _listed(values) for name, values in trials.items()}
    elif isinstance(trials, (tuple, list)) and trials and all(isinstance(row, Mapping) for row in trials):
        names = list(trials[0])
        for place, row in enumerate(trials):
            if set(row) != set(names):
                raise ArgumentError(f"trials.{place} has {sorted(row)}, but the first one has {sorted(names)}.")
        columns = {str(name): [row[name] for row in trials] for name in names}
    else:
        raise ArgumentError(f"trials is {trials!r}; it is a mapping of conditions to lists, or a list of mappings.")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise ArgumentError(f"trials: the columns have different lengths, or none: {lengths}.")
    if wanted is None:
        return columns
    for name in wanted:
        if name not in columns:
            raise ArgumentError(f"columns: the list has no column {name!r}.{nearest(name, columns)}")
    return {name: columns[name] for name in wanted}


MOST_BYTES = 2**24  # of a list of trials


def _from_file(file: str | os.PathLike[str]) -> dict[str, list[Any]]:
    """The columns of a text file, as numbers where they are."""
    if not isinstance(file, (str, os.PathLike)):
        raise ArgumentError(f"file is {file!r}; it is the path of a text file.")
    try:
        text = read_text(Path(file), MOST_BYTES, "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ArgumentError(f"file: {file} cannot be read ({reason}).") from None
    first = text.partition("\n")[0]
    rows = [row for row in csv.reader(text.splitlines(), delimiter="\t" if "\t" in first else ",") if row]
    if len(rows) < 2:
        raise ArgumentError(f"file: {file} has no trials; the first line names the conditions, each other is a trial.")
    names = [name.strip() for name in rows[0]]
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise ArgumentError(f"file: {file}:{number} has {len(row)} values for {len(names)} names.")
    return {name: [_number(row[i].strip()) for row in rows[1:]] for i, name in enumerate(names)}


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def _converted(value: Any, kind: np.dtype[Any]) -> Any:
    """A value as a condition of some type; refuses what would change it."""
    if isinstance(value, str):
        raise ValueError(value)
    if kind.kind == "b":
        if value not in (0, 1):
            raise ValueError(value)
        return bool(value)
    number = float(value)
    if kind.kind in "iu" and number == int(number):
        return int(number)
    return number


def _word(kind: np.dtype[Any]) -> str:
    return {"b": "true or false", "i": "whole numbers", "u": "whole numbers"}.get(kind.kind, "numbers")
