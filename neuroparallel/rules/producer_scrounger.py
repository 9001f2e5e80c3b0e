"""Producers and scroungers: search for food, or join those who have found some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroparallel.errors import ArgumentError, TaskError
from neuroparallel.rules import Resolution, Rule
from neuroparallel.task import Task

PRODUCE, SCROUNGE = 1, 2


@dataclass(frozen=True, kw_only=True)
class ProducerScrounger(Rule):
    """Members who produce (choice 1) find food at times; those who scrounge (choice 2) share all that is found.

    The finder has some items for itself before the scroungers arrive, and divides the rest evenly with all of them.
    Producing and scrounging earn the same if 1 - advantage / food - 1 / members of the group scrounge. Who makes no
    choice gets nothing.

    Args:
        found: Probability that a producer finds food in a trial, above 0, at most 1.
        food: Items in a find, above 0.
        advantage: Items that the finder has before others come, 0 to ``food``.

    Source:
        Vickery et al. 1991, Am Nat 137:847; Giraldeau & Caraco 2000, Social Foraging Theory, Princeton University
        Press.
    """

    found: float = 0.5
    food: float = 10.0
    advantage: float = 2.0

    tags: ClassVar = ("game", "social", "foraging")
    notes: ClassVar[tuple[str, ...]] = ("finds", "scroungers")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if not 0 < self.found <= 1:
            raise ArgumentError(f"found is {self.found!r}; it is a probability above 0, at most 1.")
        if not 0 <= self.advantage <= self.food or self.food == 0:
            raise ArgumentError(
                f"advantage is {self.advantage!r} and food {self.food!r}; 0 <= advantage <= food, and food above 0."
            )

    def check(self, players: Sequence[Task]) -> None:
        """Two members or more, with two choices each."""
        self.need_players(players, 2)
        if any(len(player.action_names()) != 3 for player in players):
            raise TaskError("producer_scrounger: to produce and to scrounge are two choices; write options: 2.")

    def resolve(self, end: Resolution) -> None:
        """Let producers find food by chance, and scroungers join them all."""
        lucky = [
            (choice == PRODUCE) & (end.random(f"find.{player}") < self.found)
            for player, choice in enumerate(end.choice)
        ]
        finds, scroungers = np.zeros(len(end)), np.zeros(len(end))
        for choice, luck in zip(end.choice, lucky, strict=True):
            finds = finds + luck
            scroungers = scroungers + (choice == SCROUNGE)
        part = (self.food - self.advantage) / (1 + scroungers)
        for player, luck in enumerate(lucky):
            end.pay[player] = np.where(luck, self.advantage + part, 0.0)
            end.pay[player] += np.where(end.choice[player] == SCROUNGE, finds * part, 0.0)
        end.conditions["finds"], end.conditions["scroungers"] = finds, scroungers
