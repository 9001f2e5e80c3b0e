"""A peripheral bottleneck: one response at a time."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from gymnasium import spaces

from neuroparallel.errors import one_of
from neuroparallel.wrappers._signal import AgentState, AgentStep, Array, Signal, masked, select

_MODES = ("queue", "drop")

__all__ = ["SerialAccess"]


class SerialAccess(Signal):
    """Impose a peripheral bottleneck on a subject with several streams: one response at a time passes.

    From the moment that a stream responds (an action other than 0), no other stream's response passes for a
    refractory time. It is queued, and passes as soon as the bottleneck is free (who has waited longest goes first), or
    it is dropped. Of several that come at the same moment one is drawn. What still waits when its own stream's trial
    ends is forgotten. The limit is on responses, not on decisions:
    the streams decide in parallel, so a slower second decision is absorbed while its response waits. That differs from
    the psychological refractory period, where it adds its whole time at every asynchrony; for that see
    `serial_decision_v0` and the agent ``bottleneck``.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv, with MultiDiscrete actions.
        refractory: How long a response is being processed, ms (steps, where the environment has no ``dt``); a
            multiple of dt, at least one.
        waiting: What becomes of other responses meanwhile: ``"queue"`` or ``"drop"``.

    Raises:
        ArgumentError: The environment is of another kind, no subject has several streams, or an option is not allowed.

    Source:
        Pashler 1994, Psychol Bull 116:220.
    """

    changes_observations = False

    def __init__(self, env: Any, refractory: float = 300.0, waiting: Literal["queue", "drop"] = "queue") -> None:
        one_of(waiting, _MODES, "SerialAccess: waiting")
        self.queues, self.refractory = waiting == "queue", float(refractory)
        self.steps = self.refractory / getattr(env, "dt", 1.0)
        if self.steps < 1 or self.steps != round(self.steps):
            raise self.error(f"refractory is {refractory!r}; it is a multiple of dt = {getattr(env, 'dt', 1.0):g} ms.")
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """Who is being processed and for how long, and who waits with what since when."""
        if all(self._streams(part) < 2 for part in self.parts.values()):
            raise self.error(
                f"the actions are {me.inner}; only those of several streams can get into each other's way."
            )
        count = self._streams(me)
        if count < 2:
            return
        me.data = me.draw("bottleneck", count)
        for name, rows in (("left", 1), ("owner", 1), ("waits", count), ("age", count)):
            me.keep(name, rows, np.int64)
        if len(me.streams) == count:
            me.keys("trial_end")

    def _streams(self, part: AgentState) -> int:
        """How many factors of the action are responses of streams: all, but for a message behind them."""
        if not isinstance(part.inner, spaces.MultiDiscrete) or np.any(part.inner.start):
            return 0
        return len(part.inner.nvec) if getattr(self.env, "scenario", None) is None else len(part.streams)

    def act(self, me: AgentState, now: AgentStep) -> None:
        """Let one response pass."""
        if me.data is None:
            return
        left, owner, waits, age = (me.memory[name] for name in ("left", "owner", "waits", "age"))
        passed = np.array(now.action)
        responses = passed[: len(waits)].copy()
        wanted = [waiting + masked(waiting == 0, new) for waiting, new in zip(waits, responses, strict=True)]
        chosen, asks = self._next(wanted, age, me.data.words())
        starts = (left[0] == 0) & asks
        owner[0] += masked(starts, chosen - owner[0])
        left[0] += masked(starts, int(self.steps))
        busy = left[0] > 0
        for factor, (want, given) in enumerate(zip(wanted, responses, strict=True)):
            passes = (owner[0] == factor) & busy
            passed[factor] = masked(passes, given + masked(starts, want - given))
            stays = (want != 0) & (passes == 0) & self.queues
            waits[factor] = masked(stays, want)
            age[factor] = masked(stays, age[factor] + 1)
        left[0] -= busy
        now.action = passed

    @staticmethod
    def _next(wanted: list[Any], age: Array, words: Array) -> tuple[Any, Any]:
        """Whose turn it would be, and whether anybody asks: the longest wait, then a draw."""
        asks = wanted[0] != 0
        chosen, best, word = 0, masked(asks, age[0] + 1) - 1, words[0]
        for factor, want in enumerate(wanted[1:], 1):
            asking = want != 0
            first = asking & ((age[factor] > best) | ((age[factor] == best) & (words[factor] < word)))
            chosen, asks = chosen + masked(first, factor - chosen), asks | asking
            if factor + 1 < len(wanted):
                best, word = best + masked(first, age[factor] - best), select(first, words[factor], word)
        return chosen, asks

    def observe(self, me: AgentState, now: AgentStep) -> None:
        """Forget what waited for a trial that is over."""
        if me.data is not None and me.required_info:
            for factor, key in enumerate(me.required_info):
                lasts = now.info[key] == 0
                me.memory["waits"][factor] *= lasts
                me.memory["age"][factor] *= lasts
