"""Delayed comparison of two frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neuroparallel.errors import ArgumentError
from neuroparallel.task import Actions, Channels, Criterion, Factorial, Rewards, Rows, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing, Uniform

FIRST, SECOND = 1, 2


@dataclass(frozen=True, kw_only=True)
class DelayedComparison(Task):
    """Say which of two vibrations, separated by a delay, was the faster one.

    One channel shows the frequency, from 0.5 for the lowest one of all pairs to 1 for the highest.
    Either vibration alone predicts the answer in seven trials of ten with the pairs of the source:
    to do better one must compare.

    Args:
        pairs: Frequencies in Hz; each pair is shown in both orders.
        sigma: Noise of the vibration for one ms; a step of dt ms has s.d. sigma / sqrt(dt).

    Source:
        Romo, Brody, Hernandez & Lemus 1999, Nature 399:470; the pairs as in Barak, Tsodyks & Romo
        2010, J Neurosci 30:9424. Preset ``paper``: as in Song, Yang & Wang 2017, eLife 6:e21492;
        needs dt = 10, 25 or 50 ms.
    """

    pairs: tuple[tuple[float, float], ...] = ((18, 10), (22, 14), (26, 18), (30, 22), (34, 26))
    sigma: float = 1.0
    timing: Timing = Timing(fixation=500, stimulus_1=500, delay=1000, stimulus_2=500, decision=100)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(fixation=1, stimulus=1, noise={"stimulus": "sigma"})
    actions: ClassVar = Actions("fixate", "first", "second")
    criterion: ClassVar = Criterion(
        source="Song, Yang & Wang 2017, eLife 6:e21492 (rule for stopping training)", correct=0.97
    )
    tags: ClassVar = ("perceptual", "working_memory", "two_alternative")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "neurogym": {"early": "penalty"},
        "paper": {
            "sigma": 0.2**0.5,
            "timing": {"fixation": 750, "delay": Uniform(2700, 3300), "decision": 500},
        },
    }

    def __post_init__(self) -> None:
        """Check the pairs."""
        super().__post_init__()
        pairs = tuple(tuple(float(f) for f in pair) for pair in self.pairs)
        if not pairs or any(len(pair) != 2 or pair[0] == pair[1] for pair in pairs):
            raise ArgumentError(f"pairs is {self.pairs!r}; each pair has two different frequencies.")
        object.__setattr__(self, "pairs", pairs)

    def conditions(self) -> Factorial:
        shown = [*self.pairs, *(pair[::-1] for pair in self.pairs)]
        return Factorial(pair=Rows(f1=[f1 for f1, _ in shown], f2=[f2 for _, f2 in shown]))

    def define(self, trial: Trial) -> None:
        low, high = np.min(self.pairs), np.max(self.pairs)
        trial.show("fixation", during=("fixation", "stimulus_1", "delay", "stimulus_2"))
        for frequency, period in ((trial.f1, "stimulus_1"), (trial.f2, "stimulus_2")):
            trial.show("stimulus", (1 + (frequency - low) / (high - low)) / 2, during=period)
        trial.answer(np.where(trial.f1 > trial.f2, FIRST, SECOND), during="decision")
