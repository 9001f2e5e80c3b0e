"""Functions ``previous_reward_v0(env)`` and ``trial_history_v0(env)`` of signal wrappers and of modifiers."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, overload

from neuroparallel.errors import ArgumentError, UsageError
from neuroparallel.modifiers import Modifier
from neuroparallel.scenario import Scenario
from neuroparallel.task import Task
from neuroparallel.wrappers._signal import Signal

__all__ = ["WrapperFunction", "modifier_function", "signal_function"]


class Environment(Protocol):
    """Any environment, or batch."""

    def step(self, *args: Any, **options: Any) -> Any:
        """Advance by one time step."""


E = TypeVar("E", bound=Environment)


class WrapperFunction(Protocol):
    """A function that wraps an environment and offers everything that the environment offers."""

    @overload
    def __call__(self, env: E, *args: Any, **options: Any) -> E: ...

    @overload  # of modifiers only: the changed scenario
    def __call__(
        self, env: str | os.PathLike[str] | Mapping[str, Any] | Task | Scenario, *args: Any, **options: Any
    ) -> Scenario: ...


def signal_function(cls: type[Signal]) -> WrapperFunction:
    """Make the function ``name_v0`` of a signal wrapper; it does the same as the class."""

    def wrap(env: Any, *args: Any, **options: Any) -> Any:
        return cls(env, *args, **options)

    own = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return _named(wrap, _file_name(cls), own, inspect.getdoc(cls) or "")


def modifier_function(cls: type[Modifier]) -> WrapperFunction:
    """Make the function ``name_v0`` of a modifier.

    It takes a scenario, or anything that `Scenario.load` takes, and returns the changed scenario; or it takes one of
    our environments and returns a new one over the changed scenario. Its options are the modifier's, and ``streams``,
    the names of the streams that it changes.
    """

    def wrap(env: Any, streams: Any = None, **options: Any) -> Any:
        entry = {cls.name(): options if streams is None else {**options, "streams": streams}}
        return _changed(env, entry, f"{cls.name()}_v0")

    given = inspect.Parameter("env", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Any)
    streams = inspect.Parameter("streams", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Any)
    own = [given, *inspect.signature(cls).parameters.values(), streams]
    return _named(wrap, cls.name(), own, _documented(cls))


def _file_name(cls: type[Signal]) -> str:
    return cls.__module__.rpartition(".")[2]


def _named(wrap: Any, name: str, parameters: list[inspect.Parameter], doc: str) -> WrapperFunction:
    wrap.__signature__ = inspect.Signature(parameters, return_annotation=Any)
    wrap.__name__ = wrap.__qualname__ = f"{name}_v0"
    wrap.__module__ = "neuroparallel.wrappers"
    wrap.__doc__ = doc
    function: WrapperFunction = wrap
    return function


def _documented(cls: type[Modifier]) -> str:
    """Return the modifier's docstring, with the arguments and results of the function."""
    doc = inspect.getdoc(cls) or ""
    added = (
        "Args:\n    env: Anything that `Scenario.load` takes, or one of our environments before its first reset.\n"
        "    streams: Names of the streams that it changes; None: all of them."
    )
    ends = (
        "\n\nReturns:\n    The changed scenario, or an environment of the same kind over it.\n\n"
        "Raises:\n    ScenarioError: It does not fit a stream, or an option is not allowed; names which.\n"
        "    UsageError: The session has begun, or a wrapper of another library stands in between."
    )
    return doc.replace("Args:", added, 1) + ends if "Args:" in doc else f"{doc}\n\n{added}{ends}"


def _changed(env: Any, entry: dict[str, Any], name: str) -> Any:
    if isinstance(env, (Scenario, Task, Mapping, str, os.PathLike)):
        return _with(Scenario.load(env), entry)
    layers = []
    while isinstance(env, Signal):
        layers.append(env)
        env = env.env
    if not hasattr(type(env), "remake"):  # asked of the class: wrappers of other libraries pass attributes on
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
    """Return the error for an environment that cannot be made anew, with what to write instead."""
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
