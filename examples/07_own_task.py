"""Define a task of your own, play it with reference agents, and train on it.

python examples/07_own_task.py
"""

import os
from dataclasses import dataclass
from typing import ClassVar

from numpy import where

import neuroparallel as npar

BUDGET_S = float(os.environ.get("NEUROPARALLEL_EXAMPLE_BUDGET", 15))


@dataclass(frozen=True, kw_only=True)
class Oddball(npar.Task):
    """Respond to a rare tone, and withhold after the frequent one.

    Args:
        rare: Share of rare tones.
        sigma: Noise of the tone channels per ms.
    """

    rare: float = 0.2
    sigma: float = 2.0
    timing: npar.Timing = npar.Timing(fixation=100, tone=300, decision=300, iti=npar.Uniform(200, 600))  # ms
    rewards: npar.Rewards = npar.Rewards(correct=1.0, error=-1.0, miss=-1.0, abort=-0.1, withheld=0.2)

    channels: ClassVar = npar.Channels(fixation=1, tone=("frequent", "rare"), noise={"tone": "sigma"})
    actions: ClassVar = npar.Actions("withhold", "respond")

    def conditions(self) -> npar.Factorial:
        return npar.Factorial(deviant=npar.Levels((False, True), (1 - self.rare, self.rare)))

    def define(self, trial: npar.Trial) -> None:
        trial.show("fixation", during=("fixation", "tone"))
        trial.show("tone", per_channel=(~trial.deviant, trial.deviant), during="tone")
        trial.answer(where(trial.deviant, 1, 0), during="decision", then="wait")


task = Oddball(rare=0.3)
print(npar.reporting.describe_scenario(task))
for agent in ("hold", "blind", "ideal_observer"):
    trials = npar.simulate(task, agents=agent, trials=1_000, seed=0)
    print(f"{agent:15} {trials.performance()}")

result = npar.rllib.train(task, budget_s=BUDGET_S, criterion={"oddball": 0.95}, seed=0)
print("learnt:", result.correct)
