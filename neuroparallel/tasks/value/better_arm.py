"""Two arms, one better than the other; which one is for the group to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy import where

from neuroparallel.errors import ArgumentError
from neuroparallel.task import Actions, Channels, Criterion, Factorial, Levels, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

LUCK = (False, True)


@dataclass(frozen=True, kw_only=True)
class BetterArm(Task):
    """Choose one of two arms, of which one pays more often, and see whether it paid.

    Whether an arm pays is drawn anew in every trial, for each subject by itself. So is which arm is
    the better one, unless the scenario's group imposes it, as its rule ``same_best`` does for a
    whole session. A trial is correct if the better arm was chosen, whether or not luck rewarded it;
    ``rewards["reward"]`` and ``rewards["omission"]`` are what luck pays.

    Args:
        good: Chance of reward of the better arm.
        bad: Chance of reward of the other one.

    Source:
        Burke, Tobler, Baddeley & Schultz 2010, PNAS 107:14431.
    """

    good: float = 0.8
    bad: float = 0.2
    timing: Timing = Timing(fixation=200, choice=300, reward=100, omission=100)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0, reward=1.0, omission=0.0)

    channels: ClassVar = Channels(fixation=1, choice=1, reward=1, omission=1)
    actions: ClassVar = Actions("hold", "arm_1", "arm_2")
    criterion: ClassVar = Criterion(
        nothing="By itself each trial has a new better arm; a group with the rule same_best keeps it."
    )
    value_names: ClassVar = {"best": ()}
    tags: ClassVar = ("value", "reinforcement_learning", "social")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if not 0 <= self.bad < self.good <= 1:
            raise ArgumentError(f"good is {self.good!r} and bad {self.bad!r}; they are probabilities, good above bad.")

    def conditions(self) -> Factorial:
        return Factorial(
            best=(1, 2),
            good_pays=Levels(LUCK, (1 - self.good, self.good)),
            bad_pays=Levels(LUCK, (1 - self.bad, self.bad)),
        )

    def define(self, trial: Trial) -> None:
        for period in ("fixation", "choice", "reward", "omission"):
            trial.show(period, during=period)
        for action, outcome, pays in (
            (trial.best, "correct", trial.good_pays),
            (3 - trial.best, "error", trial.bad_pays),
        ):
            amount = where(pays, self.rewards["reward"], self.rewards["omission"])
            for then, part in (("reward", pays), ("omission", ~pays)):
                trial.on(action, during="choice", outcome=outcome, reward=amount, then=then, where=part)
        trial.on("timeout", during="choice", outcome="miss", then="end")
        trial.choose(during="choice", truth=trial.best)
        trial.on("timeout", during=("reward", "omission"), then="end")
