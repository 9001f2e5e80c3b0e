"""Food in two patches, for those who come first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, TaskError
from neuroparallel.rules import GroupDraw, Resolution, Rule
from neuroparallel.task import Memory, Task


@dataclass(frozen=True, kw_only=True)
class FirstCome(Rule):
    """Refill two patches in every trial and give an item each to those who arrive there, in order of arrival.

    What is not taken stays for the next trial, up to the capacity. Members who arrive in the same step are served in
    an order drawn by lot. Where all arrive alike, a forager's mean intake is the input of its patch divided by the
    foragers there, and nobody gains by moving if they are distributed as the inputs are: N_1 / N = r_1 / (r_1 + r_2),
    the ideal free distribution.

    Args:
        inputs: Items that are added to each patch per trial, 0 or more; a fraction is the chance of one more.
        capacity: Most items that lie in a patch; that of the members' task ``patch_choice``.
        value: What an item pays.

    Source:
        Fretwell & Lucas 1970, Acta Biotheor 19:16. Kennedy & Gray 1993, Oikos 68:158 (animals undermatch).
    """

    inputs: tuple[float, float] = (2.0, 1.0)
    capacity: int = 4
    value: float = 1.0

    tags: ClassVar = ("social", "foraging")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if min(self.inputs) < 0 or self.capacity < 1:
            raise ArgumentError(f"inputs are {self.inputs!r} and capacity {self.capacity!r}; 0 or more, and 1 or more.")

    def check(self, players: Sequence[Task]) -> None:
        """Two members or more, who see stocks of the same capacity."""
        self.need_players(players, 2)
        for task in players:
            known = {"stock_1", "stock_2"} <= set(task.conditions().names)
            if not known or getattr(task, "capacity", None) != self.capacity:
                raise TaskError(
                    f"first_come: {task.task_name()} does not show two stocks of {self.capacity} items at most; it "
                    f"needs patch_choice with capacity: {self.capacity}."
                )

    def memory(self) -> dict[str, Memory]:
        return {"stock_1": Memory(0, np.int64), "stock_2": Memory(0, np.int64)}

    def draw(self, draw: GroupDraw) -> None:
        """Add what comes in, as much as fits."""
        for name, rate in zip(("stock_1", "stock_2"), self.inputs, strict=True):
            whole = int(rate)
            more = whole + (draw.random(f"input.{name}") < rate - whole)
            draw.memory[name] = np.minimum(draw.memory[name] + more, self.capacity)
        for player in range(len(draw.given)):
            draw.give(player, stock_1=draw.memory["stock_1"], stock_2=draw.memory["stock_2"])

    def resolve(self, end: Resolution) -> None:
        """Serve those who came, each after all that were there before."""
        tickets = [end.random(f"lot.{player}") for player in range(len(end.choice))]
        for player in range(len(end.choice)):
            before = self._before(end, tickets, player)
            for patch, name in ((1, "stock_1"), (2, "stock_2")):
                served = (end.choice[player] == patch) & (before < end.memory[name])
                end.pay[player] += np.where(served, self.value, 0.0)
        for patch, name in ((1, "stock_1"), (2, "stock_2")):
            came = np.zeros(len(end), np.int64)
            for choice in end.choice:
                came = came + (choice == patch)
            end.memory[name] = np.maximum(end.memory[name] - came, 0)

    @staticmethod
    def _before(end: Resolution, tickets: list[NDArray[np.float64]], player: int) -> NDArray[np.int64]:
        """How many are served in the same patch before a player, int64 (n,)."""
        before = np.zeros(len(end), np.int64)
        for other in range(len(end.choice)):
            if other != player:
                same = end.choice[other] == end.choice[player]
                tie = end.time[other] == end.time[player]
                sooner = (end.time[other] < end.time[player]) | (tie & (tickets[other] > tickets[player]))
                before = before + (same & sooner)
        return before
