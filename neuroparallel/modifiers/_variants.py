"""Variants of a task, which take turns within a session: other parameters, other odds of conditions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, NeuroparallelError, TaskError, nearest
from neuroparallel.modifiers._base import Frozen, Modified, Modifier
from neuroparallel.modifiers._correct_actions import columns_of, sampled
from neuroparallel.outcomes import Outcome
from neuroparallel.seeding import pick
from neuroparallel.task import Draw, Memory, Response, Task, is_finite_number
from neuroparallel.task.design import Factorial, Levels, Rows
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Law, Timing

__all__ = ["Variants", "Varied", "changed"]

SAME = ("window", "held", "final", "clocks")
TABLES = ("mean", "reward", "outcome", "next", "pays", "truth", "truth_after", "steps")

RULES = {"early", "commit"}  # of the response windows, which cannot change from block to block


def changed(task: Task, changes: Mapping[str, Any]) -> Task:
    """A task with some of its own numbers changed, whatever modifiers are around it.

    Args:
        task: The task.
        changes: Fields of the task; ``timing`` and ``rewards`` are mappings of what is to change.

    Raises:
        UnknownNameError: It has no such field; offers the nearest one.
    """
    if isinstance(task, Modified):
        return Modified(inner=changed(task.inner, changes), modifier=task.modifier)
    fields = {spec.name for spec in dataclasses.fields(task)}
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in fields - RULES:
            raise ArgumentError(f"{task.task_name()} has no parameter {name!r}.{nearest(name, fields - RULES)}")
        if name in ("timing", "rewards"):
            value = getattr(task, name).replace(value)
        values[name] = value
    return dataclasses.replace(task, **values)


class Variants:
    """Some variants of a task as one: a trial is of one of them, as a condition says.

    Args:
        task: The task.
        entries: For each variant what is different, field by field; ``weights`` has the relative odds of a factor's
            levels by its name, and ``set`` the value that a condition has throughout.
        condition: Name of the condition that says which variant a trial is of, from 1.
    """

    def __init__(self, task: Task, entries: tuple[Mapping[str, Any], ...], condition: str) -> None:
        self.task, self.condition = task, condition
        self.tasks, self.designs = [], []
        for place, entry in enumerate(entries):
            try:
                fields = {name: value for name, value in entry.items() if name not in ("weights", "set")}
                variant = changed(task, fields)
                self.tasks.append(variant)
                self.designs.append(_design(variant, entry.get("weights") or {}, entry.get("set") or {}))
            except NeuroparallelError as error:
                raise TaskError(f"{place}: {error}") from None
        self._check_alike()
        self.design, self._levels = self._union()

    def _check_alike(self) -> None:
        first = self.tasks[0]
        for place, task in enumerate(self.tasks):
            if task.channel_groups().names != first.channel_groups().names:
                raise TaskError(f"{place}: other channels than before; what is seen has one form in a session.")
            if task.action_names() != first.action_names():
                raise TaskError(f"{place}: other actions than before; what can be done has one form in a session.")
            if self._noise(task) != self._noise(first):
                raise TaskError(f"{place}: other noise than before; the noise of a channel is the same in a session.")
            if tuple(task.conditions().names) != tuple(first.conditions().names):
                raise TaskError(f"{place}: other conditions than before; trials of a session have the same columns.")
        if first.observe is not None or first.movement is not None:
            raise TaskError("0: what it shows or does is made in every step, by a task that knows one set of numbers.")

    @staticmethod
    def _noise(task: Task) -> list[Any]:
        kinds = task.channel_groups().noise.values()
        return [getattr(task, kind) if isinstance(kind, str) else kind for kind in kinds]

    def check(self, dt: float) -> None:
        """Ask all variants for their tables, and whether they respond in the same windows."""
        found = [sampled(task, dt) for task in self.tasks]
        for place, other in enumerate(found):
            for name in SAME:
                if (getattr(other, name) != getattr(found[0], name)).any():
                    raise TaskError(f"{place}: other response windows, or another way to respond, than before.")
            if other.drifting != found[0].drifting:
                raise TaskError(f"{place}: other channels drift than before.")

    def scores(self, dt: float) -> bool:
        """Whether anything is right in them."""
        return any((sampled(task, dt).outcome == Outcome.CORRECT).any() for task in self.tasks)

    def timing(self) -> Timing:
        """Periods with the law of each, where one of the variants has a law."""
        periods: dict[str, Any] = {}
        for place, task in enumerate(self.tasks):
            for name, law in task.timing.items():
                known = periods.setdefault(name, law)
                if isinstance(law, Law):
                    if isinstance(known, Law) and known != law:
                        raise TaskError(
                            f"{place}: timing.{name} is drawn from another law than before; a period has one law in a "
                            "session, and fixed durations besides."
                        )
                    periods[name] = law
        return Timing(**periods)

    def _union(self) -> tuple[Factorial, list[dict[str, NDArray[np.int64]]]]:
        """The design with the levels of all variants, and where each variant's levels stand in it."""
        factors: dict[str, Any] = {}
        levels: list[dict[str, NDArray[np.int64]]] = [{} for _ in self.designs]
        for name, factor in self.designs[0].factors.items():
            tables = [columns_of(name, design.factors[name]) for design in self.designs]
            rows = [list(zip(*(v.tolist() for v in table.values()), strict=True)) for table in tables]
            known = {row: number for number, row in enumerate(dict.fromkeys(row for part in rows for row in part))}
            for k, part in enumerate(rows):
                levels[k][name] = np.array([known[row] for row in part])
            weights = np.zeros(len(known))  # of all variants together: what an observer may expect
            for k, design in enumerate(self.designs):
                odds = design.factors[name].weights
                np.add.at(weights, levels[k][name], odds / odds.sum())
            joined = dict(zip(tables[0], zip(*known, strict=True), strict=True))
            rowed = factor.columns is not None
            factors[name] = Rows(weights=weights, **joined) if rowed else Levels(joined[name], weights)
        factors |= self.designs[0].laws
        if self.condition in factors:
            raise TaskError(f"0: there is a condition {self.condition!r} already.")
        return Factorial(**factors, **{self.condition: Levels(range(1, len(self.tasks) + 1))}), levels

    def define(self, trial: Trial) -> None:
        """Define each trial as its variant does."""
        number = getattr(trial, self.condition)
        first = True
        for k, task in enumerate(self.tasks, start=1):
            rows = np.flatnonzero(number == k)
            if not rows.size:
                continue
            part = Trial(task, {n: v[rows] for n, v in trial.conditions.items()}, len(rows), trial.dt)
            task.define(part)
            part.finish()
            self._copy(part, trial, rows, first)
            first = False

    def _copy(self, part: Trial, trial: Trial, rows: NDArray[np.int64], first: bool) -> None:
        for name in TABLES:
            getattr(trial, name)[rows] = getattr(part, name)
        for name in SAME:
            if first:
                getattr(trial, name)[:] = getattr(part, name)
        trial.mark_ruled()
        if part.slope is not None:
            trial.drifting |= part.drifting
            trial.slope = np.zeros(trial.mean.shape) if trial.slope is None else trial.slope
            trial.slope[rows] = part.slope

    def draw(self, draw: Draw, number: NDArray[np.int64], anew: NDArray[np.bool_] | None = None) -> None:
        """Draw the conditions as the variant of each trial does, and let its own sequence go on.

        Args:
            draw: The trials about to start.
            number: int64, (n,). The variant of each, from 1.
            anew: bool, (n,). Where the task's own sequence is to begin as in the first trial of a session.
        """
        draw.conditions[self.condition] = number
        for k, (task, design) in enumerate(zip(self.tasks, self.designs, strict=True), start=1):
            rows = np.flatnonzero(number == k)
            if not rows.size:
                continue
            part = draw.part(rows)
            self._redraw(part, design, self._levels[k - 1])
            if anew is not None:
                _begin(task, part, anew[rows])
            if task.sequence is not None:
                task.sequence(part)
            draw.take(part, rows)

    def _redraw(self, part: Draw, design: Factorial, levels: dict[str, NDArray[np.int64]]) -> None:
        """Draw anew with the odds of a variant; what has the same odds comes out the same."""
        for name, factor in design.factors.items():
            place = levels[name][pick(factor.cuts, part.bits(f"condition.{name}"))]
            for column, values in columns_of(name, self.design.factors[name]).items():
                part.conditions[column] = values[place]
        for name, law in design.laws.items():
            part.conditions[name] = law.draw(part.bits(f"condition.{name}"))

    def pay(self, response: Response) -> None:
        """Price each response as its variant does."""
        number = response.conditions[self.condition]
        for k, task in enumerate(self.tasks, start=1):
            rows = np.flatnonzero(number == k)
            if rows.size and task.pay is not None:
                part = response.part(rows)
                task.pay(part)
                response.take(part, rows)


def _begin(task: Task, part: Draw, anew: NDArray[np.bool_]) -> None:
    """Let a task forget, in some lanes, what it remembers, as at the start of a session."""
    part.first = part.first | anew
    for name, spec in task.memory().items():
        part.memory[name][anew] = np.asarray(spec.initial, spec.dtype)


def _design(task: Task, weights: Mapping[str, Any], fixed: Mapping[str, Any]) -> Factorial:
    """A variant's design, with other odds."""
    design = task.conditions()
    factors: dict[str, Any] = {**design.factors, **design.laws}
    for name, odds in weights.items():
        if name not in design.factors:
            raise ArgumentError(f"weights: there is no factor {name!r}.{nearest(name, design.factors)}")
        old = design.factors[name]
        good = isinstance(odds, tuple) and all(is_finite_number(o) and o >= 0 for o in odds)
        if not good or len(odds) != len(old) or sum(odds) <= 0:
            raise ArgumentError(
                f"weights.{name} is {odds!r}; it is {len(old)} numbers, 0 or more and not all 0, for "
                f"{ {c: v.tolist() for c, v in columns_of(name, old).items()} }."
            )
        factors[name] = Rows(weights=odds, **old.columns) if old.columns is not None else Levels(old.values, odds)
    for name, value in fixed.items():
        if name not in design.names:
            raise ArgumentError(f"set: there is no condition {name!r}.{nearest(name, design.names)}")
        factors |= _fixed(design, name, value, factors)
    return Factorial(**factors)


def _fixed(design: Factorial, name: str, value: Any, factors: dict[str, Any]) -> dict[str, Any]:
    """The factor that holds a condition, with one value of it only."""
    if name in design.laws:
        raise ArgumentError(f"set: {name!r} is continuous; change the parameter that it is drawn by.")
    owner = next(n for n, f in design.factors.items() if name in columns_of(n, f))
    factor = factors[owner]
    keep = columns_of(owner, factor)[name] == value
    if not (keep & (factor.weights > 0)).any():
        raise ArgumentError(
            f"set: {name} is never {value!r}; it is one of {np.unique(columns_of(owner, factor)[name])}."
        )
    odds = np.where(keep, factor.weights, 0.0)
    return {owner: Rows(weights=odds, **factor.columns) if factor.columns is not None else Levels(factor.values, odds)}


@lru_cache(maxsize=64)
def variants_of(task: Task, entries: tuple[Frozen, ...], condition: str) -> Variants:
    """The variants, made once."""
    return Variants(task, entries, condition)


class Varied(Modifier):
    """A modifier under which each trial is of one of several variants of the task; a subclass says when of which."""

    listed: ClassVar[str]  # the option that lists what is different
    condition: ClassVar[str]  # the condition that says which variant a trial is of, from 1
    besides: ClassVar[str]  # what stands in an entry and is not about the task

    def variants(self, task: Task) -> Variants:
        """The task as it is in each of them."""
        entries = [
            Frozen({k: v for k, v in entry.items() if k != self.besides}) for entry in getattr(self, self.listed)
        ]
        try:
            return variants_of(task, tuple(entries), self.condition)
        except NeuroparallelError as error:
            raise self.refuse(task, f"{self.listed}.{error}") from None

    def memory(self, task: Task) -> dict[str, Memory]:
        """Return the memory that only some variants have, such as the counts of a balanced one."""
        found = {name: memory for variant in self.variants(task).tasks for name, memory in variant.memory().items()}
        return {name: memory for name, memory in found.items() if name not in task.memory()}

    def check(self, task: Task, dt: float) -> None:
        self.variants(task).check(dt)

    def timing(self, task: Task) -> Timing:
        return self.variants(task).timing()

    def conditions(self, task: Task) -> Factorial:
        return self.variants(task).design

    def define(self, task: Task, trial: Trial) -> None:
        self.variants(task).define(trial)

    def pay(self, task: Task, response: Response) -> None:
        """Price responses as in their variant."""
        self.variants(task).pay(response)
