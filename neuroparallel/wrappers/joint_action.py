"""One number for the actions of all streams."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from neuroparallel.wrappers._signal import AgentState, AgentStep, Signal

__all__ = ["JointAction"]


class JointAction(Signal):
    """Let a subject with several streams choose all its actions with one number, for learners that know only those.

    The last stream's action runs fastest: of two streams with 3 and 2 actions, number 3 is action 1 of the first and
    1 of the second (the order of `numpy.unravel_index`). 0 holds everywhere. Subjects with one stream stay as they
    are.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv, with MultiDiscrete actions.

    Raises:
        ArgumentError: The environment is of another kind, or no subject has several factors of action.
    """

    changes_observations = False

    def fit(self, me: AgentState) -> None:
        """A Discrete space of the product."""
        space = me.inner
        if isinstance(space, spaces.Dict):
            raise self.error(
                f"the actions of {me.agent} are {space}, with a movement among them; flat_action_v0 makes them one Box."
            )
        if not any(isinstance(part.inner, spaces.MultiDiscrete) for part in self.parts.values()):
            raise self.error(f"the actions are {space}; only those of several streams (MultiDiscrete) are joined.")
        if not isinstance(space, spaces.MultiDiscrete):
            return
        count = int(np.prod(space.nvec))
        me.data = np.stack(np.unravel_index(np.arange(count), space.nvec), axis=1) + space.start
        me.action_space = spaces.Discrete(count)

    def act(self, me: AgentState, now: AgentStep) -> None:
        """Each stream's part of the number."""
        if me.data is not None:
            now.action = me.data[now.action].T
