"""How long a trial has lasted."""

from __future__ import annotations

import numpy as np

from neuroparallel.wrappers._signal import AgentState, AgentStep, Signal

__all__ = ["Clock"]


class Clock(Signal):
    """Show each subject for how long its trial has lasted, in seconds, as if it had a watch.

    One channel, ``clock`` (``memory.clock`` for each stream of several), 0 in the first observation after a trial
    has ended, and in the first one of a session.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv, whose infos tell ``trial_end``; where
            it has no ``dt`` (in ms), steps are counted instead.

    Raises:
        ArgumentError: The environment is of another kind, or (at reset) does not tell when trials end.
    """

    def fit(self, me: AgentState) -> None:
        """A channel per stream, and steps to count."""
        step = getattr(self.env, "dt", 1000.0) / 1000.0
        me.data = list(enumerate(me.keys("trial_end"))), np.dtype(me.dtype).type(step)
        me.keep("steps", len(me.streams))
        me.add([f"{stream}clock" for stream in me.streams], 0.0, np.inf)

    def after_step(self, me: AgentState, now: AgentStep) -> None:
        """One step more, or the beginning."""
        keys, dt = me.data
        steps = me.memory["steps"]
        for row, key in keys:
            steps[row] = elapsed = (steps[row] + 1) * (1 - now.info[key])
            now.out[me.at + row] = elapsed * dt
