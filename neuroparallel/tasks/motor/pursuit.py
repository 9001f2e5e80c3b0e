"""Pursuit tracking: keep a cursor on a target that wanders about."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy import where
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError
from neuroparallel.outcomes import Outcome
from neuroparallel.task import (
    Actions,
    Channels,
    Criterion,
    Draw,
    Memory,
    Moment,
    Movement,
    Response,
    Rewards,
    Step,
    Task,
    View,
)
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

CHANCE = 2 / 3  # mean distance of two places anywhere between -1 and 1


@dataclass(frozen=True, kw_only=True)
class Pursuit(Task):
    """Keep a cursor on a target that wanders to and fro between -1 and 1.

    The subject steers the velocity of the cursor. The target's velocity changes smoothly and at random (with a time
    constant), and turns round at the ends of the range, so that in the long run the target is anywhere equally often.
    A trial is a stretch of tracking: target and cursor go on from where they were, and start, the one on the other,
    with the session.

    At the end of a trial the mean distance of the cursor from where the target was seen a step before is noted
    (``distance``, in units of half the range) and paid: ``rewards["correct"]`` for none at all, ``rewards["error"]``
    for 2/3, which is what a cursor earns on average that stays anywhere, and in proportion between them and beyond. The
    trial is correct if the distance was within ``tolerance``. A target that gets further away than ``window`` is lost,
    which aborts the trial; the cursor is put back on it.

    Args:
        tolerance: Mean distance up to which a trial is correct.
        window: Distance at which the target is lost; 2 or more for never.
        wandering: S.d. of the target's velocity, per second.
        memory_ms: Time constant of the target's velocity, ms.
        speed: The cursor's velocity at full action, per second.
        sigma: Noise of the target's place for one ms; a step of dt ms has s.d. sigma / sqrt(dt).

    Source:
        Poulton 1974, Tracking Skill and Manual Control (pursuit tracking); as one of two tasks: Anguera et al. 2013,
        Nature 501:97. The velocity is the process of Uhlenbeck & Ornstein 1930, Phys Rev 36:823.
    """

    tolerance: float = 0.2
    window: float = 2.0
    wandering: float = 0.5
    memory_ms: float = 1000.0
    speed: float = 4.0
    sigma: float = 0.2
    timing: Timing = Timing(track=2500)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(target=1, cursor=1, noise={"target": "sigma"})
    actions: ClassVar = Actions("track", "lose")
    movement: ClassVar = Movement(velocity=(-1.0, 1.0))
    criterion: ClassVar = Criterion(
        source="six tenths of the way from one who never moves to the oracle", part=0.6, ceiling="oracle"
    )
    tags: ClassVar = ("motor", "continuous", "tracking")
    dt: ClassVar[float] = 50.0
    notes: ClassVar[tuple[str, ...]] = ("distance",)

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        for name in ("tolerance", "window", "memory_ms", "speed"):
            if not getattr(self, name) > 0:
                raise ArgumentError(f"{name} is {getattr(self, name)!r}; it is a number above 0.")
        if not 0 <= self.wandering <= self.speed / 2:
            raise ArgumentError(f"wandering is {self.wandering!r}; it is 0 to half of speed, or no cursor keeps up.")

    def memory(self) -> dict[str, Memory]:
        return {name: Memory(0.0) for name in ("target", "velocity", "cursor", "distance", "steps")}

    def sequence(self, draw: Draw) -> None:
        """Go on from where the last trial ended; put the cursor on the target first, or where it was lost."""
        now = draw.memory
        now["target"] = where(draw.first, 2 * draw.random("target") - 1, now["target"])
        now["velocity"] = where(draw.first, self.wandering * draw.normal("velocity"), now["velocity"])
        now["cursor"] = where(draw.first | (draw.outcome == Outcome.ABORT), now["target"], now["cursor"])
        now["distance"][:] = now["steps"][:] = 0.0

    def define(self, trial: Trial) -> None:
        trial.answer(0, during="track", pay=True)  # in time, that is, without having lost it
        trial.on("lose", during="track", outcome="abort", then="end")

    def observe(self, view: View) -> None:
        """Show where the target and the cursor are."""
        for name in ("target", "cursor"):
            view.mean[name][:, 0] = view.memory[name]

    def move(self, step: Step) -> NDArray[np.int64]:
        """Move the cursor, take its distance from the target that was seen, then move the target."""
        now, seconds = step.memory, step.dt / 1000
        now["cursor"] = np.clip(now["cursor"] + step.action[:, 0] * (self.speed * seconds), -1, 1)
        distance = np.abs(now["target"] - now["cursor"])
        now["distance"] = now["distance"] + distance
        now["steps"] = now["steps"] + 1
        kept = math.exp(-step.dt / self.memory_ms)
        push = self.wandering * math.sqrt(1 - kept * kept)
        velocity = kept * now["velocity"] + push * step.normal("push").astype(np.float64)
        target = now["target"] + velocity * seconds
        beyond = np.abs(target) > 1
        now["target"] = np.clip(where(beyond, np.copysign(2.0, target) - target, target), -1, 1)
        now["velocity"] = where(beyond, -velocity, velocity)
        lost: NDArray[np.int64] = (distance > self.window).astype(np.int64)
        return lost

    def steer(self, moment: Moment) -> NDArray[np.float64]:
        """Straight to where the target is seen."""
        gap: NDArray[np.float64] = moment.memory["target"] - moment.memory["cursor"]
        return gap[:, None] / (self.speed * moment.dt / 1000)

    def pay(self, response: Response) -> None:
        """Pay by the mean distance."""
        distance = response.memory["distance"] / np.maximum(response.memory["steps"], 1)
        best, chance = self.rewards["correct"], self.rewards["error"]
        response.reward = best + (chance - best) * (distance / CHANCE)
        near = distance <= self.tolerance
        response.outcome = where(near, int(Outcome.CORRECT), int(Outcome.ERROR)).astype(np.uint8)
        response.conditions["distance"] = distance
