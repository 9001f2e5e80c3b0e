"""The four shells of a signal wrapper: batch engine, gymnasium vector and single, PettingZoo parallel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from pettingzoo.utils.wrappers import BaseParallelWrapper

from neuroparallel.wrappers._signal import Array, Signal, Widened

__all__ = ["wrapper"]

W = TypeVar("W", bound=type[Signal])
Arrays = dict[str, Array]


def wrapper(signal: W) -> W:
    """Give a signal wrapper its forms, as classes ``PreviousReward.Parallel`` and so on.

    They are ordinary classes that can be found by their name, so that plain pickle finds them too.
    """
    signal.forms = {}
    shells: dict[str, type[Signal]] = {
        "batch": BatchForm,
        "vector": VectorForm,
        "gym": GymForm,
        "parallel": ParallelForm,
    }
    for kind, shell in shells.items():
        name = kind.capitalize()
        names = {"__module__": signal.__module__, "is_form": True, "__doc__": signal.__doc__}
        form = type(name, (signal, shell), names)
        form.__qualname__ = f"{signal.__qualname__}.{name}"
        setattr(signal, name, form)
        signal.forms[kind] = form
    return signal


class _Form(Signal):
    """What the four have in common: they reach through to what they wrap."""

    env: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "env":
            raise AttributeError(f"{type(self).__qualname__!r} object has no attribute {name!r}")
        return getattr(self.env, name)

    def __repr__(self) -> str:
        """The stack, outermost first: ``PreviousReward<ParallelEnvironment(random_dots)>``."""
        return f"{type(self).__qualname__.split('.')[0]}<{self.env!r}>"

    def __str__(self) -> str:
        return repr(self)


class ParallelForm(_Form, BaseParallelWrapper):  # type: ignore[misc]
    """Around any PettingZoo parallel environment; keeps nothing itself."""

    def __init__(self, env: Any) -> None:
        BaseParallelWrapper.__init__(self, env)
        self._parts = {
            agent: Widened(
                self,
                env.observation_space(agent),
                env.action_space(agent),
                _names(env, agent, env.observation_space(agent)),
                agent,
            )
            for agent in env.possible_agents
        }

    def observation_space(self, agent: str) -> Any:
        return self._parts[agent].space

    def __str__(self) -> str:
        return str(BaseParallelWrapper.__str__(self))  # PettingZoo's tests go by this name

    def channel_names(self, agent: str) -> tuple[str, ...]:
        """The name of every column of an agent's observation."""
        return self._parts[agent].names

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        observations, infos = self.env.reset(seed=seed, options=options)
        parts = self._parts
        seen = {a: parts[a].first(o) if a in parts else o for a, o in observations.items()}
        return seen, infos

    def step(self, actions: Mapping[str, Any]) -> Any:
        own = self.__dict__  # where __getattr__ is defined, each look at an attribute is slow
        parts = own["_parts"]
        observations, rewards, terminations, truncations, infos = own["env"].step(actions)
        seen = {}
        for agent, observation in observations.items():
            part = parts.get(agent)
            if part is None:
                seen[agent] = observation
            elif agent in actions:
                seen[agent] = part.next(observation, actions[agent], rewards.get(agent, 0.0))
            else:  # it has just appeared
                seen[agent] = part.first(observation)
        return seen, rewards, terminations, truncations, infos


class GymForm(_Form, gymnasium.Wrapper[Array, Any, Array, Any]):
    """Around any gymnasium environment; keeps nothing itself."""

    def __init__(self, env: Any) -> None:
        gymnasium.Wrapper.__init__(self, env)
        space = env.observation_space
        self._part = Widened(self, space, env.action_space, _names(env, None, space), "it")
        self.observation_space = self._part.space

    def channel_names(self) -> tuple[str, ...]:
        """The name of every column of the observation."""
        return self._part.names

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        seen, info = self.env.reset(seed=seed, options=options)
        return self._part.first(seen), info

    def step(self, action: Any) -> Any:
        seen, reward, terminated, truncated, info = self.env.step(action)
        return self._part.next(seen, action, reward), reward, terminated, truncated, info


class VectorForm(_Form, VectorWrapper):
    """Around any gymnasium vector environment, whatever its autoreset mode."""

    def __init__(self, env: Any) -> None:
        VectorWrapper.__init__(self, env)
        space = env.single_observation_space
        names = _names(env, None, space)
        self._part = Widened(self, space, env.single_action_space, names, "it")
        self.single_observation_space = self._part.space
        self.observation_space = batch_space(self._part.space, env.num_envs)
        self._mode = env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self._over = np.zeros(env.num_envs, bool)
        self._added = self._part.nothing(env.num_envs)

    def channel_names(self) -> tuple[str, ...]:
        """The name of every column of the observation."""
        return self._part.names

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        mask = (options or {}).get("reset_mask")
        seen, infos = self.env.reset(seed=seed, options=options)
        self._added = self._added.copy(order="K")
        self._added[slice(None) if mask is None else mask] = 0
        self._over[slice(None) if mask is None else mask] = False
        return self._part.join(seen, self._added), infos

    def step(self, actions: Any) -> Any:
        seen, rewards, terminations, truncations, infos = self.env.step(actions)
        added = self._part.about(actions, rewards)
        over = terminations | truncations
        if self._mode is AutoresetMode.NEXT_STEP:
            added[self._over] = 0
        elif self._mode is AutoresetMode.SAME_STEP and over.any():
            infos = self._with_final(infos, added, over)
            added[over] = 0
        self._over, self._added = over, added
        return self._part.join(seen, added), rewards, terminations, truncations, infos

    def _with_final(self, infos: dict[str, Any], added: Array, over: NDArray[np.bool_]) -> Any:
        if "final_obs" not in infos:
            return infos
        final = infos["final_obs"].copy()
        for lane in over.nonzero()[0]:
            final[lane] = np.concatenate([final[lane], added[lane]]).astype(self._part.dtype)
        return {**infos, "final_obs": final}

    def get_state(self) -> dict[str, Any]:
        """A copy of everything that changes, here and inside."""
        own = {"over": self._over.copy(), "added": self._added.copy(order="K")}
        return {"inside": self.env.get_state(), **own}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a state from `get_state`."""
        self.env.set_state(saved["inside"])
        self._over, self._added = saved["over"].copy(), saved["added"].copy(order="K")


class BatchForm(_Form):
    """Around the batch engine; offers all that the engine offers."""

    is_batch = True

    def __init__(self, env: Any) -> None:
        self.env = env
        self._parts = {
            agent: Widened(
                self,
                env.observation_space(agent),
                env.action_space(agent),
                env.channel_names(agent),
                agent,
            )
            for agent in env.possible_agents
        }
        self._added = {agent: part.nothing(env.lanes) for agent, part in self._parts.items()}

    @property
    def unwrapped(self) -> Any:
        """The batch engine itself."""
        return getattr(self.env, "unwrapped", self.env)

    def observation_space(self, agent: str) -> Any:
        """The observations of an agent, added channels last: Box, float32, (channels,)."""
        self.env.observation_space(agent)  # says so if there is no such agent
        return self._parts[agent].space

    def channel_names(self, agent: str) -> tuple[str, ...]:
        """The name of every column of an agent's observation."""
        self.env.channel_names(agent)
        return self._parts[agent].names

    def reset(self, seed: Any = None) -> Any:
        """Start a new session in every lane; see `BatchEngine.reset`."""
        observations, infos = self.env.reset(seed)
        self._added = {a: part.nothing(self.env.lanes) for a, part in self._parts.items()}
        return self._joined(observations), infos

    def step(self, actions: Mapping[str, Any]) -> Any:
        """Advance every lane by one time step; see `BatchEngine.step`."""
        over = self.env.over.copy()
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        added = {a: part.about(actions[a], rewards[a]) for a, part in self._parts.items()}
        if over.any():  # these lanes began a session instead
            for channels in added.values():
                channels[over] = 0
        self._added = added
        return self._joined(observations), rewards, terminations, truncations, infos

    def restart(self, mask: NDArray[np.bool_]) -> Arrays:
        """Begin the next session of some lanes at once; see `BatchEngine.restart`."""
        observations: Arrays = self.env.restart(mask)
        for channels in self._added.values():
            channels[mask] = 0
        return self._joined(observations)

    def _joined(self, observations: Arrays) -> Arrays:
        return {a: part.join(observations[a], self._added[a]) for a, part in self._parts.items()}

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes, here and inside; see `set_state`."""
        added = {agent: channels.copy(order="K") for agent, channels in self._added.items()}
        return {"inside": self.env.state(), "added": added}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a state from `state`."""
        self.env.set_state(saved["inside"])
        self._added = {agent: channels.copy(order="K") for agent, channels in saved["added"].items()}


def _names(env: Any, agent: str | None, space: Any) -> tuple[str, ...]:
    """The names of an environment's channels; numbers for those of others."""
    known = getattr(env, "channel_names", None)
    if known is not None:
        return tuple(known() if agent is None else known(agent))
    width = space.shape[0] if getattr(space, "shape", None) else 0
    return tuple(f"channel_{i}" for i in range(width))
