"""Inspection: to work or to shirk, to look or to trust."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from numpy import where

from neuroparallel.errors import ArgumentError, TaskError
from neuroparallel.rules import GroupDraw, Resolution, Rule
from neuroparallel.task import Factorial, Memory, Task

WORK, SHIRK = 1, 2
INSPECT, TRUST = 1, 2


@dataclass(frozen=True, kw_only=True)
class Inspection(Rule):
    """A worker works (1) or shirks (2), and an employer inspects (1) or does not (2); inspections cost what they cost.

    The worker gets the wage unless it is found shirking, and spends effort if it works. The employer gets the output
    of work, and spends the wage where it is paid and the cost of its inspection. In equilibrium the worker shirks
    with probability cost / wage, and the employer inspects with probability effort / wage. The cost of an inspection
    lasts for a block of trials and is told to nobody.

    Args:
        wage: Above 0.
        effort: What work costs the worker, 0 to ``wage``.
        output: What work is worth to the employer; it moves no equilibrium.
        costs: What an inspection may cost, each 0 to ``wage``; drawn at random for every block.
        block: Trials of a block, 1 or more.
        miss: What both get if one of them makes no choice; less than the employer can make sure of, so that it does not
            stay away where inspections are dear.

    Source:
        Dorris & Glimcher 2004, Neuron 44:365 (the output's value and the length of a block are ours).
    """

    wage: float = 1.0
    effort: float = 0.5
    output: float = 2.0
    costs: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    block: int = 150
    miss: float = -1.0

    tags: ClassVar = ("game", "social")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if not 0 <= self.effort <= self.wage or self.wage == 0:
            raise ArgumentError(f"effort is {self.effort!r} and wage {self.wage!r}; 0 <= effort <= wage, wage above 0.")
        if not self.costs or not all(0 <= cost <= self.wage for cost in self.costs):
            raise ArgumentError(
                f"costs is {self.costs!r}; it is one number or more, each 0 to the wage, {self.wage:g}."
            )
        if self.block < 1:
            raise ArgumentError(f"block is {self.block!r}; a block has 1 trial or more.")

    def check(self, players: Sequence[Task]) -> None:
        """Two members: a worker and an employer, with two choices each."""
        self.need_players(players, 2, 2)
        if any(len(player.action_names()) != 3 for player in players):
            raise TaskError("inspection: a worker and an employer have two choices each; write options: 2.")

    def conditions(self) -> Factorial:
        return Factorial(cost=self.costs)

    def memory(self) -> dict[str, Memory]:
        return {"cost": Memory(0.0)}

    def draw(self, draw: GroupDraw) -> None:
        """Keep the cost of the block."""
        cost = where(draw.trial % self.block == 0, draw.conditions["cost"], draw.memory["cost"])
        draw.conditions["cost"] = draw.memory["cost"] = cost

    def resolve(self, end: Resolution) -> None:
        """Pay wage, effort, output and inspection."""
        worker, employer = end.choice
        works, inspects = worker == WORK, employer == INSPECT
        paid = where(works | ~inspects, self.wage, 0.0)
        both = (worker > 0) & (employer > 0)
        end.pay[0] = where(both, paid - where(works, self.effort, 0.0), self.miss)
        gained = where(works, self.output, 0.0) - paid - where(inspects, end.conditions["cost"], 0.0)
        end.pay[1] = where(both, gained, self.miss)
