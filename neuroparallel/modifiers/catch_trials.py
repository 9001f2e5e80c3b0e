"""Trials without reward, or without a stimulus, strewn among the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, nearest, one_of, probability, whole_number
from neuroparallel.modifiers._base import Modifier, call_hook
from neuroparallel.modifiers._correct_actions import sampled
from neuroparallel.modifiers._design import added_factor
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Draw, Response, Task, is_finite_number
from neuroparallel.task.design import Factorial
from neuroparallel.task.trial import Trial

__all__ = ["CatchTrials"]

KINDS = ("unrewarded", "blank")


@dataclass(frozen=True, kw_only=True)
class CatchTrials(Modifier):
    """Strew catch trials among the others; the condition ``catch`` tells which they are.

    Args:
        probability: Share of catch trials among those that can be one.
        kind: ``unrewarded``: a correct answer pays ``reward`` instead of what it usually does; nothing else is
            different, and the subject cannot know. ``blank``: nothing is shown but the fixation cue (and noise);
            holding is right and pays ``rewards["withheld"]``, any response is an error.
        reward: What a correct answer pays in an unrewarded trial.
        only: Conditions in which a trial can be a catch trial, by name: a value, or a list of values, as in
            ``{coherence: [0, 6.4]}``; nothing: in all.
        start: How many trials at the start of a session are none.

    Source:
        The catch trials of NeuroGym's authors (hard trials whose reward is left out, to see what confidence is).
    """

    probability: float = 0.1
    kind: str = "unrewarded"
    reward: float = 0.0
    only: Any = None
    start: int = 0

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        probability(self.probability, "probability")
        one_of(self.kind, KINDS, "kind")
        whole_number(self.start, "start")
        if not is_finite_number(self.reward):
            raise ArgumentError(f"reward is {self.reward!r}; it is a finite number.")
        if self.only is not None and (not isinstance(self.only, dict) or not self.only):
            raise ArgumentError(f"only is {self.only!r}; it is a mapping of conditions to values.")

    def check(self, task: Task, dt: float) -> None:
        design = task.conditions()
        for name, wanted in (self.only or {}).items():
            if name not in design.names:
                raise self.refuse(task, f"only: it has no condition {name!r}.{nearest(name, design.names)}")
            if name in design.laws:
                raise self.refuse(task, f"only: {name!r} is continuous, so that no trial has just that value.")
            for value in _several(wanted):
                if not (design.grid()[name] == value).any():
                    known = np.unique(design.grid()[name]).tolist()
                    raise self.refuse(task, f"only: {name} is never {value!r}; it is one of {known}.")
        found = sampled(task, dt)
        if not (found.outcome == Outcome.CORRECT).any():
            raise self.refuse(task, "nothing is right or wrong in it.")
        if self.kind == "blank":
            self._check_blank(task, found)

    def _check_blank(self, task: Task, found: Trial) -> None:
        if found.window.sum() != 1:
            raise self.refuse(task, "a blank trial needs a task with one response window.")
        if found.pays.any() or found.slope is not None or task.observe is not None or task.movement is not None:
            raise self.refuse(task, "what it shows or pays is made while the trial runs, so it cannot be left out.")

    @property
    def overrules(self) -> bool:
        return self.kind == "blank"

    def conditions(self, task: Task) -> Factorial:
        return added_factor(task.conditions(), "catch", (False, True), (1 - self.probability, self.probability))

    def define(self, task: Task, trial: Trial) -> None:
        task.define(trial)
        trial.finish()
        catch = np.flatnonzero(trial.catch)
        if self.kind == "unrewarded":
            unpaid = (trial.outcome == Outcome.CORRECT) & trial.catch[:, None, None] & ~trial.pays
            trial.reward[unpaid] = self.reward
            return
        groups = task.channel_groups()
        for name in groups:
            if name != "fixation":
                trial.mean[catch, :, groups[name]] = 0.0
        p = int(np.flatnonzero(trial.window)[0])
        trial.truth[catch, p], trial.truth_after[catch, p] = 0, 0
        for columns, outcome, reward in ((slice(1, -1), "error", "error"), (slice(-1, None), "correct", "withheld")):
            trial.outcome[catch, p, columns] = int(Outcome[outcome.upper()])
            trial.reward[catch, p, columns] = task.rewards[reward]

    def sequence(self, task: Task, draw: Draw) -> None:
        """Take back what cannot be a catch trial."""
        call_hook(task.sequence, draw)
        catch = draw.conditions["catch"] & (draw.trial >= self.start)
        for name, wanted in (self.only or {}).items():
            catch = catch & _among(draw.conditions[name], _several(wanted))
        draw.conditions["catch"] = catch

    def pay(self, task: Task, response: Response) -> None:
        """Leave out the reward where the task prices its responses itself."""
        call_hook(task.pay, response)
        unpaid = response.conditions["catch"] & (response.outcome == Outcome.CORRECT)
        response.reward = np.where(unpaid & (self.kind == "unrewarded"), self.reward, response.reward)


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _among(values: NDArray[Any], wanted: tuple[Any, ...]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.logical_or.reduce([values == value for value in wanted])
    return found
