"""Context-dependent decision."""

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
MOTION, COLOR = 1, 2


@dataclass(frozen=True, kw_only=True)
class ContextDecision(Task):
    """Report the motion or the color of the same dots, whichever the context asks for.

    Motion and color each have two channels with means (1 + c) / 2 and (1 - c) / 2. A context cue is
    on for the whole trial, and the fixation cue goes off when the answer is due. A subject that
    ignores the context and adds up both kinds of evidence is right in about three quarters of the
    trials.

    Args:
        coherences: Strengths of motion and of color, percent; drawn independently.
        sigma: Noise of the evidence for one ms; a step of dt ms has s.d. sigma / sqrt(dt).
        evidence: Factor on all coherences.

    Source:
        Mante, Sussillo, Shenoy & Newsome 2013, Nature 503:78. Preset ``paper``: as in Song, Yang &
        Wang 2017, eLife 6:e21492; its periods need dt = 10, 25 or 50 ms.
    """

    coherences: tuple[float, ...] = (5.0, 15.0, 50.0)
    sigma: float = 1.0
    evidence: float = 1.0
    timing: Timing = Timing(fixation=300, stimulus=700, delay=TruncExp(600, 300, 3000), decision=100)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(
        fixation=1,
        motion=("left", "right"),
        color=("left", "right"),
        context=("motion", "color"),
        noise={"motion": "sigma", "color": "sigma"},
    )
    actions: ClassVar = Actions("fixate", "left", "right")
    criterion: ClassVar = Criterion(
        source="Song, Yang & Wang 2017, eLife 6:e21492 (rule for stopping training)", correct=0.85
    )
    value_names: ClassVar = {"context": ("motion", "color"), "motion_side": (), "color_side": ()}
    tags: ClassVar = ("perceptual", "context", "two_alternative")
    signature: ClassVar = "psychometric"
    evidence_columns: ClassVar = Evidence(  # of the modality that the context asks for
        cue="context",
        kinds={MOTION: ("motion_coherence", "motion_side"), COLOR: ("color_coherence", "color_side")},
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "neurogym": {"early": "penalty"},
        "paper": {
            "sigma": 2.0,
            "timing": {
                "fixation": 750,
                "stimulus": 750,
                "delay": TruncExp(300, 300, 1500),
                "decision": 500,
            },
        },
    }

    def conditions(self) -> Factorial:
        return Factorial(
            context=(MOTION, COLOR),
            motion_side=(LEFT, RIGHT),
            color_side=(LEFT, RIGHT),
            motion_coherence=self.coherences,
            color_coherence=self.coherences,
        )

    def define(self, trial: Trial) -> None:
        trial.show("fixation", during=("fixation", "stimulus", "delay"))
        cue = (trial.context == MOTION, trial.context == COLOR)
        trial.show("context", per_channel=cue, during=tuple(self.timing))
        for name, side, coherence in (
            ("motion", trial.motion_side, trial.motion_coherence),
            ("color", trial.color_side, trial.color_coherence),
        ):
            toward = 0.5 + self.evidence * coherence / 200
            left = where(side == LEFT, toward, 1 - toward)
            trial.show(name, per_channel=(left, 1 - left), during="stimulus")
        right = where(trial.context == MOTION, trial.motion_side, trial.color_side)
        trial.answer(right, during="decision")
