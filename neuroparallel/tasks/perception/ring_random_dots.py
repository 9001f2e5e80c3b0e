"""Random dots with many directions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from neuroparallel.errors import one_of, whole_number
from neuroparallel.task import Actions, Channels, Factorial, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing, TruncExp


@dataclass(frozen=True, kw_only=True)
class RingRandomDots(Task):
    """Report in which of many directions the dots move.

    A channel for each direction carries its evidence: with code ``"ring"`` 0.5 + c / 2 times the cosine of its angle to
    the true direction, at coherence c; with ``"items"`` (1 + c) / 2 for the true one and (1 - c) / 2 for all others.

    More directions are harder to tell apart. ``level`` makes up for that: coherences are multiplied by
    1.8467 ln n - 0.0410 for n directions that can be right (with `variable_choices_v0` as many as can be right
    at the time).

    Args:
        choices: How many directions there are, 2 to 64.
        coherences: Strengths of motion, percent; one is drawn per trial.
        sigma: Noise of the evidence for one ms; a step of dt ms has s.d. sigma / sqrt(dt).
        evidence: Factor on all coherences.
        code: ``"ring"`` or ``"items"``.
        level: Whether coherences grow with the number of directions.
        blank: With `variable_choices_v0` in order: whether directions that cannot be right at the time have no
            evidence at all, so that one sees how many can.

    Source:
        The n-choice task of Molano-Mazon et al. 2023, Curr Biol 33:622, with its factor on the coherences. Preset
        ``paper`` (dt = 100 ms): as in github.com/manuelmolano/structural_priors_paper, priors/params.py; preset
        ``neurogym``.
    """

    choices: int = 8
    coherences: tuple[float, ...] = (0.0, 6.4, 12.8, 25.6, 51.2)
    sigma: float = 1.0
    evidence: float = 1.0
    code: Literal["ring", "items"] = "ring"
    level: bool = False
    blank: bool = False
    timing: Timing = Timing(fixation=100, stimulus=2000, delay=0, decision=100)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(fixation=1, motion=8, noise={"motion": "sigma"})
    actions: ClassVar = Actions("fixate", *(f"direction_{k}" for k in range(1, 9)))
    value_names: ClassVar = {"direction": ()}
    tags: ClassVar = ("perceptual", "many_alternatives")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "neurogym": {"early": "penalty"},
        "paper": {
            "choices": 16,
            "evidence": 0.5,
            "code": "items",
            "level": True,
            "blank": True,
            # Theirs is (150, 100, 300), cut down to steps of 100 ms; ours is rounded: 66 % of one step, 34 % of two.
            "timing": {"stimulus": TruncExp(150, 50, 250)},
            "early": "free",
            "rewards": {"abort": 0.0},
        },
    }

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        whole_number(self.choices, "choices", 2, 64)
        one_of(self.code, ("ring", "items"), "code")

    def channel_groups(self) -> Channels:
        return Channels(fixation=1, motion=self.choices, noise={"motion": "sigma"})

    def action_names(self) -> Actions:
        return Actions("fixate", *(f"direction_{k}" for k in range(1, self.choices + 1)))

    def conditions(self) -> Factorial:
        return Factorial(direction=range(1, self.choices + 1), coherence=self.coherences)

    def define(self, trial: Trial) -> None:
        strength, directions = self.evidence * trial.coherence / 200, np.arange(1, self.choices + 1)
        possible = trial.conditions.get("alternatives", np.full(trial.n, self.choices))
        if self.level:
            factors = np.array([1.0, *(1.8467 * np.log(n) - 0.0410 for n in range(2, 65))])
            strength = strength * factors[possible - 1]
        away = trial.direction[:, None] - directions
        tuning = np.cos(2 * np.pi * away / self.choices) if self.code == "ring" else np.where(away == 0, 1.0, -1.0)
        motion = 0.5 + strength[:, None] * tuning
        if self.blank:
            motion = np.where(directions <= possible[:, None], motion, 0.0)
        trial.show("fixation", during=("fixation", "stimulus", "delay"))
        trial.show("motion", motion, during="stimulus")
        trial.answer(trial.direction, during="decision")
