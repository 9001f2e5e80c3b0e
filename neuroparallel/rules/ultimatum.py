"""Ultimatum: take it, or nobody gets anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroparallel.errors import ArgumentError, TaskError
from neuroparallel.rules import Resolution, Rule
from neuroparallel.task import Task

ACCEPT = 1


@dataclass(frozen=True, kw_only=True)
class Ultimatum(Rule):
    """The first member offers a part of the pie, and the second one accepts it, or nobody gets anything.

    The proposer's first choice is to offer nothing, its last one to offer the whole pie, and those between divide it
    evenly. The responder's choice 1 accepts and choice 2 refuses; no choice refuses too. Members come in pairs, each
    proposer before its responder, so that with a ``mix`` of two pairs the same subjects can change roles.

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
        """Pairs of members: a proposer, and a responder who has two choices."""
        self.need_players(players, 2)
        if len(players) % 2 or any(len(player.action_names()) != 3 for player in players[1::2]):
            raise TaskError("ultimatum: its streams are pairs, who offers and who answers by two choices (options: 2).")
        self.need_choices(players, 2)

    def resolve(self, end: Resolution) -> None:
        """Pay both of a pair, if they agree."""
        for proposer in range(0, len(end.choice), 2):
            proposed, answer = end.choice[proposer : proposer + 2]
            offer = self.pie * (proposed - 1) / (end.options[proposer] - 1)
            agreed = (proposed > 0) & (answer == ACCEPT)
            end.pay[proposer] = np.where(agreed, self.pie - offer, 0.0)
            end.pay[proposer + 1] = np.where(agreed, offer, 0.0)
