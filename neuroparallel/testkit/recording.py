"""What an engine was told and what it said, step by step, for some lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents import Agent, HoldAgent, OracleAgent, RandomAgent
from neuroparallel.agents.baselines import below, lane_keys, step_bits
from neuroparallel.agents.protocol import engine_of
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.engine.layout import Layout
from neuroparallel.engine.scalar import PreviewEngine, ScalarEngine
from neuroparallel.records import Trials
from neuroparallel.seeding import mix
from neuroparallel.testkit.acting import packed, unpacked
from neuroparallel.testkit.failures import ConformanceError

__all__ = ["POLICIES", "AbortAtOnce", "Recording", "Stray", "play_batch", "play_scalar", "trials_in"]

Array = NDArray[Any]


class AbortAtOnce:
    """Takes the first choice in every step, asked or not; does not move."""

    def reset(self, engine: Any) -> None:
        """Nothing to forget."""

    def act(self, observations: Any, infos: Any, engine: Any) -> dict[str, Any]:
        return {agent: _pressed(held) for agent, held in HoldAgent().act(observations, infos, engine).items()}


def _pressed(held: Any) -> Any:
    if isinstance(held, dict):
        return {name: _pressed(part) for name, part in held.items()}
    return np.ones_like(held) if held.dtype.kind == "i" else held


class Knowing:
    """Does what is right; moves at random where the task has no `steer` hook that says how."""

    def __init__(self) -> None:
        self._agent: Agent = OracleAgent()

    def reset(self, engine: Any) -> None:
        streams = engine_of(engine).streams
        lost = any(stream.moving and stream.spec.task.steer is None for stream in streams)
        self._agent = RandomAgent(2) if lost else OracleAgent()
        self._agent.reset(engine)

    def act(self, observations: Any, infos: Any, engine: Any) -> dict[str, Any]:
        return self._agent.act(observations, infos, engine)


class Stray:
    """Does what is right, but for one step in 16 or so, in which it does something at random."""

    def __init__(self) -> None:
        self._right, self._random = Knowing(), RandomAgent(1)
        self._step = 0

    def reset(self, engine: Any) -> None:
        self._step = 0
        self._keys = lane_keys(engine_of(engine), "stray")
        for agent in (self._right, self._random):
            agent.reset(engine)

    def act(self, observations: Any, infos: Any, engine: Any) -> dict[str, Any]:
        right = self._right.act(observations, infos, engine)
        other = self._random.act(observations, infos, engine)
        self._step += 1
        now = below(mix(self._keys + step_bits(self._step)), 16) == 0
        result = {}
        for agent in right:
            space = engine_of(engine).action_space(agent)
            one, two = packed(space, right[agent]), packed(space, other[agent])
            result[agent] = unpacked(space, np.where(now if one.ndim == 1 else now[:, None], two, one))
        return result


POLICIES: Mapping[str, type[Agent]] = {
    "hold": HoldAgent,
    "random": RandomAgent,
    "oracle": Knowing,
    "abort_at_once": AbortAtOnce,
    "stray": Stray,
}


@dataclass
class Recording:
    """Arrays with time on axis 0 and lanes on axis 1; what `reset` said comes first.

    Attributes:
        observations: float32, (steps + 1, lanes, channels), by agent.
        infos: (steps + 1, lanes), by agent and key.
        rewards: float64, (steps, lanes), by agent.
        ended: bool, (steps, lanes). Where the session ended.
        actions: int64, (steps, lanes) or (steps, lanes, streams), by agent; movements as of `acting.packed`.
        trials: The trial table of these lanes.
    """

    observations: dict[str, Array]
    infos: dict[str, dict[str, Array]]
    rewards: dict[str, Array]
    ended: Array
    actions: dict[str, Array]
    trials: Trials


def play_batch(
    engine: BatchEngine,
    steps: int,
    *,
    seed: int | Sequence[int] | None = None,
    agent: Agent | None = None,
    actions: Mapping[str, Array] | None = None,
    keep: Sequence[int] | None = None,
    start: tuple[Any, Any] | None = None,
) -> Recording:
    """Play so many steps and write down what some lanes saw.

    Args:
        engine: The engine.
        steps: How many.
        seed: For `reset`.
        agent: Who acts, if ``actions`` are not given.
        actions: (steps, lanes, ...), by agent.
        keep: Lanes to write down; all of them if left out.
        start: What `reset` returned, if it was called already.
    """
    observations, infos = engine.reset(seed) if start is None else start
    lanes = np.arange(engine.lanes) if keep is None else np.asarray(keep)
    if agent is not None:
        agent.reset(engine)
    names = engine.possible_agents
    seen: dict[str, list[Array]] = {a: [_checked(engine, a, observations[a])[lanes]] for a in names}
    told = {a: {key: [_numeric(a, key, infos[a][key])[lanes]] for key in infos[a]} for a in names}
    paid: dict[str, list[Array]] = {a: [] for a in names}
    done: dict[str, list[Array]] = {a: [] for a in names}
    ended: list[Array] = []
    for step in range(steps):
        if agent:
            now = agent.act(observations, infos, engine)
        else:
            now = {a: unpacked(engine.action_space(a), actions[a][step]) for a in names}  # type: ignore[index]
        observations, rewards, terminations, truncations, infos = engine.step(now)
        ended.append(_flags(names, terminations, truncations)[lanes])
        for a in names:
            seen[a].append(_checked(engine, a, observations[a])[lanes])
            _same_keys(a, told[a], infos[a])
            for key, values in told[a].items():
                values.append(_numeric(a, key, infos[a][key])[lanes])
            paid[a].append(np.asarray(rewards[a])[lanes])
            done[a].append(packed(engine.action_space(a), now[a])[lanes])
    trials = engine.trials()
    return Recording(
        {a: np.stack(values) for a, values in seen.items()},
        {a: {key: np.stack(values) for key, values in told[a].items()} for a in names},
        {a: np.stack(values) for a, values in paid.items()},
        np.stack(ended),
        {a: np.stack(values) for a, values in done.items()},
        trials if keep is None else trials_in(trials, lanes),
    )


def trials_in(table: Trials, lanes: Array) -> Trials:
    """Trials and responses in some lanes, those of trials that still run included."""
    responses = table.responses.select(np.isin(table.responses["lane"], lanes))
    return Trials(table.select(np.isin(table["lane"], lanes)).columns, responses, table.names)


def play_scalar(
    layout: Layout,
    lane: int,
    actions: Mapping[str, Array],
    seed: int,
    engine: ScalarEngine | None = None,
    start: tuple[Any, Any] | None = None,
) -> Recording:
    """Play given actions, (steps, ...) by agent, in one lane of the scalar engine; as one-lane arrays."""
    engine = PreviewEngine(layout, lane=lane) if engine is None else engine
    first = engine.reset(seed) if start is None else start
    names = engine.possible_agents
    spaces = {a: engine.action_space(a) for a in names}
    script = {a: values.tolist() if values.dtype.kind == "i" else values for a, values in actions.items()}
    said, paid, ended = [first], [], []
    for step in range(len(script[names[0]])):
        if engine.over:  # a batch ignores this action and begins the next session
            said.append(engine.reset())
            paid.append(dict.fromkeys(names, 0.0))
            ended.append(False)
            continue
        observations, rewards, over, infos = engine.step({a: unpacked(spaces[a], script[a][step]) for a in names})
        said.append((observations, infos))
        paid.append(rewards)
        ended.append(over)
    return Recording(
        {a: np.stack([seen[a] for seen, _ in said])[:, None] for a in names},
        {a: {key: np.array([told[a][key] for _, told in said])[:, None] for key in first[1][a]} for a in names},
        {a: np.array([reward[a] for reward in paid])[:, None] for a in names},
        np.array(ended)[:, None],
        {a: values[:, None] for a, values in actions.items()},
        engine.trials(),
    )


def _checked(engine: BatchEngine, agent: str, array: Array) -> Array:
    """Let through an observation that is in its space."""
    space = engine.observation_space(agent)
    if array.shape != (engine.lanes, *space.shape) or array.dtype != space.dtype:
        raise ConformanceError(
            f"{agent}: an observation is {array.dtype} of shape {array.shape}; its space says {space.dtype} of "
            f"shape {(engine.lanes, *space.shape)}."
        )
    if not np.isfinite(array).all():
        lane, channel = np.argwhere(~np.isfinite(array))[0]
        raise ConformanceError(
            f"{agent}: channel {engine.channel_names(agent)[channel]!r} of lane {lane} is {array[lane, channel]}; "
            "look for a division by 0 in the task's define or observe."
        )
    return array


def _numeric(agent: str, key: str, value: Any) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ConformanceError(f"{agent}: infos[{key!r}] is {array.dtype}; infos hold numbers only.")
    return array


def _same_keys(agent: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    if list(before) != list(now):
        changed = sorted({*before} ^ {*now}) or list(now)
        raise ConformanceError(f"{agent}: the keys of infos changed between steps: {', '.join(changed)}.")


def _flags(names: list[str], terminations: Mapping[str, Array], truncations: Mapping[str, Array]) -> Array:
    """Where the session ended, which is for all agents at once and never a termination."""
    if list(terminations) != names or list(truncations) != names:
        raise ConformanceError(f"terminations and truncations are not by agent ({', '.join(names)}).")
    first = truncations[names[0]]
    for agent in names:
        if terminations[agent].any():
            raise ConformanceError(f"{agent}: terminated; a session is cut, which is a truncation.")
        if (truncations[agent] != first).any():
            raise ConformanceError(f"{agent}: its session ended without that of {names[0]}; all end together.")
    return first
