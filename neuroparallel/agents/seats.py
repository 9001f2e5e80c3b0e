"""Seats: some subjects of a scenario are played by agents, the others by the caller."""

from __future__ import annotations

import copy
import io
import os
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.protocol import Agent
from neuroparallel.agents.registry import list_agents, make_agent
from neuroparallel.agents.trained_agent import TrainedAgent, load_trained
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.engine.snapshot import check_saved
from neuroparallel.errors import ArgumentError, NeuroparallelError, ScenarioError
from neuroparallel.scenario import Scenario

__all__ = ["SeatedBatch", "is_run", "seats_of"]


def is_run(name: str) -> bool:
    """Whether a name means the directory of a training run, and not a reference agent."""
    return os.sep in name or (name not in list_agents() and os.path.isdir(name))


def seats_of(scenario: Scenario) -> dict[str, Agent]:
    """Return the agents that a scenario puts on seats, by subject.

    Raises:
        ScenarioError: There is no such agent, option or run; names the key.
    """
    seats: dict[str, Agent] = {}
    for name, subject in scenario.subjects.items():
        if subject.played_by is None:
            continue
        try:
            seats[name] = _agent(subject.played_by, name)
        except NeuroparallelError as error:
            raise ScenarioError(f"subjects.{name}.played_by: {error}") from None
    return seats


def _agent(played_by: str | Mapping[str, Any], seat: str) -> Agent:
    options = dict(played_by) if isinstance(played_by, Mapping) else {"agent": played_by}
    name = options.pop("agent")
    if not is_run(name):
        return make_agent(name, **options)
    if options:
        raise ArgumentError(f"a training run has no option {', '.join(map(repr, options))}; leave that out.")
    trained = load_trained(name)
    policies = trained.policy.names
    if seat not in policies and len(set(policies.values())) == 1:  # whoever it was, there is only one
        policies[seat] = next(iter(policies.values()))
    return TrainedAgent(trained.policy, (seat,))


def _check_fit(agent: TrainedAgent, seat: str, env: Any) -> None:
    """Say at once, and not when the first session begins, that a trained subject learnt something else."""
    try:
        agent.check(env)
    except NeuroparallelError as error:
        raise ScenarioError(f"subjects.{seat}.played_by: {error}") from None


class SeatedBatch:
    """A batch engine, wrapped or not, in which agents sit on some seats; for those who act for the others.

    Only the other subjects are agents here: they alone are in `possible_agents`, need actions, and get observations.
    Everything else is as of the engine, whose records hold the trials of all.

    Args:
        env: A batch engine, or wrappers around one.
        seats: Who plays whom, by subject.

    Raises:
        ScenarioError: A trained subject learnt with other channels or actions than those of its seat.
    """

    is_batch = True

    def __init__(self, env: Any, seats: Mapping[str, Agent]) -> None:
        self.env, self.seats = env, dict(seats)
        for seat, agent in self.seats.items():
            if isinstance(agent, TrainedAgent):
                _check_fit(agent, seat, env)
        self.possible_agents = [agent for agent in env.possible_agents if agent not in self.seats]
        self._seen: Any = {}
        self._infos: Any = {}
        self._decided: dict[str, Any] = {}  # what agents do in a step that was refused because of what others do
        self._fresh = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "env":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.env, name)

    def __repr__(self) -> str:
        """Return the engine and the agent on each seat."""
        played = ", ".join(f"{seat}={type(agent).__name__}" for seat, agent in self.seats.items())
        return f"{type(self).__name__}({self.env!r}, {played})"

    @property
    def unwrapped(self) -> Any:
        """The batch engine itself."""
        return getattr(self.env, "unwrapped", self.env)

    def reset(self, seed: Any = None) -> Any:
        """Start a new session in every lane; agents forget everything if a seed is given, or the first time."""
        self._seen, self._infos = self.env.reset(seed)
        self._decided = {}
        if seed is not None or self._fresh:
            for agent in self.seats.values():
                agent.reset(self.env)
        self._fresh = False
        return self._others(self._seen), self._others(self._infos)

    def step(self, actions: Mapping[str, Any]) -> Any:
        """Advance every lane by one time step, with actions for the subjects that are nobody's seat."""
        mine = {agent: actions[agent] for agent in self.possible_agents if agent in actions}
        if not self._decided:
            decided = {subject: agent.act(self._seen, self._infos, self.env) for subject, agent in self.seats.items()}
            self._decided = {subject: chosen[subject] for subject, chosen in decided.items()}
        seen, rewards, terminations, truncations, infos = self.env.step(mine | self._decided)
        self._seen, self._infos, self._decided = seen, infos, {}
        return tuple(self._others(part) for part in (seen, rewards, terminations, truncations, infos))

    def restart(self, mask: NDArray[np.bool_]) -> Any:
        """Begin the next session of some lanes at once; see `BatchEngine.restart`."""
        self._seen, self._infos, self._decided = self.env.restart(mask), self.env.infos(), {}
        return self._others(self._seen)

    def infos(self) -> Any:
        """Return the present infos, by agent, as `reset` would."""
        return self._others(self.env.infos())

    def truth(self) -> Any:
        """Return the present ground truth, by agent."""
        return self._others(self.env.truth())

    def _others(self, by_agent: Mapping[str, Any]) -> dict[str, Any]:
        """Return the entries of the other subjects; arrays are copies, as the agents on seats see them too."""
        return {
            agent: part.copy(order="K") if isinstance(part := by_agent[agent], np.ndarray) else part
            for agent in self.possible_agents
        }

    def state(self) -> dict[str, Any]:
        """Return a copy of everything that changes, the agents' memories included."""
        parts = _engine_parts(self.unwrapped)
        memories = {seat: _agent_state(agent, parts) for seat, agent in self.seats.items()}
        seen = {agent: array.copy() for agent, array in self._seen.items()}
        infos = {agent: {key: np.array(info[key]) for key in info} for agent, info in self._infos.items()}
        own = {"seen": seen, "told": infos, "decided": copy.deepcopy(self._decided), "fresh": self._fresh}
        return {"env": self.env.state(), "seats": memories, **own}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a saved state.

        Raises:
            ArgumentError: It was saved of another scenario, of other agents, or by another version of neuroparallel.
        """
        check_saved(saved, self.state())
        parts = _engine_parts(self.unwrapped)
        memories = {
            seat: _restored_state(self.seats[seat], seat, memory, parts) for seat, memory in saved["seats"].items()
        }
        self.env.set_state(saved["env"])
        self._seen, self._infos, self._decided = (copy.deepcopy(saved[name]) for name in ("seen", "told", "decided"))
        self._fresh = saved["fresh"]
        for seat, memory in memories.items():
            agent: Any = self.seats[seat]
            if hasattr(agent, "set_state"):
                agent.set_state(memory)
            else:
                vars(agent).update(memory)


def _engine_parts(engine: BatchEngine) -> dict[str, Any]:
    """Return the parts of an engine that agents look at, by place."""
    parts: dict[str, Any] = {"engine": engine}
    for kind in ("streams", "groups", "subjects"):
        parts |= {f"{kind}.{place}": part for place, part in enumerate(getattr(engine, kind))}
    return parts | {f"tables.{place}": stream.tables for place, stream in enumerate(engine.streams)}


def _agent_state(agent: Any, parts: Mapping[str, Any]) -> Any:
    """Return the state of an agent: what its ``state`` method returns, or all its attributes."""
    if hasattr(agent, "state"):
        return agent.state()
    file = io.BytesIO()
    _StatePickler(file, parts).dump(vars(agent))
    return file.getvalue()


def _restored_state(agent: Any, seat: str, memory: Any, parts: Mapping[str, Any]) -> Any:
    """Return the state to restore: what the agent's ``state`` method returned, or all its attributes."""
    if hasattr(agent, "set_state"):
        return memory
    attributes = _StateUnpickler(io.BytesIO(memory), parts).load()
    missing = sorted(vars(agent).keys() - attributes.keys())
    if missing:
        raise ArgumentError(f"the state of {seat} lacks {missing[0]}; it is of another agent or version.")
    return attributes


class _StatePickler(pickle.Pickler):
    """Pickler of an agent's attributes; parts of the engine are written by name."""

    def __init__(self, file: io.BytesIO, parts: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._places = {id(part): place for place, part in parts.items()}

    def persistent_id(self, part: Any) -> str | None:
        return self._places.get(id(part))


class _StateUnpickler(pickle.Unpickler):
    """Unpickler of an agent's attributes, which takes the named parts from another engine."""

    def __init__(self, file: io.BytesIO, parts: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._engine_parts = parts

    def persistent_load(self, place: str) -> Any:
        return self._engine_parts[place]
