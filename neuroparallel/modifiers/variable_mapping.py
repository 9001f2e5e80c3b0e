"""Which answer goes with which stimulus is reshuffled now and then."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.modifiers._base import Frozen, Modifier, call_hook
from neuroparallel.modifiers._blocks import Blocks, read_length
from neuroparallel.modifiers._correct_actions import correct_actions, sampled
from neuroparallel.modifiers._design import added_factor
from neuroparallel.task import Draw, Memory, Task
from neuroparallel.task.design import Factorial
from neuroparallel.task.trial import Trial

__all__ = ["VariableMapping"]

MOST = 5  # answers; their mappings are conditions, and 5 have 120


@dataclass(frozen=True, kw_only=True)
class VariableMapping(Modifier):
    """Reshuffle, in blocks, which choice is right for which stimulus: a rule that has to be found by trial and error.

    The choices that can be right trade places in the response windows; holding stays what it is. The condition
    ``mapping`` has the number of the mapping, from 1, which is the task's own; the ground truth follows it. The next
    mapping is any other one.

    Args:
        block: Length of a block in trials, as of `trial_history`.

    Source:
        The arbitrary mappings of conditional visuomotor learning; hazard and shortest block as NeuroGym had them.
    """

    block: Any = field(default_factory=lambda: Frozen(hazard=0.003, at_least=30))

    def longest_block(self) -> int:
        return read_length(self.block, "block").usual

    def __post_init__(self) -> None:
        """Check the option."""
        super().__post_init__()
        read_length(self.block, "block")

    def _choices(self, task: Task, dt: float) -> tuple[int, ...]:
        found = tuple(a for a in correct_actions(task, dt, self.name()).choices if a > 0)
        if len(found) < 2:
            raise self.refuse(task, "only one of the right answers is a choice, so nothing can be mapped anew.")
        return found

    def check(self, task: Task, dt: float) -> None:
        count, choices = len(self._choices(task, dt)), len(task.action_names()) - 1
        if count != choices:
            raise self.refuse(task, f"{count} of its {choices} choices can be right; it takes all of them.")
        if count > MOST:
            raise self.refuse(task, f"{count} choices have too many mappings; at most {MOST} can be mapped anew.")
        if sampled(task, dt).pays.any() and task.pay is not None:
            raise self.refuse(task, "it judges its responses itself, by its own mapping.")
        if sampled(task, dt).final.any():
            raise self.refuse(task, "the choice held in the last moment counts, which cannot be mapped anew.")

    def _blocks(self, count: int) -> Blocks:
        return Blocks(self.name(), (read_length(self.block, "block"),) * count, "random")

    @property
    def overrules(self) -> bool:
        return True

    def conditions(self, task: Task) -> Factorial:
        return added_factor(task.conditions(), "mapping", range(1, self._count(task) + 1))

    def memory(self, task: Task) -> dict[str, Memory]:
        return self._blocks(self._count(task)).memory()

    def _count(self, task: Task) -> int:
        return len(list(permutations(range(min(len(task.action_names()) - 1, MOST)))))

    def define(self, task: Task, trial: Trial) -> None:
        self.check(task, trial.dt)
        task.define(trial)
        trial.finish()
        choices = self._choices(task, trial.dt)
        for number, order in enumerate(permutations(choices), start=1):
            rows = np.flatnonzero(trial.mapping == number)
            for p in np.flatnonzero(trial.window):
                self._map(trial, rows, int(p), dict(zip(choices, order, strict=True)))

    def _map(self, trial: Trial, rows: NDArray[np.int64], p: int, order: dict[int, int]) -> None:
        """Let each choice lead where another one led before."""
        for array in (trial.reward, trial.outcome, trial.next, trial.pays):
            before = array[rows, p].copy()
            for usual, instead in order.items():
                array[rows, p, instead] = before[:, usual]
        truth = trial.truth[rows, p]
        trial.truth[rows, p] = np.select([truth == usual for usual in order], list(order.values()), truth)

    def sequence(self, task: Task, draw: Draw) -> None:
        """See which mapping holds."""
        call_hook(task.sequence, draw)
        block, _ = self._blocks(self._count(task)).advance(draw)
        draw.conditions["mapping"] = block + 1
