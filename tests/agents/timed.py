"""Tasks with free response times, for agents that have some."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroparallel.scenario import Scenario
from neuroparallel.task import Actions, Channels, Factorial, Task
from neuroparallel.tasks import reference
from neuroparallel.tasks.perception.random_dots import RandomDots
from neuroparallel.timing import Timing


@dataclass(frozen=True, kw_only=True)
class Pick(Task):
    """Say on which side the light is, as soon as you know."""

    timing: Timing = Timing(stimulus=3000)
    channels: ClassVar = Channels(light=2)
    actions: ClassVar = Actions("hold", "left", "right")
    dt: ClassVar[float] = 10.0

    def conditions(self):
        return Factorial(side=(1, 2))

    def define(self, trial):
        trial.show("light", per_channel=(trial.side == 1, trial.side == 2), during="stimulus")
        trial.answer(trial.side, during="stimulus", then="end")


@dataclass(frozen=True, kw_only=True)
class Dots(RandomDots):
    """Random dots, to be answered as soon as one knows."""

    timing: Timing = Timing(stimulus=6000)
    dt: ClassVar[float] = 10.0

    def define(self, trial):
        toward = 0.5 + trial.coherence / 200
        left = np.where(trial.side == 1, toward, 1 - toward)
        trial.show("motion", per_channel=(left, 1 - left), during="stimulus")
        trial.answer(trial.side, during="stimulus")


@dataclass(frozen=True, kw_only=True)
class Louder(Task):
    """Is the sound softer or louder than usual? One channel, far from 0, tells both."""

    difference: float = 0.03
    timing: Timing = Timing(stimulus=6000)
    channels: ClassVar = Channels(sound=1, noise={"sound": 1.0})
    actions: ClassVar = Actions("hold", "softer", "louder")
    dt: ClassVar[float] = 10.0

    def conditions(self):
        return Factorial(side=(1, 2))

    def define(self, trial):
        trial.show("sound", 5 + np.where(trial.side == 1, -self.difference, self.difference), during="stimulus")
        trial.answer(trial.side, during="stimulus")


def pair(task, onset=0, dt=10.0, **parameters):
    """One subject with two streams of a task, ``first`` and ``second``, the second one later by ``onset``."""
    stream = {"task": reference(task), "params": parameters}
    streams = {"first": stream, "second": {**stream, "onset": onset}}
    return Scenario.load(
        {"name": "pair", "dt": dt, "subjects": {"subject_0": {"action": "factored", "streams": streams}}}
    )
