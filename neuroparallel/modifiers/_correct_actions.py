"""Conditions on which the correct action of a task depends, found from the task's own table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import TaskError
from neuroparallel.modifiers._base import Modified
from neuroparallel.seeding import GAMMA, Bits, mix, pick, thresholds
from neuroparallel.task import Draw, Task
from neuroparallel.task.design import Factorial, Levels
from neuroparallel.task.trial import Trial

__all__ = ["CorrectActions", "columns_of", "correct_actions", "crop", "drawn", "probe", "sampled"]

MOST_CELLS = 20_000  # designs up to this size are looked at as a whole
KEPT_CELLS = 512  # of which the whole table is kept to look at
SAMPLES = 128  # of larger ones, and of continuous conditions

Integers = NDArray[np.int64]
Conditions = dict[str, NDArray[Any]]


def columns_of(name: str, factor: Levels) -> dict[str, NDArray[Any]]:
    """The conditions that a factor sets, with the value of each at every level."""
    return {name: factor.values} if factor.columns is None else factor.columns


@dataclass(eq=False)
class CorrectActions:
    """Dependence of the correct action of a task on its conditions.

    Attributes:
        factors: Those factors of the design on which it depends, and no others; with their columns.
        answer: int64, (cells,). The right action for each combination of their levels, 0 for holding.
        weights: float64, (cells,). How likely the task itself makes each combination.
        levels: int64, (cells,), by factor.
    """

    factors: dict[str, dict[str, NDArray[Any]]]
    answer: Integers
    weights: NDArray[np.float64]
    levels: dict[str, Integers]

    @cached_property
    def choices(self) -> tuple[int, ...]:
        """The actions that are right in some trial, in order; -1, no defined answer, is none."""
        return tuple(int(a) for a in np.unique(self.answer[self.weights > 0]) if a >= 0)

    def truth(self, conditions: Conditions) -> Integers:
        """What is right under some conditions, int64 (n,)."""
        first = next(iter(conditions.values()))
        cell = np.zeros(len(first), np.int64)
        for columns in self.factors.values():
            matches = np.logical_and.reduce([v == conditions[c][:, None] for c, v in columns.items()])
            cell = cell * matches.shape[1] + matches.argmax(axis=1)
        return self.answer[cell]

    def steer(self, draw: Draw, wanted: Integers, which: NDArray[np.bool_], purpose: str) -> None:
        """Set the conditions on which the answer depends so that the wanted one is right.

        Among the combinations that do, one is drawn with the task's own relative weights; other conditions stay.

        Args:
            draw: The trials about to start.
            wanted: int64, (n,). The action that shall be right.
            which: bool, (n,). In which of these trials.
            purpose: Name of the draw.
        """
        bits = draw.bits(purpose)
        for action in self.choices:
            lanes = which & (wanted == action)
            if not lanes.any():
                continue
            cells, cuts = self._cells[action]
            cell = cells[pick(cuts, bits)]
            for name, columns in self.factors.items():
                level = self.levels[name][cell]
                for column, values in columns.items():
                    draw.conditions[column] = np.where(lanes, values[level], draw.conditions[column])

    @cached_property
    def _cells(self) -> dict[int, tuple[Integers, Bits]]:
        """For each answer the combinations that make it right, and the cuts by which one is drawn."""
        found = {a: np.flatnonzero((self.answer == a) & (self.weights > 0)) for a in self.choices}
        return {action: (cells, thresholds(self.weights[cells])) for action, cells in found.items()}


_FOUND: dict[
    tuple[int, float, str], tuple[Task, CorrectActions]
] = {}  # by identity, as hashing a task at each trial is slow


def correct_actions(task: Task, dt: float, wants: str) -> CorrectActions:
    """Find out on which conditions the right action depends, and how.

    Args:
        task: The task.
        dt: Time step, ms.
        wants: Which modifier asks, for errors.

    Returns:
        The conditions that decide, and the correct action of each combination.

    Raises:
        TaskError: Nothing is right or wrong in the task, the same is always right, or what is right is not decided by
            the design alone; says which.
    """
    key = (id(task), dt, wants)
    known = _FOUND.get(key)
    if known is None or known[0] is not task:
        if len(_FOUND) >= 256:
            _FOUND.clear()
        known = _FOUND[key] = (task, _find(task, dt, wants))
    return known[1]


@lru_cache(maxsize=256)
def _find(task: Task, dt: float, wants: str) -> CorrectActions:
    design = task.conditions()
    refuse = f"{wants} makes no sense for {task.task_name()}: "
    if not design.factors:
        _refuse_plain(task, dt, design, refuse)
    relevant = _relevant(task, dt, design, refuse)
    found = _cells(task, dt, design, relevant)
    _refuse_answers(found, refuse)
    decided = probe(task, dt) & {column for columns in found.factors.values() for column in columns}
    if decided:
        raise TaskError(
            f"{refuse}what is right depends on {', '.join(sorted(decided))}, which the task's own sequence of trials "
            "decides, so it cannot be decided twice."
        )
    return found


def _refuse_plain(task: Task, dt: float, design: Factorial, refuse: str) -> None:
    answer = _truth(task, dt, _filled(design, {}, 1, 0.5), 1)
    what = "nothing is right or wrong in it." if answer[0] < 0 else "the same is right in all trials."
    raise TaskError(refuse + what)


def _refuse_answers(found: CorrectActions, refuse: str) -> None:
    choices = found.choices
    if not choices:
        raise TaskError(f"{refuse}nothing is right or wrong in it.")
    if len(choices) < 2:
        raise TaskError(f"{refuse}the same is right in all trials (action {choices[0]}).")


def _truth(task: Task, dt: float, conditions: Conditions, n: int) -> Integers:
    """The truth of the first response window, as records have it; -1 where there is none."""
    trial = Trial(task, conditions, n, dt)
    task.define(trial)
    windows = np.flatnonzero(trial.window)
    return trial.truth[:, windows[0]].copy() if len(windows) else np.full(n, -1, np.int64)


def _filled(design: Factorial, levels: dict[str, Integers], n: int, quantile: Any) -> Conditions:
    """Conditions of given levels (0 where none is given), continuous ones at given quantiles, notes left out."""
    zeros = np.zeros(n, np.int64)
    values = design.values({name: levels.get(name, zeros) for name in design.factors})
    spread = np.broadcast_to(np.asarray(quantile, np.float64), (n,))
    return values | {name: law.quantile(spread) for name, law in design.laws.items()}


def _quantiles(n: int, key: int) -> NDArray[np.float64]:
    words = mix(np.arange(n).astype(np.uint64) * GAMMA + np.uint64(key))
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _relevant(task: Task, dt: float, design: Factorial, refuse: str) -> list[str]:
    """Names of the factors on which the truth depends; refuses a truth that hangs on a continuous condition."""
    base, n = _base_levels(design)
    answer = _truth(task, dt, _filled(design, base, n, 0.5), n)
    if design.laws:
        for key in range(1, 5):
            other = _truth(task, dt, _filled(design, base, n, _quantiles(n, key)), n)
            if (other != answer).any():
                names = ", ".join(design.laws)
                raise TaskError(f"{refuse}what is right depends on a continuous condition ({names}).")
    if design.size <= MOST_CELLS:
        cube = answer.reshape([len(factor) for factor in design.factors.values()])
        return [name for axis, name in enumerate(design.factors) if (np.diff(cube, axis=axis) != 0).any()]
    found = []
    for name, factor in design.factors.items():
        for level in range(len(factor)):
            moved = base | {name: np.full(n, level, np.int64)}
            if (_truth(task, dt, _filled(design, moved, n, 0.5), n) != answer).any():
                found.append(name)
                break
    return found


def _base_levels(design: Factorial, most: int = MOST_CELLS) -> tuple[dict[str, Integers], int]:
    """All combinations of levels, or a sample of them where they are many."""
    if design.size <= most:
        index = np.arange(design.size)
        return {n: index // design.strides[n] % len(f) for n, f in design.factors.items()}, design.size
    spread = {name: _quantiles(SAMPLES, 7 + i) for i, name in enumerate(design.factors)}
    return {n: (spread[n] * len(f)).astype(np.int64) for n, f in design.factors.items()}, SAMPLES


def _cells(task: Task, dt: float, design: Factorial, names: Sequence[str]) -> CorrectActions:
    """The combinations of some factors with their weights and answers."""
    sizes = [len(design.factors[name]) for name in names]
    count = int(np.prod(sizes, dtype=np.int64))
    if count > MOST_CELLS:
        raise TaskError(f"{task.task_name()}: what is right depends on {count} combinations of {', '.join(names)}.")
    index, weights, stride = np.arange(count), np.ones(count), count
    levels = {}
    for name, size in zip(names, sizes, strict=True):
        stride //= size
        levels[name] = index // stride % size
        weights = weights * design.factors[name].weights[levels[name]]
    answer = _truth(task, dt, _filled(design, levels, count, 0.5), count)
    return CorrectActions({n: columns_of(n, design.factors[n]) for n in names}, answer, weights, levels)


@lru_cache(maxsize=64)
def sampled(task: Task, dt: float) -> Trial:
    """The task's state matrix for all combinations of its levels, or a sample of them where they are many."""
    design = task.conditions()
    levels, n = _base_levels(design, KEPT_CELLS)
    trial = Trial(task, _filled(design, levels, n, _quantiles(n, 5)), n, dt)
    task.define(trial)
    trial.finish()
    return trial


def probe(task: Task, dt: float) -> set[str]:
    """The conditions that a task's own `sequence` decides, found by letting it run on a sample of trials.

    What a modifier steers is left out: of those there is one, or several that know of each other.
    """
    if isinstance(task, Modified) and task.modifier.steers:
        return probe(task.inner, dt)
    if task.sequence is None:
        return set()
    n, design = SAMPLES, task.conditions()
    levels = {
        name: (_quantiles(n, 11 + i) * len(factor)).astype(np.int64)
        for i, (name, factor) in enumerate(design.factors.items())
    }
    given = _filled(design, levels, n, _quantiles(n, 3)) | {name: np.zeros(n) for name in task.note_names()}
    draw = Draw(
        conditions=dict(given),
        previous={name: np.roll(values, 1) for name, values in given.items()},
        first=np.arange(n) % 4 == 0,
        trial=np.arange(n) % 4,
        outcome=np.arange(n) % 5,
        choice=np.arange(n) % len(task.action_names()),
        reward=np.zeros(n),
        memory={name: _rows(spec.initial, spec.dtype, n) for name, spec in task.memory().items()},
        dt=dt,
        _keys=mix(np.arange(n).astype(np.uint64) * GAMMA),
    )
    task.sequence(draw)
    return {name for name, values in given.items() if (draw.conditions[name] != values).any()}


def _rows(initial: Any, dtype: Any, n: int) -> NDArray[Any]:
    value = np.asarray(initial, dtype)
    return np.broadcast_to(value, (n, *value.shape)).copy()


def crop(draw: Draw, answers: Integers, odds: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Set to 0 the odds of answers that cannot be right at present, as `variable_choices` leaves only some.

    Where no other is left, those that can be right are equally likely.
    """
    active = draw.memory.get("variable_choices.active")
    if active is None:
        return odds
    cropped = [np.where(active[:, int(a)], odd, 0.0) for a, odd in zip(answers, odds, strict=True)]
    total = cropped[0]
    for odd in cropped[1:]:
        total = total + odd
    return [np.where(total > 0, o, active[:, int(a)] * 1.0) for a, o in zip(answers, cropped, strict=True)]


def drawn(odds: list[NDArray[np.float64]], u: NDArray[np.float64]) -> Integers:
    """Draw one of several things by their odds; (n,) each, and uniform numbers (n,), to int64 (n,)."""
    reached, sums = np.zeros(len(u), np.int64), [odds[0]]
    for odd in odds[1:]:
        sums.append(sums[-1] + odd)
    for edge in sums[:-1]:
        reached += u * sums[-1] >= edge
    return reached
