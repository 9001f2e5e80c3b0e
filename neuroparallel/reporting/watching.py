"""Watching a subject for some steps: what it saw, did and earned, ready to be painted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.layout import Layout
from neuroparallel.environments import batch
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Trace

__all__ = ["cut_trace", "one_trial", "watch"]

Array: TypeAlias = NDArray[Any]


def watch(
    what: Any,
    agents: Any = "random",
    *,
    steps: int = 200,
    seed: int | None = None,
    each: Callable[[int], None] | None = None,
    **options: Any,
) -> tuple[dict[str, Trace], Any]:
    """Let subjects act in one lane, and keep every step.

    Args:
        what: A scenario's or task's name, a file, a dictionary, a `Scenario` or a `Task`.
        agents: Who acts: the name of a reference agent (``random``, ``hold``, ``oracle`` ...), or anything with
            ``act(observations)``, such as a trained `neuroparallel.rllib.Policy`.
        steps: How many steps of dt.
        seed: Of the trials; None: the scenario's.
        each: Called after every step with its number, from 1.
        **options: As for `neuroparallel.batch`: ``dt``, ``session``, ``view``.

    Returns:
        A `Trace` by agent, and the table of trials that ended.

    Raises:
        ArgumentError: ``steps`` is below 1.
        UnknownNameError: There is no such scenario or reference agent.
    """
    if steps < 1:
        raise ArgumentError(f"steps is {steps}; it is a whole number, 1 or more.")
    engine = batch(what, lanes=1, seed=seed, **options)
    player = make_player(agents, engine, seed=engine.scenario.seed if seed is None else seed)
    observations, infos = engine.reset(seed)
    rows: dict[str, list[tuple[Any, ...]]] = {agent: [] for agent in engine.possible_agents}
    for step in range(steps):
        actions = player.act(observations)
        fresh, rewards, _, truncations, after = engine.step(actions)
        for agent, kept in rows.items():
            before = {key: int(infos[agent][key][0]) for key in infos[agent] if key.endswith(("truth", "period"))}
            ended = {key: int(after[agent][key][0]) for key in after[agent] if key.endswith(("outcome", "trial"))}
            kept.append((observations[agent][0], actions[agent][0], float(rewards[agent][0]), before, ended))
        observations, infos = fresh, after
        over = truncations[engine.possible_agents[0]]
        if over.any():
            observations, infos = engine.restart(over), engine.infos()
            player.reset(over)
        if each is not None:
            each(step + 1)
    return {agent: _trace(engine, agent, kept) for agent, kept in rows.items()}, engine.trials()


class _Random:
    """Stand-in until the agents land."""

    def __init__(self, engine: Any, kind: str, seed: int) -> None:
        self.engine, self.kind = engine, kind
        self.random = np.random.default_rng(seed)

    def act(self, observations: Any) -> dict[str, Array]:
        result = {}
        truth = self.engine.truth()
        for agent in observations:
            space = self.engine.action_space(agent)
            sizes = getattr(space, "nvec", None)
            if self.kind == "oracle":
                result[agent] = np.maximum(truth[agent], 0)
            elif sizes is None:
                result[agent] = self.random.integers(0, space.n if self.kind == "random" else 1, 1)
            else:
                result[agent] = self.random.integers(0, sizes if self.kind == "random" else 1, (1, len(sizes)))
        return result

    def reset(self, lanes: Any = None) -> None:
        pass


def make_player(agents: Any, engine: Any, seed: int) -> Any:
    return agents if hasattr(agents, "act") else _Random(engine, agents, seed)


def _trace(engine: Any, agent: str, rows: list[tuple[Any, ...]]) -> Trace:
    layout: Layout = engine.layout
    spec = layout.subjects[engine.possible_agents.index(agent)]
    streams = [layout.streams[index] for index in spec.streams]
    prefix = [f"{stream.short}." for stream in streams] if len(streams) > 1 else [""]
    tasks = [stream.task for stream in streams]
    seen, actions, rewards, befores, afters = zip(*rows, strict=True)
    shared = np.ndim(actions[0]) == 0
    return Trace(
        time_ms=np.arange(len(rows)) * engine.dt,
        observations=np.stack(seen),
        channel_names=engine.channel_names(agent),
        actions=np.array(actions, np.int64).reshape(len(rows), -1),
        action_names=tuple(tuple(task.action_names()) for task in (tasks[:1] if shared else tasks)),
        ground_truth=_columns(befores, prefix, "ground_truth"),
        rewards=np.array(rewards, np.float64),
        periods=_columns(befores, prefix, "period"),
        period_names=tuple(tuple(task.timing) for task in tasks),
        outcomes=_columns(afters, prefix, "outcome"),
        stream_names=tuple(stream.short for stream in streams),
        title=f"{engine.scenario.name}  {agent}",
    )


def _columns(infos: tuple[Mapping[str, int], ...], prefix: list[str], key: str) -> Array:
    return np.array([[info[name + key] for name in prefix] for info in infos], np.int64)


def one_trial(trace: Trace) -> Trace:
    """Cut the most telling trial out of a trace: one in which every stream took part, and the later the better.

    Args:
        trace: Of several trials.

    Returns:
        The steps of one trial; the whole trace if no trial is complete.
    """
    bounds = _whole_trials(trace)
    if not bounds:
        return trace
    shown = [(int((trace.periods[a:b] >= 0).any(axis=0).sum()), a) for a, b in bounds]
    start, stop = bounds[shown.index(max(shown))]
    return cut_trace(trace, start, stop)


def cut_trace(trace: Trace, start: int, stop: int) -> Trace:
    """Some steps of a trace, counted from its first; time begins anew at 0."""
    names = ("observations", "actions", "ground_truth", "rewards", "periods", "outcomes")
    parts = {name: getattr(trace, name)[start:stop] for name in names}
    return replace(trace, time_ms=trace.time_ms[start:stop] - trace.time_ms[start], **parts)


def _whole_trials(trace: Trace) -> list[tuple[int, int]]:
    """First step and end of every trial from the second on: a stream that ends last ends the trial."""
    ended = trace.outcomes != 0
    counts = ended.sum(axis=0)
    last = int(counts.argmax())  # the stream that takes part in every trial
    ends = (np.flatnonzero(ended[:, last]) + 1).tolist()
    return [(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True) if b > a]
