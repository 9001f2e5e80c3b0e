"""Observations of one length."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from neuroparallel.errors import whole_number
from neuroparallel.wrappers._signal import AgentState, Signal

__all__ = ["PadObservation"]


class PadObservation(Signal):
    """Make all observations of the same length, with channels of zeros behind the others.

    Several subjects can then share one policy, and one policy can go from task to task. All agents of an environment
    have equal spaces: each channel has the widest bounds that it has for any of them.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv.
        width: How many channels; None: as many as the subject with the most has.

    Raises:
        ArgumentError: The environment is of another kind, has one subject and no width was given, or an observation
            is longer than that.
    """

    def __init__(self, env: Any, width: int | None = None) -> None:
        self.width = None if width is None else whole_number(width, "width", 1)
        self._boxes: list[spaces.Box] = []
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """As many channels as are missing."""
        if not self._boxes:  # the first part: all others are still as they were inside
            self._boxes = [part.box for part in self.parts.values()]
        if self.width is None and len(self.parts) == 1:
            raise self.error(f"{me.agent} is the only agent; say how wide: width=8.")
        widths = [len(part.names) for part in self.parts.values()]
        if self.width is not None and me.end > self.width:
            raise self.error(f"{me.agent} sees {me.end} channels; that is more than width={self.width}.")
        missing = (self.width or max(widths)) - me.end
        me.add([f"padding_{row}" for row in range(missing)], 0.0, 0.0)
        for box in self._boxes:
            low, high = me.box.low.copy(), me.box.high.copy()
            low[: len(box.low)] = np.minimum(low[: len(box.low)], box.low)
            high[: len(box.high)] = np.maximum(high[: len(box.high)], box.high)
            low[len(box.low) :] = np.minimum(low[len(box.low) :], 0.0)  # where that agent has padding
            high[len(box.high) :] = np.maximum(high[len(box.high) :], 0.0)
            me.bound(low, high)
