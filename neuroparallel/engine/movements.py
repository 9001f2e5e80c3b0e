"""Checking continuous actions, before anything changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuroparallel.errors import ActionError

__all__ = ["describe_box", "parts_of", "read_box", "read_movements"]


def read_movements(agent: str, space: spaces.Space[Any], given: Any, lanes: int) -> Any:
    """Check the actions of an agent with a movement, in all lanes.

    Args:
        agent: Its name, for errors.
        space: Its Box, or its Dict of Box and Discrete.
        given: Floats (lanes, axes); or by stream, these or integers (lanes,).
        lanes: How many lanes.

    Returns:
        float32, (lanes, axes); or a dict by stream of these and int64 (lanes,).

    Raises:
        ActionError: They are of a wrong kind or out of range; names the agent and what is legal.
    """
    if isinstance(space, spaces.Dict):
        parts = parts_of(agent, space, given)
        return {name: read_movements(f"{agent}, {name}", part, parts[name], lanes) for name, part in space.items()}
    if isinstance(space, spaces.Box):
        return read_box(agent, space, given, (lanes,))
    assert isinstance(space, spaces.Discrete)
    array, most = np.asarray(given), int(space.n) - 1
    if array.dtype.kind not in "iu" or array.shape != (lanes,) or (array < 0).any() or (array > most).any():
        raise ActionError(
            f"{agent}: {_short(given)} is no action; it must be integers of shape ({lanes},), 0 to {most}."
        )
    return array.astype(np.int64)


def parts_of(agent: str, space: spaces.Dict, given: Any) -> Mapping[str, Any]:
    """The action itself, if it is a mapping with a part for every stream and nothing else; otherwise ActionError."""
    if isinstance(given, Mapping) and set(given) == set(space.spaces):
        return given
    found = f"one for {', '.join(map(str, given))}" if isinstance(given, Mapping) else _short(given)
    raise ActionError(
        f"{agent}: an action is a mapping with a part for each of {', '.join(space.spaces)}; got {found}."
    )


ROUNDING = np.float32(1e-5)  # of the larger bound; some hundred times the resolution of float32


def read_box(agent: str, space: spaces.Box, given: Any, lead: tuple[int, ...] = ()) -> NDArray[np.float32]:
    """Check a movement.

    Args:
        agent: Whose, for errors.
        space: Its Box.
        given: Floats, (*lead, axes).
        lead: Shape in front of the axes: ``(lanes,)`` or nothing.

    Returns:
        float32, (*lead, axes); a copy.

    Raises:
        ActionError: It is of a wrong kind or shape, not finite, or out of range.
    """
    shape = (*lead, *space.shape)
    try:
        array = np.asarray(given)
    except (ValueError, TypeError, RuntimeError):  # a ragged sequence; a tensor that needs its gradient
        array = np.asarray(None)
    legal = f"floats of shape {shape}, {describe_box(space)}"
    if array.dtype.kind != "f" or array.shape != shape:
        raise ActionError(f"{agent}: {_short(given)} is no action; it must be {legal}.")
    array = array.astype(np.float32)
    # Learners compute with the bounds: what is outside by rounding is clipped.
    room = ROUNDING * np.maximum(np.abs(space.low), np.abs(space.high))
    within = (array >= space.low - room) & (array <= space.high + room)  # False where it is no number
    if not within.all():
        where = np.argwhere(~within)[0]
        lane = f"lane {where[0]} has " if lead else ""
        raise ActionError(f"{agent}: {lane}action {array[tuple(where[: len(lead)])].tolist()}; it must be {legal}.")
    np.clip(array, space.low, space.high, out=array)
    return array


def describe_box(space: spaces.Box) -> str:
    """The range of every axis in words: ``-1 to 1``, or ``-1 to 1, 0 to 5`` if they differ."""
    ranges = [f"{low:g} to {high:g}" for low, high in zip(space.low.tolist(), space.high.tolist(), strict=True)]
    return ranges[0] if len(set(ranges)) == 1 else ", ".join(ranges)


def _short(given: Any) -> str:
    if isinstance(given, np.ndarray):
        return f"an array of {given.dtype}, shape {given.shape},"
    text = repr(given)
    return f"{text[:60]} ({type(given).__name__})"
