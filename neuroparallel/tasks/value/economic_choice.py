"""Economic choice between two juices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy import where

from neuroparallel.errors import ArgumentError
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Actions, Channels, Criterion, Factorial, Rewards, Rows, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing, Uniform

OFFERS = ((0, 1), (1, 3), (1, 2), (1, 1), (2, 1), (3, 1), (4, 1), (6, 1), (2, 0))  # (B, A)


@dataclass(frozen=True, kw_only=True)
class EconomicChoice(Task):
    """Choose between some drops of juice B and some of the better juice A.

    The reward is what the chosen offer is worth in juice; the offer of higher value is right, and
    both are where they are worth the same. Channels tell the juice of either offer, and its amount
    in units of five drops.

    Args:
        offers: Drops of B and of A, as (B, A) pairs; either may stand first.
        sigma: Noise of the amounts for one ms; a step of dt ms has s.d. sigma / sqrt(dt).
        rewards: ``drop_a`` and ``drop_b`` are what a drop is worth; ``correct`` and ``error`` come
            on top.

    Source:
        Padoa-Schioppa & Assad 2006, Nature 441:223: one drop of A is worth 2.2 of B. Preset
        ``paper``: as in Song, Yang & Wang 2017, eLife 6:e21492; its periods need dt = 10, 25 or 50
        ms.
    """

    offers: tuple[tuple[int, int], ...] = OFFERS
    sigma: float = 0.0
    timing: Timing = Timing(fixation=1500, offer=Uniform(1000, 2000), decision=700)
    rewards: Rewards = Rewards(correct=0.0, error=0.0, abort=-0.1, miss=0.0, drop_a=0.22, drop_b=0.1)

    channels: ClassVar = Channels(
        fixation=1, juice=("a1", "b1", "a2", "b2"), amount=("1", "2"), noise={"amount": "sigma"}
    )
    actions: ClassVar = Actions("fixate", "offer_1", "offer_2")
    criterion: ClassVar = Criterion(
        source="Song, Yang & Wang 2017, eLife 6:e21492 (rule for stopping training)", correct=0.95
    )
    tags: ClassVar = ("value", "two_alternative")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "neurogym": {"early": "penalty"},
        "paper": {"sigma": 0.2**0.5, "timing": {"fixation": 750, "decision": 750}},
    }

    def __post_init__(self) -> None:
        """Check the offers."""
        super().__post_init__()
        offers = tuple(tuple(int(drops) for drops in offer) for offer in self.offers)
        if not offers or any(len(offer) != 2 or min(offer) < 0 for offer in offers):
            raise ArgumentError(f"offers is {self.offers!r}; an offer is (drops of B, drops of A), 0 or more.")
        object.__setattr__(self, "offers", offers)

    def conditions(self) -> Factorial:
        drops = Rows(drops_b=[b for b, _ in self.offers], drops_a=[a for _, a in self.offers])
        return Factorial(offer=drops, a_first=(True, False))

    def define(self, trial: Trial) -> None:
        first = trial.a_first
        drops = (
            where(first, trial.drops_a, trial.drops_b),
            where(first, trial.drops_b, trial.drops_a),
        )
        trial.show("fixation", during=("fixation", "offer"))
        trial.show("juice", per_channel=(first, ~first, ~first, first), during="offer")
        trial.show("amount", per_channel=(drops[0] / 5, drops[1] / 5), during="offer")
        a, b = self.rewards["drop_a"], self.rewards["drop_b"]
        value = (drops[0] * where(first, a, b), drops[1] * where(first, b, a))
        best = np.maximum(*value) - 1e-9  # equal values may differ in their last digit
        trial.choose(during="decision", truth=where(value[0] >= best, 1, 2))
        trial.on("timeout", during="decision", outcome="miss", then=None)
        for offer, worth in zip((1, 2), value, strict=True):
            right = worth >= best
            trial.on(
                offer,
                during="decision",
                outcome=where(right, Outcome.CORRECT, Outcome.ERROR).astype(np.uint8),
                reward=worth + where(right, self.rewards["correct"], self.rewards["error"]),
                then=None,
            )
