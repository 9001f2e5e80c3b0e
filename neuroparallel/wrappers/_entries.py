"""The ``wrappers:`` list of a scenario: reading, checking and applying it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import gymnasium
from pettingzoo import ParallelEnv

from neuroparallel.errors import (
    ArgumentError,
    MissingDependencyError,
    ScenarioError,
    UnknownNameError,
    nearest,
)
from neuroparallel.modifiers import list_modifiers
from neuroparallel.registry import check_options, read_entry
from neuroparallel.wrappers._sequences import sequence_wrapper

__all__ = ["apply_wrappers", "check_wrappers", "list_wrappers"]

_SUPERSUIT = "supersuit."


def list_wrappers() -> list[str]:
    """Name our own wrappers, sorted: one file each, found by looking into this folder and that of the modifiers."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted([*(module.name for module in found if not module.name.startswith("_")), *list_modifiers()])


def check_wrappers(entries: Iterable[Any]) -> None:
    """Check a scenario's list of wrappers, before anything is made.

    Args:
        entries: Each a name (``previous_reward``), or a mapping of one name to its options
            (``{previous_action: {encoding: one_hot}}``). SuperSuit's have a prefix:
            ``{supersuit.frame_stack_v1: {stack_size: 4}}``.

    Raises:
        UnknownNameError: There is no such wrapper or option; names the nearest one.
        ScenarioError: An entry is neither a name nor a name with options.
        MissingDependencyError: It is one of SuperSuit's, which is not installed.
    """
    for position, entry in enumerate(entries):
        _read(entry, f"wrappers.{position}")


def apply_wrappers(env: Any, entries: Iterable[Any]) -> Any:
    """Put the wrappers of a scenario around an environment, in their order.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv.
        entries: As of `check_wrappers`.

    Returns:
        The wrapped environment.

    Raises:
        NeuroparallelError: As of `check_wrappers`, or a wrapper does not fit the environment.
    """
    for position, entry in enumerate(entries):
        name, function, options = _read(entry, f"wrappers.{position}")
        if name.startswith(_SUPERSUIT) and not isinstance(env, (gymnasium.Env, ParallelEnv)):
            raise ScenarioError(
                f"wrappers.{position}: {name} works on single environments only (parallel_env, "
                "gym_env, aec_env), not on a batch of lanes."
            )
        try:
            env = function(env, **options)
        except (ArgumentError, TypeError, ValueError, AssertionError) as error:
            raise ScenarioError(f"wrappers.{position}: {name}: {error}") from error
    return env


def _read(entry: Any, key: str) -> tuple[str, Callable[..., Any], dict[str, Any]]:
    """An entry's name, function and options."""
    try:
        name, options = read_entry(entry, "wrapper", "{previous_action: {encoding: one_hot}}")
        function = _supersuit(name) if name.startswith(_SUPERSUIT) else _ours(name)
        check_options(function, name, options, skip=1)  # the first parameter is the environment
    except (UnknownNameError, MissingDependencyError) as error:
        raise type(error)(f"{key}: {error}") from error
    except ArgumentError as error:
        raise ScenarioError(f"{key}: {error}") from None
    if name.startswith(_SUPERSUIT):  # it asks for tuples, which YAML does not have
        options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    return name, function, options


def _ours(name: str) -> Callable[..., Any]:
    short = name.removesuffix("_v0")
    if short not in list_wrappers():
        raise UnknownNameError(f"there is no wrapper {name!r}.{nearest(name, list_wrappers())}")
    if short in list_modifiers():
        return sequence_wrapper(short)
    module = importlib.import_module(f"neuroparallel.wrappers.{short}")
    found: Callable[..., Any] = getattr(module, f"{short}_v0")
    return found


def _supersuit(name: str) -> Callable[..., Any]:
    try:
        library = importlib.import_module("supersuit")
    except ImportError as error:
        raise MissingDependencyError(f"{name} needs SuperSuit; install it with: pip install supersuit") from error
    names = [n for n, value in vars(library).items() if callable(value) and n[-1].isdigit()]
    short = name.removeprefix(_SUPERSUIT)
    if short not in names:
        raise UnknownNameError(f"SuperSuit has no {short!r}.{nearest(short, names)}")
    found: Callable[..., Any] = getattr(library, short)
    return found
