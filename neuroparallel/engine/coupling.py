"""What a group draws for all its members, and what its rule decides about them together; alike in both engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.layout import GroupSpec, StreamSpec
from neuroparallel.engine.trial_draws import Given
from neuroparallel.errors import TaskError, nearest
from neuroparallel.rules import GroupDraw, Resolution
from neuroparallel.seeding import Bits, mix, name_bits, pick, thresholds
from neuroparallel.task.design import Factorial, Levels
from neuroparallel.timing import Law

__all__ = ["MIX", "Coupling", "condition_dtypes", "group_conditions", "membership", "yoked_factors"]

MIX = np.uint64(name_bits("group.mix"))
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def membership(spec: GroupSpec) -> tuple[NDArray[np.bool_], Bits]:
    """Which streams take part in each entry of a mix, bool (entries, streams), and the cuts to draw one."""
    entries = spec.mix or ((spec.streams, 1.0),)
    table = np.array([[index in members for index in spec.streams] for members, _ in entries])
    return table, thresholds(np.array([weight for _, weight in entries]))


def group_conditions(spec: GroupSpec, members: Sequence[StreamSpec]) -> tuple[str, ...]:
    """Columns of the trial table that all streams of a group share: its trial number, its mix, and what it drew.

    Args:
        spec: The group.
        members: Its streams, in order.
    """
    names = ["group_trial"] * (len(spec.streams) > 1) + ["mix"] * bool(spec.mix)
    names += _onset_names(members).values()
    if spec.rule is not None:
        names += [*spec.rule.conditions().names, *spec.rule.notes]
    return tuple(names)


def _onset_names(members: Sequence[StreamSpec]) -> dict[int, str]:
    """The column of each drawn onset, by place in the group: the one asynchrony, or one for each stream.

    A time drawn from the end of a period on is not an asynchrony of onsets, so it has another name.
    """
    drawn = [place for place, stream in enumerate(members) if stream.onset.law is not None]
    words = {place: "after_ms" if members[place].onset.after >= 0 else "soa_ms" for place in drawn}
    if len(drawn) == 1:
        return words
    shorts = [members[place].short for place in drawn]
    unique = len(set(shorts)) == len(shorts)  # subjects may call their streams alike
    names = shorts if unique else [members[place].name.replace(".", "_") for place in drawn]
    return {place: f"{name}_{words[place]}" for place, name in zip(drawn, names, strict=True)}


def yoked_factors(spec: GroupSpec, members: Sequence[StreamSpec]) -> list[tuple[str, Levels | Law, tuple[int, ...]]]:
    """What is drawn once: name and law of the first member's factor, and the places of those who get it.

    Raises:
        TaskError: Fewer than two members have the condition, or not as one factor; says which have what.
    """
    designs = [stream.task.conditions() for stream in members]
    result: dict[str, tuple[str, Levels | Law, tuple[int, ...]]] = {}
    for name in spec.yoked:
        having = tuple(place for place, design in enumerate(designs) if name in design.names)
        if len(having) < 2:
            known = {stream.name: list(design.names) for stream, design in zip(members, designs, strict=True)}
            raise TaskError(f"yoked: {name!r} is no condition of two members; their conditions are {known}.")
        first = designs[having[0]]
        if name in first.laws:
            result[name] = (name, first.laws[name], having)
            continue
        key = next(k for k, f in first.factors.items() if name in (f.columns if f.columns is not None else (k,)))
        result[key] = (key, first.factors[key], having)
    return list(result.values())


class Coupling:
    """The conditions and the rule of a group in some lanes.

    Args:
        spec: The group.
        members: Its streams, in order.
        dt: Time step, ms.
        lanes: How many lanes there are.
    """

    def __init__(self, spec: GroupSpec, members: Sequence[StreamSpec], dt: float, lanes: int) -> None:
        self.spec, self.rule, self.dt, self.lanes = spec, spec.rule, dt, lanes
        self._members = tuple(members)
        self._options = tuple(len(stream.task.action_names()) - 1 for stream in members)
        self._yoked = yoked_factors(spec, members)
        self._known = [stream.task.conditions().names for stream in members]
        self._dtypes = [condition_dtypes(stream.task.conditions()) for stream in members]
        self._onsets: dict[int, tuple[str, int, Bits, int]] = {}
        for place, name in _onset_names(members).items():
            law, branch = members[place].onset.law, members[place].branch
            if law is not None:
                self._onsets[place] = (name, *law.steps(dt, up=True), name_bits(f"onset.{branch}"))
        self.onset_steps = {place: np.zeros(lanes, np.int64) for place in self._onsets}
        self.values: dict[str, NDArray[Any]] = {entry[0]: np.zeros(lanes) for entry in self._onsets.values()}
        self.memory: dict[str, NDArray[Any]] = {}
        self._given: tuple[dict[str, NDArray[Any]], ...] = tuple({} for _ in members)
        if self.rule is not None:
            self._design = self.rule.conditions()
            grid = self._design.values({name: np.zeros(1, np.int64) for name in self._design.factors})
            self.values |= {name: np.zeros(lanes, column.dtype) for name, column in grid.items()}
            self.values |= {name: np.zeros(lanes) for name in (*self._design.laws, *self.rule.notes)}
            for name, memory in self.rule.memory().items():
                initial = np.asarray(memory.initial, memory.dtype)
                self.memory[name] = np.broadcast_to(initial, (lanes, *initial.shape)).copy()
        self.draws = bool(self._onsets or self._yoked or self.rule is not None)
        onsets = [stream.onset for stream in members]
        self.delayed = any(onset.steps or onset.after >= 0 or onset.law is not None for onset in onsets)
        # A stream by itself, whose trial is over when its task says so, and followed by the next one at once.
        self.alone = len(members) == 1 and not (self.draws or self.delayed or spec.mix or spec.deadline or spec.then)

    def begin(self, lanes: Integers) -> None:
        """Forget, at the start of a session."""
        if self.rule is not None:
            for name, memory in self.rule.memory().items():
                self.memory[name][lanes] = np.asarray(memory.initial, memory.dtype)

    # ---- before a trial ----

    def draw(self, lanes: Integers, keys: Bits, trial: Integers, part: Sequence[Any]) -> None:
        """Draw what is common to the coming trials of some lanes.

        Args:
            lanes: int64, (n,).
            keys: uint64, (n,). Of the group's trials.
            trial: int64, (n,). Their numbers.
            part: Whether each member takes part: bool, or bool (n,). Who does not has no onset to record.
        """
        for place, (name, low, cuts, purpose) in self._onsets.items():
            steps = low + pick(cuts, mix(keys + np.uint64(purpose)))
            self.onset_steps[place][lanes] = steps
            self.values[name][lanes] = np.where(part[place], steps * self.dt, np.nan)
        given: tuple[dict[str, NDArray[Any]], ...] = tuple({} for _ in self._members)
        for name, factor, places in self._yoked:
            words = mix(keys + np.uint64(name_bits(f"condition.{name}")))
            columns = _drawn(name, factor, words)
            for place in places:
                given[place].update({key: column for key, column in columns.items() if key in self._known[place]})
        if self.rule is not None:
            self._apply_rule(lanes, keys, trial, given)
        for place, conditions in enumerate(given):
            self._impose(place, lanes, conditions)

    def _apply_rule(
        self, lanes: Integers, keys: Bits, trial: Integers, given: tuple[dict[str, NDArray[Any]], ...]
    ) -> None:
        """Draw the rule's own conditions, and let its `draw` hook change them and impose others."""
        assert self.rule is not None
        conditions: dict[str, NDArray[Any]] = {name: np.zeros(len(lanes)) for name in self.rule.notes}
        factors: dict[str, Levels | Law] = {**self._design.factors, **self._design.laws}
        for name, factor in factors.items():
            conditions |= _drawn(name, factor, mix(keys + np.uint64(name_bits(f"condition.{name}"))))
        if self.rule.draw is not None:
            rows = {name: array[lanes] for name, array in self.memory.items()}
            draw = GroupDraw(conditions, rows, trial, keys, trial == 0, given)
            self.rule.draw(draw)
            self._remember(lanes, draw.memory)
            conditions = draw.conditions
        for name in conditions:
            self.values[name][lanes] = conditions[name]

    def _remember(self, lanes: Integers, rows: Mapping[str, NDArray[Any]]) -> None:
        if len(rows) != len(self.memory):
            unknown = next(name for name in rows if name not in self.memory)
            raise TaskError(f"rule: it remembers {unknown!r}, which its memory() does not have: {list(self.memory)}.")
        for name, array in rows.items():
            self.memory[name][lanes] = array

    def _impose(self, place: int, lanes: Integers, conditions: Mapping[str, NDArray[Any]]) -> None:
        kept = self._given[place]
        for name, value in conditions.items():
            if name not in self._known[place]:
                raise TaskError(
                    f"the rule of {self.spec.name} imposes {name!r} on {self._members[place].name}, which has no such "
                    f"condition.{nearest(name, self._known[place])}"
                )
            if name not in kept:
                kept[name] = np.zeros(self.lanes, self._dtypes[place][name])
            kept[name][lanes] = value
            if (kept[name][lanes] != value).any():
                raise TaskError(
                    f"the rule of {self.spec.name} imposes {name} = {value[0]!r} on {self._members[place].name}, which "
                    f"is no {self._dtypes[place][name]}."
                )
        if kept.keys() != conditions.keys():
            raise TaskError(
                f"the rule of {self.spec.name} imposed {sorted(conditions)} on {self._members[place].name}, but "
                f"{sorted(kept)} in other trials; give the same conditions in every trial."
            )

    def given(self, place: int, lanes: Integers) -> Given:
        """The conditions imposed on the coming trials of a member, (n,) by name."""
        return {name: array[lanes] for name, array in self._given[place].items()}

    # ---- after it ----

    def resolve(
        self,
        lanes: Integers,
        keys: Bits,
        trial: Integers,
        choice: Integers,
        outcome: NDArray[np.uint8],
        time: Floats,
        message: Floats,
        given: tuple[Mapping[str, NDArray[Any]], ...],
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Let the rule pay for trials that have ended; see `Resolution` for its arguments.

        Returns:
            pay: float64, (players, n).
            again: bool, (n,). Which lanes go on to a further period.
        """
        pay, again = np.zeros(choice.shape), np.ones(len(lanes), bool)
        if self.rule is None or self.rule.resolve is None:
            return pay, again
        names = (*self._design.names, *self.rule.notes)
        end = Resolution(
            {name: self.values[name][lanes] for name in names},
            {name: array[lanes] for name, array in self.memory.items()},
            trial,
            keys,
            choice,
            outcome,
            time,
            message,
            given,
            self._options,
            pay,
            again,
        )
        self.rule.resolve(end)
        if len(end.conditions) != len(names):
            unknown = next(name for name in end.conditions if name not in names)
            raise TaskError(f"rule: it sets {unknown!r}, which is none of its conditions and notes: {list(names)}.")
        self._remember(lanes, end.memory)
        for name in names:
            self.values[name][lanes] = end.conditions[name]
        return np.asarray(end.pay, np.float64), np.asarray(end.again, bool)

    # ---- saving ----

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        return {
            "values": {name: array.copy() for name, array in self.values.items()},
            "memory": {name: array.copy() for name, array in self.memory.items()},
            "onsets": {place: array.copy() for place, array in self.onset_steps.items()},
            "given": [{name: array.copy() for name, array in kept.items()} for kept in self._given],
        }

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a saved state."""
        for mine, theirs in ((self.values, "values"), (self.memory, "memory"), (self.onset_steps, "onsets")):
            for name, array in saved[theirs].items():
                mine[name][:] = array
        self._given = tuple({name: array.copy() for name, array in kept.items()} for kept in saved["given"])


def condition_dtypes(design: Factorial) -> dict[str, np.dtype[Any]]:
    """The type of every condition of a design."""
    first = design.values({name: np.zeros(1, np.int64) for name in design.factors})
    return {name: column.dtype for name, column in first.items()} | dict.fromkeys(design.laws, np.dtype(np.float64))


def _drawn(name: str, factor: Levels | Law, words: Bits) -> dict[str, NDArray[Any]]:
    """Draw a factor, or a whole row of a conditions table; uint64 (n,) to (n,) per column."""
    if isinstance(factor, Law):
        return {name: factor.draw(words)}
    level = pick(factor.cuts, words)
    if factor.columns is None:
        return {name: factor.values[level]}
    return {key: column[level] for key, column in factor.columns.items()}
