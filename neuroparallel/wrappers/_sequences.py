"""The sequence wrappers: functions from a scenario to a scenario, and from our environments to new ones over it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any

from neuroparallel.errors import ArgumentError, UsageError
from neuroparallel.modifiers import Modifier, modifier_class
from neuroparallel.scenario import Scenario
from neuroparallel.task import Task
from neuroparallel.wrappers._signal import Signal

__all__ = ["sequence_wrapper"]


def sequence_wrapper(name: str) -> Callable[..., Any]:
    """Make the function ``name_v0`` of a modifier.

    It takes a scenario (or whatever names one) and gives the changed scenario; or one of our environments, and gives
    a new one over the changed scenario. Its options are the modifier's, and ``streams``, the streams it is for.
    """
    cls = modifier_class(name)

    def wrap(env: Any, streams: Any = None, **options: Any) -> Any:
        entry = {cls.name(): options if streams is None else {**options, "streams": streams}}
        return _changed(env, entry, f"{cls.name()}_v0")

    given = inspect.Parameter("env", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Any)
    streams = inspect.Parameter("streams", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Any)
    own = inspect.signature(cls).parameters.values()
    wrap.__signature__ = inspect.Signature([given, *own, streams], return_annotation=Any)  # type: ignore[attr-defined]
    wrap.__name__ = wrap.__qualname__ = f"{cls.name()}_v0"
    wrap.__module__ = "neuroparallel.wrappers"
    wrap.__doc__ = _documented(cls)
    return wrap


def _documented(cls: type[Modifier]) -> str:
    """The modifier's docstring, with what the function takes and gives besides."""
    told = inspect.getdoc(cls) or ""
    added = (
        "Args:\n    env: A scenario, what names one, or one of our environments before its first reset.\n"
        "    streams: Names of the streams it is for; nothing: all of them."
    )
    ends = (
        "\n\nReturns:\n    The changed scenario, or an environment of the same kind over it.\n\n"
        "Raises:\n    ScenarioError: It does not fit a stream, or an option is not allowed; names which.\n"
        "    UsageError: The session has begun, or a wrapper of others stands in between."
    )
    return told.replace("Args:", added, 1) + ends if "Args:" in told else f"{told}\n\n{added}{ends}"


def _changed(env: Any, entry: dict[str, Any], name: str) -> Any:
    if isinstance(env, (Scenario, Task, Mapping, str, os.PathLike)):
        return _with(Scenario.load(env), entry)
    layers = []
    while isinstance(env, Signal):
        layers.append(env)
        env = env.env
    if not hasattr(type(env), "remake"):  # asked of the class, as wrappers of others reach through to what is inside
        raise _cannot(env, name)
    if env.begun:
        raise UsageError(f"{name}: the session of {env!r} has begun; write {name} around it before its first reset.")
    env = env.remake(_with(env.scenario, entry))
    for layer in reversed(layers):
        env = layer.again(env)
    return env


def _with(scenario: Scenario, entry: dict[str, Any]) -> Scenario:
    return scenario.replace(wrappers=[*scenario.wrappers, entry])


def _cannot(env: Any, name: str) -> Exception:
    """What to write instead, for what we cannot build anew."""
    kind = type(env).__name__
    if getattr(env, "env", None) is not None or hasattr(getattr(env, "unwrapped", None), "remake"):
        return UsageError(
            f"{name}: {kind} stands between it and the experiment, and cannot be put around another one; write {name} "
            f"first, {kind}({name}(env)), or name it in the scenario's wrappers list."
        )
    return ArgumentError(
        f"{name}: {kind} cannot be changed so; it takes a scenario, or an environment that parallel_env, gym_env, "
        "vector_env or batch made."
    )
