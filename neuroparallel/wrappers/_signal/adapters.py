"""Adapters of a signal wrapper to batches, gymnasium's vector and single environments, and PettingZoo's."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec, WrapperSpec
from gymnasium.vector import AutoresetMode, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from pettingzoo.utils.wrappers import BaseParallelWrapper

from neuroparallel.engine.snapshot import check_saved
from neuroparallel.errors import ArgumentError
from neuroparallel.wrappers._signal.pipeline import BaseEnvironment, Pipeline
from neuroparallel.wrappers._signal.randomness import Origin
from neuroparallel.wrappers._signal.signal import AgentState, Array, BaseSpaces, Signal

__all__ = ["BatchAdapter", "GymAdapter", "ParallelAdapter", "VectorAdapter"]

Arrays = dict[str, Array]
Mask = NDArray[np.bool_]


class _Adapter(Signal):
    """Common part of the four: they join the stack of the environment that they wrap, and pass its attributes on."""

    is_adapter = True
    base_adapter: ClassVar[type[Signal]]

    def _join(self, env: Any, agents: Sequence[str], lanes: int | None, single: BaseEnvironment | None) -> Pipeline:
        """Put this wrapper on top of those that are already around the environment."""
        below: Pipeline | None = env.__dict__["_pipe"] if isinstance(env, self.base_adapter) else None
        self._base = env if below is None else env.__dict__["_base"]
        base_spaces = {a: self._spaces(self._base, a) for a in agents} if below is None else below.base_spaces
        origin = Origin(self._base, lanes) if below is None else below.origin
        inner: Mapping[str, AgentState | BaseSpaces] = base_spaces if below is None else below.outermost
        self.parts = {a: AgentState(a, inner[a], lanes, origin, _streams(self._base, a)) for a in agents}
        stages = [] if below is None else below.stages
        for part in self.parts.values():
            part.depth = sum(type(other) is type(self) for other, _ in stages)
            self.check_observations(part)
            self.fit(part)
        return Pipeline(
            base_spaces, [*stages, (self, self.parts)], lanes, origin, single if below is None else below.base
        )

    def _spaces(self, env: Any, agent: str) -> BaseSpaces:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "env":
            raise AttributeError(f"{type(self).__qualname__!r} object has no attribute {name!r}")
        return getattr(self.env, name)

    def __repr__(self) -> str:
        """The stack, outermost first: ``PreviousReward<ParallelEnvironment(random_dots)>``."""
        return f"{type(self).__qualname__.split('.')[0]}<{self.env!r}>"

    def __str__(self) -> str:
        return repr(self)

    def get_state(self) -> dict[str, Any]:
        """Return a copy of everything that changes, in the wrappers and in the environment."""
        return {"inside": self._base.get_state(), "wrappers": self._pipe.state()}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a state from `get_state`; raises ArgumentError for one that does not fit."""
        if "inside" not in saved or "wrappers" not in saved:
            raise ArgumentError("the state was not saved of a wrapped environment; wrap it alike, or go back without.")
        check_saved(saved["wrappers"], self._pipe.state(), "state.wrappers")
        self._base.set_state(saved["inside"])
        self._pipe.set_state(saved["wrappers"])


class _ParallelBase:
    """A PettingZoo parallel environment, as the pipeline calls it."""

    def __init__(self, env: Any) -> None:
        self.env, self.step = env, env.step
        # Asked of the class: wrappers of other libraries pass attributes of our environments on.
        self.reserves_columns = hasattr(type(env), "reset_with_columns")
        self.step_checked = env.step_checked if hasattr(type(env), "step_checked") else None

    def reset(self, seed: Any, options: Any, columns: Mapping[str, int]) -> Any:
        if self.reserves_columns:
            return self.env.reset_with_columns(seed, options, columns)
        return self.env.reset(seed=seed, options=options)


class _GymBase:
    """A gymnasium environment, as the pipeline calls it: with dictionaries of one agent."""

    def __init__(self, env: Any, agent: str) -> None:
        self.env, self.agent = env, agent
        self.step_checked: Callable[[Any], Any] | None
        self.reserves_columns = hasattr(type(env), "reset_with_columns")
        self.step_checked = self._step_checked if hasattr(type(env), "step_checked") else None

    def reset(self, seed: Any, options: Any, columns: Mapping[str, int]) -> Any:
        if self.reserves_columns:
            seen, info = self.env.reset_with_columns(seed, options, columns)
        else:
            seen, info = self.env.reset(seed=seed, options=options)
        return {self.agent: seen}, {self.agent: info}

    def step(self, actions: Mapping[str, Any]) -> Any:
        return self._by_agent(self.env.step(actions[self.agent]))

    def _step_checked(self, actions: Mapping[str, Any]) -> Any:
        return self._by_agent(self.env.step_checked(actions[self.agent]))

    def _by_agent(self, result: Any) -> Any:
        seen, reward, terminated, truncated, info = result
        agent = self.agent
        return {agent: seen}, {agent: reward}, terminated, truncated, {agent: info}


class ParallelAdapter(_Adapter, BaseParallelWrapper):  # type: ignore[misc]
    """Adapter to any PettingZoo parallel environment."""

    def _wrap(self, env: Any) -> None:
        BaseParallelWrapper.__init__(self, env)
        self._pipe = self._join(env, env.possible_agents, None, _ParallelBase(env))

    def _spaces(self, env: Any, agent: str) -> BaseSpaces:
        space = env.observation_space(agent)
        return BaseSpaces(space, env.action_space(agent), _names(env, agent, space))

    def observation_space(self, agent: str) -> Any:
        return self.parts[agent].observation_space

    def action_space(self, agent: str) -> Any:
        return self.parts[agent].action_space

    @property
    def observation_spaces(self) -> dict[str, Any]:
        return {agent: part.observation_space for agent, part in self.parts.items()}

    @property
    def action_spaces(self) -> dict[str, Any]:
        return {agent: part.action_space for agent, part in self.parts.items()}

    def __str__(self) -> str:
        return str(BaseParallelWrapper.__str__(self))  # PettingZoo's tests expect this name

    def channel_names(self, agent: str) -> tuple[str, ...]:
        """Return the name of every column of an agent's observation."""
        return tuple(self.parts[agent].names)

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        return self._pipe.reset(seed, options)

    def step(self, actions: Mapping[str, Any]) -> Any:
        return self.__dict__["_pipe"].step(actions)  # attributes of a class with __getattr__ are slow to find


class GymAdapter(_Adapter, gymnasium.Wrapper[Array, Any, Array, Any]):
    """Adapter to any gymnasium environment."""

    def _wrap(self, env: Any) -> None:
        gymnasium.Wrapper.__init__(self, env)
        self._agent = _agent(env)
        self._pipe = self._join(env, [self._agent], None, _GymBase(env, self._agent))
        part = self.parts[self._agent]
        self.observation_space, self.action_space = part.observation_space, part.action_space

    def _spaces(self, env: Any, agent: str) -> BaseSpaces:
        return BaseSpaces(env.observation_space, env.action_space, _names(env, None, env.observation_space))

    @property
    def spec(self) -> EnvSpec | None:  # type: ignore[override]
        """Data with which gymnasium.make makes the stack once more."""
        inner = self.env.spec
        if inner is None:
            return None
        args, options = self._made_with
        given = inspect.signature(type(self).__init__).bind(None, None, *args, **options).arguments
        name = type(self).__qualname__.split(".")[0]
        own = WrapperSpec(name, f"{type(self).__module__}:{name}", {key: given[key] for key in list(given)[2:]})
        whole: EnvSpec = copy.deepcopy(inner)
        whole.additional_wrappers += (own,)
        return whole

    def channel_names(self) -> tuple[str, ...]:
        """Return the name of every column of the observation."""
        return tuple(self.parts[self._agent].names)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        observations, infos = self._pipe.reset(seed, options)
        return observations[self._agent], infos[self._agent]

    def step(self, action: Any) -> Any:
        own = self.__dict__
        agent = own["_agent"]
        observations, rewards, terminated, truncated, infos = own["_pipe"].step({agent: action})
        return observations[agent], rewards[agent], terminated, truncated, infos[agent]


class VectorAdapter(_Adapter, VectorWrapper):
    """Adapter to any gymnasium vector environment, in any autoreset mode."""

    def _wrap(self, env: Any) -> None:
        VectorWrapper.__init__(self, env)
        self._agent = _agent(env)
        self._pipe = self._join(env, [self._agent], env.num_envs, None)
        part = self.parts[self._agent]
        self.single_observation_space, self.single_action_space = part.observation_space, part.action_space
        self.observation_space = batch_space(part.observation_space, env.num_envs)
        self.action_space = batch_space(part.action_space, env.num_envs)
        self._mode = env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self._over = np.zeros(env.num_envs, bool)

    def _spaces(self, env: Any, agent: str) -> BaseSpaces:
        space = env.single_observation_space
        return BaseSpaces(space, env.single_action_space, _names(env, None, space))

    def channel_names(self) -> tuple[str, ...]:
        """Return the name of every column of the observation."""
        return tuple(self.parts[self._agent].names)

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        mask = (options or {}).get("reset_mask")
        mask = None if mask is None else np.array(mask, bool)
        seen, infos = self._base.reset(seed=seed, options=options)
        self._pipe.origin.reset(seed, mask)
        self._over[... if mask is None else mask] = False
        return self._first(seen, infos, mask)

    def _first(self, seen: Array, infos: dict[str, Any], mask: Mask | None) -> tuple[Array, dict[str, Any]]:
        agent = self._agent
        observations, known = self._pipe.first({agent: seen}, {agent: infos}, mask)
        return observations[agent], _with_masks(infos, known[agent])

    def step(self, actions: Any) -> Any:
        agent, pipe = self._agent, self._pipe
        given = {agent: actions}
        inward = pipe.act(given)[agent] if pipe.acting else actions
        seen, rewards, terminations, truncations, infos = self._base.step(inward)
        over = terminations | truncations
        ended = self._mode is AutoresetMode.SAME_STEP and "final_obs" in infos
        began = self._over if self._mode is AutoresetMode.NEXT_STEP and self._over.any() else None
        if began is not None:
            pipe.origin.reset(None, began)
        last, said = self._ended(seen, infos, over) if ended else (seen, infos)
        observations, paid, known = pipe.next({agent: last}, given, {agent: rewards}, {agent: said}, began)
        shown, told = observations[agent], _with_masks(infos, known[agent])
        if ended:
            pipe.origin.reset(None, over)
            shown, told = self._begun(shown, told, seen, infos, over)
        self._over = over
        return shown, paid[agent], terminations, truncations, told

    def _ended(self, seen: Array, infos: dict[str, Any], over: Mask) -> tuple[Array, dict[str, Any]]:
        """Return observations and infos of the end, where a session ended and the next one has already begun."""
        last, known = seen.copy(order="K"), dict(infos)
        for lane in over.nonzero()[0]:
            last[lane] = infos["final_obs"][lane]
        for key, values in infos.get("final_info", {}).items():
            if key in known and not key.startswith("_"):
                known[key] = np.where(over, values, known[key])
        return last, known

    def _begun(
        self, last: Array, told: dict[str, Any], seen: Array, infos: dict[str, Any], over: Mask
    ) -> tuple[Array, dict[str, Any]]:
        """Start anew where a session ended, and keep the last observation and info in the infos."""
        final, ended = infos["final_obs"].copy(), dict(infos.get("final_info", {}))
        for lane in over.nonzero()[0]:
            final[lane] = last[lane].copy()
        first, known = self._first(seen, infos, over)
        for key in told.keys() - infos.keys():
            if not key.startswith("_"):
                ended[key], ended[f"_{key}"] = np.where(over, told[key], 0), over.copy()
                known[key] = np.where(over, known[key], told[key])
        known["final_obs"] = final
        return first, {**known, "final_info": ended} if "final_info" in infos else known

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "over": self._over.copy()}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        super().set_state(saved)
        self._over = saved["over"].copy()


class BatchAdapter(_Adapter):
    """Adapter to a batch; passes all attributes of the batch on."""

    is_batch = True

    def _wrap(self, env: Any) -> None:
        self.env = env
        self._pipe = self._join(env, env.possible_agents, env.lanes, None)

    def _spaces(self, env: Any, agent: str) -> BaseSpaces:
        return BaseSpaces(env.observation_space(agent), env.action_space(agent), env.channel_names(agent))

    @property
    def unwrapped(self) -> Any:
        """The batch engine itself, inside all wrappers."""
        return getattr(self.env, "unwrapped", self.env)

    def observation_space(self, agent: str) -> Any:
        """Return the observation space of an agent, added channels last: Box, float32, (channels,)."""
        self._base.observation_space(agent)  # raises an error if there is no such agent
        return self.parts[agent].observation_space

    def action_space(self, agent: str) -> Any:
        """Return the action space of an agent; see `BatchEngine.action_space`."""
        self._base.action_space(agent)
        return self.parts[agent].action_space

    def channel_names(self, agent: str) -> tuple[str, ...]:
        """Return the name of every column of an agent's observation."""
        self._base.channel_names(agent)
        return tuple(self.parts[agent].names)

    def reset(self, seed: Any = None) -> Any:
        """Start a new session in every lane; see `BatchEngine.reset`."""
        observations, infos = self._base.reset(seed)
        return self._pipe.first(observations, infos)

    def step(self, actions: Mapping[str, Any]) -> Any:
        """Advance every lane by one time step; see `BatchEngine.step`."""
        pipe, base = self._pipe, self._base
        inward = pipe.act(actions) if pipe.acting else actions
        over = base.over
        began = over.copy() if over.any() else None  # these lanes begin a session instead
        observations, rewards, terminations, truncations, infos = base.step(inward)
        observations, rewards, infos = pipe.next(observations, actions, rewards, infos, began)
        return observations, rewards, terminations, truncations, infos

    def restart(self, mask: Mask) -> Arrays:
        """Begin the next session of some lanes at once; see `BatchEngine.restart`."""
        observations = self._base.restart(mask)
        return self._pipe.first(observations, self._base.infos(), np.asarray(mask))[0]

    def infos(self) -> dict[str, Any]:
        """Return the infos of the present time, by agent; see `BatchEngine.infos`."""
        return self._pipe.with_added_infos(self._base.infos())

    def state(self) -> dict[str, Any]:
        """Return a copy of everything that changes, in the wrappers and in the batch; see `set_state`."""
        return {"inside": self._base.state(), "wrappers": self._pipe.state()}


def _agent(env: Any) -> str:
    return str(getattr(env.unwrapped, "agent", "it"))


def _streams(env: Any, agent: str) -> tuple[str, ...]:
    """Return the prefixes of an agent's streams in the info; an empty one if there is only one stream."""
    scenario: Any = getattr(env, "scenario", None)
    subject: Any = scenario.subjects.get(agent) if scenario is not None else None
    several = subject is not None and len(subject.streams) > 1
    return tuple(f"{name}." for name in subject.streams) if several else ("",)


def _with_masks(infos: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return the infos of a vector environment, with ``_key`` for every key that wrappers have added."""
    added = {key: values for key, values in known.items() if key not in infos}
    masks = {f"_{key}": np.ones(len(values), bool) for key, values in added.items()}
    return {**infos, **added, **masks}


def _names(env: Any, agent: str | None, space: Any) -> tuple[str, ...]:
    """Return the channel names of an environment; numbers for environments of other libraries."""
    width = space.shape[0] if getattr(space, "shape", None) else 0
    known = getattr(env, "channel_names", None)
    names = () if known is None else tuple(known() if agent is None else known(agent))
    fits = len(names) == width  # a wrapper of another library may have changed the channels but not their names
    return names if fits else tuple(f"channel_{i}" for i in range(width))


Signal.base_adapters = {
    "batch": BatchAdapter,
    "vector": VectorAdapter,
    "gym": GymAdapter,
    "parallel": ParallelAdapter,
}
