"""Adapter of a PettingZoo parallel environment to RLlib's MultiAgentEnv."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
from ray.rllib.env.multi_agent_env import MultiAgentEnv

from neuroparallel.errors import ArgumentError

__all__ = ["ParallelAdapter", "to_multi_agent_env"]


class ParallelAdapter(MultiAgentEnv):
    """Adapter that passes a PettingZoo environment's dictionaries to RLlib.

    Unlike RLlib's own wrapper it keeps the order of the agents (the same in every process), knows
    agents that join late, tells RLlib who is left, leaves the environment's dictionaries alone, and
    renders.

    Args:
        env: A PettingZoo ParallelEnv.
    """

    def __init__(self, env: Any) -> None:
        super().__init__()
        self.env = env
        self.possible_agents = list(env.possible_agents)
        self.agents = list(self.possible_agents)
        self.observation_spaces = {agent: env.observation_space(agent) for agent in self.possible_agents}
        self.action_spaces = {agent: env.action_space(agent) for agent in self.possible_agents}
        self.metadata = dict(getattr(env, "metadata", None) or {})
        self.render_mode = getattr(env, "render_mode", None)

    @property
    def observation_space(self) -> gym.spaces.Dict:
        """What each agent sees."""
        return gym.spaces.Dict(self.observation_spaces)

    @property
    def action_space(self) -> gym.spaces.Dict:
        """What each agent can do."""
        return gym.spaces.Dict(self.action_spaces)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start a session."""
        observations, infos = self.env.reset(seed=seed, options=options)
        self.agents = list(self.env.agents)
        return dict(observations), dict(infos)

    def step(
        self, action_dict: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Take a step; ``__all__`` is true when no agent is left."""
        observations, rewards, ends, truncations, infos = self.env.step(dict(action_dict))
        self.agents = list(self.env.agents)
        over = not self.agents
        ends, truncations = dict(ends), dict(truncations)
        truncated = over and any(truncations.values())
        ends["__all__"] = over and not truncated
        truncations["__all__"] = truncated
        infos = {agent: info for agent, info in infos.items() if agent in observations}
        return dict(observations), dict(rewards), ends, truncations, infos

    def get_observation_space(self, agent_id: str) -> gym.Space[Any]:
        """Return the observation space of an agent."""
        space: gym.Space[Any] = self.observation_spaces[agent_id]
        return space

    def get_action_space(self, agent_id: str) -> gym.Space[Any]:
        """Return the action space of an agent."""
        space: gym.Space[Any] = self.action_spaces[agent_id]
        return space

    def render(self) -> Any:
        """Draw the environment in its own render mode."""
        return self.env.render()

    def close(self) -> None:
        """Close the environment."""
        self.env.close()


def to_multi_agent_env(env: Any) -> ParallelAdapter:
    """Let RLlib's own runner train on a PettingZoo parallel environment, ours or any other.

    Args:
        env: A PettingZoo ParallelEnv.

    Returns:
        RLlib's MultiAgentEnv, as in ``register_env("mine", lambda context:
        to_multi_agent_env(make()))``.

    Raises:
        ArgumentError: It is something else.
    """
    parts = ("possible_agents", "observation_space", "action_space", "reset", "step")
    if not all(hasattr(env, part) for part in parts) or hasattr(env, "agent_iter") or hasattr(env, "lanes"):
        kind = env if isinstance(env, (str, int, float, type(None))) else f"a {type(env).__name__}"
        raise ArgumentError(
            f"to_multi_agent_env takes a PettingZoo ParallelEnv, as npar.parallel_env(...) gives it; found {kind!r}. "
            "RLlib takes a gymnasium.Env as it is."
        )
    return ParallelAdapter(env)
