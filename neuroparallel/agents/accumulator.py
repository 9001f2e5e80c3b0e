"""Bounded accumulation of evidence: the agent adds up its observations until they reach a bound."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.baselines import StreamAgent, lane_keys
from neuroparallel.agents.distributions import coin, normal, whole_steps, words_for
from neuroparallel.agents.protocol import Actions, Infos, Observations, ended_trials, engine_of
from neuroparallel.agents.task_model import channel_columns, filled_tables, means_by_answer
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.batch.subject import BatchSubject
from neuroparallel.engine.noise import noise_sd
from neuroparallel.engine.tables import NEVER, Tables
from neuroparallel.errors import ArgumentError, one_of
from neuroparallel.seeding import Bits
from neuroparallel.task import Bernoulli

__all__ = ["Accumulator"]

Floats = NDArray[np.float64]
Lanes = NDArray[np.int64]
Mode = Literal["parallel", "serial"]

SHARP = 1e-3  # s.d. for 1 ms that is ascribed to evidence without noise
# A random walk with Gaussian steps of s.d. s passes a bound by 0.5826 s on average, so the bound is set that much
# lower. Source: Chernoff 1965, Ann Math Stat 36:55; Siegmund 1985, Sequential Analysis, chapter 10.
OVERSHOOT = 0.5826


class Accumulator(StreamAgent):
    """Agent that adds up the evidence that it sees for one answer against the other, and responds once that is enough.

    A diffusion to two bounds, driven by the observations, noise and all, of which it knows what speaks for which
    answer and nothing more. With evidence c (for random dots the coherence as a fraction, what the two channels
    differ by) it is right with probability ``1 / (1 + exp(-2 A k c))`` and responds after
    ``A / (k c) * tanh(A k c) + t`` on average, at every dt.

    If the evidence ends before it is enough, the answer is what it speaks for by then. Where an answer is due later,
    or time is short, it comes when the response window opens, or just before it closes.

    Args:
        bound: A, in units of ``sqrt(s)``: the noise of what is added up has variance 1 per second.
        sensitivity: k, per second of that and unit of evidence. Noise of its own makes up for what the noise of
            the display leaves free. None: it has none, and is as sensitive as the display allows.
        residual: t, what perception and movement take besides, ms.
        mode: With several streams: ``"parallel"`` decides about all at once, so that the later of two responses
            comes after ``max(T1, T2) + t``; ``"serial"`` about one after the other, after ``T1 + T2 + t``, and
            loses the evidence that it has no time for. What comes first goes first, of two that come at the same
            time the stream named first in the scenario.
        seed: For other noise and guesses with the same trials.

    Raises:
        ArgumentError: A number is not allowed; or, on reset: a task asks for more than two answers, shows evidence
            that changes within a period, or has so much noise that no subject is that sensitive.

    Source:
        Palmer, Huk & Shadlen 2005, J Vis 5:376 (proportional-rate diffusion); modes: Kang, Loeffler, Jeurissen,
        Zylberberg, Wolpert & Shadlen 2021, eLife 10:e63721. The default bound and residual time fit the two monkeys
        of Roitman & Shadlen 2002, J Neurosci 22:9475.
    """

    def __init__(
        self,
        bound: float = 0.706,
        sensitivity: float | None = None,
        residual: float = 327.0,
        *,
        mode: Mode = "parallel",
        seed: int = 0,
    ) -> None:
        if not bound > 0 or not residual >= 0 or not (sensitivity is None or sensitivity > 0):
            raise ArgumentError(
                f"bound ({bound!r}) and sensitivity ({sensitivity!r}) are above 0, residual ({residual!r}) 0 or more."
            )
        one_of(mode, ("parallel", "serial"), "mode")
        self.bound, self.sensitivity, self.residual, self.seed = bound, sensitivity, residual, seed
        self.mode: Mode = mode
        self._walks: dict[str, _Walk] = {}

    def reset(self, engine: Any) -> None:
        core = engine_of(engine)
        self._walks = {}
        for subject in core.subjects:
            for place, stream in enumerate(subject.streams):
                name = stream.spec.name
                columns, channels = channel_columns(subject, place)
                evidence = _Evidence(stream.tables, channels, self.sensitivity)
                keys = lane_keys(core, "accumulator", self.seed, of=name)
                self._walks[name] = _Walk(stream, columns, evidence, keys, self.bound, self.residual)

    def act(self, observations: Observations, infos: Infos, engine: Any) -> Actions:
        core = engine_of(engine)
        for subject in core.subjects:
            self._see(subject, np.asarray(observations[subject.spec.name]), infos, core.over, core.now)
        return super().act(observations, infos, engine)

    def _see(
        self, subject: BatchSubject, seen: NDArray[np.float32], infos: Infos, over: NDArray[np.bool_], now: int
    ) -> None:
        """Add what is seen to the walks that are attended to."""
        walks = [self._walks[stream.spec.name] for stream in subject.streams]
        for walk, stream in zip(walks, subject.streams, strict=True):
            walk.renew(ended_trials(infos, subject.spec.name, stream.spec.short) | over, now)
        since = np.stack([np.where(walk.open, walk.since, NEVER) for walk in walks])
        attended = since.argmin(axis=0)
        for place, walk in enumerate(walks):
            mine = walk.open if self.mode == "parallel" else walk.open & (attended == place)
            lanes = np.flatnonzero(mine)
            if lanes.size:
                walk.add(lanes, seen, now)

    def choose(
        self, stream: BatchStream, name: str, subject: str, observations: Observations, infos: Infos, now: int
    ) -> Lanes:
        return self._walks[name].answer(now)


class _Evidence:
    """Evidence for the second of a task's two answers.

    Attributes:
        answers: The two answers, actions.
        centre: float64, (periods, channels): what speaks for neither.
        weights: float64, (periods, channels): evidence is the weighted sum of what is seen beyond that.
        telling: bool, (periods,). Whether there is any.
        gain: float64, (periods,): k, per second.
        noise: float64, (periods,): variance per second of noise of one's own.
    """

    def __init__(self, tables: Tables, channels: Lanes, sensitivity: float | None) -> None:
        task = tables.task
        if task.observe is not None or tables.drifting:
            raise ArgumentError(
                f"accumulator: what {task.task_name()} shows changes within a period, so what speaks for which answer "
                "cannot be read off its table; use another agent."
            )
        tables = filled_tables(tables)
        answers = np.unique(tables.answer[tables.answer >= 0])
        if len(answers) != 2:
            raise ArgumentError(
                f"accumulator: it decides between two answers, and {task.task_name()} has {len(answers)} that can be "
                "right; use another agent."
            )
        self.answers = answers.astype(np.int64)
        means = means_by_answer(tables, channels, self.answers)
        towards, self.centre = means[1] - means[0], (means[0] + means[1]) / 2
        variance = self._variance(tables, channels, self.centre)
        self.telling = (np.abs(towards) > 1e-6).any(axis=1)
        weights = towards / variance
        largest = np.abs(weights).max(axis=1, keepdims=True)
        self.weights = np.where(largest > 0, weights / np.where(largest > 0, largest, 1.0), 0.0)
        per_second = (self.weights**2 * variance).sum(axis=1) / 1000  # variance of the evidence, of its mean over 1 s
        most = 1 / np.sqrt(np.where(self.telling, per_second, 1.0))
        self.gain = most if sensitivity is None else np.full(len(most), float(sensitivity))
        if (self.gain > most * (1 + 1e-9))[self.telling].any():
            raise ArgumentError(
                f"accumulator: sensitivity is {sensitivity:g}, but the noise of {task.task_name()} leaves at most "
                f"{most[self.telling].min():.4g}."
            )
        self.noise = np.maximum(1 - self.gain**2 * per_second, 0.0)

    def _variance(self, tables: Tables, channels: Lanes, centre: Floats) -> Floats:
        """Variance of each channel's noise for 1 ms, (periods, channels)."""
        variance = np.tile(noise_sd(tables)[channels].astype(np.float64) ** 2, (len(centre), 1))
        for group, kind in tables.counted.items():
            mine = np.isin(channels, np.arange(tables.channels.width)[tables.channels[group]])
            spread = centre * (1 - centre) if isinstance(kind, Bernoulli) else centre
            variance[:, mine] = spread[:, mine]
        return np.maximum(variance * tables.dt, SHARP**2)


class _Walk:
    """The diffusion of one stream in all lanes."""

    def __init__(
        self, stream: BatchStream, columns: Lanes, evidence: _Evidence, keys: Bits, bound: float, residual: float
    ) -> None:
        self._stream, self._columns, self._evidence, self._keys = stream, columns, evidence, keys
        self._dt, self._residual = float(stream.tables.dt), residual
        self._step = self._dt / 1000
        self._bound = bound - OVERSHOOT * self._step**0.5
        self._telling = np.append(evidence.telling, False)  # the last entry is for idle lanes, period -1
        lanes = stream.lanes
        self._sum = np.zeros(lanes)
        self._due = np.full(lanes, NEVER, np.int64)
        self._begun = np.zeros(lanes, np.int64)
        self._latest = np.zeros(lanes, np.int64)  # when evidence was last to be seen
        self.since = np.full(lanes, NEVER, np.int64)  # when the evidence began
        self.open = np.zeros(lanes, bool)  # there is evidence, and it is not yet enough

    def renew(self, ended: NDArray[np.bool_], now: int) -> None:
        """Begin anew where a trial has ended, and look where there is evidence."""
        self._sum[ended] = 0.0
        self._due[ended] = self.since[ended] = NEVER
        self._begun[ended] = now
        telling = self._telling[self._stream.tables.period_of[self._stream.row]]
        self.since[telling & (self.since == NEVER)] = now
        self._latest[telling | (self.since == NEVER)] = now
        undecided = self._due == NEVER
        self.open = telling & undecided
        self._respond(np.flatnonzero(undecided & ~telling & self._stream.window_open()), now)

    def add(self, lanes: Lanes, seen: NDArray[np.float32], now: int) -> None:
        """Add what is seen in some lanes, float32 (lanes, channels), and note where it is enough."""
        evidence, period = self._evidence, self._stream.tables.period_of[self._stream.row[lanes]]
        moved = np.zeros(len(lanes))
        for place, column in enumerate(self._columns):  # in a fixed order, so that neighbours never matter
            moved += evidence.weights[period, place] * (seen[lanes, column] - evidence.centre[period, place])
        own = np.sqrt(evidence.noise[period] * self._step)
        moved = moved * evidence.gain[period] * self._step
        if own.any():
            moved += own * normal(words_for(self._keys[lanes], now))
        self._sum[lanes] += moved
        self._respond(lanes[np.abs(self._sum[lanes]) >= self._bound], now)

    def _respond(self, lanes: Lanes, now: int) -> None:
        """Plan the response to what was seen until now, in some lanes that have decided."""
        if lanes.size:
            rest = np.full(len(lanes), self._residual)
            self._due[lanes] = self._latest[lanes] + whole_steps(rest, self._dt, words_for(self._keys[lanes], now, 1))

    def answer(self, now: int) -> Lanes:
        """Return the action in every lane, int64 (lanes,)."""
        stream = self._stream
        telling = self._telling[stream.tables.period_of[stream.row]]
        hurry = ~telling & (now + 1 >= stream.end)
        lanes = np.flatnonzero(stream.window_open() & ((now >= self._due) | hurry))
        result = np.zeros(stream.lanes, np.int64)
        total = self._sum[lanes]
        words = words_for(self._keys[lanes] ^ self._begun[lanes].astype(np.uint64), 0, 2)
        second = np.where(total == 0, coin(words) < 0.5, total > 0)
        result[lanes] = self._evidence.answers[second.astype(np.int64)]
        return result
