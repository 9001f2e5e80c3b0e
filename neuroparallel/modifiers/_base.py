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

__all__ = ["Frozen", "Modified", "Modifier", "frozen", "layers", "own"]

Hook = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Modifier:
    """What changes how the trials of a stream are drawn, timed or laid out.

    A subclass is a frozen dataclass: its fields are the options of the wrapper of the same name. It overrides what it
    changes; whatever it leaves alone is the task's. Around a task it makes a `Modified` task, which engines play
    like any other. What it draws and remembers has its own name as a prefix, so that modifiers can be combined.
    """

    _name: ClassVar[str] = "modifier"
    steers: ClassVar[bool] = False  # decides what is right in each trial; of such there can be one

    def __init_subclass__(cls) -> None:
        """Name it once."""
        cls._name = class_name(cls)

    def __post_init__(self) -> None:
        """Make the options values that can be compared and hashed, as a scenario file gives lists and mappings."""
        for spec in dataclasses.fields(self):
            object.__setattr__(self, spec.name, frozen(getattr(self, spec.name)))

    @property
    def overrules(self) -> bool:
        """Whether something else is right in some trials than what the task says; it stands behind what steers."""
        return False

    @classmethod
    def name(cls) -> str:
        """The name in scenario files: that of the class in lower case with underscores."""
        return cls._name

    def longest_block(self) -> int:
        """How many trials its longest block usually lasts; 0 if it makes no blocks of trials."""
        return 0

    def fit(self, task: Task) -> Modifier:
        """This modifier with what it takes from the task, as the levels to move along; refuses one that it cannot."""
        return self

    def check(self, task: Task, dt: float) -> None:
        """Refuse, with the reason, a task for which this makes no sense.

        Raises:
            TaskError: It does not fit.
        """

    def refuse(self, task: Task, reason: str) -> TaskError:
        """The error that says why a task cannot be modified so."""
        return TaskError(f"{self.name()} makes no sense for {task.task_name()}: {reason}")

    # ---- what the modified task is ----

    def timing(self, task: Task) -> Timing:
        """Periods and durations."""
        return task.timing

    def channels(self, task: Task) -> Channels:
        """Channels; those of the task come first."""
        return task.channel_groups()

    def actions(self, task: Task) -> Actions:
        """Actions; those of the task come first."""
        return task.action_names()

    def conditions(self, task: Task) -> Factorial:
        """The design."""
        return task.conditions()

    def lazy(self, task: Task) -> bool:
        """Whether each trial's rows are to be defined on their own."""
        return task.lazy

    def memory(self, task: Task) -> dict[str, Memory]:
        """What is remembered in addition; names begin with that of the modifier."""
        return {}

    def trials_back(self, task: Task) -> int:
        """How many trials ago something was shown that an answer depends on."""
        return task.trials_back()

    def notes(self, task: Task) -> tuple[str, ...]:
        """Numbers that are recorded in addition."""
        return ()

    def define(self, task: Task, trial: Trial) -> None:
        """Fill in the state matrix."""
        task.define(trial)

    # ---- hooks: None, or a method that runs in place of the task's own hook, and calls that when it is time ----

    sequence: ClassVar[Callable[[Any, Task, Draw], None] | None] = None
    pay: ClassVar[Callable[[Any, Task, Response], None] | None] = None
    observe: ClassVar[Callable[[Any, Task, View], None] | None] = None

    def plain(self) -> dict[str, Any]:
        """The options as a scenario file writes them."""
        return {spec.name: _plain(getattr(self, spec.name)) for spec in dataclasses.fields(self)}


class Frozen(dict[str, Any]):
    """A mapping that is not changed, and can therefore be hashed."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


def frozen(value: Any) -> Any:
    """Lists as tuples and mappings as `Frozen`, all the way down; anything else as it is."""
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
    """A property that gives what the task within has."""
    return property(lambda self: getattr(self.inner, name), doc=f"The task's own ``{name}``.")


def _around(name: str) -> Any:
    """A property: the modifier's hook, if it has one, bound to the task within; otherwise the task's own."""

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


def own(hook: Hook | None, moment: Any) -> None:
    """Call a hook of the task within, if it has it."""
    if hook is not None:
        hook(moment)


def layers(task: Task) -> tuple[Task, list[Modifier]]:
    """The task by itself and the modifiers around it, innermost first."""
    found: list[Modifier] = []
    while isinstance(task, Modified):
        found.append(task.modifier)
        task = task.inner
    return task, found[::-1]
