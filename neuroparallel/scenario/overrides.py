"""Changing some values of a scenario, by their keys."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from neuroparallel.errors import ScenarioError, nearest
from neuroparallel.scenario.schema import Stream, plain
from neuroparallel.tasks import task_class

__all__ = ["override"]


def override(value: dict[str, Any], changes: Mapping[str, tuple[list[str], Any]]) -> None:
    """Change values of a resolved scenario in place.

    Args:
        value: The scenario as plain data.
        changes: By the key that a user wrote: the path to which it leads, and the new value.

    Raises:
        ScenarioError: A path leads nowhere.
    """
    for key, (path, _) in changes.items():
        _refuse_strangers(value, path, key)
    # Presets first: the other changes are made on top of them.
    for key, (path, change) in sorted(changes.items(), key=lambda item: not _is_preset(item[1][0])):
        put = _put_preset if _is_preset(path) else _put
        put(value, path, change, key)


def _put(value: Any, path: list[str], change: Any, key: str) -> None:
    for step in path[:-1]:
        if not isinstance(value, dict):
            raise ScenarioError(f"{key}: {step!r} cannot be reached.")
        value = value.setdefault(step, {})
    if isinstance(value, list):
        raise ScenarioError(f"{key}: a list cannot be changed by key; give the whole list.")
    if not isinstance(value, dict):
        raise ScenarioError(f"{key}: {path[-2] if len(path) > 1 else key} is {value!r}, which has no keys.")
    old = value.get(path[-1])
    if (
        isinstance(old, dict)
        and isinstance(change, Mapping)
        and path[-1] in ("timing", "rewards", "params", "subjects", "train")
    ):
        value[path[-1]] = {**old, **{name: plain(item) for name, item in change.items()}}
    else:
        value[path[-1]] = plain(change)


_PARTS = {"subjects": "subject", "streams": "stream", "groups": "group"}


def _refuse_strangers(value: Any, path: list[str], key: str) -> None:
    """Refuse a key inside a subject, stream or group that does not exist: it would make one that has nothing else."""
    for kind, name in zip(path[:-2:2], path[1:-1:2], strict=True):
        known = value.get(kind, {})
        if kind not in _PARTS or not known:
            return
        if name not in known:
            raise ScenarioError(f"{key}: there is no {_PARTS[kind]} {name!r}.{nearest(name, known)}")
        value = known[name]


def _is_preset(path: list[str]) -> bool:
    return path[-1] == "preset" and path[-3:-2] == ["streams"]


def _put_preset(value: Any, path: list[str], change: Any, key: str) -> None:
    """Write out a preset: everything else of the stream is written out already, and would win over its name."""
    at = ".".join(path[:-1])
    stream = functools.reduce(lambda part, step: part.get(step, {}), path[:-1], value)
    presets = task_class(stream["task"]).presets if "task" in stream else {}
    if change not in presets:
        raise ScenarioError(f"{key}: {stream.get('task')} has no preset {change!r}.{nearest(str(change), presets)}")
    for name, preset in presets[change].items():
        here = name if name in Stream.model_fields else f"params.{name}"
        _put(value, f"{at}.{here}".split("."), preset, key)
