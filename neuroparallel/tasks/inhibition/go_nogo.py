"""Go/no-go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy import where

from neuroparallel.task import Actions, Channels, Criterion, Factorial, Levels, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

WITHHOLD, LICK = 0, 1


@dataclass(frozen=True, kw_only=True)
class GoNogo(Task):
    """Lick after the go odour, withhold after the no-go odour.

    Withholding after the no-go odour is correct. The first lick in the response window is the
    answer, and the window stays open for its whole time, so that trials have one length.

    Args:
        sigma: Noise of the odour channels for one ms; a step of dt ms has s.d. sigma / sqrt(dt).
        go_probability: Share of go trials.

    Source:
        The go/no-go half of the dual task of Zhang, Yan, Wang et al. 2019, eLife 8:e43191; timing
        and rewards as in NeuroGym. Preset ``paper``: the timing and rewards (1 if right, -1 if wrong)
        of NeuroGym's DualTask of 2018, which follows it; not checked against the article.
    """

    sigma: float = 1.0
    go_probability: float = 0.5
    timing: Timing = Timing(fixation=0, stimulus=500, delay=500, decision=500, iti=0)
    rewards: Rewards = Rewards(correct=1.0, error=-0.5, abort=-0.1, miss=-0.5, withheld=0.0)

    channels: ClassVar = Channels(fixation=1, stimulus=("nogo", "go"), noise={"stimulus": "sigma"})
    actions: ClassVar = Actions("withhold", "lick")
    criterion: ClassVar = Criterion(
        source="0.95 of the trials; always or never to lick is right in one half", correct=0.95
    )
    tags: ClassVar = ("go_no_go", "delayed_response", "olfactory")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "neurogym": {"sigma": 0.0, "early": "penalty"},
        "paper": {
            "early": "penalty",
            "timing": {"stimulus": 600, "delay": 600, "decision": 400},
            "rewards": {"error": -1.0, "miss": -1.0, "withheld": 1.0},
        },
    }

    def conditions(self) -> Factorial:
        weights = (1 - self.go_probability, self.go_probability)
        return Factorial(go=Levels((False, True), weights))

    def define(self, trial: Trial) -> None:
        trial.show("fixation", during=("fixation", "stimulus", "delay"))
        trial.show("stimulus", per_channel=(~trial.go, trial.go), during="stimulus")
        trial.answer(where(trial.go, LICK, WITHHOLD), during="decision", then="wait")
