"""Ultimatum: take it, or nobody gets anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroparallel.errors import ArgumentError, TaskError
from neuroparallel.rule import Resolution, Rule
from neuroparallel.task import Task

ACCEPT = 1


@dataclass(frozen=True, kw_only=True)
class Ultimatum(Rule):
    """The first member offers a part of the pie, and the second one accepts it, or nobody gets anything.

    The proposer's first choice is to offer nothing, its last one to offer the whole pie, and those between divide it
    evenly. The responder's choice 1 accepts and choice 2 refuses; no choice refuses too.

    Args:
        pie: What there is to divide, above 0.

    Source:
        Güth, Schmittberger & Schwarze 1982, J Econ Behav Organ 3:367; ten units: Sanfey et al. 2003, Science
        300:1755.
    """

    pie: float = 10.0

    tags: ClassVar = ("game", "social")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if not self.pie > 0:
            raise ArgumentError(f"pie is {self.pie!r}; it is above 0.")

    def check(self, players: Sequence[Task]) -> None:
        """Two members: a proposer, and a responder who has two choices."""
        self.need_players(players, 2, 2)
        if len(players[1].action_names()) != 3:
            raise TaskError(
                "ultimatum: the second member accepts or refuses, so it needs two choices; write options: 2."
            )

    def resolve(self, end: Resolution) -> None:
        """Pay both, if they agree."""
        proposed, answer = end.choice
        offer = self.pie * (proposed - 1) / (end.options[0] - 1)
        agreed = (proposed > 0) & (answer == ACCEPT)
        end.pay[0] = np.where(agreed, self.pie - offer, 0.0)
        end.pay[1] = np.where(agreed, offer, 0.0)
