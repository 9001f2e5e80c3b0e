"""Rewards in another unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuroparallel.wrappers._signal import AgentState, AgentStep, Signal

__all__ = ["ScaleReward"]


class ScaleReward(Signal):
    """Multiply rewards, and keep them within limits, for those who learn from them.

    The table of trials keeps the rewards of the task.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv.
        factor: What each reward is multiplied by.
        low: The least that is paid, after multiplying; 0 or less, so that nothing stays nothing.
        high: The most that is paid; 0 or more.

    Raises:
        ArgumentError: The environment is of another kind, or the limits are.
    """

    changes_observations = False
    changes_rewards = True

    def __init__(self, env: Any, factor: float = 1.0, low: float = -np.inf, high: float = np.inf) -> None:
        if not low <= 0 <= high:
            raise self.error(f"rewards are kept from {low!r} to {high!r}; 0 must be within.")
        self.factor, self.low, self.high = float(factor), float(low), float(high)
        self.bounded = bool(np.isfinite([low, high]).any())
        super().__init__(env)

    def after_step(self, me: AgentState, now: AgentStep) -> None:
        """The scaled reward of this step."""
        now.reward = now.reward * self.factor
        if self.bounded and me.lanes is None:
            now.reward = min(max(now.reward, self.low), self.high)
        elif self.bounded:
            now.reward = np.clip(now.reward, self.low, self.high)
