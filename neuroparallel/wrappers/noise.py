"""More noise in what is seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuroparallel.errors import nearest
from neuroparallel.task import LARGEST, SINGLE
from neuroparallel.wrappers._signal import AgentState, AgentStep, Signal

__all__ = ["Noise"]


class Noise(Signal):
    """Add Gaussian noise to what each subject sees, independent between steps, channels, subjects and lanes.

    It is a function of seed, lane and session, as all randomness here: a lane has the same noise in any batch, and
    nothing that neighbours do moves it. Two of these wrappers draw independently.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv.
        sigma: Standard deviation in every step, 0 to 1e30, whatever the time step.
        channels: Names of the channels that get it, or of their groups (``motion`` for ``motion_0``, ``motion_1``);
            None: all.

    Raises:
        ArgumentError: The environment is of another kind, sigma is out of range, or there is no such channel.
    """

    def __init__(self, env: Any, sigma: float = 0.1, channels: Sequence[str] | None = None) -> None:
        self.sigma, self.channels = float(sigma), None if channels is None else tuple(channels)
        if not 0 <= self.sigma <= LARGEST:
            raise self.error(f"sigma is {sigma!r}; it is a standard deviation, 0 to {LARGEST:g}, {SINGLE}.")
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """Random numbers for the rows that get noise, which may then have any value."""
        names = me.names
        for wanted in self.channels or ():
            if not any(_is_of(name, wanted) for name in names):
                raise self.error(f"{me.agent} has no channel {wanted!r}.{nearest(wanted, names)}")
        noisy = [row for row, name in enumerate(names) if self.channels is None or _any_of(name, self.channels)]
        low, high = me.box.low.copy(), me.box.high.copy()
        low[noisy], high[noisy] = -np.inf, np.inf
        me.bound(low, high)
        whole = noisy == list(range(noisy[0], noisy[-1] + 1))
        me.data = me.draw("noise", len(noisy), self.sigma), slice(noisy[0], noisy[-1] + 1) if whole else noisy

    def observe(self, me: AgentState, now: AgentStep) -> None:
        """Add this step's noise."""
        draws, rows = me.data
        noisy = now.out[rows]
        noisy += draws.normals()
        if type(rows) is not slice:  # then it was a copy
            now.out[rows] = noisy


def _any_of(name: str, wanted: Sequence[str]) -> bool:
    return any(_is_of(name, one) for one in wanted)


def _is_of(name: str, wanted: str) -> bool:
    return name == wanted or name.rpartition("_")[0] == wanted
