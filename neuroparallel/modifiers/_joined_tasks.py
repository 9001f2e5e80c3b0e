"""Several tasks joined to one: each trial is of one of them, and they share their spaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, NeuroparallelError, TaskError
from neuroparallel.modifiers._base import Frozen
from neuroparallel.modifiers._correct_actions import columns_of, sampled
from neuroparallel.task import Actions, Channels, Draw, Memory, Response, Task
from neuroparallel.task.design import Factorial, Levels, Rows
from neuroparallel.task.trial import Trial
from neuroparallel.tasks import make_task
from neuroparallel.timing import Timing

__all__ = ["JoinedTasks", "join_tasks", "read_tasks"]

Integers = NDArray[np.int64]
CONSTANTS = ("window", "held", "final")
CELLS = ("reward", "outcome", "next", "pays")


@dataclass
class _Member:
    """One of the tasks, and where its parts stand in the whole: own name to joined name."""

    task: Task
    offset: int = 0  # of its periods
    columns: Integers = field(default_factory=lambda: np.zeros(0, np.int64))  # of its channels
    conditions: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    memory: dict[str, str] = field(default_factory=dict)

    @property
    def periods(self) -> slice:
        """Where its periods stand."""
        return slice(self.offset, self.offset + len(self.task.timing))

    @property
    def values(self) -> dict[str, str]:
        """Conditions and notes."""
        return {**self.conditions, **self.notes}


class JoinedTasks:
    """Several tasks as one.

    Channels of the same name, columns and noise are shared, others stand side by side; a channel is 0 but for its
    noise while another task is on. Actions are joined by their number; one that a task does not have holds. Periods,
    conditions and memory of all tasks stand one after the other, under their own names where these are free, otherwise
    with the task's name in front.

    Args:
        tasks: The tasks, by name.
        condition: Name of the condition that says which task a trial is of, from 1.
    """

    def __init__(self, tasks: Mapping[str, Task], condition: str) -> None:
        self.names, self.condition = list(tasks), condition
        self.members = [_Member(task) for task in tasks.values()]
        self._check()
        self.timing, self.channels = self._periods(), self._channels()
        self.actions, self.design = self._actions(), self._design()
        self.memory, self.notes = self._memory(), self._notes()

    def _check(self) -> None:
        for name, member in zip(self.names, self.members, strict=True):
            task = member.task
            if task.observe is not None or task.movement is not None or task.sums:
                raise TaskError(f"{name} does something in every step, which one of several tasks cannot.")
            if task.early != self.members[0].task.early:
                raise TaskError(f"{name} has another rule for early responses ({task.early!r}); write early in all.")
            if task.early == "penalty" and task.rewards["abort"] != self.members[0].task.rewards["abort"]:
                raise TaskError(f"{name} has another penalty for early responses; write rewards.abort in all.")

    def _free(self, name: str, taken: Any, of: int) -> str:
        return name if name not in taken else f"{self.names[of]}_{name}"

    def _periods(self) -> Timing:
        periods: dict[str, Any] = {}
        for k, member in enumerate(self.members):
            member.offset = len(periods)
            periods |= {self._free(name, periods, k): law for name, law in member.task.timing.items()}
        return Timing(**periods)

    def _channels(self) -> Channels:
        groups: dict[str, Any] = {}
        kinds: dict[str, Any] = {}
        places: list[list[tuple[str, int]]] = []
        for k, member in enumerate(self.members):
            own = member.task.channel_groups()
            place = []
            for name, columns in own.groups.items():
                noise = own.noise.get(name)
                kind = float(getattr(member.task, noise)) if isinstance(noise, str) else noise
                spec = 1 if columns == (name,) else [column.removeprefix(f"{name}_") for column in columns]
                same = groups.get(name) == spec and kinds.get(name) == kind
                joined = name if same else self._free(name, groups, k)
                groups[joined], kinds[joined] = spec, kind
                place += [(joined, i) for i in range(len(columns))]
            places.append(place)
        channels = Channels(noise={name: kind for name, kind in kinds.items() if kind is not None}, **groups)
        for member, place in zip(self.members, places, strict=True):
            member.columns = np.array([channels[name].start + i for name, i in place])
        return channels

    def _actions(self) -> Actions:
        names = [member.task.action_names() for member in self.members]
        longest = max(map(len, names))
        joined = [dict.fromkeys(actions[a] for actions in names if a < len(actions)) for a in range(longest)]
        return Actions(*("/".join(parts) for parts in joined))

    def _design(self) -> Factorial:
        factors: dict[str, Any] = {self.condition: Levels(range(1, len(self.members) + 1))}
        laws: dict[str, Any] = {}
        taken = [self.condition]
        for k, member in enumerate(self.members):
            design, before = member.task.conditions(), list(taken)
            member.conditions = {name: self._free(name, before, k) for name in design.names}
            taken += member.conditions.values()
            for name, factor in design.factors.items():
                key = self._free(name, factors, k)
                columns = {member.conditions[c]: values for c, values in columns_of(name, factor).items()}
                table = factor.columns is not None
                factors[key] = Rows(weights=factor.weights, **columns) if table else factor
            laws |= {member.conditions[name]: law for name, law in design.laws.items()}
        return Factorial(**factors, **laws)

    def _memory(self) -> dict[str, Memory]:
        found: dict[str, Memory] = {}
        for k, member in enumerate(self.members):
            own = member.task.memory()
            member.memory = {name: self._free(name, found, k) for name in own}
            found |= {member.memory[name]: spec for name, spec in own.items()}
        many = np.zeros(len(self.members))
        return found | {
            f"{self.condition}.{name}": Memory(many, dtype)
            for name, dtype in (
                ("trials", np.int64),
                ("outcome", np.int64),
                ("choice", np.int64),
                ("reward", np.float64),
            )
        }

    def _notes(self) -> tuple[str, ...]:
        found: list[str] = []
        for k, member in enumerate(self.members):
            taken = [*self.design.names, *found]
            member.notes = {name: self._free(name, taken, k) for name in member.task.note_names()}
            found += member.notes.values()
        return tuple(found)

    # ---- the table ----

    def define(self, trial: Trial) -> None:
        """Define each trial as its task does; periods of the others take no time."""
        number = getattr(trial, self.condition)
        trial.steps[:] = 0
        for k, member in enumerate(self.members, start=1):
            self._constants(trial, member)
            rows = np.flatnonzero(number == k)
            if rows.size:
                own = {name: trial.conditions[joined][rows] for name, joined in member.conditions.items()}
                part = Trial(member.task, own, len(rows), trial.dt)
                member.task.define(part)
                part.finish()
                self._embed(trial, part, member, rows)
        trial.mark_ruled()

    def _constants(self, trial: Trial, member: _Member) -> None:
        """Set the entries that depend only on the period, not on the task of a trial."""
        sample = sampled(member.task, trial.dt)
        for name in CONSTANTS:
            getattr(trial, name)[member.periods] = getattr(sample, name)
        trial.clocks[member.periods] = sample.clocks if sample.clocks.any() else sample.window
        if sample.slope is not None:
            trial.drifting |= {int(member.columns[c]) for c in sample.drifting}
            trial.slope = np.zeros(trial.mean.shape) if trial.slope is None else trial.slope

    def _embed(self, trial: Trial, part: Trial, member: _Member, rows: Integers) -> None:
        periods = np.arange(member.periods.start, member.periods.stop)
        trial.mean[np.ix_(rows, periods, member.columns)] = part.mean
        if part.slope is not None and trial.slope is not None:
            trial.slope[np.ix_(rows, periods, member.columns)] = part.slope
        own, joined = len(member.task.action_names()), len(self.actions)
        columns = np.array([*range(own), *[0] * (joined - own), own])  # what it has not, holds; the last is timeout
        at = np.ix_(rows, periods)
        for name in CELLS:
            cells = getattr(part, name)[:, :, columns]
            getattr(trial, name)[at] = np.where(cells >= 0, cells + member.offset, cells) if name == "next" else cells
        trial.steps[at], trial.truth_after[at] = part.steps, part.truth_after
        windows = np.flatnonzero(part.window)
        trial.truth[rows] = part.truth[:, windows[:1]] if windows.size else -1  # for the record of the trial
        trial.truth[at] = part.truth

    # ---- hooks ----

    def draw(self, draw: Draw, number: Integers) -> None:
        """Let the task of each trial go on from its own last trial.

        Args:
            draw: The trials about to start.
            number: int64, (n,). The task of each, from 1.
        """
        lanes, last = np.arange(len(draw)), draw.previous[self.condition] - 1
        books = {name: draw.memory[f"{self.condition}.{name}"] for name in ("trials", "outcome", "choice", "reward")}
        going = ~draw.first
        for name in ("outcome", "choice", "reward"):
            books[name][lanes[going], last[going]] = getattr(draw, name)[going]
        draw.conditions[self.condition] = number
        for k, member in enumerate(self.members):
            mine = number == k + 1
            for joined in member.values.values():  # what is not asked now stays as it was when it was asked last
                kept = going & ~mine
                draw.conditions[joined] = np.where(kept, draw.previous[joined], draw.conditions[joined])
            rows = np.flatnonzero(mine)
            if rows.size and member.task.sequence is not None:
                self._let(member, draw, rows, {name: book[rows, k] for name, book in books.items()})
        draw.memory[f"{self.condition}.trials"][lanes, number - 1] += 1

    def _let(self, member: _Member, draw: Draw, rows: Integers, books: dict[str, NDArray[Any]]) -> None:
        part = draw.part(rows)
        own = Draw(
            conditions={name: part.conditions[joined] for name, joined in member.values.items()},
            previous={name: part.previous[joined] for name, joined in member.values.items()},
            first=books["trials"] == 0,
            trial=books["trials"],
            outcome=books["outcome"],
            choice=books["choice"],
            reward=books["reward"],
            memory={name: part.memory[joined] for name, joined in member.memory.items()},
            dt=draw.dt,
            _keys=draw._keys[rows],
        )
        if member.task.sequence is not None:
            member.task.sequence(own)
        part.conditions |= {joined: own.conditions[name] for name, joined in member.values.items()}
        part.memory |= {joined: own.memory[name] for name, joined in member.memory.items()}
        draw.take(part, rows)

    def pay(self, response: Response) -> None:
        """Price each response as its task does."""
        number = response.conditions[self.condition]
        for k, member in enumerate(self.members, start=1):
            rows = np.flatnonzero(number == k)
            if not rows.size or member.task.pay is None:
                continue
            part = response.part(rows)
            whole, memory = part.conditions, part.memory
            part.conditions = {name: whole[joined] for name, joined in member.values.items()}
            part.memory = {name: memory[joined] for name, joined in member.memory.items()}
            part.period = part.period - member.offset
            member.task.pay(part)
            part.conditions = whole | {joined: part.conditions[name] for name, joined in member.values.items()}
            part.memory = memory | {joined: part.memory[name] for name, joined in member.memory.items()}
            response.take(part, rows)


def read_tasks(entries: Any, where: str) -> None:
    """Check a list of tasks.

    Raises:
        ArgumentError: It is no list of tasks; names the place.
    """
    if not isinstance(entries, tuple) or not entries:
        raise ArgumentError(f"{where} is {entries!r}; it is a list of names of tasks, or of mappings with a task.")
    for place, entry in enumerate(entries):
        if not isinstance(entry, str) and not (isinstance(entry, Mapping) and isinstance(entry.get("task"), str)):
            raise ArgumentError(
                f"{where}.{place} is {entry!r}; it is a name, or a mapping: {{task: go_nogo, timing: ...}}."
            )
        try:
            _made(entry)
        except NeuroparallelError as error:
            raise ArgumentError(f"{where}.{place}: {error}") from None


def _made(entry: Any) -> Task:
    if isinstance(entry, str):
        return make_task(entry)
    options = {name: value for name, value in entry.items() if name not in ("task", "preset", "params", "name")}
    return make_task(entry["task"], entry.get("preset"), **{**options, **entry.get("params", {})})


@lru_cache(maxsize=32)
def join_tasks(task: Task, entries: tuple[str | Frozen, ...], condition: str) -> JoinedTasks:
    """Join a task and further ones, once."""
    tasks: dict[str, Task] = {}
    for member, entry in ((task, Frozen()), *((_made(entry), entry) for entry in entries)):
        name = entry.get("name", member.task_name()) if isinstance(entry, Mapping) else member.task_name()
        while name in tasks:
            name = f"{name}_{len(tasks) + 1}"
        tasks[name] = member
    return JoinedTasks(tasks, condition)
