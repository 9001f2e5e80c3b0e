"""One level of difficulty for all members, which follows the errors of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, TaskError, whole_number
from neuroparallel.outcomes import Outcome
from neuroparallel.rules import GroupDraw, Resolution, Rule
from neuroparallel.task import Memory, Task
from neuroparallel.task.urn import Urn

MEMBERS = 8  # at most
HIGHEST = 9


@dataclass(frozen=True, kw_only=True)
class SharedLevel(Rule):
    """Make the next block of n-back tasks harder for all members, or easier, by the errors of all of them.

    After each block the level goes up by one if every member made fewer than ``few`` errors (misses included), and down
    by one if one of them made more than ``many``; otherwise it stays. It is 1 to 9. The members are ``n_back`` tasks
    with ``adaptive: together``, who all take part in every trial; the level is their condition ``n_back``.

    The rule also says which items are targets: in each block exactly as many for every member as its
    ``target_probability`` says, and of two members ``common`` at the same time. Every order is equally likely.

    Args:
        n: The level of the first block; that of the members.
        block: How many items a block has besides its lead-in; that of the members.
        few: Fewer errors than this, of each member, are few.
        many: More errors than this, of one member, are many; ``few`` or more.
        targets: How many targets a block has for each member; that of the members.
        common: How many of them two members have in common; if left out, as chance has it.

    Source:
        Jaeggi, Buschkuehl, Jonides & Perrig 2008, PNAS 105:6829 (blocks of 20 + n, fewer than 3, more than 5
        errors, 6 targets of which 2 are in common).
    """

    n: int = 2
    block: int = 20
    few: int = 3
    many: int = 5
    targets: int = 6
    common: int | None = None

    tags: ClassVar = ("dual_task", "working_memory")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if not 0 <= self.few <= self.many:
            raise ArgumentError(f"few is {self.few!r} and many {self.many!r}; 0 <= few <= many.")
        whole_number(self.targets, "targets", 0, self.block)
        if self.common is not None:
            least = max(0, 2 * self.targets - self.block)
            whole_number(self.common, "common", least, self.targets)

    def check(self, players: Sequence[Task]) -> None:
        """Members who leave the level to their group, and have blocks as long as this rule."""
        self.need_players(players, 1, MEMBERS)
        if self.common is not None and len(players) != 2:
            raise TaskError(f"shared_level: common is of two members; the group has {len(players)}.")
        wanted = {"adaptive": "together", "n": self.n, "block": self.block}
        for task in players:
            found = {name: getattr(task, name, None) for name in wanted}
            if found != wanted:
                raise TaskError(f"shared_level: its members are n_back with {wanted}; {task.task_name()} has {found}.")
            targets = round(task.target_probability * self.block)  # type: ignore[attr-defined]
            if targets != self.targets:
                raise TaskError(
                    f"shared_level: targets is {self.targets}, but a block of {task.task_name()} has {targets}; write "
                    f"targets: {targets}."
                )

    @cached_property
    def _urns(self) -> list[Urn]:
        """Of which the targets are drawn: one for two members that have some in common, else one for each."""
        if self.common is None:
            return [Urn(f"targets_{k + 1}", [self.block - self.targets, self.targets]) for k in range(MEMBERS)]
        alone = self.targets - self.common  # level 0: none, 1: the first member alone, 2: the second alone, 3: both
        return [Urn("targets", [self.block - 2 * alone - self.common, alone, alone, self.common])]

    def memory(self) -> dict[str, Memory]:
        counts = {"level": Memory(self.n, np.int64), "place": Memory(0, np.int64)}
        left = {name: memory for urn in self._urns for name, memory in urn.memory().items()}
        return {**counts, **left, "errors": Memory(np.zeros(MEMBERS, np.int64), np.int64)}

    def draw(self, draw: GroupDraw) -> None:
        """Change the level when a block is over, and give all members the level and their targets."""
        memory = draw.memory
        over = memory["place"] >= self.block + memory["level"]
        worst = np.maximum.reduce(memory["errors"], axis=1)
        moved = memory["level"] + (worst < self.few) - (worst > self.many)
        level = np.where(over, np.clip(moved, 1, HIGHEST), memory["level"])
        place = np.where(over, 0, memory["place"])
        memory["level"], memory["place"] = level, place + 1
        memory["errors"] = np.where(over[:, None], 0, memory["errors"])
        targets = self._targets(draw, place >= level, place == 0)
        for player in range(len(draw.given)):
            draw.give(player, n_back=level, target=targets[player])

    def _targets(self, draw: GroupDraw, drawn: NDArray[np.bool_], fresh: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
        """Which members have a target; none in the lead-in."""
        urns = self._urns
        if self.common is not None:
            level = urns[0].draw(draw, where=drawn, fresh=fresh)
            return [(level >> member & 1 == 1) & drawn for member in range(2)]
        return [(urn.draw(draw, where=drawn, fresh=fresh) == 1) & drawn for urn in urns[: len(draw.given)]]

    def resolve(self, end: Resolution) -> None:
        """Count the errors of each member."""
        errors = end.memory["errors"].copy()
        for player, outcome in enumerate(end.outcome):
            errors[:, player] += (outcome == Outcome.ERROR) | (outcome == Outcome.MISS)
        end.memory["errors"] = errors
