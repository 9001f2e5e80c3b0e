"""Post-decision wagering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy import where

from neuroparallel.records.evidence import Evidence
from neuroparallel.task import Actions, Channels, Criterion, Factorial, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing, TruncExp, Uniform

LEFT, RIGHT = 1, 2


@dataclass(frozen=True, kw_only=True)
class PostDecisionWager(Task):
    """Report the direction of noisy motion, or take a smaller but sure reward instead.

    On half of the trials a sure target appears in the delay (its channel is on from then to the
    end); choosing it pays ``rewards["sure"]`` and leaves the trial unscored. On the others it is
    not there, and choosing it is the same as holding. A subject that knows how sure it is takes the
    sure target when its chance of being right is below ``rewards["sure"] / rewards["correct"]``.

    Args:
        coherences: Strengths of motion, percent; one is drawn per trial.
        sigma: Noise of the evidence for one ms; a step of dt ms has s.d. sigma / sqrt(dt).
        evidence: Factor on all coherences.

    Source:
        Kiani & Shadlen 2009, Science 324:759. Timing of the preset ``paper``: as in Song, Yang &
        Wang 2017, eLife 6:e21492. They draw the whole delay (1200 to 1800 ms) and, within it, the
        onset of the sure target (500 to 750 ms); here ``delay`` lasts until that onset and
        ``wager`` from it to the go cue, with the same bounds for the sum.
    """

    coherences: tuple[float, ...] = (0.0, 3.2, 6.4, 12.8, 25.6, 51.2)
    sigma: float = 1.0
    evidence: float = 1.0
    timing: Timing = Timing(
        fixation=100,
        stimulus=TruncExp(180, 100, 900),
        delay=TruncExp(575, 500, 750),
        wager=TruncExp(775, 700, 1050),
        decision=100,
    )
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0, sure=0.7)

    channels: ClassVar = Channels(fixation=1, motion=("left", "right"), sure=1, noise={"motion": "sigma"})
    actions: ClassVar = Actions("fixate", "left", "right", "sure")
    criterion: ClassVar = Criterion(
        source="Song, Yang & Wang 2017, eLife 6:e21492 (rule for stopping training)", correct=0.79, ceiling="frugal"
    )
    value_names: ClassVar = {"side": ("left", "right")}
    tags: ClassVar = ("perceptual", "delayed_response", "working_memory", "confidence")
    signature: ClassVar = "psychometric"
    evidence_columns: ClassVar = Evidence()
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "neurogym": {"early": "penalty", "timing": {"delay": Uniform(500, 750)}},
        "paper": {"sigma": 2**0.5, "timing": {"fixation": 750, "decision": 500}},
    }

    def conditions(self) -> Factorial:
        return Factorial(side=(LEFT, RIGHT), coherence=self.coherences, wager=(False, True))

    def define(self, trial: Trial) -> None:
        toward = 0.5 + self.evidence * trial.coherence / 200
        left = where(trial.side == LEFT, toward, 1 - toward)
        trial.show("fixation", during=("fixation", "stimulus", "delay", "wager"))
        trial.show("motion", per_channel=(left, 1 - left), during="stimulus")
        trial.show("sure", trial.wager, during=("wager", "decision"))
        trial.answer(trial.side, during="decision")
        sure = self.rewards["sure"]
        trial.on("sure", during="decision", outcome="unscored", reward=sure, then=None)
        trial.allow("sure", where=trial.wager, during="decision")
