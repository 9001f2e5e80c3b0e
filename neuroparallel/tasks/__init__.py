"""The tasks: one file each, in folders by domain. They are found by file name, so a new file is a new task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuroparallel.errors import UnknownNameError, nearest
from neuroparallel.registry import Registry, built, with_tag
from neuroparallel.task import Task
from neuroparallel.tasks._neurogym import find_counterpart

__all__ = ["TASK_PREFIX", "find_counterpart", "list_tasks", "make_task", "plain_name", "task_class", "tasks_by_folder"]

TASK_PREFIX = "task:"  # before the name of a task that a scenario of the same name would hide

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


def tasks_by_folder(tag: str | None = None) -> dict[str, list[str]]:
    """Name all tasks by domain, which is the folder in which a task lies.

    Args:
        tag: Only tasks with this tag.

    Returns:
        Names by domain (``"perception"``, ``"memory"``, ...), both sorted.

    Raises:
        UnknownNameError: No task has that tag; names the nearest one.
    """
    return _registry.folders(list_tasks(tag))


def task_class(name: str) -> type[Task]:
    """Find a task by its name, or one of your own by ``"package.module:ClassName"``.

    Args:
        name: As `list_tasks` gives it, with ``"task:"`` before it or without, or NeuroGym's id.

    Returns:
        The class.

    Raises:
        UnknownNameError: There is no such task; names the nearest one.
        ArgumentError: It is no name at all.
    """
    found = find_counterpart(name)
    return _registry.find(plain_name(name) if found is None else found.task)


def plain_name(name: Any) -> Any:
    """The name without ``task:``; a class of somebody's module task.py, ``task:Name``, stays as it is."""
    if not isinstance(name, str):
        return name
    bare = name.removeprefix(TASK_PREFIX)
    return bare if bare in _registry.shipped else name


def reference(task: type[Task]) -> str:
    """The name under which a scenario writes a task; a user's own is remembered for this process."""
    return _registry.reference(task)


def make_task(name: str, preset: str | None = None, **parameters: Any) -> Task:
    """Make a task, with some of its numbers changed.

    Args:
        name: As `list_tasks` gives it, or NeuroGym's id of a task that has a counterpart here, such as
            ``"GoNogo-v0"``, which means the preset ``"neurogym"`` unless another one is given.
        preset: A named set of parameters, such as ``"paper"`` or ``"neurogym"``.
        **parameters: Fields of the task; ``timing`` and ``rewards`` take mappings of what is to change.

    Returns:
        The task.

    Raises:
        UnknownNameError: No such task, preset, parameter, period or reward; names the nearest one.
        ArgumentError: A value does not fit.
    """
    found = find_counterpart(name)
    if found is not None:
        name, preset = found.task, found.preset if preset is None else preset
        parameters = _merged(found.changes, parameters)
    task = task_class(name)
    values: dict[str, Any] = {}
    if preset is not None:
        if not isinstance(preset, str) or preset not in task.presets:  # type: ignore[redundant-expr]
            raise UnknownNameError(f"{name} has no preset {preset!r}.{nearest(preset, task.presets)}")
        values = {key: dict(v) if isinstance(v, dict) else v for key, v in task.presets[preset].items()}
    return built(task, name, _merged(values, parameters))


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters, some of them changed; of timing and rewards only the entries that are given."""
    merged = dict(values)
    for key, value in changes.items():
        both_map = key in ("timing", "rewards") and isinstance(merged.get(key), dict) and hasattr(value, "keys")
        merged[key] = {**merged[key], **value} if both_map else value
    return merged
