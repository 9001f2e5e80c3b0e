"""Several tasks in one stream, interleaved or in blocks, with a cue for the rule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, one_of
from neuroparallel.modifiers._blocks import Blocks, read_length
from neuroparallel.modifiers._correct_actions import drawn
from neuroparallel.modifiers._task_switching import TaskSwitching
from neuroparallel.task import Draw, Memory, Task, is_finite_number

__all__ = ["TaskSchedule"]

ORDERS = ("cycle", "random")


@dataclass(frozen=True, kw_only=True)
class TaskSchedule(TaskSwitching):
    """Let the stream's own task and others take turns, with a cue that tells which one it is.

    The condition ``rule`` has the task of each trial, from 1, the stream's own one. Channels of the same name and noise
    are shared, others stand side by side, and noise is on in all of them all the time; actions are joined by number.
    Each task goes on from its own last trial, staircases and all; its conditions keep their values until it is its
    turn again. (Tasks that run at the same time are streams of a group.)

    Args:
        tasks: The other tasks: names, or mappings such as ``{task: go_nogo, timing: {delay: 300}}`` with the task's
            parameters, and ``name`` to tell two of a kind apart.
        block: After how many trials another one may come, as of `trial_history`; 1 interleaves them.
        order: ``random``: drawn by their odds, again and again; ``cycle``: one after the other.
        odds: Relative odds of the tasks, the stream's own one first; nothing: equal.
        cue: Show the rule throughout the trial, on a channel for each task.

    Source:
        Yang, Joglekar, Song, Newsome & Wang 2019, Nat Neurosci 22:297 (rule cues); NeuroGym's ScheduleEnvs.
    """

    tasks: Any
    block: Any = 1
    order: str = "random"
    odds: Any = None
    cue: bool = True

    def longest_block(self) -> int:
        return read_length(self.block, "block").usual

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        read_length(self.block, "block")
        one_of(self.order, ORDERS, "order")
        if self.odds is not None:
            good = isinstance(self.odds, tuple) and all(is_finite_number(o) and o >= 0 for o in self.odds)
            if not good or len(self.odds) != len(self.tasks) + 1 or sum(self.odds) <= 0 or self.order == "cycle":
                raise ArgumentError(
                    f"odds is {self.odds!r}; with order: random it is {len(self.tasks) + 1} numbers, 0 or more, the "
                    "stream's own task first."
                )

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self.name(), (read_length(self.block, "block"),))

    def memory(self, task: Task) -> dict[str, Memory]:
        return super().memory(task) | self._blocks.memory() | {"task_schedule.rule": Memory(0, np.int64)}

    def sequence(self, task: Task, draw: Draw) -> None:
        """Choose the task of each trial."""
        union = self.union(task)
        rule, count = draw.memory["task_schedule.rule"], len(union.members)
        _, new = self._blocks.advance(draw)
        odds = self.odds if self.odds is not None else (1.0,) * count
        other = drawn([np.full(len(draw), float(o)) for o in odds], draw.random("task_schedule.rule"))
        if self.order == "cycle":
            other = np.where(draw.first, other, (rule + 1) % count)
        rule = np.where(new, other, rule)
        draw.memory["task_schedule.rule"] = rule
        number: NDArray[np.int64] = rule + 1
        union.draw(draw, number)
