"""How the last trial ended, shown as channels."""

from __future__ import annotations

from typing import Any

from neuroparallel.outcomes import Outcome
from neuroparallel.wrappers._signal import AgentState, AgentStep, OneHot, Signal

_ENDS = [outcome for outcome in Outcome if outcome is not Outcome.RUNNING]

__all__ = ["PreviousOutcome"]


class PreviousOutcome(Signal):
    """Tell each subject how its trial has just ended: correct, error, abort, miss, cancelled or unscored.

    One channel per outcome, ``previous_outcome_correct`` and so on (``memory.previous_outcome_correct`` for each
    stream of several), 1 for the one that came; all are zero until the first trial of a session has ended.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv, whose infos tell ``outcome``.
        hold: Whether it stays until the next trial ends, or shows in one step only.

    Raises:
        ArgumentError: The environment is of another kind, or (at reset) tells no outcomes.
    """

    def __init__(self, env: Any, hold: bool = False) -> None:
        self.hold = bool(hold)
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """A channel per outcome of each stream, and the codes that are held."""
        me.data = OneHot(len(_ENDS), first=1), list(enumerate(me.keys("outcome")))
        me.keep("code", len(me.streams), "int64")
        me.add([f"{stream}previous_outcome_{end.label}" for stream in me.streams for end in _ENDS], 0.0, 1.0)

    def after_step(self, me: AgentState, now: AgentStep) -> None:
        """The outcome of trials that ended with this step."""
        hot, keys = me.data
        for row, key in keys:
            code = now.info[key]
            if self.hold:
                held = me.memory["code"]
                code = held[row] = code + held[row] * (code == 0)
            hot.write(now.out, me.at + row * len(_ENDS), code)
