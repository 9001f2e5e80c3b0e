"""Which subject one is."""

from __future__ import annotations

from typing import Any

from neuroparallel.wrappers._signal import AgentState, AgentStep, Signal

__all__ = ["AgentIndicator"]


class AgentIndicator(Signal):
    """Tell each subject which one it is, with a channel per subject, so that one policy can play all parts.

    Args:
        env: A batch or a PettingZoo ParallelEnv, with several subjects.
        by_kind: Whether subjects with the same name but for its number (``monkey_0``, ``monkey_1``) are one.

    Raises:
        ArgumentError: The environment is of another kind, or there is only one subject, or kind of subject.
    """

    def __init__(self, env: Any, by_kind: bool = False) -> None:
        self.by_kind = bool(by_kind)
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """A channel per subject, or kind of subject."""
        kinds = list(dict.fromkeys(map(self._kind, self.parts)))
        if len(kinds) == 1:
            raise self.error(f"all agents are {kinds[0]!r}; there is nobody to tell apart.")
        me.data = me.end + kinds.index(self._kind(me.agent))
        me.add([f"is_{kind}" for kind in kinds], 0.0, 1.0)

    def _kind(self, agent: str) -> str:
        head, _, number = agent.rpartition("_")
        return head if self.by_kind and head and number.isdigit() else agent

    def observe(self, me: AgentState, now: AgentStep) -> None:
        """The same in every step."""
        now.out[me.data] = 1
