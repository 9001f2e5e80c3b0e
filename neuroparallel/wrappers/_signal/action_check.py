"""Check of an action before a wrapper changes it, so that an illegal action always raises an error."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from neuroparallel.engine.movements import read_box
from neuroparallel.errors import ActionError

__all__ = ["check_action"]


def check_action(agent: str, space: spaces.Space[Any], action: Any, lanes: int | None) -> Any:
    """Read an action of a space as numbers.

    Args:
        agent: Name of the agent, for errors.
        space: Discrete, MultiDiscrete, or Box of one dimension; actions of other spaces are left to the environment.
        action: In lanes, the lane is the first axis.
        lanes: Number of lanes; None for a single environment.

    Returns:
        A number or (lanes,); (factors,) or (factors, lanes) where there are several.

    Raises:
        ActionError: It is of another kind or out of range.
    """
    lead = () if lanes is None else (lanes,)
    if isinstance(space, spaces.Box):
        return read_box(agent, space, action, lead).T
    if not isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
        return action
    factored = isinstance(space, spaces.MultiDiscrete)
    low: Any = space.start if factored else int(space.start)
    above: Any = low + (space.nvec if isinstance(space, spaces.MultiDiscrete) else int(space.n))
    if type(action) is int and not factored and lanes is None and low <= action < above:
        return action
    array, shape = np.asarray(action), (*lead, *np.shape(low))
    if not shape and array.size == 1:  # an array of one number is as good as the number
        array = array.reshape(())
    if array.dtype.kind in "iu" and array.shape == shape:
        wrong = (array < low) | (array >= above)
        if not wrong.any():
            return array.T if shape else int(array)
        found = f"{array[tuple(np.argwhere(wrong)[0][: len(lead)])].tolist()}"
        found = f"lane {np.argwhere(wrong)[0][0]} has {found}, which" if lead else found
    else:
        found = f"{array.dtype} of shape {array.shape}" if array.ndim else f"{action!r} ({type(action).__name__})"
    ranges = f"{np.asarray(low).tolist()} to {(np.asarray(above) - 1).tolist()}"
    raise ActionError(f"{agent}: {found} is no action; it must be integers of shape {shape}, {ranges}.")
