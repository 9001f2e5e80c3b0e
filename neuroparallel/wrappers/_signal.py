"""Signal wrappers: channels added to what is seen, written once for one step and for many lanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from neuroparallel.engine.batch import BatchEngine
from neuroparallel.errors import ArgumentError

__all__ = ["Added", "Signal", "Widened"]

Array = NDArray[Any]


class Added:
    """The channels that a signal wrapper adds for one agent, and how they are filled.

    Args:
        names: One per channel.
        low: Smallest value of each.
        high: Largest value of each.
    """

    def __init__(self, names: Sequence[str], low: Sequence[float], high: Sequence[float]) -> None:
        self.names, self.low, self.high = tuple(names), tuple(low), tuple(high)

    def write(self, out: Array, at: int, action: Any, reward: Any) -> None:
        """Fill the channels, all of them; the same lines serve one step and many lanes.

        Args:
            out: (rows,) for one step, (rows, lanes) for many lanes.
            at: The first row to fill; what comes before it is not ours.
            action: What was done: a number or (factors,); (lanes,) or (lanes, factors).
            reward: What was paid: a number; (lanes,).
        """
        raise NotImplementedError


class Signal:
    """A wrapper that adds channels about the step just taken; zero after a reset.

    A subclass says which channels (`added`) and is complete: ``@wrapper`` of
    `neuroparallel.wrappers._forms` gives it a form for every kind of environment, and calling the
    class with an environment makes the one that fits.
    """

    _made_with: tuple[tuple[Any, ...], dict[str, Any]]
    forms: ClassVar[dict[str, type[Signal]]] = {}
    is_form: ClassVar[bool] = False

    def __new__(cls, env: Any = None, *args: Any, **options: Any) -> Signal:
        """Choose the form that fits the environment; a form is what it is."""
        form = cls if cls.is_form else cls.forms[kind_of(env, cls.__name__)]
        made = super().__new__(form)
        made._made_with = (args, options)
        return made

    def again(self, env: Any) -> Signal:
        """The same wrapper, with the same options, around another environment."""
        args, options = self._made_with
        return type(self)(env, *args, **options)

    def added(self, action_space: spaces.Space[Any]) -> Added:
        """Which channels are added for an agent with these actions."""
        raise NotImplementedError


class Widened:
    """One agent's observations with the added channels behind its own.

    Args:
        signal: What is added.
        observation_space: Box of one dimension and a floating dtype.
        action_space: Of one agent.
        names: Names of the agent's own channels.
        what: Name of the agent, for error messages.
    """

    def __init__(
        self,
        signal: Signal,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        names: tuple[str, ...],
        what: str,
    ) -> None:
        box, wrapper = observation_space, type(signal).__name__
        is_vector = isinstance(box, spaces.Box) and len(box.shape) == 1
        if not is_vector or np.dtype(box.dtype).kind != "f":
            raise ArgumentError(
                f"{wrapper}: {what} observes {box}; channels can be added to a Box of one dimension "
                "and floats (flatten it before)."
            )
        assert isinstance(box, spaces.Box)
        self.added = signal.added(action_space)
        self.names = (*names, *self.added.names)
        self.inner, self.width = box.shape[0], box.shape[0] + len(self.added.names)
        self.dtype = np.dtype(box.dtype)
        self._own = slice(0, self.inner)
        self._write = self.added.write
        low = np.concatenate([box.low, np.array(self.added.low, self.dtype)])
        high = np.concatenate([box.high, np.array(self.added.high, self.dtype)])
        self.space = spaces.Box(low, high, dtype=self.dtype.type)  # type: ignore[arg-type]

    def first(self, seen: Array) -> Array:
        """A first observation, (channels,): nothing was done yet."""
        out = np.zeros(self.width, self.dtype)
        out[: self.inner] = seen
        return out

    def next(self, seen: Array, action: Any, reward: Any) -> Array:
        """An observation after a step, (channels,)."""
        out = np.empty(self.width, self.dtype)
        out[self._own] = seen
        self._write(out, self.inner, action, reward)
        return out

    def about(self, actions: Any, rewards: Array) -> Array:
        """The added channels of many lanes, (lanes, added)."""
        out = np.empty((len(self.added.names), len(rewards)), self.dtype)
        self._write(out, 0, np.asarray(actions), rewards)
        return out.T

    def nothing(self, lanes: int) -> Array:
        """The added channels of many lanes after a reset, (lanes, added)."""
        return np.zeros((len(self.added.names), lanes), self.dtype).T

    def join(self, seen: Array, added: Array) -> Array:
        """Observations of many lanes, (lanes, channels), channel-major in memory."""
        out = np.empty((self.width, len(added)), self.dtype)
        out[: self.inner] = seen.T
        out[self.inner :] = added.T
        return out.T


def kind_of(env: Any, wrapper: str) -> str:
    """Which form fits: ``batch``, ``vector``, ``gym`` or ``parallel``.

    Raises:
        ArgumentError: None does.
    """
    if isinstance(env, BatchEngine) or getattr(env, "is_batch", False):
        return "batch"
    for kind, family in (("vector", VectorEnv), ("gym", gymnasium.Env), ("parallel", ParallelEnv)):
        if isinstance(env, family):
            return kind
    raise ArgumentError(
        f"{wrapper}: {type(env).__name__} cannot be wrapped; it takes a batch, a gymnasium Env or "
        "VectorEnv, or a PettingZoo ParallelEnv. (Wrap the parallel environment before it is made "
        "an AEC one.)"
    )
