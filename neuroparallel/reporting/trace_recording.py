"""Recording of a subject's trace for some steps, ready to plot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from numpy.typing import NDArray

from neuroparallel.agents import Agent, make_agent
from neuroparallel.agents.protocol import engine_of
from neuroparallel.environments import batch
from neuroparallel.environments.render import events_of, make_trace
from neuroparallel.errors import whole_number
from neuroparallel.records import Trace
from neuroparallel.records.trace import cut_trace, one_trial

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
    """Return the actions of an agent in the only lane, as numbers."""
    one = {name: part[0] for name, part in action.items()} if isinstance(action, dict) else action[0]
    return events_of(engine_of(engine), agent, one)
