"""A trained policy as an agent, which can take any seat."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from neuroparallel.agents.baselines import lane_keys
from neuroparallel.agents.protocol import Actions, Infos, Observations, engine_of
from neuroparallel.errors import ArgumentError

__all__ = ["TrainedAgent", "load_trained"]

# Found by name and only when a run is loaded: agents know nothing of RLlib, and nobody pays for Ray who has no run.
_LOADER = ("neuroparallel.rllib", "load_policy")


def load_trained(run: str | Path) -> TrainedAgent:
    """Load the trained policy of a run as an agent that does not learn.

    Args:
        run: Directory of a run or of a checkpoint.

    Raises:
        ArgumentError: There is no checkpoint in it.
        MissingDependencyError: Ray or torch is not installed.
    """
    module, name = _LOADER
    return TrainedAgent(getattr(importlib.import_module(module), name)(run))


class TrainedAgent:
    """A trained policy in the form of a reference agent; forgets when a session begins.

    Args:
        policy: A `neuroparallel.rllib.Policy`, or anything with its ``reset`` and ``act``.
        seats: For which subjects it acts; None: for all.
    """

    def __init__(self, policy: Any, seats: tuple[str, ...] | None = None) -> None:
        self.policy, self.seats = policy, seats

    def reset(self, engine: Any) -> None:
        """Forget everything.

        Raises:
            ArgumentError: The policy learnt another scenario, with other subjects, channels or actions.
        """
        self.check(engine)
        self.policy.reset(keys=lane_keys(engine_of(engine), "trained"))

    def check(self, engine: Any) -> None:
        """Refuse an engine whose subjects see or do something else than the policy learnt.

        Raises:
            ArgumentError: They do.
        """
        for agent in self.seats or engine.possible_agents:
            self._check(agent, engine.observation_space(agent).shape, engine.action_space(agent))

    def _check(self, agent: str, shape: tuple[int, ...], actions: Any) -> None:
        if agent not in self.policy.names:
            raise ArgumentError(f"this policy acts for {', '.join(self.policy.names)}, not for {agent!r}.")
        module = self.policy.modules[self.policy.names[agent]]
        learnt = module.observation_space.shape
        if learnt != shape:
            raise ArgumentError(f"this policy learnt with {learnt[0]} channels; {agent} sees {shape[0]} here.")
        if module.action_space != actions:
            raise ArgumentError(
                f"this policy learnt the actions {module.action_space}; those of {agent} are {actions}."
            )

    def act(self, observations: Observations, infos: Infos, engine: Any) -> Actions:
        """Choose the actions of every subject; see `neuroparallel.agents.Agent`."""
        core = engine_of(engine)
        begun = core.session_start == core.now
        if core.now and begun.any():
            self.policy.reset(begun)
        seen = observations if self.seats is None else {seat: observations[seat] for seat in self.seats}
        actions: Actions = self.policy.act(seen)
        return actions

    def state(self) -> Any:
        """Return a copy of what it remembers."""
        return self.policy.state()

    def set_state(self, saved: Any) -> None:
        """Go back to a saved state."""
        self.policy.set_state(saved)
