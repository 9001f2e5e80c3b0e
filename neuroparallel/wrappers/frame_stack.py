"""The last observations side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuroparallel.errors import whole_number
from neuroparallel.wrappers._signal import MOST_STEPS, AgentState, AgentStep, Signal

__all__ = ["FrameStack"]


class FrameStack(Signal):
    """Show the last observations side by side, the oldest first, as SuperSuit's ``frame_stack_v1`` does.

    The channels of the past are called ``motion_0@-2`` (two steps ago); those from before the session are zero.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv.
        frames: How many, the present one included; 1 to 10,000.

    Raises:
        ArgumentError: The environment is of another kind, or ``frames`` is no such number.
    """

    def __init__(self, env: Any, frames: int = 4) -> None:
        self.frames = whole_number(frames, "frames", 1, MOST_STEPS)
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """As many channels for each of the past frames; nothing is also a value that they may have."""
        names, past, box = list(me.names), self.frames - 1, me.box
        me.data = slice(0, me.end), slice(0, me.end * past), slice(me.end * past, me.end * self.frames)
        me.keep("past", me.end * past)
        me.add([""] * (len(names) * past))
        me.names[:] = [f"{name}@{age}" for age in range(-past, 0) for name in names] + names
        low = [np.minimum(box.low, 0)] * past + [box.low]
        me.bound(np.concatenate(low), np.concatenate([np.maximum(box.high, 0)] * past + [box.high]))

    def observe(self, me: AgentState, now: AgentStep) -> None:
        """Move the present behind the past."""
        present, past, last = me.data
        if self.frames == 1:
            return
        seen, frames = now.out[present].copy(), me.memory["past"]
        now.out[past], now.out[last] = frames, seen
        frames[...] = now.out[len(seen) : me.end]
