"""A modifier changes how the trials of a task are drawn, timed or laid out; the result is a task again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from neuroparallel.errors import TaskError
from neuroparallel.task import Actions, Channels, Draw, Memory, Response, Task, View, class_name
from neuroparallel.task.design import Factorial
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

__all__ = ["Frozen", "Modified", "Modifier", "call_hook", "frozen", "layers"]

Hook = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Modifier:
    """A change of how the trials of a stream are drawn, timed or laid out.

    A subclass is a frozen dataclass: its fields are the options of the wrapper of the same name. It overrides what it
    changes; whatever it leaves alone is the task's. Around a task it makes a `Modified` task, which engines play
    like any other. What it draws and remembers has its own name as a prefix, so that modifiers can be combined.
    """

    _name: ClassVar[str] = "modifier"
    steers: ClassVar[bool] = False  # decides what is right in each trial; of such there can be one

    def __init_subclass__(cls) -> None:
        """Set the name of the class."""
        cls._name = class_name(cls)

    def __post_init__(self) -> None:
        """Make lists and mappings of a scenario file values that can be compared and hashed."""
        for spec in dataclasses.fields(self):
            object.__setattr__(self, spec.name, frozen(getattr(self, spec.name)))

    @property
    def overrules(self) -> bool:
        """Whether another action is right in some trials than in the task; it must follow modifiers that steer."""
        return False

    @classmethod
    def name(cls) -> str:
        """Return the name in scenario files: that of the class in lower case with underscores."""
        return cls._name

    def longest_block(self) -> int:
        """Return the usual length of its longest block, in trials; 0 if it makes no blocks."""
        return 0

    def fit(self, task: Task) -> Modifier:
        """Return this modifier with values from the task, such as its levels; raise `TaskError` if it does not fit."""
        return self

    def check(self, task: Task, dt: float) -> None:
        """Check that the modifier fits the task.

        Raises:
            TaskError: It does not fit.
        """

    def refuse(self, task: Task, reason: str) -> TaskError:
        """Return the error that says why the modifier does not fit a task."""
        return TaskError(f"{self.name()} makes no sense for {task.task_name()}: {reason}")

    # ---- what the modified task is ----

    def timing(self, task: Task) -> Timing:
        """Return the periods and their durations."""
        return task.timing

    def channels(self, task: Task) -> Channels:
        """Return the channels; those of the task come first."""
        return task.channel_groups()

    def actions(self, task: Task) -> Actions:
        """Return the actions; those of the task come first."""
        return task.action_names()

    def conditions(self, task: Task) -> Factorial:
        """Return the design."""
        return task.conditions()

    def lazy(self, task: Task) -> bool:
        """Return whether the table is defined trial by trial."""
        return task.lazy

    def memory(self, task: Task) -> dict[str, Memory]:
        """Return additional memory; names begin with that of the modifier."""
        return {}

    def trials_back(self, task: Task) -> int:
        """Return the number of trials since the presentation of a stimulus on which a response depends."""
        return task.trials_back()

    def notes(self, task: Task) -> tuple[str, ...]:
        """Return the names of additional columns of the trial table."""
        return ()

    def define(self, task: Task, trial: Trial) -> None:
        """Fill in the state matrix."""
        task.define(trial)

    # ---- hooks: None, or a method that runs in place of the task's own hook, and calls that when it is time ----

    sequence: ClassVar[Callable[[Any, Task, Draw], None] | None] = None
    pay: ClassVar[Callable[[Any, Task, Response], None] | None] = None
    observe: ClassVar[Callable[[Any, Task, View], None] | None] = None

    def plain(self) -> dict[str, Any]:
        """Return the options as a scenario file writes them."""
        return {spec.name: _plain(getattr(self, spec.name)) for spec in dataclasses.fields(self)}


class Frozen(dict[str, Any]):
    """A constant mapping, which can be hashed."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


def frozen(value: Any) -> Any:
    """Return lists as tuples and mappings as `Frozen`, at all levels; anything else unchanged."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return Frozen({str(key): frozen(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(frozen(item) for item in value)
    if hasattr(value, "plain"):
        return frozen(value.plain())
    return value.item() if isinstance(value, np.generic) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


def _delegated(name: str) -> Any:
    """Make a property with the value of the inner task."""
    return property(lambda self: getattr(self.inner, name), doc=f"The task's own ``{name}``.")


def _around(name: str) -> Any:
    """Make a property with the modifier's hook, bound to the inner task, or else the hook of the inner task."""

    def find(self: Modified) -> Hook | None:
        hook = getattr(self.modifier, name)
        own: Hook | None = getattr(self.inner, name)
        return own if hook is None else partial(hook, self.inner)

    return property(find, doc=f"The ``{name}`` hook of the modifier around the task's own; None if there is neither.")


@dataclass(frozen=True, kw_only=True)
class Modified(Task):
    """A task with a modifier around it.

    Args:
        inner: The task, which may be modified itself.
        modifier: What changes it.
    """

    inner: Task
    modifier: Modifier

    channels = _delegated("channels")
    actions = _delegated("actions")
    movement = _delegated("movement")
    tags = _delegated("tags")
    criterion = _delegated("criterion")
    dt = _delegated("dt")
    sums = _delegated("sums")
    move = _delegated("move")
    steer = _delegated("steer")
    presets = _delegated("presets")
    notes = _delegated("notes")
    signature = _delegated("signature")
    evidence_columns = _delegated("evidence_columns")
    value_names = _delegated("value_names")
    sequence = _around("sequence")
    pay = _around("pay")
    observe = _around("observe")

    def __post_init__(self) -> None:
        """Take timing, rewards and the rules for early and for several responses from the task."""
        object.__setattr__(self, "modifier", self.modifier.fit(self.inner))
        object.__setattr__(self, "timing", self.modifier.timing(self.inner))
        object.__setattr__(self, "rewards", self.inner.rewards)
        object.__setattr__(self, "early", self.inner.early)
        object.__setattr__(self, "commit", self.inner.commit)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in ("inner", "modifier"):
            raise AttributeError(name)
        return getattr(self.inner, name)

    @property
    def lazy(self) -> bool:  # type: ignore[override]
        """Whether rows are defined trial by trial."""
        return self.modifier.lazy(self.inner)

    def task_name(self) -> str:  # type: ignore[override]
        return self.inner.task_name()

    def conditions(self) -> Factorial:
        return self.modifier.conditions(self.inner)

    def memory(self) -> dict[str, Memory]:
        return self.inner.memory() | self.modifier.memory(self.inner)

    def trials_back(self) -> int:
        return self.modifier.trials_back(self.inner)

    def learns_from_reward(self) -> bool:
        return self.inner.learns_from_reward()

    def define(self, trial: Trial) -> None:
        self.modifier.define(self.inner, trial)

    def channel_groups(self) -> Channels:
        return self.modifier.channels(self.inner)

    def action_names(self) -> Actions:
        return self.modifier.actions(self.inner)

    def note_names(self) -> tuple[str, ...]:
        return (*self.inner.note_names(), *self.modifier.notes(self.inner))

    def parameters(self) -> dict[str, Any]:
        return self.inner.parameters()


def call_hook(hook: Hook | None, moment: Any) -> None:
    """Call a hook of the inner task, if it has this hook."""
    if hook is not None:
        hook(moment)


def layers(task: Task) -> tuple[Task, list[Modifier]]:
    """Return the task without modifiers, and its modifiers, innermost first."""
    found: list[Modifier] = []
    while isinstance(task, Modified):
        found.append(task.modifier)
        task = task.inner
    return task, found[::-1]
