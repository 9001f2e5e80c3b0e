"""Actions of any space as plain arrays, so that they can be sliced, mixed and played again."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

__all__ = ["another", "packed", "unpacked", "wrong_action"]

Array = NDArray[Any]


def packed(space: spaces.Space[Any], action: Any) -> Array:
    """Actions of all lanes as one array.

    Args:
        space: Whose.
        action: As an engine takes it: (lanes, ...), or of a Dict such arrays by name.

    Returns:
        int64 or float32, (lanes, ...); of a Dict float64, (lanes, columns), the parts side by side.
    """
    if isinstance(space, spaces.Dict):
        parts = [np.asarray(action[name], np.float64) for name in space]
        return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
    return np.asarray(action, np.float32 if isinstance(space, spaces.Box) else np.int64)


def unpacked(space: spaces.Space[Any], array: Array) -> Any:
    """The same actions as an engine takes them, in a batch (lanes, ...) or, of one lane, without that axis."""
    if not isinstance(space, spaces.Dict):
        return array
    parts: dict[str, Any] = {}
    at = 0
    for name, part in space.items():
        if isinstance(part, spaces.Box):
            width = part.shape[0]
            parts[name] = array[..., at : at + width].astype(np.float32)
        else:
            width = 1
            parts[name] = array[..., at].astype(np.int64) if array.ndim > 1 else int(array[at])
        at += width
    return parts


def another(space: spaces.Space[Any], array: Array) -> Array:
    """Packed actions that all differ from the given ones: holding for a choice, the first choice for holding."""
    if isinstance(space, spaces.Dict):
        parts = unpacked(space, array)
        return packed(space, {name: another(part, parts[name]) for name, part in space.items()})
    if isinstance(space, spaces.Box):
        middle = (space.low + space.high) / 2
        return np.where(array > middle, space.low, space.high).astype(np.float32)
    return 1 - np.minimum(array, 1)


def wrong_action(space: spaces.Space[Any], action: Any) -> Any:
    """An action just beyond a space, otherwise the given one; None if the space has no bounds."""
    if isinstance(space, spaces.Dict):
        for name, part in space.items():
            wrong = wrong_action(part, action[name])
            if wrong is not None:
                return {**action, name: wrong}
        return None
    if isinstance(space, spaces.MultiDiscrete):
        return np.array(space.nvec)
    if isinstance(space, spaces.Discrete):
        return int(space.n) + int(space.start)
    if isinstance(space, spaces.Box) and np.isfinite(space.high).all():
        return np.asarray(space.high + 1, space.dtype)
    return None
