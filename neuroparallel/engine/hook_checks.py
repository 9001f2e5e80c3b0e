"""Checks of what a task's hook returns, the same for both engines; errors name task, hook, stream, trial and value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import TaskError, nearest
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Task

__all__ = ["LARGEST", "Place"]

LARGEST = 1e9  # beyond this a number that is shown or paid is taken for a mistake: learners compute in float32


@dataclass(frozen=True)
class Place:
    """The trials that a hook is called for.

    Args:
        task: The task.
        stream: Name of the stream.
        trial: int64, (n,). Numbers of the trials.
    """

    task: Task
    stream: str
    trial: NDArray[np.int64]

    def refuse(self, hook: str, found: str, allowed: str, row: int = 0) -> TaskError:
        """The error for what a hook did in the trial of some row."""
        trial = int(self.trial[row]) if len(self.trial) else 0
        return TaskError(f"{self.task.task_name()}.{hook}, stream {self.stream}, trial {trial}: {found}; {allowed}")

    def call(self, hook: str, function: Callable[[Any], Any], argument: Any) -> Any:
        """Call a hook, which may raise errors but not end the program.

        Raises:
            TaskError: It called ``sys.exit``.
        """
        try:
            return function(argument)
        except SystemExit as error:
            raise self.refuse(hook, f"it called sys.exit({error.code!r})", "raise an error instead.") from None

    def names(self, hook: str, what: str, found: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        """Refuse names that the task does not have, and a lack of those that it has."""
        for name in found:
            if name not in known:
                raise self.refuse(hook, f"there is no {what} {name!r}", f"set those that exist.{nearest(name, known)}")
        for name in known:
            if name not in found:
                raise self.refuse(hook, f"the {what} {name!r} is gone", "leave all in place.")

    def shape(self, hook: str, what: str, value: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        """An array of numbers of this shape; a single number stands for all."""
        array = np.asarray(value)
        if array.dtype.kind not in "biuf" or array.shape not in ((), shape):
            raise self.refuse(
                hook, f"{what} is {array.dtype} of shape {array.shape}", f"it holds numbers of shape {shape}."
            )
        return array if array.shape == shape else np.broadcast_to(array, shape)

    def numbers(self, hook: str, what: str, value: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        """An array of this shape of finite numbers of a reasonable size, a row per trial."""
        array = self.shape(hook, what, value, shape)
        good = np.abs(array) <= LARGEST
        if not good.all():
            at = tuple(int(index[0]) for index in np.nonzero(~good))
            allowed = f"it is a finite number, -{LARGEST:g} to {LARGEST:g}."
            raise self.refuse(hook, f"{what} is {float(array[at]):g}", allowed, at[0])
        return array

    def outcomes(self, hook: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Outcome codes."""
        array = self.shape(hook, "outcome", value, shape)
        good = np.isin(array, [int(code) for code in Outcome])
        if not good.all():
            row = int(np.flatnonzero(~good)[0])
            codes = ", ".join(f"{int(code)} {code.label}" for code in Outcome)
            raise self.refuse(hook, f"outcome is {array[row]:g}", f"it is a code: {codes}.", row)
        return array.astype(np.uint8)

    def rows(self, hook: str, what: str, found: Mapping[str, Any], known: Mapping[str, NDArray[Any]]) -> None:
        """Refuse arrays by name that are not those of before, in names and shapes."""
        self.names(hook, what, found, known)
        for name, before in known.items():
            if found[name] is not before:
                self.shape(hook, f"{what} {name!r}", found[name], before.shape)
