"""How many of the answers can be right changes from block to block."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, whole_number
from neuroparallel.modifiers._base import Modifier, call_hook
from neuroparallel.modifiers._blocks import Blocks, read_length
from neuroparallel.modifiers._correct_actions import correct_actions, drawn
from neuroparallel.modifiers._design import added_factor
from neuroparallel.task import Draw, Memory, Task, is_finite_number
from neuroparallel.task.design import Factorial
from neuroparallel.task.trial import Trial

__all__ = ["VariableChoices"]


@dataclass(frozen=True, kw_only=True)
class VariableChoices(Modifier):
    """Let only some of the answers ever be right, another number of them in each block.

    The condition ``alternatives`` says how many, and a task may show its evidence accordingly, as `ring_random_dots`
    does. The actions stay as they are: to choose what cannot be right is an error. Written before `trial_history` or
    `side_bias`, it leaves these the answers that can be right.

    Args:
        counts: How many answers can be right, in different blocks; nothing: from two to all.
        odds: Relative odds of these counts for each new block; nothing: equal.
        block: Length of a block in trials, as of `trial_history`.
        in_order: The first ones, in the order of the actions; otherwise any, drawn for each block.

    Source:
        Molano-Mazon et al. 2023, Curr Biol 33:622 (2 to 16 choices; blocks of 5000 trials).
    """

    counts: Any = None
    odds: Any = None
    block: Any = 100
    in_order: bool = True

    steers: ClassVar[bool] = True

    def longest_block(self) -> int:
        return read_length(self.block, "block").usual

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        if self.counts is not None:
            counts = self.counts if isinstance(self.counts, tuple) else (self.counts,)
            for count in counts:
                whole_number(count, "counts", 1)
            if len(set(counts)) != len(counts) or not counts:
                raise ArgumentError(f"counts is {self.counts!r}; it is a list of different numbers.")
            object.__setattr__(self, "counts", counts)
        if self.odds is not None:
            good = isinstance(self.odds, tuple) and all(is_finite_number(o) and o >= 0 for o in self.odds)
            if not good or sum(self.odds) <= 0 or self.counts is None or len(self.odds) != len(self.counts):
                raise ArgumentError(f"odds is {self.odds!r}; it is a list of a number, 0 or more, for each of counts.")
        read_length(self.block, "block")
        if not isinstance(self.in_order, bool):
            raise ArgumentError(f"in_order is {self.in_order!r}; it is true or false.")

    def _counts(self, task: Task, most: int) -> tuple[int, ...]:
        counts = self.counts if self.counts is not None else tuple(range(2, most + 1))
        for count in counts:
            if count > most:
                raise self.refuse(task, f"counts has {count}, but {most} answers can be right.")
        return counts

    def check(self, task: Task, dt: float) -> None:
        self._counts(task, len(correct_actions(task, dt, self.name()).choices))

    def _levels(self, task: Task) -> tuple[int, ...]:
        """What the condition can be; there may be more answers than can be right, but never fewer."""
        return self.counts if self.counts is not None else tuple(range(1, len(task.action_names()) + 1))

    def conditions(self, task: Task) -> Factorial:
        return added_factor(task.conditions(), "alternatives", sorted(self._levels(task)))

    def memory(self, task: Task) -> dict[str, Memory]:
        width = len(task.action_names())
        return self._blocks.memory() | {
            "variable_choices.active": Memory(np.zeros(width, bool), bool),
            "variable_choices.count": Memory(0, np.int64),
        }

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self.name(), (read_length(self.block, "block"),))

    def define(self, task: Task, trial: Trial) -> None:
        self.check(task, trial.dt)
        task.define(trial)

    def sequence(self, task: Task, draw: Draw) -> None:
        """See which answers can be right in this trial, and draw one."""
        call_hook(task.sequence, draw)
        found = correct_actions(task, draw.dt, self.name())
        answers = np.array(found.choices)
        _, new = self._blocks.advance(draw)
        counts = np.array(self._counts(task, len(answers)))
        odds = [np.full(len(draw), float(o)) for o in self.odds or (1.0,) * len(counts)]
        count = counts[drawn(odds, draw.random("variable_choices.count"))]
        active = self._active(draw, count, len(answers))
        memory = draw.memory
        memory["variable_choices.count"] = np.where(new, count, memory["variable_choices.count"])
        columns = memory["variable_choices.active"]
        columns[:, answers] = np.where(new[:, None], active, columns[:, answers])
        draw.conditions["alternatives"] = memory["variable_choices.count"].copy()
        shares = [found.weights[found.answer == a].sum() for a in answers]
        chances = [np.where(columns[:, a], share, 0.0) for a, share in zip(answers, shares, strict=True)]
        place = drawn(chances, draw.random("variable_choices.answer"))
        found.steer(draw, answers[place], np.ones(len(draw), bool), "variable_choices.condition")

    def _active(self, draw: Draw, count: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
        """Which of n answers can be right, bool (lanes, n)."""
        rank = np.broadcast_to(np.arange(n), (len(draw), n))
        if not self.in_order:
            words = np.stack([draw.random(f"variable_choices.order.{k}") for k in range(n)], axis=1)
            rank = words.argsort(axis=1, kind="stable")
        chosen: NDArray[np.bool_] = rank < count[:, None]
        return chosen
