"""Watching an environment play, to paint the current trial when a picture is asked for."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.layout import Layout, SubjectSpec
from neuroparallel.engine.scalar import ScalarEngine
from neuroparallel.errors import ArgumentError, UsageError
from neuroparallel.records import Trace, render_trace

__all__ = ["RENDER_MODES", "Film", "Story", "check_render_mode", "events_of", "make_trace"]

RENDER_MODES = ["rgb_array", "human"]
MOST_KEPT = 400  # steps for a picture afterwards; more cannot be told apart in one
Step = tuple[dict[str, NDArray[np.float32]], dict[str, float], bool, dict[str, dict[str, int]]]


def check_render_mode(mode: str | None) -> None:
    """Let through None and what can be painted."""
    if mode is not None and mode not in RENDER_MODES:
        raise ArgumentError(f"render_mode is {mode!r}; it is None or one of {RENDER_MODES}.")


class Film:
    """Keeps the steps of each agent's current trial; the last one stays until the next begins.

    Args:
        engine: Whose steps to keep; call `step` of the film in the engine's place.
        title: Shown above the picture.
        human: Whether every step is shown in a window.
    """

    def __init__(self, engine: ScalarEngine, title: str, human: bool = False) -> None:
        self.engine, self.title = engine, title
        self._window: Any = None
        if human:
            from neuroparallel.plotting.window import Window  # matplotlib is slow to load, and seldom needed here

            self._window = Window(title)
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        self._now: dict[str, tuple[NDArray[np.float32], dict[str, int]]] = {}
        self._ended: dict[str, bool] = {}
        self._longest = 1

    def begin(self, observations: Mapping[str, NDArray[np.float32]], infos: Mapping[str, dict[str, int]]) -> None:
        """Begin a session with what `reset` returned."""
        self._now = {agent: copy.deepcopy((seen, infos[agent])) for agent, seen in observations.items()}
        self._rows = {agent: [] for agent in observations}
        self._ended = dict.fromkeys(observations, False)
        self.show()

    def step(self, actions: Mapping[str, Any]) -> Step:
        """Let the engine step, and keep what was seen, done and earned."""
        result = self.engine.step(actions)
        observations, rewards, _, infos = result
        for agent, rows in self._rows.items():
            if self._ended[agent]:
                rows.clear()
            seen, before = self._now[agent]
            after = dict(infos[agent])
            done = copy.deepcopy(events_of(self.engine, agent, actions[agent]))
            rows.append((self.engine.now - 1, seen, done, rewards[agent], before, after))
            self._ended[agent] = bool(after["trial_end"])
            self._now[agent] = copy.deepcopy(observations[agent]), after
            self._longest = max(self._longest, len(rows))
        self.show()
        return result

    def show(self) -> None:
        """Show the current trial, if there is a window."""
        if self._window is not None:
            self._window.show(self.picture())

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()

    def picture(self) -> NDArray[np.uint8]:
        """Paint the current trial of every agent, one below the other.

        Returns:
            uint8, (360 per agent, 640, 3).

        Raises:
            UsageError: There is nothing to be seen before the first reset.
        """
        if not self._now:
            raise UsageError("render was called before reset; call reset first.")
        pages = [render_trace(self.trace(agent), steps=self._longest) for agent in self._now]
        return np.concatenate(pages)

    def trace(self, agent: str) -> Trace:
        """The steps of an agent's current trial; one step of holding if it has just begun."""
        seen, info = self._now[agent]
        space = self.engine.action_space(agent)
        factors = len(space.nvec) if isinstance(space, spaces.MultiDiscrete) else len(getattr(space, "spaces", "1"))
        hold = [0] * factors
        started = {key: 0 if key.endswith("outcome") else value for key, value in info.items()}
        rows = self._rows[agent] or [(self.engine.now, seen, hold, 0.0, info, started)]
        times, kept = [row[0] for row in rows], [row[1:] for row in rows]
        return make_trace(self.engine, agent, times, kept, f"{self.title}  {agent}")

    def state(self) -> dict[str, Any]:
        """What was kept; see `set_state`."""
        kept = {"rows": self._rows, "now": self._now, "ended": self._ended, "longest": self._longest}
        return copy.deepcopy(kept)

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a state from `state`."""
        names = ("rows", "now", "ended", "longest")
        self._rows, self._now, self._ended, self._longest = (copy.deepcopy(saved[name]) for name in names)


class Story:
    """The latest steps of a session, for a picture afterwards.

    Steps are kept as they are, and converted when a picture is asked for.

    Args:
        engine: Whose steps.
        title: Shown above the picture.
        most: How many steps to keep.
    """

    def __init__(self, engine: Any, title: str, most: int = MOST_KEPT) -> None:
        self.engine, self.title = engine, title
        self._steps: deque[tuple[Any, list[bytes], Any, Mapping[str, Mapping[str, int]]]] = deque(maxlen=most + 1)
        self.add = self._steps.append
        """Keep a step: actions by agent (the action alone, if there is one agent), the bytes of all observations
        after it, rewards and infos by agent."""

    def begin(self, seen: list[bytes], infos: Mapping[str, Mapping[str, int]]) -> None:
        """Begin a session with what `reset` returned."""
        self._steps.clear()
        self.add((None, seen, None, infos))

    def forget(self) -> None:
        """Keep nothing of what was."""
        self._steps.clear()

    def traces(self, steps: int) -> dict[str, Trace]:
        """The latest steps, by agent.

        Args:
            steps: How many, at most.

        Raises:
            UsageError: There was none since the last reset.
        """
        kept = list(pairwise(self._steps))[-steps:]
        if not kept:
            raise UsageError("plot was called before a step; call reset, play, and then plot.")
        ended = int(np.ravel(self.engine.now - self.engine.session_start)[0])
        times = range(ended - len(kept), ended)
        names = list(self.engine.possible_agents)
        rows: dict[str, list[tuple[Any, ...]]] = {agent: [] for agent in names}
        places = _places(self.engine)
        for (_, seen, _, before), (done, _, paid, after) in kept:
            for agent, (first, end) in places.items():
                action = done[agent] if isinstance(done, Mapping) and len(names) > 1 else done
                shown = np.concatenate([np.frombuffer(part, np.float32) for part in seen[first:end]])
                shown = shown[: len(self.engine.channel_names(agent))]  # behind them is room for wrappers
                rows[agent].append((shown, action, paid[agent], before[agent], after[agent]))
        return {a: make_trace(self.engine, a, times, rows[a], f"{self.title}  {a}") for a in names}


def _places(engine: Any) -> dict[str, tuple[int, int]]:
    """Which of the parts of all observations are an agent's."""
    places, start = {}, 0
    for agent in engine.possible_agents:
        space = engine.observation_space(agent)
        end = start + (len(space.spaces) if isinstance(space, spaces.Dict) else 1)
        places[agent] = (start, end)
        start = end
    return places


def events_of(engine: Any, agent: str, action: Any) -> Any:
    """What an agent has just done, as numbers: a movement is shown as the event that it came to.

    Args:
        engine: Who played the step: a scalar engine, or a batch engine of one lane.
        agent: Whose action.
        action: The action, of one lane.
    """
    streams = next(subject for subject in engine.subjects if subject.spec.name == agent).streams
    if not any(stream.moving for stream in streams):
        return action
    if not isinstance(action, Mapping):
        return _event(streams[0])
    done = [_event(stream) if stream.moving else int(action[stream.spec.short]) for stream in streams]
    return [*done, int(action["message"])] if "message" in action else done


def _event(stream: Any) -> int:
    if isinstance(stream, BatchStream):
        return int((stream.answered[0] * stream.answered[1])[0]) if stream.answered is not None else 0
    return int(stream.event)


def make_trace(engine: Any, agent: str, times: Sequence[int], rows: Sequence[tuple[Any, ...]], title: str) -> Trace:
    """Put the steps that were kept of one agent together to what plots and pictures take.

    Args:
        engine: Who played: a scalar or a batch engine.
        agent: Whose steps.
        times: When each began, in steps.
        rows: Of each step: what was seen, done and earned, the infos before it, and those after it.
        title: Shown above the picture.
    """
    layout: Layout = engine.layout
    spec = _spec(layout, agent)
    streams = [layout.streams[index] for index in spec.streams]
    prefix = [f"{stream.short}." for stream in streams] if len(streams) > 1 else [""]
    tasks = [stream.task for stream in streams]
    seen, actions, rewards, befores, afters = zip(*rows, strict=True)
    names = [tuple(task.action_names()) for task in (tasks if spec.action == "factored" else tasks[:1])]
    if spec.message is not None:
        names.append(tuple(f"say_{level}" for level in range(spec.message.levels)))
    return Trace(
        time_ms=np.array(times, np.float64) * engine.dt,
        observations=np.stack([_whole(one) for one in seen]),
        channel_names=engine.channel_names(agent),
        actions=np.array(actions, np.int64).reshape(len(rows), -1),
        action_names=tuple(names),
        ground_truth=_columns(befores, prefix, "ground_truth"),
        rewards=np.array(rewards, np.float64),
        periods=_columns(befores, prefix, "period"),
        period_names=tuple(tuple(task.timing) for task in tasks),
        outcomes=_columns(afters, prefix, "outcome"),
        stream_names=tuple(stream.short for stream in streams),
        title=title,
    )


def _whole(seen: Any) -> NDArray[np.float32]:
    """An observation, its parts by stream one after the other."""
    return np.concatenate(list(seen.values())) if isinstance(seen, Mapping) else seen


def _spec(layout: Layout, agent: str) -> SubjectSpec:
    return next(spec for spec in layout.subjects if spec.name == agent)


def _columns(infos: Sequence[Mapping[str, int]], prefix: list[str], key: str) -> NDArray[np.int64]:
    return np.array([[info[name + key] for name in prefix] for info in infos], np.int64)
