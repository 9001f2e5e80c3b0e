"""Small tasks that show one rule of the engine each."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroparallel.scenario import Scenario
from neuroparallel.task import (
    Actions,
    Bernoulli,
    Channels,
    Factorial,
    Memory,
    Movement,
    Poisson,
    Rewards,
    Task,
)
from neuroparallel.tasks import reference
from neuroparallel.timing import Timing, Uniform


@dataclass(frozen=True, kw_only=True)
class Window(Task):
    """A response window of five steps, with a rule for what counts as the response."""

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
        trial.answer(trial.side, during="decision", then=self.then)


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


@dataclass(frozen=True, kw_only=True)
class Clicks(Task):
    """Which of two sides clicks more often? A lamp flickers all the while, and says nothing."""

    low_hz: float = 2.0
    high_hz: float = 12.0
    flicker_hz: float = 3.0
    timing: Timing = Timing(fixation=100, clicks=1000, decision=300, iti=100)
    channels: ClassVar = Channels(
        fixation=1,
        hum=1,
        clicks=("left", "right"),
        lamp=1,
        noise={"clicks": Poisson(), "lamp": Bernoulli(), "hum": 1.0},
    )
    actions: ClassVar = Actions("hold", "left", "right")

    def conditions(self):
        return Factorial(side=(1, 2))

    def define(self, trial):
        high, low = (rate * trial.dt / 1000 for rate in (self.high_hz, self.low_hz))
        sides = [np.where(trial.side == side, high, low) for side in (1, 2)]
        trial.show("fixation", during=("fixation", "clicks"))
        trial.show("clicks", per_channel=sides, during="clicks")
        trial.show("lamp", self.flicker_hz * trial.dt / 1000, during=("fixation", "clicks", "decision"))
        trial.answer(trial.side, during="decision")


@dataclass(frozen=True, kw_only=True)
class Counting(Clicks):
    """Which side really clicked more often? What counts is what was heard; every click of the hum pays as well."""

    sums: ClassVar = ("clicks", "hum")

    def define(self, trial):
        super().define(trial)
        trial.answer(trial.side, during="decision", pay=True)

    def pay(self, response):
        left, right = response.shown["clicks"].T
        heard = np.where(left > right, 1, np.where(right > left, 2, response.action))
        answered = response.action > 0
        response.outcome[:] = np.where(answered, np.where(heard == response.action, 1, 2), response.outcome)
        response.reward[:] = left - 100 * right + response.shown["hum"][:, 0] / 1000


@dataclass(frozen=True, kw_only=True)
class Ramp(Task):
    """Does the pressure rise or fall? Sparks get more likely meanwhile."""

    per_second: float = 2.0
    sigma: float = 0.0
    early: str = "free"
    timing: Timing = Timing(fixation=Uniform(100, 400), ramp=400, decision=300)
    channels: ClassVar = Channels(fixation=1, pressure=2, sparks=1, noise={"pressure": "sigma", "sparks": Bernoulli()})
    actions: ClassVar = Actions("hold", "down", "up")

    def conditions(self):
        return Factorial(sign=(-1, 1))

    def define(self, trial):
        trial.show("fixation", during="fixation")
        trial.show("pressure", 1.0, during=("ramp", "decision"))
        trial.drift("pressure", per_channel=(self.per_second * trial.sign, 0.0), during=("ramp", "decision"))
        trial.drift("sparks", 1.0, during="ramp")
        trial.answer(np.where(trial.sign > 0, 2, 1), during="decision", then="wait")


@dataclass(frozen=True, kw_only=True)
class Fading(Ramp):
    """As the ramp, but how fast it goes differs from trial to trial, and the fixation cue fades."""

    sigma: float = 1.0
    lazy: ClassVar = True

    def conditions(self):
        return Factorial(sign=(-1, 1), speed=Uniform(0.5, 2.0))

    def define(self, trial):
        super().define(trial)
        trial.drift("pressure", trial.speed, during="decision")
        trial.drift("fixation", -trial.speed, during="fixation")


@dataclass(frozen=True, kw_only=True)
class Tracking(Task):
    """Did the spot that walks to and fro walk left or right in the end? It trembles, and clicks come with speed."""

    timing: Timing = Timing(wait=Uniform(100, 500), walk=600, decision=200)
    channels: ClassVar = Channels(fixation=1, spot=("x", "y"), clicks=1, noise={"spot": 0.5, "clicks": Poisson()})
    actions: ClassVar = Actions("hold", "left", "right")
    lazy: ClassVar = True

    def conditions(self):
        return Factorial(speed=Uniform(-3.0, 3.0))

    def memory(self):
        return {"seen": Memory(0.0)}

    def define(self, trial):
        trial.show("fixation", during=("wait", "walk"))
        trial.answer(np.where(trial.speed > 0, 2, 1), during="decision")

    def sequence(self, draw):
        draw.memory["seen"] += 1.0

    def observe(self, view):
        walking = view.during("walk")
        place = view.conditions["speed"] * view.elapsed / 1000
        view.mean["spot"][:, 0] = np.where(walking, place, 0.0)
        view.mean["spot"][:, 1] = np.where(walking, view.random("tremble"), view.memory["seen"])
        view.mean["clicks"][:, 0] = np.where(walking, np.abs(view.conditions["speed"]), 0.0)


@dataclass(frozen=True, kw_only=True)
class Reach(Task):
    """Move a cursor to the target on the left or on the right, and stay on the start until it is shown."""

    speed: float = 10.0  # per second, at full action
    distance: float = 1.0
    tremor: float = 0.0
    timing: Timing = Timing(wait=200, reach=1000, iti=100)
    rewards: Rewards = Rewards(correct=1.0, error=-1.0, abort=-0.5, miss=-0.25)
    channels: ClassVar = Channels(fixation=1, target=2, cursor=1, noise={"target": 0.1})
    actions: ClassVar = Actions("hold", "left", "right")
    movement: ClassVar = Movement(velocity=(-1.0, 1.0))

    def conditions(self):
        return Factorial(side=(1, 2))

    def memory(self):
        return {"position": Memory(0.0), "path": Memory(np.zeros(2), np.float32)}

    def define(self, trial):
        trial.show("fixation", during="wait")
        trial.show("target", per_channel=(trial.side == 1, trial.side == 2), during="reach")
        trial.answer(trial.side, during="reach")

    def sequence(self, draw):
        draw.memory["position"][:] = 0.0
        draw.memory["path"][:] = 0.0

    def move(self, step):
        place = step.memory["position"]
        push = step.action[:, 0].astype(np.float64) + self.tremor * step.normal("tremor")
        place += push * self.speed * step.dt / 1000
        step.memory["path"][:, 0] += np.abs(step.action[:, 0])
        step.memory["path"][:, 1] = step.elapsed
        arrived = np.abs(place) >= self.distance - 1e-9
        return np.where(arrived, np.where(place < 0, 1, 2), 0)

    def observe(self, view):
        view.mean["cursor"][:, 0] = view.memory["position"]


@dataclass(frozen=True, kw_only=True)
class Idle(Task):
    """A task in which nothing is asked."""

    timing: Timing = Timing(fixation=300)
    channels: ClassVar = Channels(fixation=1)
    actions: ClassVar = Actions("hold", "go")

    def define(self, trial):
        trial.show("fixation", during="fixation")


def alone(task, **changes):
    scenario = Scenario.load(task)
    return scenario.replace(**changes) if changes else scenario


def together(first, second, *, onset=None, session=None, **subject):
    """One subject doing two tasks at once; the second may wait for a period of the first."""
    streams = {name: {"task": reference(task)} for name, task in (("first", first), ("second", second))}
    if onset:
        streams["second"]["onset"] = onset
    value = {"name": "both", "dt": 100.0, "subjects": {"subject_0": {"streams": streams, **subject}}}
    return Scenario.load(value | ({"session": session} if session else {}))
