"""Delayed match to sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import one_of, probability, whole_number
from neuroparallel.task import Actions, Channels, Criterion, Factorial, Rewards, Rows, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

MATCH, NONMATCH = 1, 2


@dataclass(frozen=True, kw_only=True)
class DelayedMatchToSample(Task):
    """Say whether the test is the same as the sample seen before the delay.

    A non-matching test is any of the other items, with equal probability.

    Args:
        items: How many different stimuli there are, 2 to 100; as many channels show them.
        code: ``"ring"``: directions on a circle, each channel tuned to one as 0.5 + 0.5 cos;
            ``"items"``: one channel per item.
        match_probability: Share of trials in which the test matches.
        sigma: Noise of the stimulus channels for one ms; a step of dt ms has s.d. sigma / sqrt(dt).

    Source:
        Miller, Erickson & Desimone 1996, J Neurosci 16:5154.
    """

    items: int = 2
    code: Literal["ring", "items"] = "ring"
    match_probability: float = 0.5
    sigma: float = 1.0
    timing: Timing = Timing(fixation=300, sample=500, delay=1000, test=500, decision=900)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(fixation=1, stimulus=2, noise={"stimulus": "sigma"})
    actions: ClassVar = Actions("fixate", "match", "nonmatch")
    criterion: ClassVar = Criterion(source="four fifths of the way from chance; one half needs no memory")
    tags: ClassVar = ("perceptual", "working_memory", "two_alternative")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"neurogym": {"early": "penalty"}}

    def __post_init__(self) -> None:
        """Check the items."""
        super().__post_init__()
        one_of(self.code, ("ring", "items"), "code")
        whole_number(self.items, "items", 2, 100)
        probability(self.match_probability, "match_probability")

    def channel_groups(self) -> Channels:
        return Channels(fixation=1, stimulus=self.items, noise={"stimulus": "sigma"})

    def conditions(self) -> Factorial:
        numbers = range(1, self.items + 1)
        pairs = [(sample, test) for sample in numbers for test in numbers]
        other = (1 - self.match_probability) / (self.items - 1)
        return Factorial(
            pair=Rows(
                sample=[sample for sample, _ in pairs],
                test=[test for _, test in pairs],
                weights=[self.match_probability if a == b else other for a, b in pairs],
            )
        )

    def define(self, trial: Trial) -> None:
        trial.show("fixation", during=("fixation", "sample", "delay", "test"))
        trial.show("stimulus", self._encode(trial.sample), during="sample")
        trial.show("stimulus", self._encode(trial.test), during="test")
        right = np.where(trial.sample == trial.test, MATCH, NONMATCH)
        trial.answer(right, during="decision")

    def _encode(self, item: NDArray[np.int64]) -> NDArray[np.float64]:
        """What the channels show of an item; int64 (n,) to float64 (n, items)."""
        away = item[:, None] - np.arange(1, self.items + 1)
        if self.code == "items":
            return np.where(away == 0, 1.0, 0.0)
        return 0.5 + 0.5 * np.cos(2 * np.pi * away / self.items)
