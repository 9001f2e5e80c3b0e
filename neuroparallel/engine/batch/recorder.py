"""Trial recorder of the batch engine: the trial table, and counts of outcomes and sums of rewards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch.group import BatchGroup, answer_message
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.layout import Layout
from neuroparallel.engine.linked_tables import LinkedTables
from neuroparallel.engine.record_columns import ANSWER, MESSAGE, stream_info
from neuroparallel.engine.tables import Tables
from neuroparallel.records import TrialLog
from neuroparallel.records.trial_log import trial_chunk

__all__ = ["TrialRecorder"]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Sessions = tuple[Integers, Integers]  # number and first step of each lane's session
Ended = tuple[int, Integers, NDArray[np.uint8]]  # a stream, lanes in which its trial is over, and how it ended there
EVERYTHING = 1_000_000  # trials that are kept if all are to be
ROWS, STEPS = 16_384, 64  # what ended waits until it is so many rows, or steps, and is handed over together
LARGE = 64  # of so many rows a step, what ended is kept as it is until the table is asked for
DENSE = 256  # from so many lanes on a step in which most of them respond is kept as it is


@dataclass
class _Ended:
    """Trials of one stream that ended in one step."""

    session: Sessions
    now: int
    who: Integers
    trial: Integers
    numbers: NDArray[np.int32]  # as `StreamState.recorded`, (numbers, n)
    outcome: NDArray[np.uint8]
    earned: Floats
    known: dict[str, NDArray[Any]]


@dataclass
class _Trials:
    """Trials of one stream that ended in some steps, as columns when they are asked for."""

    parts: list[_Ended]
    tables: Tables
    keeps_values: bool

    def columns(self) -> dict[str, Any]:
        """What `TrialLog.add` takes."""
        parts, tables = self.parts, self.tables
        lane, session, start, now = _moments(parts)
        numbers = np.concatenate([part.numbers for part in parts], axis=1).astype(np.int64)
        slot, choice, response, clock_at, onset = map(np.ascontiguousarray, numbers)
        known = {name: np.concatenate([part.known[name] for part in parts]) for name in parts[0].known}
        answer = known.pop(ANSWER, None)
        if not self.keeps_values:
            known |= {name: column.take(slot) for name, column in tables.grid.items()}
        return {
            "lane": lane,
            "session": session,
            "trial": np.concatenate([part.trial for part in parts]),
            "onset_step": onset + now - start,
            "end_step": now - start,
            "outcome": np.concatenate([part.outcome for part in parts]),
            "choice": choice,
            "ground_truth": tables.answer.take(slot) if answer is None else answer,
            "reward": np.concatenate([part.earned for part in parts]),
            "clock_step": clock_at + now - start,
            "response_steps": response,
            "conditions": known,
        }

    def __call__(self) -> dict[str, NDArray[Any]]:
        return trial_chunk(**self.columns())


@dataclass
class _Answered:
    """Responses that one stream received in one step."""

    session: Sessions
    now: int
    who: Integers
    action: Integers
    row: Integers
    trial: Integers
    reward: Floats


@dataclass
class _Everywhere:
    """A step of one stream in which most lanes responded, (lanes,) each."""

    session: Sessions
    now: int
    codes: NDArray[Any]
    trial: Integers
    action: NDArray[np.int16] | None  # None: that of the code
    reward: Floats | None  # None: that of the code


@dataclass
class _Picked:
    """The responses of steps in which most lanes responded, picked when they are asked for."""

    steps: list[_Everywhere]
    tables: LinkedTables
    idle_row: int

    def __call__(self) -> dict[str, NDArray[Any]]:
        return _responses([self._pick(step) for step in self.steps], self.tables.period_of)

    def _pick(self, step: _Everywhere) -> _Answered:
        tables, codes = self.tables, step.codes.astype(np.int64)
        row, column = np.divmod(codes, tables.columns)
        action = np.where(column >= tables.late, column - tables.late, column) if step.action is None else step.action
        who = ((action > 0) & (row != self.idle_row)).nonzero()[0]
        reward = tables.reward.take(codes) if step.reward is None else step.reward
        parts = (action.take(who).astype(np.int64), row.take(who), step.trial.take(who), reward.take(who))
        return _Answered(step.session, step.now, who, *parts)


@dataclass
class _Kept:
    """Responses of one stream that wait for the log."""

    sparse: list[_Answered] = field(default_factory=list)
    sparse_rows: int = 0
    dense: list[_Everywhere] = field(default_factory=list)
    dense_rows: int = 0

    def is_full(self) -> bool:
        return self.sparse_rows >= ROWS or len(self.sparse) >= STEPS or len(self.dense) >= STEPS


def _responses(parts: Sequence[_Answered], period_of: Integers) -> dict[str, NDArray[Any]]:
    """The columns of responses."""
    lane, session, start, now = _moments(parts)
    return {
        "lane": lane,
        "session": session,
        "trial": np.concatenate([part.trial for part in parts]),
        "period": period_of.take(np.concatenate([part.row for part in parts])),
        "action": np.concatenate([part.action for part in parts]),
        "step": now - start,
        "reward": np.concatenate([part.reward for part in parts]),
    }


def _moments(parts: Sequence[_Ended | _Answered]) -> tuple[Integers, Integers, Integers, Integers]:
    """Lane, session, first step of the session, and present step of each row of several steps."""
    lanes, sessions, starts = [], [], []
    for _, together in groupby(parts, lambda part: id(part.session)):
        steps = list(together)
        who = np.concatenate([part.who for part in steps])
        session, start = steps[0].session
        lanes.append(who)
        sessions.append(session.take(who))
        starts.append(start.take(who))
    now = np.repeat([part.now for part in parts], [part.who.size for part in parts])
    return np.concatenate(lanes), np.concatenate(sessions), np.concatenate(starts), now


class TrialRecorder:
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
        self._log = TrialLog(infos, layout.dt, capacity=max(1, self.keeps))
        self._ended: list[list[_Ended]] = [[] for _ in self._streams]
        self._rows_ended = [0] * len(self._streams)
        self._answered = [_Kept() for _ in self._streams]
        self._sessions_now: Sessions | None = None
        self._everyone = np.arange(len(sessions))
        # Whether what a step pays stands in the tables, so that it need not be kept.
        settled = any(group.rule or group.then for group in layout.groups)
        self._code_type = np.min_scalar_type(len(self._streams[0].ensemble.tables.reward))
        self._tabled = [not (settled or s.tables.lazy or s.tables.any_priced) for s in self._streams]

    def note_trials(
        self, group: BatchGroup, lanes: Integers, now: int
    ) -> list[tuple[int, Integers, NDArray[np.uint8]]]:
        """Close and keep the trials of a group's streams that are over; returns stream, lanes and outcomes of each."""
        ended = []
        for index in group.spec.streams:
            stream = self._streams[index]
            who = lanes[group.takes_part[index][lanes]] if group.mixed else lanes
            outcome = stream.close(who)
            earned = stream.earned.copy() if who.size == stream.lanes else stream.earned.take(who)
            self._rewards[index] += earned.sum()
            self._tally[index] += np.bincount(outcome, minlength=7)
            if self.keeps and who.size:
                self._keep_trials(group, index, who, outcome, earned, now)
            ended.append((index, who, outcome))
        return ended

    def _keep_trials(
        self, group: BatchGroup, index: int, who: Integers, outcome: NDArray[np.uint8], earned: Floats, now: int
    ) -> None:
        """Copy what later trials overwrite; what follows from it is looked up when many steps are put together."""
        stream = self._streams[index]
        numbers = stream.recorded(who, now)
        known = group.values(who)
        if stream.answer_message is not None:
            known[MESSAGE] = answer_message(stream, who)
        if stream.keeps_values:
            known |= stream.values(who)
        if stream.tables.lazy:
            known[ANSWER] = stream.tables.answer.take(who)
        trial = stream.trial  # replaced, not changed, by what follows
        if who.size == stream.lanes:
            who = self._everyone
        else:
            trial = trial.take(who)
        ended = _Ended(self._session(), now, who, trial, numbers, outcome, earned, known)
        self._ended[index].append(ended)
        self._rows_ended[index] += who.size
        if self._rows_ended[index] >= ROWS or len(self._ended[index]) >= STEPS:
            self._flush_trials(index)

    def _flush_trials(self, index: int) -> None:
        waiting, rows, stream = self._ended[index], self._rows_ended[index], self._streams[index]
        if waiting:
            trials = _Trials(waiting, stream.tables, stream.keeps_values)
            if rows >= LARGE * len(waiting):
                self._log.add_later(index, rows, trials)
            else:
                self._log.add(index, **trials.columns())
        self._ended[index], self._rows_ended[index] = [], 0

    def note_responses(self, trials: Sequence[Integers], now: int) -> None:
        """Keep what was done in this step, where it was anything but holding; the streams' trials are (lanes,) each."""
        for index, stream in enumerate(self._streams):
            if stream.answered is not None:
                self._keep_responses(index, stream, trials[index], now)

    def _keep_responses(self, index: int, stream: BatchStream, trial: Integers, now: int) -> None:
        assert stream.answered is not None
        actions, acts = stream.answered
        count = int(np.count_nonzero(acts))
        if not count:
            return
        tables, kept, codes = stream.ensemble.tables, self._answered[index], stream.codes
        if count * 2 < acts.size or acts.size < DENSE:
            who = acts.nonzero()[0]
            some = (actions.take(who), codes.take(who) // tables.columns, trial.take(who), stream.reward.take(who))
            kept.sparse.append(_Answered(self._session(), now, who, *some))
            kept.sparse_rows += count
        else:  # to pick those that responded would cost more than to keep all
            action = actions.astype(np.int16) if tables.any_held else None
            reward = None if self._tabled[index] else stream.reward.copy()
            kept.dense.append(_Everywhere(self._session(), now, codes.astype(self._code_type), trial, action, reward))
            kept.dense_rows += count
        if kept.is_full():
            self._flush_responses(index)

    def _flush_responses(self, index: int) -> None:
        kept, self._answered[index] = self._answered[index], _Kept()
        stream = self._streams[index]
        tables = stream.ensemble.tables
        if kept.sparse:
            self._log.add_responses(index, **_responses(kept.sparse, tables.period_of))
        if kept.dense:
            picked = _Picked(kept.dense, tables, stream.idle_row)
            self._log.add_responses_later(index, kept.dense_rows, picked)

    def flush(self) -> None:
        """Hand over to the log what waits."""
        for index in range(len(self._streams)):
            self._flush_trials(index)
            self._flush_responses(index)

    def forget_waiting(self) -> None:
        """Drop what waits for the log, as another state has taken its place."""
        for index in range(len(self._streams)):
            self._ended[index].clear()
            self._rows_ended[index] = 0
            self._answered[index] = _Kept()
        self.forget_sessions()

    def forget_sessions(self) -> None:
        """Note that the sessions of some lanes have changed."""
        self._sessions_now = None

    def _session(self) -> Sessions:
        """Number and first step of each lane's session, copies that steps share until a session begins."""
        if self._sessions_now is None:
            self._sessions_now = self._sessions.copy(), self._session_start.copy()
        return self._sessions_now

    @property
    def count(self) -> int:
        """Number of trials kept, those included that still wait for the log."""
        return len(self._log) + sum(self._rows_ended)

    @property
    def log(self) -> TrialLog:
        """The collector, with all that has ended so far."""
        self.flush()
        return self._log

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
