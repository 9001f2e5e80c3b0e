"""Channels that show an action."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from neuroparallel.wrappers._signal.signal import AgentState, OneHot, Signal

__all__ = ["ActionChannels"]


class ActionChannels:
    """Rows that show an action of a Discrete or MultiDiscrete space.

    Args:
        signal: Wrapper that adds the channels.
        me: State of the agent to which the channels are added.
        name: Prefix of the channel names.
        encoding: ``"one_hot"`` or ``"index"``.
        space: Space of the action; None: the agent's own.
    """

    def __init__(self, signal: Signal, me: AgentState, name: str, encoding: str = "one_hot", space: Any = None) -> None:
        space = me.action_space if space is None else space
        if not isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
            raise signal.error(f"the actions are {space}; they must be Discrete or MultiDiscrete.")
        self.factored = isinstance(space, spaces.MultiDiscrete)
        sizes = np.atleast_1d(space.nvec if isinstance(space, spaces.MultiDiscrete) else space.n).tolist()
        starts = np.atleast_1d(space.start).tolist()
        heads = [f"{name}_{i}" for i in range(len(sizes))] if self.factored else [name]
        self.starts, self.at, self.hot = starts, me.end, [OneHot(*one) for one in zip(sizes, starts, strict=True)]
        self.ats = np.cumsum([me.end, *sizes]).tolist()[:-1]
        if encoding == "index":
            self.hot = []
            me.add(heads, 0.0, np.array(sizes) - 1.0)
        else:
            me.add([f"{head}_{k}" for head, size in zip(heads, sizes, strict=True) for k in range(size)], 0.0, 1.0)

    def write(self, out: Any, action: Any) -> None:
        """Fill the rows: an action is a number or (lanes,); (factors,) or (factors, lanes)."""
        if self.hot and not self.factored:
            self.hot[0].write(out, self.at, action)
        elif self.hot:
            for hot, at, one in zip(self.hot, self.ats, action, strict=True):
                hot.write(out, at, one)
        else:
            for row, (start, one) in enumerate(zip(self.starts, action if self.factored else [action], strict=True)):
                out[self.at + row] = one - start
