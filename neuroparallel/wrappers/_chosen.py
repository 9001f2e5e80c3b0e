"""Rows that show which action was chosen."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from gymnasium import spaces

from neuroparallel.wrappers._signal import OneHot, Part, Signal

__all__ = ["Chosen"]


class Chosen:
    """Rows that show an action of a Discrete or MultiDiscrete space.

    Args:
        signal: The wrapper that shows it.
        me: Whose rows they are; they are added here.
        name: What their names begin with.
        encoding: ``"one_hot"`` or ``"index"``.
        space: The space of the action; None: the part's own.
    """

    def __init__(self, signal: Signal, me: Part, name: str, encoding: str = "one_hot", space: Any = None) -> None:
        space = me.action_space if space is None else space
        if not isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
            raise signal.refuse(f"the actions are {space}; they must be Discrete or MultiDiscrete.")
        factored = isinstance(space, spaces.MultiDiscrete)
        sizes = [int(n) for n in np.atleast_1d(space.nvec if isinstance(space, spaces.MultiDiscrete) else space.n)]
        self.start, self.factored, self.at = space.start, factored, me.end
        self.starts = [int(n) for n in np.atleast_1d(space.start)]
        heads = [f"{name}_{i}" for i in range(len(sizes))] if factored else [name]
        self.hot: list[OneHot] = []
        if encoding == "index":
            me.add(heads, 0.0, np.array(sizes) - 1.0)
            return
        self.hot = [OneHot(size) for size in sizes]
        me.add([f"{head}_{k}" for head, size in zip(heads, sizes, strict=True) for k in range(size)], 0.0, 1.0)
        ends = np.cumsum([self.at, *sizes]).tolist()
        self.spans = [slice(a, b) for a, b in pairwise(ends)]

    def write(self, out: Any, action: Any) -> None:
        """Fill the rows: an action is a number or (lanes,); (factors,) or (factors, lanes)."""
        if not self.factored:
            action = (action - self.start,) if self.start else (action,)
        else:
            action = [one - start for one, start in zip(action, self.starts, strict=True)]
        if not self.hot:
            for row, one in enumerate(action, self.at):
                out[row] = one
            return
        for hot, span, one in zip(self.hot, self.spans, action, strict=True):
            hot.write(out[span], one)
