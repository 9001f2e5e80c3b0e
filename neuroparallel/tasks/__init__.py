"""The tasks: one file each, found by looking into this folder, so that a new file is a new task."""

from __future__ import annotations

from typing import Any

from neuroparallel.errors import UnknownNameError, nearest
from neuroparallel.registry import Registry, built, with_tag
from neuroparallel.task import Task

__all__ = ["list_tasks", "make_task", "task_class"]

_registry: Registry[Task] = Registry("task", Task, __name__, __path__, lambda cls: cls.task_name())


def list_tasks(tag: str | None = None) -> list[str]:
    """Name all tasks.

    Args:
        tag: Only tasks with this tag, for example ``"working_memory"``.

    Returns:
        Names, sorted.

    Raises:
        UnknownNameError: No task has that tag; names the nearest one.
    """
    tasks = _registry.shipped
    return with_tag(tag, tasks, lambda name: tasks[name].tags, "task")


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
    return _registry.find(name)


def reference(task: type[Task]) -> str:
    """The name under which a scenario writes a task; a user's own is remembered for this process."""
    return _registry.reference(task)


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
    for key, value in parameters.items():
        both_map = key in ("timing", "rewards") and isinstance(values.get(key), dict) and hasattr(value, "keys")
        values[key] = {**values[key], **value} if both_map else value
    return built(task, name, values)
