"""Agents that process in stages: perception, a central stage, movement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.baselines import StreamAgent, lane_keys
from neuroparallel.agents.distributions import erlang, whole_steps, words_for
from neuroparallel.agents.protocol import Infos, Observations, engine_of
from neuroparallel.agents.timed_responses import Onsets, answers
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.batch.subject import BatchSubject
from neuroparallel.engine.tables import NEVER
from neuroparallel.errors import ArgumentError, UnknownNameError, nearest, probability, whole_number
from neuroparallel.seeding import Bits

__all__ = ["Bottleneck", "CapacitySharing", "StagedAgent"]

Floats = NDArray[np.float64]
Lanes = NDArray[np.int64]
Milliseconds: TypeAlias = "float | Mapping[str, float]"

STAGES = ("perception", "central", "motor")
LEAST = 1e-9  # ms; of a central stage that takes no time, so that it can be done all the same


class StagedAgent(StreamAgent):
    """Agent that responds with the right answer once perception, a central stage and movement have taken their time.

    All three begin anew with every stimulus, that is when the clock of the stream's response times starts.
    Durations are drawn independently for each stage and trial. A stream's response waits for its response window.

    Args:
        perception: Mean duration of the stage, ms; or one for each stream, by its name.
        central: The same for the central stage.
        motor: The same for the movement.
        shape: Of the gamma distribution of each duration, a whole number: the s.d. is the mean divided by
            ``sqrt(shape)``. None: every duration is its mean.
        errors: Probability that another answer than the right one is given, in [0, 1].
        seed: For other durations with the same trials.

    Raises:
        ArgumentError: A number is not allowed.
        UnknownNameError: On reset: a duration is given for a stream that does not exist.
    """

    def __init__(
        self,
        perception: Milliseconds = 100.0,
        central: Milliseconds = 225.0,
        motor: Milliseconds = 150.0,
        *,
        shape: int | None = 11,
        errors: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.means = dict(zip(STAGES, (perception, central, motor), strict=True))
        for name, mean in self.means.items():
            if not all(value >= 0 for value in (mean.values() if isinstance(mean, Mapping) else [mean])):
                raise ArgumentError(f"{name} is {mean!r}; a duration in ms is 0 or more.")
        if shape is not None:
            whole_number(shape, "shape", 1)
        probability(errors, "errors")
        self.shape, self.errors, self.seed = shape, errors, seed
        self._keys: dict[str, Bits] = {}
        self._onsets: dict[str, Onsets] = {}
        self._due: dict[str, Lanes] = {}
        self._subjects: dict[str, BatchSubject] = {}

    def reset(self, engine: Any) -> None:
        core = engine_of(engine)
        self._check(tuple(stream.spec.short for stream in core.streams))
        for name, stream in zip(core.stream_names, core.streams, strict=True):
            self._keys[name] = lane_keys(core, "stages", self.seed, of=name)
            self._onsets[name] = Onsets(stream)
            self._due[name] = np.full(core.lanes, NEVER, np.int64)
        self._subjects = {subject.spec.name: subject for subject in core.subjects}
        self.prepare()

    def _check(self, streams: tuple[str, ...]) -> None:
        """Durations that are given by stream have to name all of them and no other."""
        for stage, mean in self.means.items():
            named = mean if isinstance(mean, Mapping) else dict.fromkeys(streams)
            for name in named:
                if name not in streams:
                    raise UnknownNameError(f"{stage}: there is no stream {name!r}.{nearest(name, streams)}")
            missing = [name for name in streams if name not in named]
            if missing:
                raise ArgumentError(f"{stage}: {', '.join(missing)} has no duration; give one for every stream.")

    def prepare(self) -> None:
        """Forget what was going on."""

    def begin(self, name: str, subject: BatchSubject, lanes: Lanes, now: int) -> None:
        """Take note of a stimulus that has just come on in some lanes."""

    def proceed(self, name: str, subject: BatchSubject, now: int) -> None:
        """Let time go on to the present step."""

    def choose(
        self, stream: BatchStream, name: str, subject: str, observations: Observations, infos: Infos, now: int
    ) -> Lanes:
        self.proceed(name, self._subjects[subject], now)
        lanes = self._onsets[name].fresh()
        if lanes.size:
            self.begin(name, self._subjects[subject], lanes, now)
        result = np.zeros(stream.lanes, np.int64)
        ready = stream.window_open() & self._onsets[name].current() & (now + 1 >= self._due[name])
        lanes = np.flatnonzero(ready)
        if lanes.size:
            words = words_for(self._keys[name][lanes] ^ self._onsets[name].at[lanes].astype(np.uint64), 0, 4)
            result[lanes] = answers(stream, lanes, now, self.errors, words)
        return result

    def drawn(self, stage: str, stream: BatchStream, lanes: Lanes, now: int) -> Floats:
        """Durations of a stage, ms, float64, (n,)."""
        given = self.means[stage]
        mean = float(given[stream.spec.short] if isinstance(given, Mapping) else given)
        if self.shape is None:
            return np.full(len(lanes), mean)
        words = words_for(self._keys[stream.spec.name][lanes], now, STAGES.index(stage))
        return mean * erlang(words, self.shape)

    def respond_at(self, stream: BatchStream, lanes: Lanes, times: Floats, now: int) -> None:
        """Plan responses for times in ms since the engine's start, float64, (n,)."""
        words = words_for(self._keys[stream.spec.name][lanes], now, len(STAGES))
        self._due[stream.spec.name][lanes] = whole_steps(times, stream.tables.dt, words)


class Bottleneck(StagedAgent):
    """Agent that perceives and moves for all its streams at once, but decides for one after the other.

    The central stage of a stimulus waits until those of all earlier stimuli are over (of two that come at the same
    time, the stream named first in the scenario goes first). So the second of two responses comes as much later as
    the first decision still takes: ``RT2 = P2 + C2 + M2 + max(0, P1 + C1 - P2 - SOA)``.

    Source:
        Pashler 1994, Psychol Bull 116:220.
    """

    def prepare(self) -> None:
        """Start without a decision in progress."""
        self._decided = {name: np.zeros(len(due)) for name, due in self._due.items()}  # when, in ms

    def begin(self, name: str, subject: BatchSubject, lanes: Lanes, now: int) -> None:
        """Plan all three stages, the central one behind those that go on or wait."""
        stream = self._onsets[name].stream
        perceived = self._onsets[name].at[lanes] * float(stream.tables.dt) + self.drawn(
            "perception", stream, lanes, now
        )
        free = perceived
        for other in subject.streams:
            mine = other.spec.name
            if mine != name:
                busy = np.where(self._onsets[mine].current()[lanes], self._decided[mine][lanes], 0.0)
                free = np.maximum(free, busy)
        decided = free + self.drawn("central", stream, lanes, now)
        self._decided[name][lanes] = decided
        self.respond_at(stream, lanes, decided + self.drawn("motor", stream, lanes, now), now)


class CapacitySharing(StagedAgent):
    """Agent that decides for all its streams at once, with a fixed capacity that they share.

    A central stage that goes on alone runs at full speed. While several do, that of the earliest stimulus gets
    ``share`` of the speed and the others the rest in equal parts. With a share below 1 the first response is
    slower at short asynchronies as well, which a bottleneck does not predict; the second one comes as late as behind a
    bottleneck wherever the first is done before it.

    Args:
        share: Of the capacity, for the earliest stimulus, in [0, 1].

    The other arguments are those of `StagedAgent`.

    Source:
        Tombu & Jolicoeur 2003, J Exp Psychol Hum Percept Perform 29:3; Navon & Miller 2002, Cogn Psychol 44:193.
    """

    def __init__(
        self,
        perception: Milliseconds = 100.0,
        central: Milliseconds = 225.0,
        motor: Milliseconds = 150.0,
        *,
        share: float = 0.5,
        shape: int | None = 11,
        errors: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(perception, central, motor, shape=shape, errors=errors, seed=seed)
        self.share = probability(share, "share")

    def prepare(self) -> None:
        """Start without a decision in progress."""
        self._work: dict[str, _Work] = {}
        for who, subject in self._subjects.items():
            self._work[who] = _Work(len(subject.streams), subject.lanes)

    def begin(self, name: str, subject: BatchSubject, lanes: Lanes, now: int) -> None:
        """Plan perception, and how much is to be decided; when that is done is known only later."""
        work, stream = self._work[subject.spec.name], self._onsets[name].stream
        place = [other.spec.name for other in subject.streams].index(name)
        came = self._onsets[name].at[lanes] * float(stream.tables.dt)
        work.came[place, lanes] = came
        work.perceived[place, lanes] = came + self.drawn("perception", stream, lanes, now)
        work.left[place, lanes] = np.maximum(self.drawn("central", stream, lanes, now), LEAST)
        work.motor[place, lanes] = self.drawn("motor", stream, lanes, now)
        self._due[name][lanes] = NEVER

    def proceed(self, name: str, subject: BatchSubject, now: int) -> None:
        """Let the central stages run from the step before to the present one."""
        work, streams = self._work[subject.spec.name], subject.streams
        if now == 0 or name != streams[0].spec.name:  # once for all streams of the subject
            return
        for place, stream in enumerate(streams):
            work.left[place][~self._onsets[stream.spec.name].current()] = 0.0  # that trial is over
        dt = float(streams[0].tables.dt)
        done = work.run((now - 1) * dt, now * dt, self.share)
        for place, stream in enumerate(streams):
            lanes = np.flatnonzero(np.isfinite(done[place]))
            if lanes.size:
                self.respond_at(stream, lanes, done[place, lanes] + work.motor[place, lanes], now)


class _Work:
    """Remaining time of the central stages of a subject's streams; all float64, (streams, lanes), in ms."""

    def __init__(self, streams: int, lanes: int) -> None:
        self.came, self.perceived, self.left, self.motor = (np.zeros((streams, lanes)) for _ in range(4))

    def run(self, start: float, stop: float, share: float) -> Floats:
        """Let time go on; returns when each stage was done, ``nan`` where none was within that time."""
        done = np.full(self.left.shape, np.nan)
        time = np.full(self.left.shape[1], start)
        while (time < stop).any() and (self.left > 0).any():
            busy = (self.left > 0) & (self.perceived <= time)
            rate = _shares(busy, self.came, share)
            with np.errstate(divide="ignore", invalid="ignore"):
                finish = np.where(rate > 0, time + self.left / rate, np.inf)
            arrive = np.where((self.left > 0) & (self.perceived > time), self.perceived, np.inf)
            until = np.minimum(np.minimum(finish.min(axis=0), arrive.min(axis=0)), stop)
            over = busy & (finish <= until)
            self.left = np.where(over, 0.0, self.left - rate * (until - time))
            done = np.where(over, until, done)
            time = until
        return done


def _shares(busy: NDArray[np.bool_], came: Floats, share: float) -> Floats:
    """Return the speed of each central stage, (streams, lanes): that of the earliest stimulus comes first."""
    count = busy.sum(axis=0)
    earliest = np.where(busy, came, np.inf).argmin(axis=0)
    first = np.arange(len(busy))[:, None] == earliest
    rest = (1 - share) / np.maximum(count - 1, 1)
    return np.where(count == 1, 1.0, np.where(first, share, rest)) * busy
