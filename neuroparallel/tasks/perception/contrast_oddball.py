"""Which of two intervals held the display with the higher contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy import where

from neuroparallel.errors import ArgumentError
from neuroparallel.task import Actions, Channels, Factorial, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

FIRST, SECOND = 1, 2


@dataclass(frozen=True, kw_only=True)
class ContrastOddball(Task):
    """Say which of two brief displays, one after the other, had a target of higher contrast.

    The channel shows contrast in units of the baseline's; the target adds ``contrast / baseline``
    to it in one interval. The best subject compares the two intervals, whose difference is Gaussian:
    the chance of being right at contrast c is Phi(c / (baseline * s.d.)), with an s.d. of
    sigma * sqrt(2 / T) for intervals of T ms.

    Args:
        contrasts: What the target adds, percent; one is drawn per trial.
        baseline: Contrast of all other displays, percent; above 0.
        sigma: Noise of the contrast for one ms; a step of dt ms has s.d. sigma / sqrt(dt).

    Source:
        Bahrami, Olsen, Latham et al. 2010, Science 329:1081 (intervals of 85 ms and a gap of 1000 ms
        there; one of six Gabor patches is the target).
    """

    contrasts: tuple[float, ...] = (1.5, 3.5, 7.0, 15.0)
    baseline: float = 10.0
    sigma: float = 3.5
    timing: Timing = Timing(fixation=200, first=100, gap=200, second=100, decision=200)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(fixation=1, contrast=1, noise={"contrast": "sigma"})
    actions: ClassVar = Actions("fixate", "first", "second")
    value_names: ClassVar = {"interval": ()}
    tags: ClassVar = ("perceptual", "two_alternative")

    def __post_init__(self) -> None:
        """Refuse a baseline in whose units nothing can be shown."""
        super().__post_init__()
        if self.baseline <= 0:
            raise ArgumentError(f"baseline is {self.baseline!r}; it is a contrast in percent, above 0.")

    def conditions(self) -> Factorial:
        return Factorial(interval=(FIRST, SECOND), contrast=self.contrasts)

    def define(self, trial: Trial) -> None:
        added = trial.contrast / self.baseline
        trial.show("fixation", during=("fixation", "first", "gap", "second"))
        trial.show("contrast", 1 + where(trial.interval == FIRST, added, 0), during="first")
        trial.show("contrast", 1 + where(trial.interval == SECOND, added, 0), during="second")
        trial.answer(trial.interval, during="decision")
