"""Check of actions, before anything in an environment changes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from gymnasium import spaces

from neuroparallel.engine.movements import describe_box, parts_of, read_box
from neuroparallel.engine.subject_spaces import describe_factors
from neuroparallel.errors import ActionError

__all__ = ["ActionReader", "read_actions"]

LISTED = 1000


class ActionReader:
    """Reader of one agent's actions: it returns plain integers, or raises an error that says what is legal.

    Args:
        agent: Name of the agent, for error messages.
        space: Its Discrete or MultiDiscrete space, starting at 0; its Box; or its Dict of these by stream.
        factors: What the factors of a MultiDiscrete space are called; others are numbered.
    """

    def __init__(self, agent: str, space: spaces.Space[Any], factors: Sequence[str] = ()) -> None:
        self.agent = agent
        self.factored = isinstance(space, spaces.MultiDiscrete)
        self.sizes: tuple[int, ...] = ()
        self.legal: frozenset[Any] = frozenset()  # all actions, unless there are too many to list: a quick check
        self.space = space
        self.parts: dict[str, ActionReader] = {}
        if isinstance(space, spaces.Dict):
            self.parts = {name: ActionReader(f"{agent}, {name}", part) for name, part in space.items()}
        if isinstance(space, (spaces.Dict, spaces.Box)):
            return
        sizes = space.nvec.tolist() if isinstance(space, spaces.MultiDiscrete) else [int(space.n)]  # type: ignore[attr-defined]
        self.sizes = tuple(sizes)
        named = len(factors) == len(sizes)
        self.factors = tuple(factors) if named else tuple(f"number {place}" for place in range(len(sizes)))
        if math.prod(sizes) <= LISTED:
            self.legal = frozenset(product(*map(range, sizes)) if self.factored else range(sizes[0]))

    def read(self, action: Any) -> Any:
        """Check an action.

        Args:
            action: An int, a NumPy integer, or an array or tensor of one integer; where actions are factored, a
                sequence or array of one of these for each factor. Of a movement, a sequence or array of floats, one
                per axis; where one of several streams has one, a mapping by stream.

        Returns:
            int, or a list of int where actions are factored; float32, (axes,), of a movement, or a dict by stream.

        Raises:
            ActionError: It is of another kind or out of range; names the agent and what is legal.
        """
        if not self.sizes:
            return self._read_movement(action)
        if not self.factored:
            whole = _integer(action)
            if whole is None or not 0 <= whole < self.sizes[0]:
                raise ActionError(self._refusal(action))
            return whole
        action = _array(action)
        if isinstance(action, np.ndarray):
            kind = action.dtype.kind
            parts = action.tolist() if action.ndim == 1 and kind in "iuO" else []
            if kind != "O" and tuple(parts) in self.legal:
                return parts
        else:
            parts = action if isinstance(action, (list, tuple)) else []
        if len(parts) != len(self.sizes):
            raise ActionError(self._refusal(action))
        read = []
        for part, size in zip(parts, self.sizes, strict=True):
            value = part if type(part) is int else _integer(part)
            if value is None or not 0 <= value < size:
                raise ActionError(self._refusal(action))
            read.append(value)
        return read

    def _read_movement(self, action: Any) -> Any:
        if isinstance(self.space, spaces.Box):
            return read_box(self.agent, self.space, action)
        assert isinstance(self.space, spaces.Dict)
        given = parts_of(self.agent, self.space, action)
        return {name: reader.read(given[name]) for name, reader in self.parts.items()}

    def _refusal(self, action: Any) -> str:
        if isinstance(self.space, spaces.Dict):
            legal = f"a mapping with a part for each of {', '.join(self.parts)}"
        elif isinstance(self.space, spaces.Box):
            legal = f"floats of shape {self.space.shape}, {describe_box(self.space)}"
        elif self.factored:
            legal = f"a sequence of {len(self.sizes)} integers: {describe_factors(self.factors, self.sizes)}"
        else:
            legal = f"an integer from 0 to {self.sizes[0] - 1}"
        kind = f"{action!r} ({type(action).__name__})"
        return f"{self.agent}: {kind} is no action of this agent; an action is {legal}."


def _array(value: Any) -> Any:
    """Return a tensor of another library (torch, jax) as an array, and anything else unchanged."""
    if isinstance(value, (int, float, np.ndarray, np.generic, list, tuple)) or not hasattr(value, "__array__"):
        return value
    try:
        return np.asarray(value)
    except (TypeError, RuntimeError, ValueError):  # a tensor on a GPU, or one that needs its gradient
        return value


def _integer(value: Any) -> int | None:
    """Return the value as int if it is one integer of any width; None for a bool or anything else."""
    if type(value) is int:
        return value
    value = _array(value)
    if isinstance(value, np.ndarray):
        return int(value.item()) if value.size == 1 and value.dtype.kind in "iu" else None
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    return None


def read_actions(readers: Mapping[str, ActionReader], actions: Mapping[str, Any]) -> dict[str, Any]:
    """Check the actions of all agents.

    Raises:
        ActionError: One is missing, of a wrong kind, out of range, or for an agent that does not
            exist.
    """
    if type(actions) is not dict and not isinstance(actions, Mapping):
        raise ActionError(
            f"actions are a dictionary with an entry for each of {', '.join(readers)}; got {type(actions).__name__}."
        )
    for agent in actions:
        if agent not in readers:
            raise ActionError(f"{agent}: there is no such agent; the agents are {', '.join(readers)}.")
    result = {}
    for agent, reader in readers.items():
        if agent not in actions:
            legal = reader._refusal(None).rpartition("; ")[2]
            raise ActionError(f"{agent}: there is no action for this agent; {legal}")
        result[agent] = reader.read(actions[agent])
    return result
