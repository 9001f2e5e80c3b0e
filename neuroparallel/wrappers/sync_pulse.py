"""Pulses that mark periods, as a recording system gets them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuroparallel.errors import nearest
from neuroparallel.wrappers._signal import AgentState, AgentStep, Signal, period_keys

__all__ = ["SyncPulse"]


class SyncPulse(Signal):
    """Put pulses into the infos that mark periods, as the TTL lines of a rig do.

    For each named period the info has ``pulse.stimulus``: 1 while what is seen belongs to that period, otherwise 0.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv, of ours.
        periods: Names of periods; ``memory.sample`` for a stream of several. A subject that has none of them gets no
            pulses.

    Raises:
        ArgumentError: The environment is of another kind, tells no periods, or no subject has such a period.
    """

    changes_observations = False
    adds_infos = True

    def __init__(self, env: Any, periods: Sequence[str]) -> None:
        self.periods = (periods,) if isinstance(periods, str) else tuple(periods)
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """Which key of the info has which number in each period."""
        known = {agent: self._periods(part) for agent, part in self.parts.items()}
        for name in self.periods:
            if not any(name in own for own in known.values()):
                raise self.error(f"there is no period {name!r}.{nearest(name, set().union(*known.values()))}")
        me.data = [(f"pulse.{name}", *known[me.agent][name]) for name in self.periods if name in known[me.agent]]
        me.keys("period")

    def _periods(self, part: AgentState) -> dict[str, tuple[str, int]]:
        """By name: the key of the info, and the number that it has there."""
        scenario = getattr(self.env, "scenario", None)
        if scenario is None:
            raise self.error(f"{type(self.env).__name__} has no scenario that names periods.")
        return period_keys(scenario, part)

    def observe(self, me: AgentState, now: AgentStep) -> None:
        """1 where it is that period."""
        for name, key, number in me.data:
            now.added_info[name] = np.multiply(now.info[key] == number, 1) if me.lanes else int(now.info[key] == number)
