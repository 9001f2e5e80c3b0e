"""What was earned in the step before, shown as a channel."""

from __future__ import annotations

from neuroparallel.wrappers._signal import AgentState, AgentStep, Signal

__all__ = ["PreviousReward"]


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

    def fit(self, me: AgentState) -> None:
        """One unbounded channel."""
        me.add(["previous_reward"])

    def after_step(self, me: AgentState, now: AgentStep) -> None:
        """The reward of this step."""
        now.out[me.at] = now.reward
