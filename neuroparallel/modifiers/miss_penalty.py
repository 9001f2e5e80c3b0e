"""A trial without a response costs something."""

from __future__ import annotations

from dataclasses import dataclass

from neuroparallel.errors import ArgumentError
from neuroparallel.modifiers._base import Modifier
from neuroparallel.modifiers._correct_actions import sampled
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Task, is_finite_number
from neuroparallel.task.trial import Trial

__all__ = ["MissPenalty"]


@dataclass(frozen=True, kw_only=True)
class MissPenalty(Modifier):
    """Pay something for a miss: a trial in which time ran out although a response was asked for.

    Args:
        reward: What a miss pays on top of what the task pays for it; negative to punish it.
    """

    reward: float = -0.1

    def __post_init__(self) -> None:
        """Check the option."""
        super().__post_init__()
        if not is_finite_number(self.reward):
            raise ArgumentError(f"reward is {self.reward!r}; it is a finite number.")

    def check(self, task: Task, dt: float) -> None:
        if not (sampled(task, dt).outcome == Outcome.MISS).any():
            raise self.refuse(task, "no trial of it ends in a miss.")

    def define(self, task: Task, trial: Trial) -> None:
        task.define(trial)
        trial.reward[trial.outcome == Outcome.MISS] += self.reward
