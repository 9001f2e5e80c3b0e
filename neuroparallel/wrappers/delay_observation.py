"""Seeing late."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuroparallel.errors import whole_number
from neuroparallel.wrappers._signal import MOST_STEPS, AgentState, AgentStep, Signal

__all__ = ["DelayObservation"]


class DelayObservation(Signal):
    """Let each subject see everything some steps late; until something arrives it sees zeros.

    The world does not wait: what it does, is paid and is told is of the present.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv.
        steps: How late, 1 to 10,000.

    Raises:
        ArgumentError: The environment is of another kind, or ``steps`` is no such number.
    """

    def __init__(self, env: Any, steps: int = 1) -> None:
        self.steps = whole_number(steps, "steps", 1, MOST_STEPS)
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """What is on its way; nothing is also a value that a channel may have."""
        me.data = slice(0, me.end)
        me.keep("way", me.end * (self.steps + 1))
        me.bound(np.minimum(me.box.low, 0), np.maximum(me.box.high, 0))

    def observe(self, me: AgentState, now: AgentStep) -> None:
        """Send this observation on its way, and show the one that arrives."""
        way, end = me.memory["way"], me.end
        way[-end:] = now.out[me.data]
        now.out[me.data] = way[me.data]
        way[:-end] = way[end:]
