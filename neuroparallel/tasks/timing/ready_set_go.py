"""Ready-set-go: reproduce an interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Actions, Channels, Criterion, Draw, Factorial, Response, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Choice, Duration, Law, Timing, Uniform, read_duration

__all__ = ["ReadySetGo"]

GO = 1
PRIORS: Mapping[str, tuple[float, float]] = {
    "short": (494.0, 847.0),
    "intermediate": (671.0, 1023.0),
    "long": (847.0, 1200.0),
}  # ms, 11 equally likely intervals each


def prior(name: str) -> Choice:
    """The sample intervals of one of the three priors of Jazayeri & Shadlen 2010, ms."""
    low, high = PRIORS[name]
    return Choice(*np.linspace(low, high, 11).tolist())


@dataclass(frozen=True, kw_only=True)
class ReadySetGo(Task):
    """Measure the time between two flashes, ready and set, and reproduce it by a response.

    Interval and production both run from onset to onset: from ready to set, and from set to the
    response. A response that is off by e ms pays ``rewards["correct"]`` times (1 - e / w)^1.5, at
    least a tenth of it, within a window of w = margin * target + slack ms, in which it counts as
    correct; outside it is an error. Intervals and targets are rounded to steps of dt, so that a
    response exactly in time exists; the periods ``measure`` (from the end of ready) and
    ``production`` (until twice the target) follow from them.

    Args:
        interval: Law of the sample interval, ms; a number of ms, or one of the priors ``"short"``,
            ``"intermediate"`` and ``"long"``.
        gain: What is produced, as a multiple of what was measured.
        margin: Tolerated error relative to the target; a number above 0 (Weber's law).
        slack: Tolerated error in addition, ms.

    Source:
        Jazayeri & Shadlen 2010, Nat Neurosci 13:1020 (task, priors); Remington, Narain, Hosseini &
        Jazayeri 2018, Neuron 98:1005 (gain 1.5). Reward rule and default timing: NeuroGym, with the
        flashes of 83 ms rounded to 80.
    """

    interval: Any = Uniform(800, 1500)
    gain: float = 1.0
    margin: float = 0.2
    slack: float = 25.0
    timing: Timing = Timing(fixation=100, ready=80, measure=0, set=80, production=0)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(fixation=1, ready=1, set=1)
    actions: ClassVar = Actions("fixate", "go")
    criterion: ClassVar = Criterion(
        source="half of what measuring the interval can add to always producing the median one",
        part=0.5,
        by="reward",
        ceiling="oracle",
    )
    tags: ClassVar = ("timing", "working_memory")
    dt: ClassVar[float] = 10.0
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "neurogym": {"early": "penalty"},
        "paper": {"interval": "intermediate", "timing": {"fixation": 500}},
    }

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if isinstance(self.interval, str) and self.interval not in PRIORS:
            raise ArgumentError(f"interval: there is no prior {self.interval!r}; there are {', '.join(PRIORS)}.")
        for name in ("gain", "margin"):
            if not getattr(self, name) > 0:
                raise ArgumentError(f"{name} is {getattr(self, name)!r}; it is a number above 0.")
        if not isinstance(self.interval, str):
            object.__setattr__(self, "interval", self._law())
        shortest = self._bounds()[0]
        flashes = [self.timing[name] for name in ("ready", "set")]
        if any(not isinstance(flash, float) or flash >= shortest * min(1.0, self.gain) for flash in flashes):
            raise ArgumentError(
                f"the flashes ready and set last {flashes[0]!r} and {flashes[1]!r} ms; each must "
                f"be a number below the shortest interval ({shortest:g} ms)."
            )

    def _law(self) -> Duration:
        return prior(self.interval) if isinstance(self.interval, str) else read_duration(self.interval, "interval")

    def _bounds(self) -> tuple[float, float]:
        law = self._law()
        return law.bounds() if isinstance(law, Law) else (law, law)

    def conditions(self) -> Factorial:
        law = self._law()
        return Factorial(interval_ms=law if isinstance(law, Law) else Choice(law))

    def note_names(self) -> tuple[str, ...]:
        return ("target_ms", "produced_ms")

    def sequence(self, draw: Draw) -> None:
        """Round the interval to what dt can show, and the target to what it can produce."""
        interval = _whole(draw.conditions["interval_ms"], draw.dt)
        draw.conditions["interval_ms"] = interval
        draw.conditions["target_ms"] = _whole(self.gain * interval, draw.dt)

    def define(self, trial: Trial) -> None:
        ready, flash = float(self.timing["ready"]), float(self.timing["set"])  # type: ignore[arg-type]
        interval = _whole(trial.interval_ms, trial.dt)
        target = _whole(self.gain * interval, trial.dt)
        trial.lasts("measure", interval - ready)
        trial.lasts("production", 2 * target - flash)
        trial.show("fixation", during=("fixation", "ready", "measure", "set"))
        trial.show("ready", during="ready")
        trial.show("set", during="set")
        trial.clock("set")
        trial.answer(GO, during="production", pay=True)
        trial.right_after(target - flash, during="production")

    def pay(self, response: Response) -> None:
        """Pay by how close the produced interval came to the target."""
        went = response.action == GO
        target = response.conditions["target_ms"]
        window = self.margin * target + self.slack
        error = np.abs(response.elapsed - target)
        closeness = np.maximum(1 - error / window, 0.0)
        amount = self.rewards["correct"] * np.maximum(closeness * np.sqrt(closeness), 0.1)
        inside = error <= window
        response.reward = np.where(went, np.where(inside, amount, self.rewards["error"]), response.reward)
        outcome = np.where(inside, int(Outcome.CORRECT), int(Outcome.ERROR))
        response.outcome = np.where(went, outcome, response.outcome).astype(np.uint8)
        response.conditions["produced_ms"] = np.where(went, response.elapsed, 0.0)


def _whole(ms: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
    """Round to whole steps, half up."""
    return np.floor(ms / dt + 0.5) * dt
