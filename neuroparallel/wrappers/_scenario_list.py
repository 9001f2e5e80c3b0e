"""The ``wrappers:`` list of a scenario: read, check and apply it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import gymnasium
from pettingzoo import ParallelEnv

from neuroparallel.errors import (
    ArgumentError,
    MissingDependencyError,
    ScenarioError,
    UnknownNameError,
    nearest,
)
from neuroparallel.registry import check_options, read_entry
from neuroparallel.wrappers._registry import function_of

__all__ = ["apply_wrappers", "check_wrappers"]

E = TypeVar("E")

_SUPERSUIT = "supersuit."


def check_wrappers(entries: Iterable[Any]) -> None:
    """Check the list of wrappers of a scenario before anything is made.

    Args:
        entries: Names (``previous_reward``), or mappings of one name to its options
            (``{previous_action: {encoding: one_hot}}``). SuperSuit's have a prefix:
            ``{supersuit.frame_stack_v1: {stack_size: 4}}``.

    Raises:
        UnknownNameError: A wrapper or option does not exist; names the nearest one.
        ScenarioError: An entry is neither a name nor a name with options.
        MissingDependencyError: A wrapper is one of SuperSuit's, which is not installed.
    """
    for position, entry in enumerate(entries):
        _read(entry, f"wrappers.{position}")


def apply_wrappers(env: E, entries: Iterable[Any]) -> E:
    """Wrap an environment in the wrappers of a scenario, in their order.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv.
        entries: List of wrappers, as for `check_wrappers`.

    Returns:
        The wrapped environment.

    Raises:
        NeuroparallelError: An entry is wrong, see `check_wrappers`; or a wrapper does not fit the environment.
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
    """Return the name, function and options of an entry."""
    try:
        name, options = read_entry(entry, "wrapper", "{previous_action: {encoding: one_hot}}")
        function = _supersuit(name) if name.startswith(_SUPERSUIT) else function_of(name)
        check_options(function, name, options, skip=1)  # the first parameter is the environment
    except (UnknownNameError, MissingDependencyError) as error:
        raise type(error)(f"{key}: {error}") from error
    except ArgumentError as error:
        raise ScenarioError(f"{key}: {error}") from None
    if name.startswith(_SUPERSUIT):  # SuperSuit asks for tuples, which YAML does not have
        options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    return name, function, options


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
