"""Trial recorder of the scalar engine: the trial table of one lane."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.layout import Layout
from neuroparallel.engine.record_columns import ANSWER, MESSAGE, stream_info
from neuroparallel.engine.scalar.group import ScalarGroup, answer_message
from neuroparallel.engine.scalar.stream import ScalarStream
from neuroparallel.records import TrialLog

__all__ = ["TrialRecorder", "pack_response"]

# A recorded trial or response is packed into bytes: hundreds of thousands of tuples would keep the garbage collector
# busy, and would have to be taken apart to become columns.
_TRIAL = np.dtype(
    [
        (name, np.float64 if name == "reward" else np.int64)
        for name in (
            *("session", "trial", "onset_step", "end_step", "outcome", "choice", "slot", "reward", "clock_step"),
            "response_steps",
        )
    ]
)
_RESPONSE = np.dtype(
    [
        (name, np.float64 if name == "reward" else np.int64)
        for name in ("session", "trial", "period", "action", "step", "reward")
    ]
)
_pack_trial, pack_response = Struct("=7qd2q").pack, Struct("=5qd").pack
_FULL = 4096  # trials, or four times as many responses, are handed to the log together


class TrialRecorder:
    """Trial recorder of one lane.

    Args:
        layout: The compiled scenario.
        streams: Its streams.
        lane: Number of the lane.
        record: Number of the latest trials to keep; True keeps a million, 0 or False none.
    """

    def __init__(self, layout: Layout, streams: Sequence[ScalarStream], lane: int, record: int | bool) -> None:
        self._streams, self._lane = streams, lane
        self.keeps = 1_000_000 if record is True else int(record)
        self.session = self.session_start = 0
        self._trials = [bytearray() for _ in streams]
        self._values: list[list[Sequence[Any]]] = [[] for _ in streams]  # conditions that do not follow from the slot
        self.responses = [bytearray() for _ in streams]
        self._log = TrialLog(
            [stream_info(layout, index, stream.tables) for index, stream in enumerate(streams)],
            layout.dt,
            capacity=max(1, self.keeps),
        )

    def begin(self, session: int, now: int) -> None:
        """Start a session."""
        self.session, self.session_start = session, now

    def note_trials(self, group: ScalarGroup, now: int) -> list[tuple[int, int]]:
        """Close and record the trials of a group's streams that are over; returns stream and outcome of each."""
        ended = []
        for index in group.spec.streams:
            if group.takes_part[index]:
                stream = self._streams[index]
                stream.close()
                ended.append((index, stream.outcome))
                if self.keeps:
                    self._keep_trial(group, index, stream, now)
        return ended

    def _keep_trial(self, group: ScalarGroup, index: int, stream: ScalarStream, now: int) -> None:
        trials, start = self._trials[index], self.session_start
        trials += _pack_trial(
            self.session,
            stream.trial,
            stream.onset - start,
            now - start,
            stream.outcome,
            stream.choice,
            stream.slot,
            stream.earned,
            stream.clock_at - start,
            stream.response,
        )
        values = self._conditions(index, group)
        if values:
            self._values[index].append(values)
        if len(trials) >= _FULL * _TRIAL.itemsize or len(self.responses[index]) >= 4 * _FULL * _RESPONSE.itemsize:
            self.flush()

    def _conditions(self, index: int, group: ScalarGroup) -> Sequence[Any]:
        """Return the conditions of a stream's trial that do not follow from its slot, in the order of the table."""
        stream = self._streams[index]
        own = stream.condition_row() if stream.keeps_values else ()
        shared = self._log.streams[index].conditions[len(stream.tables.recorded) :]
        answer = (stream.tables.answer[stream.slot],) if stream.tables.lazy else ()
        if not shared:
            return (*answer, *own) if answer else own
        known = {MESSAGE: answer_message(stream)} | group.values()
        return [*answer, *own, *(known[name] for name in shared)]

    def note_responses(self, now: int) -> None:
        """Record the actions of this step other than holding; call before the next trials start."""
        for index, stream in enumerate(self._streams):
            if stream.answered is not None:
                self.responses[index] += pack_response(
                    self.session, stream.trial, *stream.answered, now - self.session_start, stream.reward
                )

    def flush(self) -> None:
        """Hand the trials and responses recorded so far to the log, as arrays."""
        for index, responses in enumerate(self.responses):
            if responses:
                fields = _columns(responses, _RESPONSE)
                self._log.add_responses(index, lane=np.full(len(fields["trial"]), self._lane), **fields)
                responses.clear()
        for index, trials in enumerate(self._trials):
            if trials:
                self._flush_trials(index, _columns(trials, _TRIAL))
                trials.clear()

    def _flush_trials(self, index: int, fields: dict[str, NDArray[Any]]) -> None:
        stream, slot = self._streams[index], fields.pop("slot")
        grid = {} if stream.keeps_values else stream.tables.grid
        conditions = {name: column.take(slot) for name, column in grid.items()} | self._flushed_conditions(index)
        answer = conditions.pop(ANSWER, None)
        if answer is None:
            answer = stream.tables.answer.take(slot)
        lane = np.full(len(slot), self._lane)
        self._log.add(index, lane=lane, ground_truth=answer, conditions=conditions, **fields)

    def _flushed_conditions(self, index: int) -> dict[str, NDArray[Any]]:
        """Return the recorded conditions that do not follow from a slot, as columns."""
        values, stream = self._values[index], self._streams[index]
        if not values:
            return {}
        names = self._log.streams[index].conditions
        names = names if stream.keeps_values else names[len(stream.tables.recorded) :]
        if stream.tables.lazy:
            names = (ANSWER, *names)
        columns = {name: np.array(column) for name, column in zip(names, zip(*values, strict=True), strict=True)}
        values.clear()
        return columns

    def forget_waiting(self) -> None:
        """Drop the trials and responses that were not handed to the log, as another state takes their place."""
        waiting: list[Any] = [*self._trials, *self.responses, *self._values]
        for part in waiting:
            part.clear()

    @property
    def log(self) -> TrialLog:
        """The collector, with all that has ended so far."""
        self.flush()
        return self._log


def _columns(packed: bytearray, kind: np.dtype[Any]) -> dict[str, NDArray[Any]]:
    """Return the fields of packed rows, an array for each."""
    rows = np.frombuffer(bytes(packed), kind)
    return {name: rows[name].copy() for name in kind.names or ()}
