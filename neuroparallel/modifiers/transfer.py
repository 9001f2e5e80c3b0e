"""One task after the other, in the same spaces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from neuroparallel.errors import ArgumentError, whole_number
from neuroparallel.modifiers._blocks import Blocks, read_length
from neuroparallel.modifiers._task_switching import TaskSwitching
from neuroparallel.task import Draw, Memory, Task

__all__ = ["Transfer"]


@dataclass(frozen=True, kw_only=True)
class Transfer(TaskSwitching):
    """Let each session go through several tasks: so many trials of the first one, then of the second, and so on.

    The condition ``rule`` has the task of each trial, from 1, the stream's own one. Spaces are joined as in
    `task_schedule`, so that one subject can do them all.

    Args:
        tasks: The tasks that follow, as of `task_schedule`.
        trials: How many trials of each but the last one, which goes on until the session ends; a number is for all.
        cue: Show the rule throughout the trial, on a channel for each task.
    """

    tasks: Any
    trials: Any = 1000
    cue: bool = False

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        trials = self.trials if isinstance(self.trials, tuple) else (self.trials,) * len(self.tasks)
        for count in trials:
            whole_number(count, "trials", 1)
        if len(trials) != len(self.tasks):
            raise ArgumentError(f"trials is {self.trials!r}; it is one number for each of {len(self.tasks)} changes.")
        object.__setattr__(self, "trials", trials)

    @cached_property
    def _blocks(self) -> Blocks:
        lengths = [read_length(count, "trials") for count in self.trials]
        return Blocks(self.name(), (*lengths, read_length(None, "trials")), "once")

    def longest_block(self) -> int:
        return max(law.usual for law in self._blocks.lengths)

    def memory(self, task: Task) -> dict[str, Memory]:
        return super().memory(task) | self._blocks.memory()

    def sequence(self, task: Task, draw: Draw) -> None:
        """Choose the task of each trial."""
        block, _ = self._blocks.advance(draw)
        self.union(task).draw(draw, block + 1)
