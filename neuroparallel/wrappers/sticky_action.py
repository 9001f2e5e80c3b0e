"""Actions that sometimes stick."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from neuroparallel.wrappers._signal import AgentState, AgentStep, Signal, select

__all__ = ["StickyAction"]


class StickyAction(Signal):
    """Now and then repeat what was done in the step before instead of what is done now.

    Whether it sticks is drawn anew for each subject, lane and step, and for all factors of an action together; in
    the first step of a session it never does.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv.
        probability: That an action is repeated, 0 to 1.

    Raises:
        ArgumentError: The environment or its actions are of another kind, or the probability is none.

    Source:
        Machado et al. 2018, J Artif Intell Res 61:523.
    """

    changes_observations = False

    def __init__(self, env: Any, probability: float = 0.25) -> None:
        if not 0 <= probability <= 1:
            raise self.error(f"probability is {probability!r}; it is a number from 0 to 1.")
        self.cut = np.uint64(min(int(probability * 2.0**64), 2**64 - 1))
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """The action before, and random numbers."""
        space = me.action_space
        if not isinstance(space, (spaces.Discrete, spaces.MultiDiscrete, spaces.Box)):
            raise self.error(f"the actions of {me.agent} are {space}; they must be Discrete, MultiDiscrete or a Box.")
        me.data = me.draw("sticky", 1), self.cut, bool(space.shape)
        me.keep("last", int(np.prod(space.shape or ())), space.dtype)
        me.keep("known", 1, bool)

    def act(self, me: AgentState, now: AgentStep) -> None:
        """Keep the action or repeat the last one."""
        draws, cut, factored = me.data
        last, known = me.memory["last"], me.memory["known"]
        sticks = (draws.words()[0] < cut) & known[0]
        now.action = select(sticks, last.copy() if factored else last[0], now.action)
        last[...], known[...] = now.action, True
