"""What is kept of a batch: its trial table, and outcomes and rewards since they were last asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.group import BatchGroup, told_by
from neuroparallel.engine.infos import MESSAGE, stream_info
from neuroparallel.engine.layout import Layout
from neuroparallel.engine.stream import BatchStream
from neuroparallel.records import TrialLog

__all__ = ["Books"]

Integers = NDArray[np.int64]
Ended = tuple[int, Integers, NDArray[np.uint8]]  # a stream, lanes in which its trial is over, and how it ended there
EVERYTHING = 1_000_000  # trials that are kept if all are to be


class Books:
    """Keeps the trials of a batch.

    Args:
        layout: The scenario.
        streams: Its streams.
        sessions: int64, (lanes,). The number of each lane's session; the engine's own array.
        session_start: int64, (lanes,). The step in which it began; likewise.
        record: How many of the latest trials to keep; 0 or False keeps none.
    """

    def __init__(
        self,
        layout: Layout,
        streams: Sequence[BatchStream],
        sessions: Integers,
        session_start: Integers,
        record: int | bool,
    ) -> None:
        self.keeps = int(record) if record is not True else EVERYTHING
        self._streams, self._sessions, self._session_start = list(streams), sessions, session_start
        self._names = [spec.name for spec in layout.streams]
        self._tally = np.zeros((len(self._streams), 7), np.int64)
        self._rewards = np.zeros(len(self._streams))
        for stream in self._streams:
            stream.keeps = self.keeps > 0
        infos = [stream_info(layout, index, stream.tables) for index, stream in enumerate(self._streams)]
        self.log = TrialLog(infos, layout.dt, capacity=max(1, self.keeps))

    def note_trials(
        self, group: BatchGroup, lanes: Integers, now: int
    ) -> list[tuple[int, Integers, NDArray[np.uint8]]]:
        """Close and keep the trials of a group's streams that are over; returns stream, lanes and outcomes of each."""
        ended = []
        for index in group.spec.streams:
            stream = self._streams[index]
            who = lanes[group.takes_part[index][lanes]] if group.mixed else lanes
            outcome = stream.close(who)
            self._rewards[index] += stream.earned[who].sum()
            self._tally[index] += np.bincount(outcome, minlength=7)
            if self.keeps:
                self._log(group, index, stream, who, now)
            ended.append((index, who, outcome))
        return ended

    def _log(self, group: BatchGroup, index: int, stream: BatchStream, who: Integers, now: int) -> None:
        start = self._session_start[who]
        told = {} if stream.told is None else {MESSAGE: told_by(stream, who)}
        self.log.add(
            index,
            lane=who,
            session=self._sessions[who],
            trial=stream.trial[who],
            onset_step=stream.onset[who] - start,
            end_step=now - start,
            outcome=stream.outcome[who],
            choice=stream.choice[who],
            ground_truth=stream.tables.answer[stream.slot[who]],
            reward=stream.earned[who],
            clock_step=stream.clock_at[who] - start,
            response_steps=stream.response[who],
            conditions=told | group.values(who) | stream.values(who),
        )

    def note_responses(self, trials: Sequence[Integers], now: int) -> None:
        """Keep what was done in this step, where it was anything but holding; the streams' trials are (lanes,) each."""
        for index, stream in enumerate(self._streams):
            if stream.answered is not None and stream.answered[0].size:
                who, period, action = stream.answered
                self.log.add_responses(
                    index,
                    lane=who,
                    session=self._sessions[who],
                    trial=trials[index][who],
                    period=period,
                    action=action,
                    step=now - self._session_start[who],
                    reward=stream.reward[who],
                )

    def pop_tally(self) -> dict[str, Integers]:
        """Trials by outcome code (7,) for each stream since the last call."""
        result = dict(zip(self._names, self._tally.copy(), strict=True))
        self._tally[:] = 0
        return result

    def pop_reward(self) -> dict[str, float]:
        """Sum of rewards of each stream since the last call."""
        result = dict(zip(self._names, self._rewards.tolist(), strict=True))
        self._rewards[:] = 0.0
        return result
