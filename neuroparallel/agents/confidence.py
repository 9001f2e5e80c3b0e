"""An agent that reports its confidence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.baselines import StreamAgent
from neuroparallel.agents.protocol import Actions, Infos, Observations, engine_of
from neuroparallel.agents.task_model import channel_columns, means_by_answer
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.batch.subject import BatchSubject
from neuroparallel.engine.noise import noise_sd
from neuroparallel.engine.tables import Tables
from neuroparallel.errors import ArgumentError

__all__ = ["ConfidenceSharer"]

SHARP = 1e-3  # s.d. that is ascribed to a channel without noise: anything far below the steps between means
RARE = 1e-9  # less evidence than this is none
Floats = NDArray[np.float64]


class ConfidenceSharer(StreamAgent):
    """Agent that adds up the evidence, answers by its sign, and says how many standard deviations it is away from zero.

    The evidence is what it sees, compared with the mean of all conditions and weighted by how the conditions of one
    answer differ from those of the other. In a step in which nothing is asked it says nothing, and so it never speaks
    if the subject has no message.

    Args:
        ceiling: How many standard deviations the highest level of the message stands for.

    Raises:
        ArgumentError: On reset: a task does not ask for one of two answers, shows nothing that tells them apart on
            average, has no grid of conditions, counts events or changes what it shows step by step; or streams share
            channels.

    Source:
        Bahrami, Olsen, Latham et al. 2010, Science 329:1081 (weighted confidence sharing).
    """

    def __init__(self, ceiling: float = 3.0) -> None:
        if not ceiling > 0:
            raise ArgumentError(f"ceiling is {ceiling!r}; it is a number of standard deviations, more than 0.")
        self.ceiling = ceiling
        self._evidence: dict[str, _Evidence] = {}

    def reset(self, engine: Any) -> None:
        self._evidence = {}
        for subject in engine_of(engine).subjects:
            if len(subject.streams) > 1 and subject.spec.observation == "shared":
                raise ArgumentError(
                    f"confidence_sharer: the streams of {subject.spec.name} share their channels, so what one of them "
                    "shows cannot be told; it needs observation: concat."
                )
            for place, stream in enumerate(subject.streams):
                self._evidence[stream.spec.name] = _Evidence(subject, place)

    def act(self, observations: Observations, infos: Infos, engine: Any) -> Actions:
        core = engine_of(engine)
        for subject in core.subjects:
            who = subject.spec.name
            for stream in subject.streams:
                self._evidence[stream.spec.name].see(observations[who], infos[who], core.over)
        actions = super().act(observations, infos, engine)
        for subject in core.subjects:
            message = subject.spec.message
            if message is not None:
                levels = [self._level(stream, message.levels - 1) for stream in subject.streams]
                actions[subject.spec.name][:, -1] = np.max(levels, axis=0)
        return actions

    def choose(
        self, stream: BatchStream, name: str, subject: str, observations: Observations, infos: Infos, now: int
    ) -> NDArray[np.int64]:
        return np.where(stream.window_open(), np.where(self._evidence[name].score > 0, 2, 1), 0)

    def _level(self, stream: BatchStream, top: int) -> NDArray[np.int64]:
        """Return the message about a stream, int64 (lanes,); 0 where none is asked for."""
        sure = np.minimum(np.abs(self._evidence[stream.spec.name].score) / self.ceiling, 1.0)
        return np.where(stream.window_open(), np.rint(sure * top), 0).astype(np.int64)


class _Evidence:
    """Evidence for the second answer against the first in all lanes, summed since the trial began.

    Attributes:
        score: float64, (lanes,). Its distance from zero in standard deviations; 0 before anything was seen.
    """

    def __init__(self, subject: BatchSubject, place: int) -> None:
        stream = subject.streams[place]
        tables = stream.tables
        _check(tables)
        self._columns, keep = channel_columns(subject, place)
        self._told = "" if len(subject.streams) == 1 else f"{stream.spec.short}."
        sd = np.maximum(noise_sd(tables)[keep].astype(np.float64), SHARP)
        one, two = means_by_answer(tables, keep, (1, 2))
        self._centre, self._weight = (one + two) / 2, (two - one) / sd**2
        self._variance = (((two - one) / sd) ** 2).sum(axis=1).tolist()
        if sum(self._variance) < RARE:
            raise ArgumentError(
                f"confidence_sharer: what {tables.task.task_name()} shows is the same on average whatever is right, "
                "so there is nothing to add up; use another agent."
            )
        self._sum, self._spread = np.zeros(stream.lanes), np.zeros(stream.lanes)

    @property
    def score(self) -> Floats:
        scale = np.sqrt(np.where(self._spread > 0, self._spread, 1.0))
        score: Floats = self._sum / scale
        return score

    def see(self, seen: NDArray[np.float32], info: Any, over: NDArray[np.bool_]) -> None:
        """Take in an observation, float32 (lanes, channels)."""
        ended = np.asarray(info[f"{self._told}trial_end"], bool) | over
        self._sum[ended] = self._spread[ended] = 0.0
        now = np.asarray(info[f"{self._told}period"])
        for period, variance in enumerate(self._variance):
            if not variance:
                continue
            lanes = np.flatnonzero(now == period)
            # Channel by channel in a fixed order, so that a lane's sum does not depend on its neighbours.
            for column, centre, weight in zip(self._columns, self._centre[period], self._weight[period], strict=True):
                self._sum[lanes] += weight * (seen[lanes, column].astype(np.float64) - centre)
            self._spread[lanes] += variance


def _check(tables: Tables) -> None:
    """Refuse what the agent cannot add up."""
    name = tables.task.task_name()
    if tables.lazy or tables.task.observe is not None or tables.counted or tables.drifting:
        raise ArgumentError(
            f"confidence_sharer: {name} makes its conditions trial by trial, counts events, or changes what it shows "
            "within a period; it needs Gaussian evidence around fixed means."
        )
    if set(tables.answer.tolist()) != {1, 2}:
        raise ArgumentError(f"confidence_sharer: {name} does not ask for one of two answers; use another agent.")
