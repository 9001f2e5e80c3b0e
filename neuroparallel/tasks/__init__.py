"""The tasks: one file each, found by looking into this folder, so that a new file is a new task."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from functools import lru_cache
from typing import Any

from neuroparallel.errors import ArgumentError, NeuroparallelError, UnknownNameError, nearest
from neuroparallel.task import Task

__all__ = ["list_tasks", "make_task", "task_class"]

_OWN: dict[str, type[Task]] = {}  # tasks of users, by the name under which a scenario can write them


@lru_cache(maxsize=1)
def _shipped() -> dict[str, type[Task]]:
    found = {}
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Task) and value.__module__ == module.__name__:
                found[value.task_name()] = value
    return dict(sorted(found.items()))


def list_tasks(tag: str | None = None) -> list[str]:
    """Name all tasks.

    Args:
        tag: Only tasks with this tag, for example ``"working_memory"``.

    Returns:
        Names, sorted.

    Raises:
        UnknownNameError: No task has that tag; names the nearest one.
    """
    tasks = _shipped()
    if tag is None:
        return list(tasks)
    tags = {t for task in tasks.values() for t in task.tags}
    if not isinstance(tag, str) or tag not in tags:  # type: ignore[redundant-expr]
        raise UnknownNameError(f"no task has the tag {tag!r}.{nearest(tag, tags)}")
    return [name for name, task in tasks.items() if tag in task.tags]


def task_class(name: str) -> type[Task]:
    """Find a task by its name, or one of your own by ``"package.module:ClassName"``.

    Args:
        name: As `list_tasks` gives it.

    Returns:
        The class.

    Raises:
        UnknownNameError: There is no such task; names the nearest one.
        ArgumentError: It is no name at all.
    """
    if not isinstance(name, str):
        raise ArgumentError(f"{name!r} is no name of a task; list_tasks() gives them.")
    if name in _shipped():
        return _shipped()[name]
    if name in _OWN:
        return _OWN[name]
    module, _, cls = name.partition(":")
    if cls:
        try:
            found = getattr(importlib.import_module(module), cls)
        except (ImportError, AttributeError) as error:
            raise UnknownNameError(f"task {name!r} cannot be imported: {error}.") from None
        if isinstance(found, type) and issubclass(found, Task):
            return found
        raise UnknownNameError(f"{name!r} is no Task.")
    raise UnknownNameError(f"there is no task {name!r}.{nearest(name, _shipped())}")


def reference(task: type[Task]) -> str:
    """The name under which a scenario writes a task; a user's own is remembered for this process."""
    name = task.task_name()
    if _shipped().get(name) is task:
        return name
    name = f"{task.__module__}:{task.__qualname__}"
    _OWN[name] = task
    return name


def make_task(name: str, preset: str | None = None, **parameters: Any) -> Task:
    """Make a task, with some of its numbers changed.

    Args:
        name: As `list_tasks` gives it.
        preset: A named set of parameters, such as ``"paper"`` or ``"neurogym"``.
        **parameters: Fields of the task; ``timing`` and ``rewards`` take mappings of what is to change.

    Returns:
        The task.

    Raises:
        UnknownNameError: No such task, preset, parameter, period or reward; names the nearest one.
        ArgumentError: A value does not fit.
    """
    task = task_class(name)
    values: dict[str, Any] = {}
    if preset is not None:
        if not isinstance(preset, str) or preset not in task.presets:  # type: ignore[redundant-expr]
            raise UnknownNameError(f"{name} has no preset {preset!r}.{nearest(preset, task.presets)}")
        values = {key: dict(v) if isinstance(v, dict) else v for key, v in task.presets[preset].items()}
    fields = {spec.name for spec in dataclasses.fields(task)}
    for key, value in parameters.items():
        if key not in fields:
            raise UnknownNameError(f"{name} has no parameter {key!r}.{nearest(key, fields)}")
        if key in ("timing", "rewards") and isinstance(values.get(key), dict) and hasattr(value, "keys"):
            values[key] = {**values[key], **value}
        else:
            values[key] = value
    try:
        return task(**values)
    except NeuroparallelError:
        raise
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{name}: {error}") from None
