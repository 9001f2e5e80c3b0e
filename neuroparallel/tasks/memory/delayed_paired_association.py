"""Delayed paired association."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy import where

from neuroparallel.task import Actions, Channels, Criterion, Factorial, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

WITHHOLD, LICK = 0, 1


@dataclass(frozen=True, kw_only=True)
class DelayedPairedAssociation(Task):
    """Lick if the test odour is the partner of the sample odour, which has to be remembered.

    Sample 1 goes with test 1 and sample 2 with test 2. Neither odour alone says what is right. The
    first lick in the response window is the answer, and the window stays open for its whole time,
    so that trials have one length.

    Args:
        sigma: Noise of the odour channels for one ms; a step of dt ms has s.d. sigma / sqrt(dt).

    Source:
        Zhang, Yan, Wang et al. 2019, eLife 8:e43191. Preset ``paper``: that laboratory's protocol
        (Bio-protocol r8619008): odours of 1 s, a delay of 5 s, a response window of 0.5 s that
        opens 1 s after the test, a reward for hits, and no punishment for anything. To lick in
        every trial earns most there; the size of the reward, and sigma, are not from it.
    """

    sigma: float = 1.0
    timing: Timing = Timing(fixation=0, sample=1000, delay=1000, test=1000, response_delay=1000, decision=500, iti=0)
    rewards: Rewards = Rewards(correct=1.0, error=-1.0, abort=-0.1, miss=0.0, withheld=0.0)

    channels: ClassVar = Channels(fixation=1, sample=2, test=2, noise={"sample": "sigma", "test": "sigma"})
    actions: ClassVar = Actions("withhold", "lick")
    criterion: ClassVar = Criterion(source="four fifths of the way from chance; one half needs no memory")
    tags: ClassVar = ("working_memory", "go_no_go", "olfactory")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "neurogym": {"sigma": 0.0, "early": "penalty"},
        "paper": {
            "early": "free",
            "timing": {"sample": 1000, "delay": 5000, "test": 1000, "response_delay": 1000, "decision": 500},
            "rewards": {"correct": 1.0, "error": 0.0, "abort": 0.0, "miss": 0.0, "withheld": 0.0},
        },
    }

    def conditions(self) -> Factorial:
        return Factorial(sample=(1, 2), test=(1, 2))

    def define(self, trial: Trial) -> None:
        trial.show("fixation", during=("fixation", "sample", "delay", "test", "response_delay"))
        trial.show("sample", per_channel=(trial.sample == 1, trial.sample == 2), during="sample")
        trial.show("test", per_channel=(trial.test == 1, trial.test == 2), during="test")
        paired = trial.sample == trial.test
        trial.answer(where(paired, LICK, WITHHOLD), during="decision", then="wait")
