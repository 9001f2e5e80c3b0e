"""Modifiers: they change how the trials of a stream are drawn, timed or laid out.

A scenario lists them beside the task (``modifiers: [{trial_history: {probability: 0.8}}]``), or under ``wrappers:``,
from where they are moved to the streams. A task with a modifier is a task again, so engines do not depend on
modifiers. Every modifier is one file of this folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from neuroparallel.errors import ArgumentError, NeuroparallelError, UnknownNameError, nearest
from neuroparallel.modifiers._base import Modified, Modifier, layers
from neuroparallel.registry import Registry, check_options, read_entry
from neuroparallel.task import Task

__all__ = [
    "Modified",
    "Modifier",
    "layers",
    "list_modifiers",
    "longest_block",
    "modifier_class",
    "modify",
    "read_modifier",
]

_COOPERATE = ("variable_choices",)  # steers as well, and those after it keep to what it leaves


_registry: Registry[Modifier] = Registry("modifier", Modifier, __name__, __path__, lambda cls: cls.name())


def list_modifiers() -> list[str]:
    """Return the names of all modifiers, sorted."""
    return list(_registry.shipped)


def modifier_class(name: str) -> type[Modifier]:
    """Find a modifier by its name, with or without ``_v0``.

    Raises:
        UnknownNameError: There is none of that name; offers the nearest one.
    """
    short = str(name).removesuffix("_v0")
    if short not in _registry.shipped:
        raise UnknownNameError(f"there is no modifier {name!r}.{nearest(short, _registry.shipped)}")
    return _registry.shipped[short]


def read_modifier(entry: Any) -> Modifier:
    """Read a modifier as a scenario file writes it.

    Args:
        entry: A name, a mapping of one name to options, or a `Modifier`.

    Returns:
        The modifier.

    Raises:
        UnknownNameError: There is no such modifier or option; offers the nearest one.
        ArgumentError: It is none of these, or a value is not allowed; names the option.
    """
    if isinstance(entry, Modifier):
        return entry
    name, options = read_entry(entry, "modifier", "{trial_history: {probability: 0.8}}")
    cls = modifier_class(name)
    check_options(cls, cls.name(), options)
    try:
        return cls(**options)
    except NeuroparallelError as error:
        raise type(error)(f"{cls.name()}.{error}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ArgumentError(f"{cls.name()}: {options!r} does not fit ({error}).") from None


def longest_block(task: Task) -> int:
    """Return the usual length of the longest block of a modified task, in trials; 0 without blocks."""
    return max((modifier.longest_block() for modifier in layers(task)[1]), default=0)


def modify(task: Task, modifiers: Iterable[Modifier]) -> Task:
    """Put modifiers around a task, the first one innermost.

    Raises:
        ArgumentError: Two of them cannot stand together.
    """
    names = [modifier.name() for modifier in layers(task)[1]]
    steering = [modifier.name() for modifier in layers(task)[1] if modifier.steers]
    overruling = [modifier.name() for modifier in layers(task)[1] if modifier.overrules]
    for modifier in modifiers:
        name = modifier.name()
        if name in names:
            raise ArgumentError(f"{name} stands twice; write it once.")
        if modifier.steers and not set(steering) <= set(_COOPERATE):
            raise ArgumentError(f"{name}: {steering[-1]} decides already what is right; leave one of them out.")
        if modifier.steers and overruling:
            raise ArgumentError(f"{name}: {overruling[-1]} changes what is right afterwards; write {name} before it.")
        steering += [name] if modifier.steers else []
        overruling += [name] if modifier.overrules else []
        names.append(name)
        task = Modified(inner=task, modifier=modifier)
    return task
