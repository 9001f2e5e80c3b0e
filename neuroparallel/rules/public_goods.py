"""Public goods: what one gives is multiplied and shared by all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError
from neuroparallel.rules import Resolution, Rule
from neuroparallel.task import Task


@dataclass(frozen=True, kw_only=True)
class PublicGoods(Rule):
    """Each member keeps what it does not give, and gets a share of what all of them give.

    A member's first choice is to give nothing, its last one to give the whole endowment, and those between divide it
    evenly. With a share below 1 it pays to give nothing, whatever the others do; with a share above 1 / members all
    are better off if all give everything. Who makes no choice gives nothing and gets ``miss``.

    Args:
        endowment: What each has at the start of a trial, above 0.
        share: What each member gets of every unit that is given (marginal per capita return), above 0.
        miss: What a member gets that makes no choice.

    Source:
        Fehr & Gächter 2000, Am Econ Rev 90:980 (four members, 20 units, share .4; without punishment, for which
        see ``costly_punishment``).
    """

    endowment: float = 20.0
    share: float = 0.4
    miss: float = 0.0

    tags: ClassVar = ("game", "social")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if not (self.endowment > 0 and self.share > 0):
            raise ArgumentError(f"endowment is {self.endowment!r} and share {self.share!r}; both are above 0.")

    def check(self, players: Sequence[Task]) -> None:
        """Two members or more, who have something to choose between."""
        self.need_players(players, 2)
        self.need_choices(players, 2)

    def resolve(self, end: Resolution) -> None:
        """Share the pool evenly."""
        end.pay[:] = self.shared(end.choice, end.options)

    def shared(self, choices: NDArray[np.int64], options: Sequence[int]) -> NDArray[np.float64]:
        """What members earn by what they give.

        Args:
            choices: int64, (members, n). 0 for none.
            options: How many choices each member has.

        Returns:
            float64, (members, n).
        """
        given = [
            self.endowment * np.maximum(choice - 1, 0) / (most - 1)
            for choice, most in zip(choices, options, strict=True)
        ]
        pool = np.zeros(choices.shape[1])
        for gift in given:
            pool = pool + gift
        kept = [self.endowment - gift + self.share * pool for gift in given]
        return np.where(choices > 0, np.stack(kept), self.miss)
