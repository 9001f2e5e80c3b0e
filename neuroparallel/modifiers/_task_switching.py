"""Common part of the modifiers that switch between tasks."""

from __future__ import annotations

from typing import Any

from neuroparallel.errors import ArgumentError, NeuroparallelError
from neuroparallel.modifiers._base import Modifier
from neuroparallel.modifiers._correct_actions import sampled
from neuroparallel.modifiers._design import shown_block, with_channels
from neuroparallel.modifiers._joined_tasks import JoinedTasks, join_tasks, read_tasks
from neuroparallel.task import Actions, Channels, Memory, Response, Task
from neuroparallel.task.design import Factorial
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

__all__ = ["TaskSwitching"]

CONDITION = "rule"


class TaskSwitching(Modifier):
    """A modifier that switches between the stream's task and others; a subclass says when."""

    tasks: Any
    cue: bool

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        object.__setattr__(self, "tasks", (self.tasks,) if isinstance(self.tasks, str) else self.tasks)
        read_tasks(self.tasks, "tasks")
        if not isinstance(self.cue, bool):
            raise ArgumentError(f"cue is {self.cue!r}; it is true or false.")

    def union(self, task: Task) -> JoinedTasks:
        """Return the joined tasks."""
        try:
            return join_tasks(task, self.tasks, CONDITION)
        except NeuroparallelError as error:
            raise self.refuse(task, str(error)) from None

    def check(self, task: Task, dt: float) -> None:
        for name, member in zip(self.union(task).names, self.union(task).members, strict=True):
            try:
                sampled(member.task, dt)
            except NeuroparallelError as error:
                raise self.refuse(task, f"{name}: {error}") from None

    def timing(self, task: Task) -> Timing:
        return self.union(task).timing

    def channels(self, task: Task) -> Channels:
        union = self.union(task)
        return with_channels(union.channels, **{CONDITION: len(union.members)}) if self.cue else union.channels

    def actions(self, task: Task) -> Actions:
        return self.union(task).actions

    def conditions(self, task: Task) -> Factorial:
        return self.union(task).design

    def lazy(self, task: Task) -> bool:
        return any(member.task.lazy for member in self.union(task).members)

    def memory(self, task: Task) -> dict[str, Memory]:
        own = task.memory()  # the union has it already
        return {name: spec for name, spec in self.union(task).memory.items() if name not in own}

    def trials_back(self, task: Task) -> int:
        return max(member.task.trials_back() for member in self.union(task).members)

    def notes(self, task: Task) -> tuple[str, ...]:
        own = task.note_names()
        return tuple(name for name in self.union(task).notes if name not in own)

    def define(self, task: Task, trial: Trial) -> None:
        self.union(task).define(trial)
        if self.cue:
            shown_block(trial, CONDITION, len(self.union(task).members))

    def pay(self, task: Task, response: Response) -> None:
        """Price responses as their task does."""
        self.union(task).pay(response)
