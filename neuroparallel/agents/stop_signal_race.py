"""The independent race model of the stop-signal task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.baselines import StreamAgent, lane_keys
from neuroparallel.agents.distributions import exponential, normal, whole_steps, words_for
from neuroparallel.agents.protocol import Infos, Observations, engine_of
from neuroparallel.agents.task_model import channel_columns
from neuroparallel.agents.timed_responses import Onsets
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.batch.subject import BatchSubject
from neuroparallel.errors import ArgumentError
from neuroparallel.seeding import Bits

__all__ = ["RaceStopper"]

Floats = NDArray[np.float64]
Lanes = NDArray[np.int64]
NEEDED = ("arrow", "stop")


class RaceStopper(StreamAgent):
    """Agent that responds to the arrow unless the stop process, which the signal starts, ends before the go process.

    Both times are drawn anew in each trial, independently of one another: going takes a Gaussian and an
    exponential time together (ex-Gaussian), stopping a Gaussian one, its mean is the stop-signal reaction time.
    It sees the arrow and the stop signal as everyone does.

    Args:
        go: Mean and s.d. of the Gaussian part and mean of the exponential part of going, ms.
        stop: Mean and s.d. of stopping, ms.
        seed: For other times with the same trials.

    Raises:
        ArgumentError: A number is not allowed; or, on reset: a task has no channels ``arrow`` and ``stop``.

    Source:
        Logan & Cowan 1984, Psychol Rev 91:295; Verbruggen et al. 2019, eLife 8:e46323.
    """

    def __init__(
        self,
        go: Sequence[float] = (350.0, 60.0, 120.0),
        stop: Sequence[float] = (200.0, 30.0),
        *,
        seed: int = 0,
    ) -> None:
        if len(go) != 3 or len(stop) != 2 or not min(*go, *stop) >= 0:
            raise ArgumentError(f"go is {go!r} and stop {stop!r}; three and two times in ms, 0 or more.")
        self.go, self.stop, self.seed = tuple(go), tuple(stop), seed
        self._racers: dict[str, _Race] = {}

    def reset(self, engine: Any) -> None:
        core = engine_of(engine)
        self._racers = {}
        for subject in core.subjects:
            for place, stream in enumerate(subject.streams):
                name = stream.spec.name
                missing = [group for group in NEEDED if group not in stream.tables.channels]
                if missing:
                    raise ArgumentError(
                        f"race_stopper: {stream.spec.task.task_name()} has no channel {missing[0]!r}; it needs an "
                        "arrow and a stop signal, as stop_signal has."
                    )
                keys = lane_keys(core, "race", self.seed, of=name)
                self._racers[name] = _Race(stream, subject, place, keys)

    def choose(
        self, stream: BatchStream, name: str, subject: str, observations: Observations, infos: Infos, now: int
    ) -> Lanes:
        race, seen = self._racers[name], np.asarray(observations[subject])
        dt = float(stream.tables.dt)
        lanes = race.onsets.fresh()
        if lanes.size:
            words = words_for(race.keys[lanes], now)
            mean, spread, tail = self.go
            drawn = mean + spread * normal(words) + tail * exponential(words_for(race.keys[lanes], now, 1))
            race.done[lanes] = now * dt + np.maximum(drawn, 0.0)
            race.due[lanes] = whole_steps(race.done[lanes], dt, words_for(race.keys[lanes], now, 2))
            race.warned[lanes] = False
            race.answer[lanes] = seen[np.ix_(lanes, race.arrow)].argmax(axis=1) + 1
        lanes = np.flatnonzero((seen[:, race.stop].max(axis=1) > 0.5) & race.onsets.current() & ~race.warned)
        if lanes.size:
            mean, spread = self.stop
            finish = now * dt + mean + spread * normal(words_for(race.keys[lanes], now, 3))
            race.warned[lanes] = True
            race.answer[lanes[finish <= race.done[lanes]]] = 0
        ready = stream.window_open() & race.onsets.current() & (now + 1 >= race.due)
        return np.where(ready, race.answer, 0)


class _Race:
    """The race of one stream in all lanes."""

    def __init__(self, stream: BatchStream, subject: BatchSubject, place: int, keys: Bits) -> None:
        columns, channels = channel_columns(subject, place)
        where = {int(channel): int(column) for column, channel in zip(columns, channels, strict=True)}
        groups = stream.tables.channels
        self.arrow, self.stop = (
            np.array([where[channel] for channel in range(groups.width)[groups[group]]]) for group in NEEDED
        )
        self.onsets, self.keys = Onsets(stream), keys
        self.done = np.zeros(stream.lanes)  # when going is done, ms
        self.due = np.zeros(stream.lanes, np.int64)  # the same in steps
        self.warned = np.zeros(stream.lanes, bool)  # the stop signal was seen
        self.answer = np.zeros(stream.lanes, np.int64)
