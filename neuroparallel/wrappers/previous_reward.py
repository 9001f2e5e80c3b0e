"""What was earned in the step before, shown as a channel."""

from __future__ import annotations

from typing import Any

from neuroparallel.wrappers._forms import wrapper
from neuroparallel.wrappers._signal import Moment, Part, Signal

__all__ = ["PreviousReward", "previous_reward_v0"]


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

    def fit(self, me: Part) -> None:
        """One unbounded channel."""
        me.add(["previous_reward"])

    def show(self, me: Part, now: Moment) -> None:
        """The reward of this step."""
        now.out[me.at] = now.reward


def previous_reward_v0(env: Any) -> Any:
    """Let each subject see the reward of its last step; see `PreviousReward`."""
    return PreviousReward(env)
