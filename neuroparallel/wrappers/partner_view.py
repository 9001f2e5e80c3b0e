"""What the others saw, did and earned in the step before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.wrappers._signal import ActionChannels, AgentState, AgentStep, Signal

_SHOWS = ("observation", "action", "reward")

__all__ = ["PartnerView"]


class PartnerView(Signal):
    """Let each subject see what the others saw, did or earned in the step before.

    Channels are called ``bob.motion_0``, ``bob.action_1`` (one-hot) and ``bob.reward``; all are zero in the first
    observation of a session. To show choices of whole trials, or with a latency, write ``sees`` in the scenario.

    Args:
        env: A batch or a PettingZoo ParallelEnv, with several subjects.
        shows: What of the partner: any of ``observation``, ``action``, ``reward``.
        partners: Whom each subject sees, by name: ``{"ann": ["bob"]}``, who is not named sees nobody; None: everybody
            sees all others.

    Raises:
        ArgumentError: The environment is of another kind, there is only one subject, or no such partner.
    """

    def __init__(
        self, env: Any, shows: Sequence[str] = ("action", "reward"), partners: dict[str, Sequence[str]] | None = None
    ) -> None:
        self.shows, self.partners = (shows,) if isinstance(shows, str) else tuple(shows), partners
        for what in self.shows:
            if what not in _SHOWS:
                raise ArgumentError(f"PartnerView: of a partner nothing shows {what!r}.{nearest(str(what), _SHOWS)}")
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """Channels for each partner, and what it saw."""
        agents = list(self.parts)
        if len(agents) == 1:
            raise self.error(f"{me.agent} is the only agent; it has no partner.")
        seen = [agent for agent in agents if agent != me.agent]
        if self.partners is not None:
            seen = list(self.partners.get(me.agent, ()))
            for name in {*seen, *self.partners} - set(agents):
                raise self.error(f"there is no agent {name!r}.{nearest(str(name), agents)}")
        own, width = slice(0, me.end), me.end
        if "observation" in self.shows:
            me.keep("past", width)
        me.data = own, [self._channels(me, name) for name in seen]

    def _channels(self, me: AgentState, name: str) -> tuple[str, slice | None, ActionChannels | None, int | None]:
        """Who it is, and where its observation, action and reward are shown."""
        partner, rows, chosen, reward = self.parts[name], None, None, None
        if "observation" in self.shows:
            width, start = partner.at, me.end
            low, high = self._ground_box(partner)
            me.add([f"{name}.{channel}" for channel in partner.names[:width]], low, high)
            rows = slice(start, start + width)
        if "action" in self.shows:
            chosen = ActionChannels(self, me, f"{name}.action", space=partner.inner)
        if "reward" in self.shows:
            reward = me.end
            me.add([f"{name}.reward"])
        return name, rows, chosen, reward

    def _ground_box(self, partner: AgentState) -> tuple[Any, Any]:
        """The limits of what a partner sees by itself; before anything, it sees zeros."""
        width = partner.at
        return partner.box.low[:width].clip(max=0), partner.box.high[:width].clip(min=0)

    def after_step(self, me: AgentState, now: AgentStep) -> None:
        """What the partners did and earned in this step, and what they had seen before it."""
        for name, rows, chosen, reward in me.data[1]:
            partner = now.agents[name]
            if rows is not None:
                now.out[rows] = self.parts[name].memory["past"]
            if reward is not None:
                now.out[reward] = partner.reward
            if chosen is not None and partner.action is not None:
                chosen.write(now.out, partner.action)

    def observe(self, me: AgentState, now: AgentStep) -> None:
        """Remember what is seen, for the others."""
        if "past" in me.memory:
            me.memory["past"][...] = now.out[me.data[0]]
