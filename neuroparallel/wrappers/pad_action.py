"""Actions of one number."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from neuroparallel.errors import whole_number
from neuroparallel.wrappers._signal import AgentState, AgentStep, Signal

__all__ = ["PadAction"]


class PadAction(Signal):
    """Give all subjects the same number of actions; those that are too many hold, as action 0 does.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv, with Discrete actions, or MultiDiscrete
            ones (each factor then has as many).
        actions: How many; None: as many as the subject with the most has.

    Raises:
        ArgumentError: The environment or its actions are of another kind, there is one subject and no number was
            given, or there are more actions than that.
    """

    changes_observations = False

    def __init__(self, env: Any, actions: int | None = None) -> None:
        self.actions = None if actions is None else whole_number(actions, "actions", 1)
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """A larger space of the same kind."""
        if self.actions is None and len(self.parts) == 1:
            raise self.error(f"{me.agent} is the only agent; say how many: actions=4.")
        each = {agent: self._sizes(part) for agent, part in self.parts.items()}
        most, sizes = self.actions or max(int(sizes.max()) for sizes in each.values()), each[me.agent]
        if (sizes > most).any():
            raise self.error(f"{me.agent} has {int(sizes.max())} actions; that is more than actions={most}.")
        factored = isinstance(me.action_space, spaces.MultiDiscrete)
        me.data = sizes.reshape(-1, *[1] * len(me.shape)) if factored else int(sizes[0])
        me.action_space = spaces.MultiDiscrete([most] * len(sizes)) if factored else spaces.Discrete(most)

    def _sizes(self, part: AgentState) -> Any:
        space = part.inner
        if not isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)) or np.any(space.start):
            raise self.error(f"the actions of {part.agent} are {space}; they must be Discrete or MultiDiscrete from 0.")
        return np.atleast_1d(space.nvec if isinstance(space, spaces.MultiDiscrete) else space.n)

    def act(self, me: AgentState, now: AgentStep) -> None:
        """Hold instead of what does not exist."""
        now.action = now.action * (now.action < me.data)
