"""Small tasks that show one rule of the engine each."""

from dataclasses import dataclass
from typing import ClassVar

from neuroparallel.scenario import Scenario
from neuroparallel.task import Actions, Channels, Factorial, Rewards, Task
from neuroparallel.timing import Timing, Uniform


@dataclass(frozen=True, kw_only=True)
class Window(Task):
    """A response window of five steps, with a rule for what counts as the response."""

    commit: str = "first"
    hold_ms: float = 0.0
    then: str | None = None
    timing: Timing = Timing(fixation=100, decision=500, iti=200)
    rewards: Rewards = Rewards(correct=1.0, error=-1.0, abort=-0.5, miss=-0.25)
    channels: ClassVar = Channels(fixation=1, cue=2, noise={"cue": 1.0})
    actions: ClassVar = Actions("hold", "left", "right")

    def conditions(self):
        return Factorial(side=(1, 2))

    def define(self, trial):
        trial.show("fixation", during="fixation")
        trial.show("cue", per_channel=(trial.side == 1, trial.side == 2), during="decision")
        trial.answer(trial.side, during="decision", commit=self.commit, hold_ms=self.hold_ms, then=self.then)


@dataclass(frozen=True, kw_only=True)
class Again(Task):
    """A task whose waiting period is entered anew after every response."""

    timing: Timing = Timing(wait=Uniform(200, 2000), decision=100)
    channels: ClassVar = Channels(fixation=1)
    actions: ClassVar = Actions("hold", "go", "stop")

    def define(self, trial):
        trial.show("fixation", during="wait")
        trial.on("any", during="wait")
        trial.on("go", during="decision", then="wait")
        trial.on("stop", during="decision", outcome="correct", then="end")
        trial.on("timeout", during="decision", outcome="miss", then="end")
        trial.choose(during="decision", truth=2)


def alone(task, **changes):
    scenario = Scenario.load(task)
    return scenario.replace(**changes) if changes else scenario
