"""Baseline agents, which see nothing or know the truth: the floor and the ceiling of every task."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuroparallel.agents.protocol import Actions, Infos, Observations, engine_of
from neuroparallel.agents.task_model import Answers, allowed, filled_tables, slot_weights
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.errors import ArgumentError
from neuroparallel.seeding import GAMMA_INT, MASK, Bits, branch_keys, integer_bits, mix, uniforms

__all__ = ["BlindAgent", "HoldAgent", "OracleAgent", "RandomAgent", "StreamAgent", "below", "lane_keys", "step_bits"]


def lane_keys(engine: BatchEngine, name: str, seed: int = 0, of: str | None = None) -> Bits:
    """Return a random key per lane for an agent's own draws, the same in a batch of any size; uint64, (lanes,).

    Args:
        engine: What is played.
        name: Of the kind of agent.
        seed: For another series.
        of: The subject or stream whose draws these are. It counts by its random branch, so that renaming it, or
            playing it alone, changes nothing.
    """
    if of is not None:
        name = f"{name}.{_branch(engine, of)}"
    seeds = engine.seeds ^ np.uint64(integer_bits(seed))
    return branch_keys(seeds, engine.lane_ids, np.zeros(engine.lanes, np.uint64), f"agent.{name}")


def _branch(engine: BatchEngine, name: str) -> str:
    """Return the random branch of a stream, or those of a subject's streams."""
    for subject in engine.subjects:
        branches = {stream.spec.name: stream.spec.branch for stream in subject.streams}
        if name in branches:
            return branches[name]
        if name == subject.spec.name:
            return "+".join(branches.values())
    return name


def below(words: Bits, limit: Any) -> NDArray[np.int64]:
    """Turn random words into whole numbers 0 .. limit - 1, all equally likely; (n,) uint64 to (n,) int64."""
    high = words >> np.uint64(32)
    return ((high * np.asarray(limit, np.uint64)) >> np.uint64(32)).astype(np.int64)


def step_bits(step: int) -> np.uint64:
    """Return the number to add to an agent's keys in its n-th step."""
    return np.uint64(step * GAMMA_INT & MASK)


def at_rest(space: spaces.Space[Any], lanes: int) -> Any:
    """Actions that do nothing: 0, or of a movement what is closest to 0 in its range; as the engine takes them."""
    if isinstance(space, spaces.Dict):
        return {name: at_rest(part, lanes) for name, part in space.items()}
    if isinstance(space, spaces.Box):
        return np.tile(np.clip(np.float32(0.0), space.low, space.high), (lanes, 1))
    return np.zeros((lanes, *(space.shape or ())), np.int64)


def anywhere(space: spaces.Space[Any], words: Bits) -> Any:
    """Actions of which all are equally likely, given a random word per lane; as the engine takes them."""
    if isinstance(space, spaces.Dict):
        parts = enumerate(space.items())
        return {name: anywhere(part, mix(words + np.uint64(number + 1))) for number, (name, part) in parts}
    if isinstance(space, spaces.Box):
        axes = [uniforms(mix(words + np.uint64(axis))) for axis in range(len(space.low))]
        span = space.high.astype(np.float64) - space.low
        return (space.low + np.stack(axes, axis=1) * span).astype(np.float32).clip(space.low, space.high)
    assert isinstance(space, spaces.Discrete)
    return below(words, int(space.n))


class HoldAgent:
    """Never responds, and never moves."""

    def reset(self, engine: Any) -> None:
        """Nothing to forget."""

    def act(self, observations: Observations, infos: Infos, engine: Any) -> Actions:
        core = engine_of(engine)
        return {s.spec.name: at_rest(s.action_space, core.lanes) for s in core.subjects}


class RandomAgent:
    """Agent that takes every action with the same probability in every step, and moves anywhere.

    Its draws are a hash of seed, lane, subject and step, so a lane does the same whatever the other lanes are.

    Args:
        seed: For another series of actions with the same trials.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._keys: dict[str, Bits] = {}
        self._step = 0

    def reset(self, engine: Any) -> None:
        core = engine_of(engine)
        self._step = 0
        self._keys = {agent: lane_keys(core, "random", self.seed, of=agent) for agent in core.possible_agents}

    def act(self, observations: Observations, infos: Infos, engine: Any) -> Actions:
        self._step += 1
        result = {}
        for subject in engine_of(engine).subjects:
            words = self._keys[subject.spec.name] + step_bits(self._step)
            if subject.moving:
                result[subject.spec.name] = anywhere(subject.action_space, mix(words))
            elif subject.factors:
                parts = [mix(mix(words) + np.uint64(f)) for f in range(subject.factors)]
                choices = [below(w, n) for w, n in zip(parts, subject.sizes, strict=True)]
                result[subject.spec.name] = np.stack(choices, axis=1)
            else:
                result[subject.spec.name] = below(mix(words), subject.sizes[0])
        return result


class StreamAgent:
    """An agent that decides for each stream by itself; subclasses say what in `choose`, and how to move in `steer`.

    Where streams share one action, the first stream whose response window is open gets its choice.
    """

    def reset(self, engine: Any) -> None:
        """Forget everything."""

    @abstractmethod
    def choose(
        self, stream: BatchStream, name: str, subject: str, observations: Observations, infos: Infos, now: int
    ) -> NDArray[np.int64]:
        """Return the actions in one stream, int64 (lanes,).

        Args:
            stream: The stream, as the engine has it.
            name: Its full name, ``subject_0.memory``.
            subject: Whose it is.
            observations: As of `Agent.act`.
            infos: As of `Agent.act`.
            now: The engine's time in steps.
        """

    def steer(self, stream: BatchStream, subject: str, now: int) -> NDArray[np.float32]:
        """Return the movement in one stream, float32 (lanes, axes); an agent without this method cannot move.

        Args:
            stream: The stream, as the engine has it.
            subject: Whose it is.
            now: The engine's time in steps.
        """
        raise ArgumentError(f"{type(self).__name__} makes choices, but {subject} has to move: no plan says how.")

    def act(self, observations: Observations, infos: Infos, engine: Any) -> Actions:
        core = engine_of(engine)
        result: dict[str, Any] = {}
        for subject in core.subjects:
            who = subject.spec.name
            choices: list[Any] = [
                self.steer(stream, who, core.now)
                if stream.moving
                else self.choose(stream, stream.spec.name, who, observations, infos, core.now)
                for stream in subject.streams
            ]
            result[who] = subject.compose(choices)
        return result


class OracleAgent(StreamAgent):
    """Agent that does what is right, which it knows from the engine; holds while nothing is asked.

    Where something is asked that has no right answer, as in a game, it takes the first choice that is available. Where
    it has to move, it asks the task's `steer` hook how.
    """

    def steer(self, stream: BatchStream, subject: str, now: int) -> NDArray[np.float32]:
        task = stream.spec.task
        if task.steer is None:
            raise ArgumentError(
                f"OracleAgent: {subject} has to move, and {task.task_name()} has no steer hook to say how."
            )
        return stream.right_movement(now)

    def choose(
        self, stream: BatchStream, name: str, subject: str, observations: Observations, infos: Infos, now: int
    ) -> NDArray[np.int64]:
        truth = stream.truth(now)
        undefined = truth < 0
        if undefined.any():
            first = allowed(stream.tables, stream.row).argmax(axis=0)  # 0 where no choice is available
            truth = np.where(undefined, first, truth)
        return truth


class BlindAgent(StreamAgent):
    """Agent that knows the time and the odds but not the stimuli: gives the answer with the highest mean reward.

    Where the right time to respond matters, it responds at the time that is right in the median trial.
    """

    def __init__(self) -> None:
        self._plans: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    def reset(self, engine: Any) -> None:
        self._plans = {}
        for stream in engine_of(engine).streams:
            tables = filled_tables(stream.tables)
            weights = slot_weights(tables)
            answer = np.zeros(len(tables.periods) + 1, np.int64)  # the last entry is for idle lanes, period -1
            wait = np.zeros(len(tables.periods) + 1, np.int64)
            for period in np.flatnonzero(tables.sample.window):
                answers = Answers(tables, int(period))
                answer[period] = answers.best(weights)
                order = np.argsort(answers.late, kind="stable")
                median = min(int(np.searchsorted(np.cumsum(weights[order]), 0.5)), len(order) - 1)
                wait[period] = answers.late[order[median]]
            self._plans[stream.spec.name] = (answer, wait)

    def choose(
        self, stream: BatchStream, name: str, subject: str, observations: Observations, infos: Infos, now: int
    ) -> NDArray[np.int64]:
        answer, wait = self._plans[name]
        period = stream.tables.period_of[stream.row]
        result: NDArray[np.int64] = answer[period]
        if wait.any():
            result = np.where(now - stream.entered + 1 >= wait[period], result, 0)
        return result
