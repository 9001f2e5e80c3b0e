"""Pay those who act together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroparallel.errors import ArgumentError
from neuroparallel.rules import Resolution, Rule
from neuroparallel.task import Task

ROUNDING = 1e-6  # ms


@dataclass(frozen=True, kw_only=True)
class Together(Rule):
    """Pay all members if all acted within a short time of each other; only then they go on to ``then``.

    The first one to act opens the window. Two who act at random, each with probability p per step, act in the same
    step in a share s = p / (2 - p) of the trials in which somebody acts, and succeed in a share
    1 - (1 - s) (1 - p)^(within / dt) of them. Let the group lose ``patience`` as soon as the
    window closes, and the trial is over for all.

    The notes say whether it worked, and how far apart the first and the last action were (ms; nan if one of the
    members did not act in time).

    Args:
        within: Longest time between the first and the last action, ms.
        reward: What each member is paid if it worked.
        alone: What a member is paid who acted in vain; as much as ``reward`` to pay each for itself.

    Source:
        Meisner et al. 2024, eLife 13:97088 (1 s).
    """

    within: float = 1000.0
    reward: float = 1.0
    alone: float = 0.0

    tags: ClassVar = ("social", "cooperation")
    notes: ClassVar = ("together", "interval_ms")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if self.within < 0:
            raise ArgumentError(f"within is {self.within!r}; it is a time in ms, 0 or more.")

    def check(self, players: Sequence[Task]) -> None:
        """Two members or more."""
        self.need_players(players, 2)

    def resolve(self, end: Resolution) -> None:
        """Compare the times of all actions."""
        acted = end.choice > 0
        time = np.where(acted, end.time, np.nan)
        interval = np.maximum.reduce(time) - np.minimum.reduce(time)  # nan if one is missing
        worked = interval <= self.within + ROUNDING
        end.pay[:] = np.where(worked, self.reward, np.where(acted, self.alone, 0.0))
        end.again &= worked
        end.conditions.update(together=worked, interval_ms=interval)
