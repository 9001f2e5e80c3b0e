"""One Box for the actions of all streams, movements among them."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuroparallel.wrappers._signal import AgentState, AgentStep, Signal

__all__ = ["FlatAction"]


class FlatAction(Signal):
    """Turn a dictionary of actions into one flat Box, for learners that know only one vector of numbers.

    The parts stand in the order of the dictionary. A movement keeps its axes. A choice among n actions takes n
    numbers from 0 to 1, of which the largest is chosen, as `gymnasium.spaces.flatten` has it; of equal ones the first
    (0, which holds). Agents whose actions are no dictionary stay as they are.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv, with Dict actions of Box and Discrete.

    Raises:
        ArgumentError: The environment is of another kind, or no agent has a dictionary of actions.
    """

    changes_observations = False

    def fit(self, me: AgentState) -> None:
        """A Box of all axes and choices."""
        space = me.inner
        if not any(isinstance(part.inner, spaces.Dict) for part in self.parts.values()):
            raise self.error(f"the actions of {me.agent} are {space}; only a Dict, one with a movement, is flattened.")
        if not isinstance(space, spaces.Dict):
            return
        lows, highs, at = [], [], 0
        me.data = {}
        for name, part in space.items():
            if isinstance(part, spaces.Box):
                low, high = part.low.ravel(), part.high.ravel()
            elif isinstance(part, spaces.Discrete) and part.start == 0:
                low, high = np.zeros(int(part.n)), np.ones(int(part.n))
            else:
                raise self.error(f"the action {name!r} of {me.agent} is {part}; it must be a Box, or Discrete from 0.")
            me.data[name] = (slice(at, at + len(low)), isinstance(part, spaces.Box))
            lows.append(low)
            highs.append(high)
            at += len(low)
        me.action_space = spaces.Box(
            np.concatenate(lows).astype(np.float32), np.concatenate(highs).astype(np.float32), dtype=np.float32
        )

    def act(self, me: AgentState, now: AgentStep) -> None:
        """Each part of the vector, as that stream wants it."""
        if me.data is not None:
            now.action = {name: _read(now.action[rows], moves) for name, (rows, moves) in me.data.items()}


def _read(rows: NDArray[np.float32], moves: bool) -> Any:
    """A movement, (axes,) or (lanes, axes), or the number of the largest value."""
    if moves:
        return np.ascontiguousarray(rows.T)
    return int(rows.argmax()) if rows.ndim == 1 else rows.argmax(axis=0)
