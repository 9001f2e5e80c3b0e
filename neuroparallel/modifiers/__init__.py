"""Modifiers: what changes how the trials of a stream are drawn, timed or laid out.

A scenario writes them beside the task (``modifiers: [{trial_history: {probability: 0.8}}]``), or in its ``wrappers``
list, from where they go to the streams. Around a task they make a task again, so engines know nothing of them. One
file each, found by looking into this folder.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, cast

from neuroparallel.errors import ArgumentError, NeuroparallelError, UnknownNameError, nearest
from neuroparallel.modifiers._base import Modified, Modifier, layers
from neuroparallel.task import Task

__all__ = ["Modified", "Modifier", "layers", "list_modifiers", "modifier_class", "modify", "read_modifier"]

_COOPERATE = ("variable_choices",)  # steers as well, and those after it keep to what it leaves


@lru_cache(maxsize=1)
def _shipped() -> dict[str, type[Modifier]]:
    found = {}
    for info in pkgutil.iter_modules(__path__):
        if not info.name.startswith("_"):
            module = importlib.import_module(f"{__name__}.{info.name}")
            for value in vars(module).values():
                if isinstance(value, type) and issubclass(value, Modifier) and value.__module__ == module.__name__:
                    found[value.name()] = value
    return dict(sorted(found.items()))


def list_modifiers() -> list[str]:
    """Names of all modifiers, sorted."""
    return list(_shipped())


def modifier_class(name: str) -> type[Modifier]:
    """Find a modifier by its name, with or without ``_v0``.

    Raises:
        UnknownNameError: There is none of that name; offers the nearest one.
    """
    short = str(name).removesuffix("_v0")
    if short not in _shipped():
        raise UnknownNameError(f"there is no modifier {name!r}.{nearest(short, _shipped())}")
    return _shipped()[short]


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
    name, options = (entry if isinstance(entry, str) else None), cast(Any, {})
    if isinstance(entry, Mapping) and len(entry) == 1:
        name, options = next(iter(entry.items()))
        options = {} if options is None else options
    if not isinstance(name, str) or not isinstance(options, Mapping):
        raise ArgumentError(
            f"{entry!r} is neither the name of a modifier nor a name with its options, as in "
            "{trial_history: {probability: 0.8}}."
        )
    cls = modifier_class(name)
    known = {spec.name: spec for spec in dataclasses.fields(cls)}
    for option in options:
        if option not in known:
            raise UnknownNameError(f"{cls.name()} has no option {option!r}.{nearest(str(option), known)}")
    for option, spec in known.items():
        if option not in options and spec.default is spec.default_factory:  # both are missing
            raise ArgumentError(f"{cls.name()} needs the option {option!r}.")
    try:
        return cls(**options)
    except NeuroparallelError as error:
        raise type(error)(f"{cls.name()}.{error}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ArgumentError(f"{cls.name()}: {dict(options)!r} does not fit ({error}).") from None


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
