"""One level of difficulty for all members, which follows the errors of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroparallel.errors import ArgumentError, TaskError
from neuroparallel.outcomes import Outcome
from neuroparallel.rule import GroupDraw, Resolution, Rule
from neuroparallel.task import Memory, Task

MEMBERS = 8  # at most
HIGHEST = 9


@dataclass(frozen=True, kw_only=True)
class SharedLevel(Rule):
    """Make the next block of n-back tasks harder for all members, or easier, by the errors of all of them.

    After each block the level goes up by one if every member made fewer than ``few`` errors (misses included), and down
    by one if one of them made more than ``many``; otherwise it stays. It is 1 to 9. The members are ``n_back`` tasks
    with ``adaptive: together``, who all take part in every trial; the level is their condition ``n_back``.

    Args:
        n: The level of the first block; that of the members.
        block: How many items a block has besides its lead-in; that of the members.
        few: Fewer errors than this, of each member, are few.
        many: More errors than this, of one member, are many; ``few`` or more.

    Source:
        Jaeggi, Buschkuehl, Jonides & Perrig 2008, PNAS 105:6829 (blocks of 20 + n, fewer than 3, more than 5 errors).
    """

    n: int = 2
    block: int = 20
    few: int = 3
    many: int = 5

    tags: ClassVar = ("dual_task", "working_memory")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if not 0 <= self.few <= self.many:
            raise ArgumentError(f"few is {self.few!r} and many {self.many!r}; 0 <= few <= many.")

    def check(self, players: Sequence[Task]) -> None:
        """Members who leave the level to their group, and have blocks as long as this rule."""
        self.need_players(players, 1, MEMBERS)
        wanted = {"adaptive": "together", "n": self.n, "block": self.block}
        for task in players:
            found = {name: getattr(task, name, None) for name in wanted}
            if found != wanted:
                raise TaskError(f"shared_level: its members are n_back with {wanted}; {task.task_name()} has {found}.")

    def memory(self) -> dict[str, Memory]:
        counts = {"level": Memory(self.n, np.int64), "place": Memory(0, np.int64)}
        return {**counts, "errors": Memory(np.zeros(MEMBERS, np.int64), np.int64)}

    def draw(self, draw: GroupDraw) -> None:
        """Change the level when a block is over, and tell all members which one holds."""
        memory = draw.memory
        over = memory["place"] >= self.block + memory["level"]
        worst = np.maximum.reduce(memory["errors"], axis=1)
        moved = memory["level"] + (worst < self.few) - (worst > self.many)
        level = np.where(over, np.clip(moved, 1, HIGHEST), memory["level"])
        memory["level"], memory["place"] = level, np.where(over, 0, memory["place"]) + 1
        memory["errors"] = np.where(over[:, None], 0, memory["errors"])
        for player in range(len(draw.given)):
            draw.give(player, n_back=level)

    def resolve(self, end: Resolution) -> None:
        """Count the errors of each member."""
        errors = end.memory["errors"].copy()
        for player, outcome in enumerate(end.outcome):
            errors[:, player] += (outcome == Outcome.ERROR) | (outcome == Outcome.MISS)
        end.memory["errors"] = errors
