"""Observation and action spaces of an engine's agents, the same for one lane and many."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

from gymnasium import spaces

from neuroparallel.engine.subject_spaces import Columns
from neuroparallel.errors import ArgumentError

__all__ = ["Spaces"]


class _Subject(Protocol):
    observation_space: spaces.Box
    action_space: spaces.Space[Any]
    columns: Columns


SubjectT = TypeVar("SubjectT", bound=_Subject)


class Spaces(Generic[SubjectT]):
    """The spaces of an engine's agents, its subjects."""

    possible_agents: list[str]
    subjects: list[SubjectT]

    def observation_space(self, agent: str) -> spaces.Box:
        """The observations of an agent: Box, float32, (channels,), unbounded (noise is Gaussian)."""
        return self._subject(agent).observation_space

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The actions of an agent: Discrete (Box for a movement); of several streams MultiDiscrete, or Dict by stream.

        It is a Dict where there is a Box among several streams.
        """
        return self._subject(agent).action_space

    def channel_names(self, agent: str) -> tuple[str, ...]:
        """The name of every column of an agent's observation."""
        return self._subject(agent).columns.names

    def _subject(self, agent: str) -> SubjectT:
        if agent not in self.possible_agents:
            raise ArgumentError(f"there is no agent {agent!r}; the agents are {', '.join(self.possible_agents)}.")
        return self.subjects[self.possible_agents.index(agent)]
