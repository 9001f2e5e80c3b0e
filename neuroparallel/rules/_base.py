"""What couples the members of a group: the group's counterpart of a task.

A task says what is asked of one stream. A rule says what happens between streams: it may draw conditions for all of
them before their trials start, and once all have ended it pays what depends on several answers. Like the hooks of a
task its methods are called with arrays, one entry per lane that needs them, and may use elementwise operations only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import TaskError
from neuroparallel.seeding import Bits, mix, name_bits, normals, uniforms
from neuroparallel.task import Memory, Task, class_name, fitting_parameters
from neuroparallel.task.design import Factorial

__all__ = ["GroupDraw", "Resolution", "Rule"]


@dataclass
class _Moment:
    """What `draw` and `resolve` both know: arrays with one entry per lane.

    Attributes:
        conditions: By name, (n,). The group's conditions in the present trial; may be changed, and recorded.
        memory: By name, (n, ...). What the rule remembers from trial to trial; may be changed.
        trial: int64, (n,). Number of the group's trial within the session, 0 first.
    """

    conditions: dict[str, NDArray[Any]]
    memory: dict[str, NDArray[Any]]
    trial: NDArray[np.int64]
    _keys: Bits = field(repr=False)

    def __len__(self) -> int:
        return len(self.trial)

    def bits(self, purpose: str) -> Bits:
        """A random word per lane; the same purpose in the same trial always gives the same one."""
        return mix(self._keys + np.uint64(name_bits(f"{type(self).__name__.lower()}.{purpose}")))

    def random(self, purpose: str) -> NDArray[np.float64]:
        """A uniform number in [0, 1) per lane."""
        return uniforms(self.bits(purpose))

    def normal(self, purpose: str) -> NDArray[np.float32]:
        """A standard normal number per lane, float32."""
        words = self._keys + np.uint64(name_bits(f"{type(self).__name__.lower()}.{purpose}"))
        first, second = np.empty(len(words), np.float32), np.empty(len(words), np.float32)
        normals(words, first, second)
        return first


@dataclass
class GroupDraw(_Moment):
    """The trials that a group is about to start, to be shaped by `Rule.draw`.

    Attributes:
        first: bool, (n,). The first trial of a session.
        given: For each player the conditions imposed on its coming trial, (n,) by name; see `give`.
    """

    first: NDArray[np.bool_]
    given: tuple[dict[str, NDArray[Any]], ...]

    def give(self, player: int, **conditions: NDArray[Any]) -> None:
        """Impose conditions on the trial that a player is about to get, in place of what it would draw.

        Args:
            player: Its place in the group's list of streams, 0 first.
            **conditions: By name, (n,). The same names in every trial.
        """
        self.given[player].update({name: np.asarray(value) for name, value in conditions.items()})


@dataclass
class Resolution(_Moment):
    """A group's trial in which all members have ended, to be paid by `Rule.resolve`.

    Attributes:
        choice: int64, (players, n). What each player chose in time; 0 for none (a miss, an early response, a
            player who was cancelled or did not take part).
        outcome: uint8, (players, n). Codes of `neuroparallel.outcomes.Outcome`.
        time: float64, (players, n). ms from the start of the group's trial to the response; nan if there was none.
        message: float64, (players, n). What each player said when it answered, 0 to 1; 0 if it cannot speak.
        given: For each player the conditions of its trial, (n,) by name; not to be changed.
        options: How many choices each player has.
        pay: float64, (players, n). What each is paid on top of its task's rewards; zeros to be filled.
        again: bool, (n,). Where the members go on to the group's ``then`` period; all True to begin with.
    """

    choice: NDArray[np.int64]
    outcome: NDArray[np.uint8]
    time: NDArray[np.float64]
    message: NDArray[np.float64]
    given: tuple[Mapping[str, NDArray[Any]], ...]
    options: tuple[int, ...]
    pay: NDArray[np.float64]
    again: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What couples the members of a group.

    A subclass is a frozen dataclass: its fields are the parameters a user may change. It has either or both of two
    hooks; players are the group's streams in the order in which the scenario lists them.

    - ``draw(self, draw: GroupDraw)``, before the members' trials start: change the group's conditions that were
      drawn, and impose conditions on the members.
    - ``resolve(self, end: Resolution)``, once all members have ended: pay what depends on several answers.

    The group's `conditions` and the names in ``notes`` (numbers that the hooks may set among the conditions, 0
    otherwise) are columns of every member's row in the trial table.
    """

    tags: ClassVar[tuple[str, ...]] = ()
    notes: ClassVar[tuple[str, ...]] = ()

    draw: ClassVar[Callable[..., None] | None] = None
    resolve: ClassVar[Callable[..., None] | None] = None

    def __post_init__(self) -> None:
        fitting_parameters(self)

    @classmethod
    def rule_name(cls) -> str:
        """The name of the rule in scenario files: that of its class in lower case with underscores."""
        return class_name(cls)

    def conditions(self) -> Factorial:
        """The factors that are drawn once for the whole group at the start of each of its trials."""
        return Factorial()

    def memory(self) -> dict[str, Memory]:
        """Arrays that the rule remembers from trial to trial within a session."""
        return {}

    def check(self, players: Sequence[Task]) -> None:
        """Refuse players that the rule cannot serve; called when a scenario is read.

        Args:
            players: The tasks of the group's streams, in order.

        Raises:
            TaskError: The rule needs another number of players, or others.
        """

    def need_players(self, players: Sequence[Task], least: int, most: int | None = None) -> None:
        """Refuse a group of another size; what `check` calls where the number of players matters."""
        if len(players) < least or (most is not None and len(players) > most):
            wanted = f"{least}" if most == least else f"{least} or more" if most is None else f"{least} to {most}"
            raise TaskError(f"{self.rule_name()} is a rule for {wanted} streams; the group has {len(players)}.")

    def need_choices(self, players: Sequence[Task], least: int) -> None:
        """Refuse members with fewer choices; what `check` calls where these are parts of something."""
        for player in players:
            choices = player.action_names()[1:]
            if len(choices) < least:
                raise TaskError(
                    f"{self.rule_name()} needs {least} choices or more; {player.task_name()} has {len(choices)}: "
                    f"{', '.join(choices)}."
                )

    def parameters(self) -> dict[str, Any]:
        """All fields with their values."""
        return {spec.name: getattr(self, spec.name) for spec in dataclasses.fields(self)}
