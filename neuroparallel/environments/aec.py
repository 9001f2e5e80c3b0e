"""The PettingZoo AEC environment: agents act one after the other."""

from __future__ import annotations

import copy
from typing import Any

from gymnasium import spaces
from pettingzoo.utils.conversions import parallel_to_aec_wrapper
from pettingzoo.utils.env import ParallelEnv

from neuroparallel.environments.actions import ActionReader
from neuroparallel.records import Trials

__all__ = ["AECEnvironment"]

KNOWN = (spaces.Discrete, spaces.MultiDiscrete, spaces.Box, spaces.Dict)


class AECEnvironment(parallel_to_aec_wrapper):  # type: ignore[misc]
    """A parallel environment whose agents act one after the other.

    It is PettingZoo's own conversion, but an action is checked when it is given, not when the cycle
    is complete, and whatever else the parallel environment offers (``trials``, ``scenario``,
    ``truth`` ...) is offered here too.

    Args:
        env: The parallel environment; `neuroparallel.aec_env` makes one, and wraps the result so
            that calls in a wrong order are noticed.
    """

    def __init__(self, env: ParallelEnv[str, Any, Any]) -> None:
        super().__init__(env)
        factors = getattr(env.unwrapped, "factor_names", lambda agent: ())
        self._readers = {
            agent: ActionReader(agent, space, factors(agent))
            for agent in env.possible_agents
            if isinstance(space := env.action_space(agent), KNOWN)
        }

    def observe(self, agent: str) -> Any:
        """Return a copy of what an agent observes."""
        return copy.deepcopy(super().observe(agent))

    def step(self, action: Any) -> None:
        """Take the action of ``agent_selection``; time advances when all agents have given theirs.

        Args:
            action: As of `ParallelEnvironment.step`; None for an agent whose session is over.

        Raises:
            ActionError: It is of a wrong kind or out of range; nothing has changed.
        """
        agent = self.agent_selection
        over = self.terminations[agent] or self.truncations[agent]
        if not over and agent in self._readers:
            action = self._readers[agent].read(action)
        super().step(action)

    def trials(self) -> Trials:
        """Return the table of all trials that have ended so far."""
        trials: Trials = self.env.trials()
        return trials

    def truth(self) -> dict[str, Any]:
        """Return the actions that are right now, by agent; see `ParallelEnvironment.truth`."""
        truth: dict[str, Any] = self.env.truth()
        return truth

    def channel_names(self, agent: str) -> tuple[str, ...]:
        """Return the name of every column of an agent's observation."""
        names: tuple[str, ...] = self.env.channel_names(agent)
        return names

    def __getattr__(self, name: str) -> Any:
        # Only called for what this class does not have; `agents` must stay unknown until reset.
        if name.startswith("_") or name in ("env", "agents", "state_space"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.env, name)

    def __repr__(self) -> str:
        """Class and what it is a view of."""
        return f"{type(self).__name__}<{self.env!r}>"
