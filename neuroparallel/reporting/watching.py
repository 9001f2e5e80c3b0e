"""Watching a subject for some steps: what it saw, did and earned, ready to be painted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents import Agent, make_agent
from neuroparallel.agents.protocol import engine_of
from neuroparallel.engine.stream import BatchStream
from neuroparallel.environments import batch
from neuroparallel.environments.render import make_trace
from neuroparallel.errors import whole_number
from neuroparallel.records import Trace

__all__ = ["cut_trace", "one_trial", "watch"]

Array: TypeAlias = NDArray[Any]


def watch(
    what: Any,
    agents: str | Agent = "random",
    *,
    steps: int = 200,
    seed: int | None = None,
    each: Callable[[int], None] | None = None,
    **options: Any,
) -> tuple[dict[str, Trace], Any]:
    """Let subjects act in one lane, and keep every step.

    Args:
        what: A scenario's or task's name, a file, a dictionary, a `Scenario` or a `Task`.
        agents: Who acts: the name of a reference agent (``random``, ``hold``, ``oracle`` ...), or any agent, such
            as a `TrainedAgent`.
        steps: How many steps of dt.
        seed: Seed of the trials; None: the scenario's, or else one drawn from entropy.
        each: Called after every step with its number, from 1.
        **options: As for `neuroparallel.batch`: ``dt``, ``session``, ``view``.

    Returns:
        A `Trace` by agent, and the table of trials that ended.

    Raises:
        ArgumentError: ``steps`` is below 1.
        UnknownNameError: There is no such scenario or reference agent.
    """
    whole_number(steps, "steps", 1)
    engine = batch(what, lanes=1, seed=seed, **options)
    player = make_agent(agents)
    observations, infos = engine.reset(seed)
    player.reset(engine)
    rows: dict[str, list[tuple[Any, ...]]] = {agent: [] for agent in engine.possible_agents}
    for step in range(steps):
        actions = player.act(observations, infos, engine)
        fresh, rewards, _, truncations, after = engine.step(actions)
        for agent, kept in rows.items():
            before = {key: int(infos[agent][key][0]) for key in infos[agent] if key.endswith(("truth", "period"))}
            ended = {key: int(after[agent][key][0]) for key in after[agent] if key.endswith(("outcome", "trial"))}
            kept.append(
                (observations[agent][0], _done(engine, agent, actions[agent]), float(rewards[agent][0]), before, ended)
            )
        observations, infos = fresh, after
        over = truncations[engine.possible_agents[0]]
        if over.any():
            observations, infos = engine.restart(over), engine.infos()
        if each is not None:
            each(step + 1)
    traces = {
        agent: make_trace(engine, agent, range(steps), kept, f"{engine.scenario.name}  {agent}")
        for agent, kept in rows.items()
    }
    return traces, engine.trials()


def _done(engine: Any, agent: str, action: Any) -> Any:
    """What an agent did in the only lane, as numbers; a movement is shown as the event that it came to."""
    subject = next(subject for subject in engine_of(engine).subjects if subject.spec.name == agent)
    if not subject.moving:
        return action[0]
    done = [_event(stream) if stream.moving else int(action[stream.spec.short][0]) for stream in subject.streams]
    return [*done, int(action["message"][0])] if subject.spec.message is not None else done


def _event(stream: BatchStream) -> int:
    return int((stream.answered[0] * stream.answered[1])[0]) if stream.answered is not None else 0


def one_trial(trace: Trace) -> Trace:
    """Cut a telling trial out of a trace: the first in which most streams took part and asked for a response.

    Args:
        trace: Of several trials.

    Returns:
        The steps of one trial; the whole trace if no trial is complete.
    """
    bounds = _whole_trials(trace)
    if not bounds:
        return trace
    telling = [
        int((trace.periods[a:b] >= 0).any(axis=0).sum() + (trace.ground_truth[a:b] > 0).any(axis=0).sum())
        for a, b in bounds
    ]
    start, stop = bounds[telling.index(max(telling))]
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
    return [(a, b) for a, b in pairwise(ends) if b > a]
