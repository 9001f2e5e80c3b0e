"""Public goods with a second stage, in which members may punish each other at their own cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroparallel.errors import ArgumentError, TaskError
from neuroparallel.rules import Resolution
from neuroparallel.rules.public_goods import PublicGoods
from neuroparallel.task import Task


@dataclass(frozen=True, kw_only=True)
class CostlyPunishment(PublicGoods):
    """Give to a pool that is shared by all, and then take from others what they have, which costs the giver as well.

    The group lists the members' streams in which they give, and after them, in the same order, those in which they
    punish. There choice 1 (or none) punishes nobody and choice k + 1 the k-th of the others. To punish never pays by
    itself, and so nobody does who counts own earnings only; but where free riders are punished by more than they
    gain, ``points * factor`` above ``(1 - share) * endowment``, to give everything is best.

    Args:
        points: What it costs to punish somebody, 0 or more.
        factor: What the punished one loses for each of these points, 0 or more.

    Source:
        Fehr & Gächter 2002, Nature 415:137 (a point costs 1 and takes 3; there up to ten points for each of the others,
        here one amount for one of them).
    """

    points: float = 5.0
    factor: float = 3.0

    tags: ClassVar = ("game", "social")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if not (self.points >= 0 and self.factor >= 0):
            raise ArgumentError(f"points is {self.points!r} and factor {self.factor!r}; both are 0 or more.")

    def check(self, players: Sequence[Task]) -> None:
        """Those who give, and as many who punish, with a choice for nobody and for each of the others."""
        self.need_players(players, 4)
        members, odd = divmod(len(players), 2)
        if odd or any(len(player.action_names()) - 1 != members for player in players[members:]):
            raise TaskError(
                "costly_punishment: its streams are those that give and then as many that punish, with as many choices "
                f"as there are members (options: {members}): nobody, or one of the others."
            )
        self.need_choices(players[:members], 2)

    def resolve(self, end: Resolution) -> None:
        """Share the pool, then take from those who are punished and from those who punish."""
        members = len(end.choice) // 2
        end.pay[:members] = self.shared(end.choice[:members], end.options[:members])
        for punisher in range(members):
            others = [member for member in range(members) if member != punisher]
            for choice, punished in enumerate(others, start=2):
                hit = end.choice[members + punisher] == choice
                end.pay[members + punisher] -= np.where(hit, self.points, 0.0)
                end.pay[members + punished] -= np.where(hit, self.points * self.factor, 0.0)
