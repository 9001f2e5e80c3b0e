"""Engines as environments use them: with agents that play some subjects, and observations split by stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuroparallel.agents.baselines import at_rest
from neuroparallel.agents.seats import SeatedBatch, seats_of
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.engine.layout import Layout
from neuroparallel.engine.scalar import PreviewEngine
from neuroparallel.engine.subject_spaces import Columns
from neuroparallel.errors import ScenarioError
from neuroparallel.scenario import Scenario
from neuroparallel.wrappers import apply_wrappers

__all__ = ["OneLane", "Split", "Splitter", "batch_engine", "lane_engine", "outer_wrappers", "splitter", "with_agents"]


def batch_engine(
    scenario: Scenario, layout: Layout, lanes: int, seed: int, record: bool | int, first_lane: int = 0
) -> Any:
    """Make the batch engine of a scenario, in which agents play their subjects; see `with_agents`."""
    engine = BatchEngine(layout, lanes, seed=seed, record=record, first_lane=first_lane)
    engine.scenario = scenario
    return with_agents(engine, scenario)


def with_agents(engine: BatchEngine, scenario: Scenario) -> Any:
    """Let agents play the subjects that a scenario gives to them (``played_by``).

    An agent observes what a learner would observe. So if there is one, the scenario's wrappers are around the engine
    already.

    Raises:
        ScenarioError: All subjects are played by agents.
    """
    seats = seats_of(scenario)
    if len(seats) == len(scenario.subjects):
        raise ScenarioError(
            f"{scenario.name}: subjects: every one is played by an agent; leave played_by out for whom you want to act "
            "for, or let them play with simulate."
        )
    return SeatedBatch(apply_wrappers(engine, scenario.wrappers), seats) if seats else engine


def lane_engine(scenario: Scenario, layout: Layout, lane: int, seed: int, record: bool | int) -> Any:
    """Make the engine of one lane of a scenario, with agents that play their subjects."""
    engine: Any
    if any(subject.played_by is not None for subject in scenario.subjects.values()):
        engine = OneLane(batch_engine(scenario, layout, 1, seed, record, lane))
    else:
        engine = PreviewEngine(layout, seed=seed, lane=lane, record=record)
    return Split(engine) if any(subject.observation == "dict" for subject in layout.subjects) else engine


def outer_wrappers(scenario: Scenario) -> tuple[Any, ...]:
    """Return the wrappers that are not yet around the engine: none if agents play some subjects."""
    seated = any(subject.played_by is not None for subject in scenario.subjects.values())
    return () if seated else scenario.wrappers


class OneLane:
    """A batch of one lane with the methods of the scalar engine.

    Args:
        env: The batch.
    """

    def __init__(self, env: Any) -> None:
        self.env = env

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "env":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.env, name)

    def reset(self, seed: int | None = None) -> Any:
        """Start the first session of a seed, or the next one of the present seed."""
        if (
            seed is None and self.env.unwrapped.over.any()
        ):  # a batch starts the next session by itself, and its agents with it
            rest = {agent: at_rest(self.env.action_space(agent), 1) for agent in self.env.possible_agents}
            observations, *_, infos = self.env.step(rest)
        else:
            observations, infos = self.env.reset(seed)
        return self._seen(observations), self._told(infos)

    def step(self, actions: Mapping[str, Any]) -> Any:
        """Advance by one time step; see `ScalarEngine.step`."""
        many = {agent: _widened(action) for agent, action in actions.items()}
        observations, rewards, _, truncations, infos = self.env.step(many)
        paid = {agent: float(reward[0]) for agent, reward in rewards.items()}
        ended = bool(next(iter(truncations.values()))[0])
        return self._seen(observations), paid, ended, self._told(infos)

    @staticmethod
    def _seen(observations: Mapping[str, Any]) -> dict[str, Any]:
        return {agent: np.array(seen[0]) for agent, seen in observations.items()}

    @staticmethod
    def _told(infos: Mapping[str, Any]) -> dict[str, dict[str, int]]:
        return {agent: {key: values[0].item() for key, values in info.items()} for agent, info in infos.items()}

    def truth(self) -> dict[str, Any]:
        """Return the actions that are right now, by agent."""
        return {agent: truth[0].tolist() for agent, truth in self.env.truth().items()}


def _widened(action: Any) -> Any:
    """Return an action as that of a batch of one lane."""
    if isinstance(action, Mapping):
        return {name: _widened(part) for name, part in action.items()}
    return np.asarray(action)[None]


class Splitter:
    """Split of an agent's observation into a dictionary with a part for every stream.

    Channels that belong to no stream have parts of their own: the fused ``fixation`` cue, ``cues`` of the mix, and
    ``partners``.

    Args:
        columns: Columns of the streams' channels.
        streams: Short names of the streams.
        space: The whole observation, Box (channels,).
    """

    def __init__(self, columns: Columns, streams: Sequence[str], space: spaces.Box) -> None:
        parts = {name: slice(*span) for name, span in zip(streams, columns.spans, strict=True)}
        if columns.spans[0][0]:
            parts = {"fixation": slice(0, columns.spans[0][0]), **parts}
        end, others = max(stop for _, stop in columns.spans), (*columns.partner_views, len(columns.names))
        if others[0] > end:
            parts["cues"] = slice(end, others[0])
        if others[0] < len(columns.names):
            parts["partners"] = slice(others[0], len(columns.names))
        self.parts = parts
        self.space = spaces.Dict(
            {name: spaces.Box(space.low[part], space.high[part], dtype=np.float32) for name, part in parts.items()}
        )

    def __call__(self, seen: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return the parts of an observation, (channels,) or (lanes, channels), as new arrays."""
        return {name: np.array(seen[..., part]) for name, part in self.parts.items()}


def splitter(engine: Any, agent: str) -> Splitter | None:
    """Return the split of an agent's observation; None if it stays whole."""
    number = [spec.name for spec in engine.layout.subjects].index(agent)
    subject = engine.subjects[number]
    if subject.spec.observation != "dict":
        return None
    shorts = [engine.layout.streams[index].short for index in subject.spec.streams]
    return Splitter(subject.columns, shorts, engine.observation_space(agent))


class Split:
    """An engine of one lane whose observations are dictionaries where the scenario says so.

    Args:
        engine: A scalar engine, or a batch of one lane.
    """

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self._splitters = {agent: splitter(engine, agent) for agent in engine.possible_agents}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "engine":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.engine, name)

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the observation space of an agent: Dict by stream, or Box."""
        split = self._splitters.get(agent)
        whole: spaces.Space[Any] = self.engine.observation_space(agent)
        return split.space if split else whole

    def reset(self, seed: int | None = None) -> Any:
        """Start a session; see `ScalarEngine.reset`."""
        observations, infos = self.engine.reset(seed)
        return self._split(observations), infos

    def step(self, actions: Mapping[str, Any]) -> Any:
        """Advance by one time step; see `ScalarEngine.step`."""
        observations, *rest = self.engine.step(actions)
        return (self._split(observations), *rest)

    def _split(self, observations: Mapping[str, Any]) -> dict[str, Any]:
        return {
            agent: split(seen) if (split := self._splitters[agent]) else seen for agent, seen in observations.items()
        }
