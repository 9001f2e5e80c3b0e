"""Simulation: agents play a given number of trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.protocol import Actions, Agent, Infos, Observations, ended_trials
from neuroparallel.agents.registry import make_agent
from neuroparallel.agents.seats import seats_of
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.errors import ArgumentError, UnknownNameError, nearest, whole_number
from neuroparallel.records import Table, Trials
from neuroparallel.scenario import Scenario, What

__all__ = ["begin", "simulate"]

Integers: TypeAlias = NDArray[np.int64]

ROWS = 200_000  # trials that wait in the engine before those that count are picked out


def simulate(
    what: What,
    agents: str | Agent | Mapping[str, str | Agent] = "oracle",
    trials: int = 10_000,
    seed: int | None = None,
    *,
    per_lane: int = 100,
    lanes: int = 1024,
    dt: float | None = None,
    session: Mapping[str, int] | None = None,
) -> Trials:
    """Simulate reference agents in a task, and return the table of their trials.

    The trials are those of as many lanes as needed, each of which plays ``per_lane`` trials in a row (the last one
    plays what is left), across sessions if these are shorter. Lane i is that of `batch` and `parallel_env` with the
    same seed. The result depends on ``what``, ``agents``, ``trials``, ``seed`` and ``per_lane`` only, not on how
    many lanes run at a time. The scenario's wrappers, which change what a learner sees, are left out.

    Args:
        what: A shipped scenario's name, a task's name, a path to a ``.yaml`` file, a dictionary, a `Scenario` or a
            `Task`.
        agents: Name of a reference agent (`neuroparallel.agents.list_agents`) or an `Agent`, for all subjects; or
            one for each subject by name.
        trials: How many trials each group of streams plays, 1 or more: every stream has exactly so many rows, but
            for streams that a mix leaves out of some trials.
        seed: 0 or more; None: the scenario's, or else a new one.
        per_lane: Trials in a row of each lane, 1 or more; more where the history of many trials matters.
        lanes: How many lanes run at a time, 1 or more; for speed and memory only.
        dt: Time step in ms instead of the scenario's.
        session: Length of a session, ``{"trials": n}`` or ``{"steps": n}``, instead of the scenario's.

    Returns:
        The trial table, by lane, session, trial and stream, with its responses.

    Raises:
        UnknownNameError: There is no such scenario, task, agent or subject; names the nearest one.
        ArgumentError: A number is not allowed, or an agent cannot play this scenario.
    """
    for name, value in (("trials", trials), ("per_lane", per_lane), ("lanes", lanes)):
        whole_number(value, name, 1)
    scenario = Scenario.load(what, dt=dt)
    seed = scenario.first_seed(seed)
    if session is not None:
        scenario = scenario.with_session(session)
    layout = scenario.layout
    agent = _cast(agents, scenario)
    total = -(-trials // per_lane)
    quotas = np.full(total, per_lane, np.int64)
    quotas[-1] = trials - per_lane * (total - 1)
    parts = []
    for first in range(0, total, lanes):
        quota = quotas[first : first + lanes]
        engine = BatchEngine(layout, len(quota), seed=seed)
        engine.scenario = scenario
        parts += _play(engine, agent, quota, first, seed)
    names = [(layout.subjects[spec.subject].name, spec.short) for spec in layout.streams]
    return _in_order(Trials.concatenate(parts), names)


class _Cast:
    """Agent that has an agent for each subject."""

    def __init__(self, agents: dict[str, Agent]) -> None:
        self._agents = agents

    def reset(self, engine: Any) -> None:
        for agent in self._agents.values():
            agent.reset(engine)

    def act(self, observations: Observations, infos: Infos, engine: Any) -> Actions:
        return {subject: agent.act(observations, infos, engine)[subject] for subject, agent in self._agents.items()}


def _cast(agents: str | Agent | Mapping[str, str | Agent], scenario: Scenario) -> Agent:
    """Return the agent of each subject: that of the call, else that of the scenario."""
    subjects, seats = list(scenario.subjects), seats_of(scenario)
    if not isinstance(agents, Mapping):
        agents = {name: agents for name in subjects if name not in seats}
        if not seats:
            return make_agent(next(iter(agents.values())))
    for name in agents:
        if name not in subjects:
            raise UnknownNameError(f"agents: there is no subject {name!r}.{nearest(name, subjects)}")
    agents = {**seats, **agents}
    missing = [name for name in subjects if name not in agents]
    if missing:
        raise ArgumentError(f"agents: {', '.join(missing)} has none; give one for every subject.")
    return _Cast({name: make_agent(agents[name]) for name in subjects})


def begin(engine: BatchEngine, seed: int, first: int) -> tuple[Any, Any]:
    """Reset an engine so that its lanes are those from number ``first`` on."""
    engine.first_lane = first
    return engine.reset(seed)


def _play(engine: BatchEngine, agent: Agent, quota: Integers, first: int, seed: int) -> list[Trials]:
    """Play until every lane has had its trials; the lanes are those from number ``first`` on."""
    observations, infos = begin(engine, seed, first)
    agent.reset(engine)
    harvest = _Harvest(engine, quota, first)
    finished = np.zeros((len(engine.groups), engine.lanes), np.int64)
    while (finished < quota).any():
        actions = agent.act(observations, infos, engine)
        observations, _, _, _, infos = engine.step(actions)
        for group, count in zip(engine.groups, finished, strict=True):
            count += np.logical_or.reduce([_ended(engine, index, infos) for index in group.spec.streams])
        if engine.recorder.count > ROWS:
            harvest.take()
    harvest.take()
    return harvest.parts


def _ended(engine: BatchEngine, index: int, infos: Infos) -> NDArray[np.bool_]:
    """Return the lanes in which a trial of a stream has just ended."""
    spec = engine.layout.streams[index]
    return ended_trials(infos, engine.layout.subjects[spec.subject].name, spec.short)


class _Harvest:
    """Collector of the first so many trials of every group in every lane, taken from an engine's log."""

    def __init__(self, engine: BatchEngine, quota: Integers, first: int) -> None:
        self.parts: list[Trials] = []
        self._engine, self._quota, self._first = engine, quota, first
        self._taken = np.zeros((len(engine.groups), engine.lanes), np.int64)

    def take(self) -> None:
        """Take what has been logged since the last time."""
        table = self._engine.trials()
        self._engine.log.clear()
        keep = np.zeros(len(table), bool)
        for number, group in enumerate(self._engine.groups):
            rows = np.flatnonzero(self._of(table, group.spec.streams))
            if rows.size:
                keep[rows] = self._within(table, rows, number)
        self.parts.append(_moved(table.select(keep), self._first))

    def _of(self, table: Trials, streams: tuple[int, ...]) -> NDArray[np.bool_]:
        mask = np.zeros(len(table), bool)
        for index in streams:
            spec = self._engine.layout.streams[index]
            subject = self._engine.layout.subjects[spec.subject].name
            mask |= (table["subject"] == subject) & (table["stream"] == spec.short)
        return mask

    def _within(self, table: Trials, rows: Integers, number: int) -> NDArray[np.bool_]:
        """Return the rows of a group that belong to trials that still count."""
        several = len(self._engine.groups[number].spec.streams) > 1
        trial = table["group_trial" if several else "trial"][rows].astype(np.int64)
        keys = np.stack([table["lane"][rows], table["session"][rows], trial])
        units, unit_of = np.unique(keys, axis=1, return_inverse=True)
        lanes = units[0]
        rank = np.arange(len(lanes)) - np.searchsorted(lanes, lanes) + self._taken[number][lanes]
        self._taken[number] += np.bincount(lanes, minlength=self._engine.lanes)
        counts: NDArray[np.bool_] = (rank < self._quota[lanes])[unit_of.ravel()]
        return counts


def _moved(table: Trials, by: int) -> Trials:
    """Return the same trials in lanes of other numbers."""
    columns, responses = dict(table.columns), dict(table.responses.columns)
    columns["lane"], responses["lane"] = columns["lane"] + by, responses["lane"] + by
    return Trials(columns, responses, table.names)


def _in_order(table: Trials, streams: list[tuple[str, str]]) -> Trials:
    """Sort trials by lane, session, trial and stream, and responses by lane, session, trial, time and stream."""

    def ordered(part: Table, keys: tuple[str, ...]) -> dict[str, NDArray[Any]]:
        number = np.zeros(len(part), np.int64)
        for i, (subject, stream) in enumerate(streams):
            number[(part["subject"] == subject) & (part["stream"] == stream)] = i
        order = np.lexsort((number, *(part[key] for key in keys)))
        return {name: values[order] for name, values in part.columns.items()}

    return Trials(
        ordered(table, ("trial", "session", "lane")),
        ordered(table.responses, ("time_s", "trial", "session", "lane")),
        table.names,
    )
