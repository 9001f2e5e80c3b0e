"""A lever that can be pulled at any time while it is free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from neuroparallel.task import Actions, Channels, Criterion, Factorial, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing


@dataclass(frozen=True, kw_only=True)
class LeverPull(Task):
    """Pull a lever, once, at any time while it is free.

    A pull is neither right nor wrong: the scenario's group says what it takes to be rewarded, such
    as the rule ``together``, and sends those who are to ``reward`` (write ``then: reward`` in the
    group). While the lever is locked pulls do nothing.

    Source:
        Meisner et al. 2024, eLife 13:97088 (MarmoAAP: two marmosets, a lever each; the
        lever is free until it is pulled there).
    """

    early: Literal["abort", "penalty", "free"] = "free"
    timing: Timing = Timing(locked=300, free=5000, reward=200)
    rewards: Rewards = Rewards(miss=0.0)

    channels: ClassVar = Channels(locked=1, free=1, reward=1)
    actions: ClassVar = Actions("hold", "pull")
    criterion: ClassVar = Criterion(nothing="By itself a pull earns nothing; a group with the rule together pays.")
    tags: ClassVar = ("social", "cooperation")

    def conditions(self) -> Factorial:
        return Factorial()

    def define(self, trial: Trial) -> None:
        for period in ("locked", "free", "reward"):
            trial.show(period, during=period)
        trial.on("pull", during="free", outcome="unscored", then="end")
        trial.on("timeout", during="free", outcome="miss", then="end")
        trial.choose(during="free")
