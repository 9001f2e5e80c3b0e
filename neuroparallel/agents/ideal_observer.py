"""The ideal observer: the best performance possible with the observations of the subject."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.baselines import StreamAgent
from neuroparallel.agents.protocol import Actions, Infos, Observations, engine_of
from neuroparallel.agents.task_model import Answers, channel_columns, slot_weights
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.tables import Tables, why_lazy
from neuroparallel.errors import ArgumentError, one_of
from neuroparallel.task import Bernoulli, Poisson
from neuroparallel.timing import Law

__all__ = ["IdealObserver"]

SHARP = 1e-3  # s.d. that is ascribed to a channel without noise: anything far below the steps between means
RARE = 1e-9  # what the impossible is taken to be: a chance, or a count
Floats: TypeAlias = NDArray[np.float64]
Maximise = Literal["correct", "reward"]


class IdealObserver(StreamAgent):
    """Agent that computes the posterior of the conditions by Bayes' rule and gives the most probable right answer.

    It knows the task: the conditions with their odds, what each of them shows, and the noise of each channel.
    It does not know which condition it is in; that it infers from the observations. It knows which period it is
    in, from its own clock where all durations are fixed, otherwise from the info.

    Args:
        maximise: ``"correct"``: the answer most probably right. ``"reward"``: the one that pays most on average,
            which differs where answers pay differently or there is a sure bet. In windows in which nothing is
            right or wrong it is always the reward. A choice is preferred to holding if they are equally good.

    Raises:
        ArgumentError: On reset: a task has no grid of conditions or an `observe` hook, or streams share channels.
    """

    def __init__(self, maximise: Maximise = "correct") -> None:
        one_of(maximise, ("correct", "reward"), "maximise")
        self.maximise: Maximise = maximise
        self._decoders: dict[str, _Decoder] = {}

    def reset(self, engine: Any) -> None:
        core = engine_of(engine)
        self._decoders = {}
        for subject in core.subjects:
            if len(subject.streams) > 1 and subject.spec.observation == "shared":
                raise ArgumentError(
                    f"ideal_observer: the streams of {subject.spec.name} share their channels, so what one "
                    "of them shows cannot be told; it needs observation: concat."
                )
            for place, stream in enumerate(subject.streams):
                prefix = "" if len(subject.streams) == 1 else f"{stream.spec.short}."
                columns, channels = channel_columns(subject, place)
                clock = _clock(core, stream) if len(subject.streams) == 1 else None
                self._decoders[stream.spec.name] = _Decoder(stream, columns, channels, prefix, clock, self.maximise)

    def act(self, observations: Observations, infos: Infos, engine: Any) -> Actions:
        core = engine_of(engine)
        for subject in core.subjects:
            who = subject.spec.name
            for stream in subject.streams:
                self._decoders[stream.spec.name].see(observations[who], infos[who], core.over)
        return super().act(observations, infos, engine)

    def choose(
        self, stream: BatchStream, name: str, subject: str, observations: Observations, infos: Infos, now: int
    ) -> NDArray[np.int64]:
        return self._decoders[name].answer()


def _clock(engine: BatchEngine, stream: BatchStream) -> NDArray[np.int64] | None:
    """Return the period in each step of a trial, int64 (steps,), if that is always the same and there is one answer."""
    tables = stream.tables
    alone = any(group.alone and stream in group.streams.values() for group in engine.groups)
    laws = any(isinstance(law, Law) for law in tables.task.timing.values())
    if tables.lazy or laws or not alone or tables.sample.window.sum() != 1 or tables.cyclic:
        return None
    width = len(tables.periods)
    steps = tables.steps[np.arange(tables.slots)[:, None] * tables.rows_per_slot + np.arange(width)]
    steps[:, tables.finals] += 1  # the last step of such a window stands in a row of its own
    in_order = (tables.sample.next[:, : width - 1, -1] == np.arange(1, width)).all()
    if (steps != steps[0]).any() or not in_order:
        return None
    return np.repeat(np.arange(width), steps[0])


class _Evidence:
    """Log likelihood of each condition given an observation: gain * observation + offset, for every kind of noise."""

    def __init__(self, tables: Tables) -> None:
        channels = tables.channels
        self._precision = np.full(channels.width, SHARP**-2)
        self._counted: dict[int, type] = {}
        for name, kind in channels.noise.items():
            columns = range(channels.width)[channels[name]]
            if isinstance(kind, (Bernoulli, Poisson)):
                self._counted.update(dict.fromkeys(columns, type(kind)))
            else:
                sigma = float(getattr(tables.task, kind) if isinstance(kind, str) else kind)
                self._precision[columns] = max(sigma / tables.dt**0.5, SHARP) ** -2

    def of(self, channel: int, mean: Floats) -> tuple[Floats, Floats]:
        """Gain and offset of the log likelihood, float64 (conditions,), of a channel with given means."""
        kind = self._counted.get(channel)
        if kind is Bernoulli:
            chance = mean.clip(RARE, 1 - RARE)
            return np.log(chance) - np.log1p(-chance), np.log1p(-chance)
        if kind is Poisson:
            count = np.maximum(mean, RARE)
            return np.log(count), -count
        gain = mean * self._precision[channel]
        return gain, -0.5 * gain * mean


def _check_grid(tables: Tables) -> None:
    """Refuse a task without a list of conditions that could be weighed; names the reason."""
    task, reason = tables.task, why_lazy(tables.task)
    if task.observe is not None:
        reason = "it has an observe hook, which decides in each step what is shown"
    elif reason:
        reason = f"it has no list of conditions to weigh: {reason}"
    if reason:
        raise ArgumentError(f"ideal_observer: it cannot play {task.task_name()}, as {reason}; use another agent.")


class _Decoder:
    """Posterior of one stream's conditions in all lanes, given the observations."""

    def __init__(
        self,
        stream: BatchStream,
        columns: NDArray[np.int64],
        channels: NDArray[np.int64],
        prefix: str,
        clock: NDArray[np.int64] | None,
        maximise: Maximise,
    ) -> None:
        tables = stream.tables
        _check_grid(tables)
        self._prefix, self._clock, self._columns = prefix, clock, columns
        lanes, slots, width = stream.lanes, tables.slots, len(tables.periods)
        with np.errstate(divide="ignore"):
            self._prior = np.log(slot_weights(tables))
        self._log = np.tile(self._prior, (lanes, 1))
        self._elapsed = np.full(lanes, -1, np.int64)
        self._period = np.full(lanes, -1, np.int64)
        self._done = np.full(lanes, -1, np.int64)
        rows = np.arange(slots) * tables.rows_per_slot
        evidence = _Evidence(tables)
        self._weights: dict[int, tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]]] = {}
        self._answers: dict[int, tuple[NDArray[np.float64], bool]] = {}
        for period in range(width):
            means = tables.mean[channels][:, rows + period].astype(np.float64)
            telling = np.flatnonzero((means != means[:, :1]).any(axis=1))
            if telling.size:
                terms = [evidence.of(int(channels[c]), means[c]) for c in telling]
                gain = np.stack([term[0] for term in terms])
                self._weights[period] = (telling, gain, np.stack([term[1] for term in terms]).sum(axis=0))
            if tables.sample.window[period]:
                answers = Answers(tables, period)
                scored = maximise == "correct" and answers.correct.any()
                self._answers[period] = (answers.correct if scored else answers.reward, answers.once)

    def see(self, seen: NDArray[np.float32], info: Any, over: NDArray[np.bool_]) -> None:
        """Take in an observation, float32 (lanes, channels)."""
        ended = np.asarray(info[f"{self._prefix}trial_end"], bool) | over
        self._log[ended] = self._prior
        self._done[ended] = -1
        if self._clock is None:
            self._period = np.asarray(info[f"{self._prefix}period"])
        else:
            self._elapsed = np.where(ended, 0, self._elapsed + 1)
            self._elapsed[over] = -1  # the session is over: its next one begins with the next step
            known = (self._elapsed >= 0) & (self._elapsed < len(self._clock))
            self._period = np.where(known, self._clock[np.where(known, self._elapsed, 0)], -1)
        for period, (telling, gain, bias) in self._weights.items():
            lanes = np.flatnonzero(self._period == period)
            if lanes.size:
                # Channel by channel in a fixed order, so that a lane's sum does not depend on its neighbours.
                gathered = np.tile(bias, (len(lanes), 1))
                for channel, weights in zip(self._columns[telling], gain, strict=True):
                    gathered += seen[lanes, channel].astype(np.float64)[:, None] * weights
                self._log[lanes] += gathered

    def answer(self) -> NDArray[np.int64]:
        """Return the best action in every lane, int64 (lanes,); 0 outside response windows."""
        result = np.zeros(len(self._log), np.int64)
        for period, (value, once) in self._answers.items():
            lanes = np.flatnonzero((self._period == period) & (self._done != period))
            if lanes.size:
                log = self._log[lanes]
                likely = np.exp(log - log.max(axis=1, keepdims=True))
                score = np.stack([(likely * row).sum(axis=1) for row in value], axis=1)
                choice = score[:, 1:].argmax(axis=1) + 1
                result[lanes] = np.where(score[:, 0] > score[:, 1:].max(axis=1), 0, choice)
                if once:
                    self._done[lanes] = period
        return result
