"""Noise that grows until the subject is right just so often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, nearest, probability, whole_number
from neuroparallel.modifiers._base import Modifier, call_hook
from neuroparallel.modifiers._correct_actions import sampled
from neuroparallel.modifiers._name_lists import read_names
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Draw, Memory, Task, View, is_finite_number
from neuroparallel.task.hooks import Bernoulli, Poisson

__all__ = ["AdaptiveNoise"]


@dataclass(frozen=True, kw_only=True)
class AdaptiveNoise(Modifier):
    """Add noise to what a lane sees, more while it does well and less while it does badly.

    After each trial its share of correct trials is averaged exponentially; above the target the noise grows by a step,
    below it shrinks, never under 0. The column ``noise_sd`` has the noise of each trial. Alone among the sequence
    wrappers it works in every step, because it draws noise.

    Args:
        correct: Share of correct trials to hold.
        over: Trials over which performance is averaged.
        step: Change per trial, in units of ``sigma``: the s.d. for one ms; a step of dt ms has s.d. sigma / sqrt(dt).
        start: Added noise at the start of a session, in the same units.
        on: Names of the channel groups; nothing: all but the fixation cue.

    Source:
        NeuroGym's adaptive noise wrapper of 2020 (performance held at a threshold, averaged over 200 trials).
    """

    correct: float = 0.75
    over: int = 200
    step: float = 0.01
    start: float = 0.0
    on: Any = None

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        probability(self.correct, "correct")
        whole_number(self.over, "over", 1)
        for name in ("step", "start"):
            if not is_finite_number(getattr(self, name)) or getattr(self, name) < 0:
                raise ArgumentError(f"{name} is {getattr(self, name)!r}; it is a number, 0 or more.")
        if self.on is not None:
            object.__setattr__(self, "on", read_names(self.on, "on"))

    def _groups(self, task: Task) -> list[str]:
        """The groups that get noise; those of counted events have noise of their own kind."""
        groups = task.channel_groups()
        counted = [name for name, kind in groups.noise.items() if isinstance(kind, (Bernoulli, Poisson))]
        if self.on is None:
            return [name for name in groups if name != "fixation" and name not in counted]
        for name in self.on:
            if name not in groups:
                raise self.refuse(task, f"it has no channel {name!r}.{nearest(name, groups)}")
            if name in counted:
                raise self.refuse(task, f"channel {name!r} shows counted events, which are whole numbers.")
        return list(self.on)

    def check(self, task: Task, dt: float) -> None:
        if not self._groups(task):
            raise self.refuse(task, "it has no channel that could get noise.")
        if not (sampled(task, dt).outcome == Outcome.CORRECT).any():
            raise self.refuse(task, "nothing is right or wrong in it.")

    def memory(self, task: Task) -> dict[str, Memory]:
        return {"adaptive_noise.sd": Memory(self.start), "adaptive_noise.share": Memory(self.correct)}

    def notes(self, task: Task) -> tuple[str, ...]:
        return ("noise_sd",)

    def sequence(self, task: Task, draw: Draw) -> None:
        """Move the noise by the outcome of the last trial."""
        share: NDArray[np.float64] = draw.memory["adaptive_noise.share"]
        hit = (draw.outcome == Outcome.CORRECT).astype(np.float64)
        share = np.where(draw.first, share, share + (hit - share) / self.over)
        change = np.where(draw.first, 0.0, np.sign(share - self.correct) * self.step)
        sd: NDArray[np.float64] = np.maximum(draw.memory["adaptive_noise.sd"] + change, 0.0)
        draw.memory["adaptive_noise.share"], draw.memory["adaptive_noise.sd"] = share, sd
        draw.conditions["noise_sd"] = sd
        call_hook(task.sequence, draw)

    def observe(self, task: Task, view: View) -> None:
        """Add the noise to what is about to be shown."""
        call_hook(task.observe, view)
        sd = (view.memory["adaptive_noise.sd"] / np.sqrt(view.dt)).astype(np.float32)
        for name in self._groups(task):
            mean = view.mean[name]
            for column in range(mean.shape[1]):
                mean[:, column] += sd * view.normal(f"adaptive_noise.{name}.{column}")
