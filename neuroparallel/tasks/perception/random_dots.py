"""Random-dot motion discrimination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy import where

from neuroparallel.records.evidence import Evidence
from neuroparallel.task import Actions, Channels, Criterion, Factorial, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing, TruncExp

LEFT, RIGHT = 1, 2


@dataclass(frozen=True, kw_only=True)
class RandomDots(Task):
    """Report the net direction of noisy motion.

    Two channels carry the evidence for left and right, with means (1 + c) / 2 and (1 - c) / 2 at coherence c.

    Args:
        coherences: Strengths of motion, percent; one is drawn per trial.
        sigma: Noise of the evidence for one ms; a step of dt ms has s.d. sigma / sqrt(dt).
        evidence: Factor on all coherences.

    Source:
        Britten, Shadlen, Newsome & Movshon 1992, J Neurosci 12:4745. Timing of the preset ``paper``: Kiani,
        Hanks & Shadlen 2008, J Neurosci 28:3017, as in Song, Yang & Wang 2017, eLife 6:e21492.
    """

    coherences: tuple[float, ...] = (0.0, 6.4, 12.8, 25.6, 51.2)
    sigma: float = 1.0
    evidence: float = 1.0
    timing: Timing = Timing(fixation=100, stimulus=2000, delay=0, decision=100)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(fixation=1, motion=("left", "right"), noise={"motion": "sigma"})
    actions: ClassVar = Actions("fixate", "left", "right")
    criterion: ClassVar = Criterion(
        source="Song, Yang & Wang 2017, eLife 6:e21492 (rule for stopping training)", correct=0.8
    )
    value_names: ClassVar = {"side": ()}
    tags: ClassVar = ("perceptual", "two_alternative")
    signature: ClassVar = "psychometric"
    evidence_columns: ClassVar = Evidence()
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "neurogym": {"early": "penalty"},
        "paper": {
            "sigma": 2**0.5,
            "timing": {"fixation": 750, "stimulus": TruncExp(330, 80, 1500), "decision": 500},
        },
    }

    def conditions(self) -> Factorial:
        return Factorial(side=(LEFT, RIGHT), coherence=self.coherences)

    def define(self, trial: Trial) -> None:
        toward = 0.5 + self.evidence * trial.coherence / 200
        left = where(trial.side == LEFT, toward, 1 - toward)
        trial.show("fixation", during=("fixation", "stimulus", "delay"))
        trial.show("motion", per_channel=(left, 1 - left), during="stimulus")
        trial.answer(trial.side, during="decision")
