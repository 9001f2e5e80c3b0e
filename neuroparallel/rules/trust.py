"""Trust: what is sent grows, and some of it may come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroparallel.errors import ArgumentError
from neuroparallel.rules import Resolution, Rule
from neuroparallel.task import Task


@dataclass(frozen=True, kw_only=True)
class Trust(Rule):
    """The first member sends a part of its endowment, which grows on its way, and the second one returns a part.

    The investor's first choice is to send nothing, its last one to send everything; the trustee's first choice is to
    return nothing of what has arrived, its last one to return all of it; those between divide it evenly. Who makes no
    choice sends, or returns, nothing and gets ``miss``.

    Args:
        endowment: What the investor has, above 0.
        factor: By what it is multiplied on its way to the trustee, above 0.
        miss: What a member gets that makes no choice.

    Source:
        Berg, Dickhaut & McCabe 1995, Games Econ Behav 10:122; 20 units, ten rounds: King-Casas et al. 2005, Science
        308:78.
    """

    endowment: float = 20.0
    factor: float = 3.0
    miss: float = 0.0

    tags: ClassVar = ("game", "social")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if not (self.endowment > 0 and self.factor > 0):
            raise ArgumentError(f"endowment is {self.endowment!r} and factor {self.factor!r}; both are above 0.")

    def check(self, players: Sequence[Task]) -> None:
        """Two members, an investor and a trustee, who have something to choose between."""
        self.need_players(players, 2, 2)
        self.need_choices(players, 2)

    def resolve(self, end: Resolution) -> None:
        """Multiply what is sent, and send back what is returned."""
        sent = self.endowment * np.maximum(end.choice[0] - 1, 0) / (end.options[0] - 1)
        arrived = self.factor * sent
        returned = arrived * np.maximum(end.choice[1] - 1, 0) / (end.options[1] - 1)
        end.pay[0] = np.where(end.choice[0] > 0, self.endowment - sent + returned, self.miss)
        end.pay[1] = np.where(end.choice[1] > 0, arrived - returned, self.miss)
