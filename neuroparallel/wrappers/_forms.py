"""The four shells of a signal wrapper: batch engine, gymnasium vector and single, PettingZoo parallel."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec, WrapperSpec
from gymnasium.vector import AutoresetMode, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from pettingzoo.utils.wrappers import BaseParallelWrapper

from neuroparallel.engine.snapshot import check_saved
from neuroparallel.errors import ArgumentError
from neuroparallel.wrappers._draws import Origin
from neuroparallel.wrappers._pipeline import Pipeline
from neuroparallel.wrappers._quick import gym_step, parallel_step
from neuroparallel.wrappers._signal import Array, Ground, Part, Signal

__all__ = ["wrapper"]

W = TypeVar("W", bound=type[Signal])
Arrays = dict[str, Array]
Mask = NDArray[np.bool_]


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
        names = {"__module__": signal.__module__, "is_form": True, "shell": shell, "__doc__": signal.__doc__}
        form = type(name, (signal, shell), names)
        form.__qualname__ = f"{signal.__qualname__}.{name}"
        setattr(signal, name, form)
        signal.forms[kind] = form
    return signal


class _Form(Signal):
    """What the four have in common: they join the stack of what they wrap, and reach through to it."""

    shell: ClassVar[type[Signal]]

    def _join(self, env: Any, agents: Sequence[str], lanes: int | None) -> Pipeline:
        """Put this wrapper on top of those that are already around the environment."""
        below: Pipeline | None = env.__dict__["_pipe"] if isinstance(env, self.shell) else None
        self._base = env if below is None else env.__dict__["_base"]
        grounds = {a: self._ground(self._base, a) for a in agents} if below is None else below.grounds
        origin = Origin(self._base, lanes) if below is None else below.origin
        inner: Mapping[str, Part | Ground] = grounds if below is None else below.outermost
        self.parts = {a: Part(a, inner[a], lanes, origin, _streams(self._base, a)) for a in agents}
        stages = [] if below is None else below.stages
        for part in self.parts.values():
            part.depth = sum(type(other) is type(self) for other, _ in stages)
            self.admit(part)
            self.fit(part)
        roomy = getattr(type(self._base), "gives_room", False)  # not of something around one of ours
        return Pipeline(grounds, [*stages, (self, self.parts)], lanes, origin, roomy)

    def _ground(self, env: Any, agent: str) -> Ground:
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "step"}

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
        """A copy of everything that changes, here and inside."""
        return {"inside": self._base.get_state(), "wrappers": self._pipe.state()}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a state from `get_state`; raises ArgumentError for one that does not fit."""
        if "inside" not in saved or "wrappers" not in saved:
            raise ArgumentError("the state was not saved of a wrapped environment; wrap it alike, or go back without.")
        check_saved(saved["wrappers"], self._pipe.state(), "state.wrappers")
        self._base.set_state(saved["inside"])
        self._pipe.set_state(saved["wrappers"])


class ParallelForm(_Form, BaseParallelWrapper):  # type: ignore[misc]
    """Around any PettingZoo parallel environment."""

    def _enter(self, env: Any) -> None:
        BaseParallelWrapper.__init__(self, env)
        self._pipe = self._join(env, env.possible_agents, None)

    def _ground(self, env: Any, agent: str) -> Ground:
        space = env.observation_space(agent)
        return Ground(space, env.action_space(agent), _names(env, agent, space))

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
        return str(BaseParallelWrapper.__str__(self))  # PettingZoo's tests go by this name

    def channel_names(self, agent: str) -> tuple[str, ...]:
        """The name of every column of an agent's observation."""
        return tuple(self.parts[agent].names)

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        observations, infos = self._base.reset(seed=seed, options=self._pipe.options(options))
        self._pipe.origin.reset(seed)
        if len(self.parts) == 1:
            self.__dict__["step"] = parallel_step(self._pipe, self._base)
        return self._pipe.first(observations, infos)

    def step(self, actions: Mapping[str, Any]) -> Any:
        own = self.__dict__  # where __getattr__ is defined, each look at an attribute is slow
        pipe = own["_pipe"]
        inward = pipe.act(actions) if pipe.acting else actions
        observations, rewards, terminations, truncations, infos = own["_base"].step(inward)
        observations, rewards, infos = pipe.next(observations, actions, rewards, infos)
        return observations, rewards, terminations, truncations, infos


class GymForm(_Form, gymnasium.Wrapper[Array, Any, Array, Any]):
    """Around any gymnasium environment."""

    def _enter(self, env: Any) -> None:
        gymnasium.Wrapper.__init__(self, env)
        self._agent = _agent(env)
        self._pipe = self._join(env, [self._agent], None)
        part = self.parts[self._agent]
        self.observation_space, self.action_space = part.observation_space, part.action_space

    def _ground(self, env: Any, agent: str) -> Ground:
        return Ground(env.observation_space, env.action_space, _names(env, None, env.observation_space))

    @property
    def spec(self) -> EnvSpec | None:  # type: ignore[override]
        """What gymnasium.make needs to make the stack once more."""
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
        """The name of every column of the observation."""
        return tuple(self.parts[self._agent].names)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        agent = self._agent
        seen, info = self._base.reset(seed=seed, options=self._pipe.options(options))
        self._pipe.origin.reset(seed)
        self.__dict__["step"] = gym_step(self._pipe, self._base)
        observations, infos = self._pipe.first({agent: seen}, {agent: info})
        return observations[agent], infos[agent]

    def step(self, action: Any) -> Any:
        own = self.__dict__
        agent, pipe = own["_agent"], own["_pipe"]
        actions = {agent: action}
        inward = pipe.act(actions)[agent] if pipe.acting else action
        seen, reward, terminated, truncated, info = own["_base"].step(inward)
        observations, rewards, infos = pipe.next({agent: seen}, actions, {agent: reward}, {agent: info})
        return observations[agent], rewards[agent], terminated, truncated, infos[agent]


class VectorForm(_Form, VectorWrapper):
    """Around any gymnasium vector environment, whatever its autoreset mode."""

    def _enter(self, env: Any) -> None:
        VectorWrapper.__init__(self, env)
        self._agent = _agent(env)
        self._pipe = self._join(env, [self._agent], env.num_envs)
        part = self.parts[self._agent]
        self.single_observation_space, self.single_action_space = part.observation_space, part.action_space
        self.observation_space = batch_space(part.observation_space, env.num_envs)
        self.action_space = batch_space(part.action_space, env.num_envs)
        self._mode = env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self._over = np.zeros(env.num_envs, bool)

    def _ground(self, env: Any, agent: str) -> Ground:
        space = env.single_observation_space
        return Ground(space, env.single_action_space, _names(env, None, space))

    def channel_names(self) -> tuple[str, ...]:
        """The name of every column of the observation."""
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
        """What was seen and known at the end, where a session ended and the next one has already begun."""
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
        """Start anew where a session ended, and keep what was seen and told at its end in the infos."""
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


class BatchForm(_Form):
    """Around the batch engine; offers all that the engine offers."""

    is_batch = True

    def _enter(self, env: Any) -> None:
        self.env = env
        self._pipe = self._join(env, env.possible_agents, env.lanes)

    def _ground(self, env: Any, agent: str) -> Ground:
        return Ground(env.observation_space(agent), env.action_space(agent), env.channel_names(agent))

    @property
    def unwrapped(self) -> Any:
        """The batch engine itself."""
        return getattr(self.env, "unwrapped", self.env)

    def observation_space(self, agent: str) -> Any:
        """The observations of an agent, added channels last: Box, float32, (channels,)."""
        self._base.observation_space(agent)  # says so if there is no such agent
        return self.parts[agent].observation_space

    def action_space(self, agent: str) -> Any:
        """What an agent does; see `BatchEngine.action_space`."""
        self._base.action_space(agent)
        return self.parts[agent].action_space

    def channel_names(self, agent: str) -> tuple[str, ...]:
        """The name of every column of an agent's observation."""
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
        """What `reset` would say of the present moment, by agent; see `BatchEngine.infos`."""
        return self._pipe.told_again(self._base.infos())

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes, here and inside; see `set_state`."""
        return {"inside": self._base.state(), "wrappers": self._pipe.state()}


def _agent(env: Any) -> str:
    return str(getattr(env.unwrapped, "agent", "it"))


def _streams(env: Any, agent: str) -> tuple[str, ...]:
    """The prefixes by which the info speaks of an agent's streams; one that is empty if there is but one."""
    scenario: Any = getattr(env, "scenario", None)
    subject: Any = scenario.subjects.get(agent) if scenario is not None else None
    several = subject is not None and len(subject.streams) > 1
    return tuple(f"{name}." for name in subject.streams) if several else ("",)


def _with_masks(infos: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The infos of a vector environment, with ``_key`` beside what wrappers have added."""
    added = {key: values for key, values in known.items() if key not in infos}
    masks = {f"_{key}": np.ones(len(values), bool) for key, values in added.items()}
    return {**infos, **added, **masks}


def _names(env: Any, agent: str | None, space: Any) -> tuple[str, ...]:
    """The names of an environment's channels; numbers for those of others."""
    width = space.shape[0] if getattr(space, "shape", None) else 0
    known = getattr(env, "channel_names", None)
    names = () if known is None else tuple(known() if agent is None else known(agent))
    fits = len(names) == width  # a wrapper of others may have changed the channels and not their names
    return names if fits else tuple(f"channel_{i}" for i in range(width))
