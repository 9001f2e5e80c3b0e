"""What was earned in the step before, shown as a channel."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from neuroparallel.wrappers._forms import wrapper
from neuroparallel.wrappers._signal import Added, Array, Signal

__all__ = ["PreviousReward", "previous_reward_v0"]


class _Reward(Added):
    def write(self, out: Array, at: int, action: Any, reward: Any) -> None:
        out[at] = reward


@wrapper
class PreviousReward(Signal):
    """Let each subject see the reward of its last step, as an animal tastes it.

    One channel, ``previous_reward``, is added behind the others; it is zero in the first observation
    of a session.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv.

    Raises:
        ArgumentError: The environment is of another kind, or its observations are no Box of one
            dimension and floats.

    Source:
        Wang et al. 2018, Nat Neurosci 21:860 (reward and action of the last step as inputs).
    """

    def added(self, action_space: spaces.Space[Any]) -> Added:
        """One unbounded channel."""
        return _Reward(("previous_reward",), (-np.inf,), (np.inf,))


def previous_reward_v0(env: Any) -> Any:
    """Let each subject see the reward of its last step; the same as `PreviousReward`.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv.

    Returns:
        An environment of the same kind, with the channel ``previous_reward``.

    Raises:
        ArgumentError: The environment cannot be wrapped.
    """
    return PreviousReward(env)
