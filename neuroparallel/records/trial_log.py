"""The log to which a running engine writes ended trials."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from neuroparallel.outcomes import Outcome
from neuroparallel.records.partner_columns import partner_column_values
from neuroparallel.records.response_order import response_columns
from neuroparallel.records.stream_info import StreamInfo
from neuroparallel.records.table import Array, stack_columns
from neuroparallel.records.trials import Trials, correct_from_outcome, empty_responses

# Chunks are merged once so many wait: one lane ends one trial at a time, and a million arrays of
# length one would need gigabytes. A merge costs less than the additions that it follows.
MERGE_CHUNKS = 256
MERGE_ROWS = 16_384

Chunk = dict[str, Array]
Expand = Callable[[], Chunk]


class TrialLog:
    """Keeps the most recent trials of a running engine and makes the trial table of them.

    Args:
        streams: One entry per stream, in the order of the stream numbers used below.
        dt: Length of a step, ms.
        capacity: Trials to keep, and as many responses; the oldest chunks are dropped beyond it.
    """

    def __init__(self, streams: Sequence[StreamInfo], dt: float, capacity: int = 1_000_000) -> None:
        """Start empty."""
        self.streams = tuple(streams)
        self.dt = dt
        self.capacity = capacity
        self._trials = _Store(len(self.streams), capacity)
        self._responses = _Store(len(self.streams), capacity)

    def __len__(self) -> int:
        """Number of trials kept."""
        return self._trials.count

    @property
    def dropped(self) -> int:
        """Number of trials that no longer fitted and were dropped, oldest first."""
        return self._trials.dropped

    def add(
        self,
        stream_index: int,
        *,
        lane: Array,
        session: Array,
        trial: Array,
        onset_step: Array,
        end_step: Array,
        outcome: Array,
        choice: Array,
        ground_truth: Array,
        reward: Array,
        clock_step: Array,
        response_steps: Array,
        conditions: Mapping[str, Array],
    ) -> None:
        """Record the trials of one stream that ended in this step, one array entry each.

        The arrays are kept, not copied: give fresh ones.

        Args:
            stream_index: Number of the stream.
            lane: Integers, (n,).
            session: Integers, (n,), from 0.
            trial: Integers, (n,), within the session, from 0.
            onset_step: Integers, (n,). First step of the trial, within the session.
            end_step: Integers, (n,). First step after the trial, within the session.
            outcome: Integers, (n,). ``Outcome`` codes.
            choice: Integers, (n,). The last action taken as an answer, -1 none.
            ground_truth: Integers, (n,). An action that was right in the first response window, -1 none.
            reward: Floats, (n,). Sum over the trial.
            clock_step: Integers, (n,). Step within the session from whose beginning the response time counts.
            response_steps: Integers, (n,). Response time in steps, -1 none.
            conditions: Condition name to array, (n,).
        """
        chunk = trial_chunk(
            lane=lane, session=session, trial=trial, onset_step=onset_step, end_step=end_step, outcome=outcome,
            choice=choice, ground_truth=ground_truth, reward=reward, clock_step=clock_step,
            response_steps=response_steps, conditions=conditions,
        )  # fmt: skip
        self._trials.add(stream_index, chunk, len(lane))

    def add_responses(
        self,
        stream_index: int,
        *,
        lane: Array,
        session: Array,
        trial: Array,
        period: Array,
        action: Array,
        step: Array,
        reward: Array,
    ) -> None:
        """Record the responses that one stream received in this step, one array entry each.

        The arrays are kept, not copied: give fresh ones.

        Args:
            stream_index: Number of the stream.
            lane: Integers, (n,).
            session: Integers, (n,).
            trial: Integers, (n,).
            period: Integers, (n,). Index into the stream's ``StreamInfo.periods``.
            action: Integers, (n,).
            step: Integers, (n,), within the session.
            reward: Floats, (n,). Paid at that step.
        """
        chunk = {
            "lane": lane, "session": session, "trial": trial, "period": period,
            "action": action, "step": step, "reward": reward,
        }  # fmt: skip
        self._responses.add(stream_index, chunk, len(lane))

    def add_later(self, stream_index: int, rows: int, expand: Expand) -> None:
        """Record trials of one stream whose columns are made when somebody asks for them.

        Args:
            stream_index: Number of the stream.
            rows: How many trials.
            expand: Returns their columns, as `trial_chunk` does.
        """
        self._trials.add_later(stream_index, expand, rows)

    def add_responses_later(self, stream_index: int, rows: int, expand: Expand) -> None:
        """Record responses of one stream whose columns are made when somebody asks for them.

        Args:
            stream_index: Number of the stream.
            rows: How many responses.
            expand: Returns the columns that `add_responses` takes.
        """
        self._responses.add_later(stream_index, expand, rows)

    def clear(self) -> None:
        """Forget everything, the counts of what was dropped included."""
        self._trials = _Store(len(self.streams), self.capacity)
        self._responses = _Store(len(self.streams), self.capacity)

    def table(self) -> Trials:
        """Return the trial table so far, by lane, session, trial and stream."""
        names = {f"{info.subject}.{info.stream}": info.names for info in self.streams}
        return Trials(self._trial_columns(), self._response_columns(), names)

    def state(self) -> dict[str, Any]:
        """Everything kept, copied, as plain containers of arrays and integers."""
        return {"trials": self._trials.state(), "responses": self._responses.state()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what ``state`` returned; the arrays are copied."""
        self._trials.set_state(state["trials"])
        self._responses.set_state(state["responses"])

    def _trial_columns(self) -> dict[str, Array]:
        rows, streams = self._trials.rows()
        outcome = rows.get("outcome", np.empty(0, dtype=np.int64)).astype(np.int64)
        onset = _integers(rows, "onset_step")
        response = _integers(rows, "response_steps")
        labels = np.array([code.label for code in Outcome])
        columns: dict[str, Array] = {
            **self._names(streams, ("subject", "stream", "task")),
            **{name: _integers(rows, name) for name in ("session", "lane", "trial")},
            "onset_s": onset * self.dt / 1000,
            "duration_s": (_integers(rows, "end_step") - onset) * self.dt / 1000,
            "outcome": labels[outcome],
            "choice": _integers(rows, "choice"),
            "ground_truth": _integers(rows, "ground_truth"),
            "correct": correct_from_outcome(outcome),
            "reward": _floats(rows, "reward"),
            "response_time_s": np.where(response < 0, np.nan, response * self.dt / 1000),
        }
        if any(info.group for info in self.streams):
            columns |= self._response_order(rows, streams)
        for name in dict.fromkeys(name for info in self.streams for name in info.conditions):
            columns[name] = rows.get(f"condition:{name}", np.full(len(outcome), np.nan))
        if any(info.columns for info in self.streams) and len(outcome):
            columns |= partner_column_values([info.columns for info in self.streams], {"stream": streams, **rows})
        order = np.lexsort((streams, columns["trial"], columns["session"], columns["lane"]))
        return {name: values[order] for name, values in columns.items()}

    def _response_order(self, rows: Chunk, streams: Array) -> dict[str, Array]:
        """Return the order of a subject's responses in its streams and the intervals between them."""
        names = ("lane", "session", "clock_step", "response_steps", "choice")
        trials = {name: _integers(rows, name) for name in names}
        trials["group_trial"] = _floats(rows, "condition:group_trial")
        return response_columns(self.streams, {"stream": streams, **trials}, self.dt)

    def _response_columns(self) -> dict[str, Array]:
        rows, streams = self._responses.rows()
        if not len(streams):
            return empty_responses()
        columns: dict[str, Array] = {
            **self._names(streams, ("subject", "stream")),
            **{name: _integers(rows, name) for name in ("session", "lane", "trial")},
            "period": self._period_names(rows["period"], streams),
            "action": _integers(rows, "action"),
            "time_s": _integers(rows, "step") * self.dt / 1000,
            "reward": _floats(rows, "reward"),
        }
        keys = (streams, columns["time_s"], columns["trial"], columns["session"], columns["lane"])
        order = np.lexsort(keys)
        return {name: values[order] for name, values in columns.items()}

    def _names(self, streams: Array, fields: tuple[str, ...]) -> dict[str, Array]:
        return {
            field: np.array([getattr(info, field) for info in self.streams], dtype=np.str_)[streams] for field in fields
        }

    def _period_names(self, period: Array, streams: Array) -> Array:
        names = np.array(period, dtype=np.str_)
        for index, info in enumerate(self.streams):
            mine = streams == index
            if info.periods and mine.any():
                known = np.array(info.periods)
                names = names.astype(np.promote_types(names.dtype, known.dtype))
                names[mine] = known[period[mine]]
        return names


class _Store:
    """Chunks of rows in order of arrival, merged when small, dropped when old."""

    def __init__(self, streams: int, capacity: int) -> None:
        self.count = 0
        self.dropped = 0
        self._capacity = capacity
        # What waits to be merged may not fill the capacity, or nothing old could be dropped.
        self._merge_rows = min(MERGE_ROWS, capacity // (16 * max(streams, 1)))
        self._done: deque[tuple[int, Chunk | Expand, int]] = deque()
        self._waiting: list[list[Chunk]] = [[] for _ in range(streams)]
        self._waiting_rows = [0] * streams

    def add(self, stream: int, chunk: Chunk, rows: int) -> None:
        if not rows:
            return
        self.count += rows
        self._waiting[stream].append(chunk)
        self._waiting_rows[stream] += rows
        if self._waiting_rows[stream] >= self._merge_rows or (len(self._waiting[stream]) >= MERGE_CHUNKS):
            self._merge(stream)
        if self.count > self._capacity:
            self._drop()

    def add_later(self, stream: int, expand: Expand, rows: int) -> None:
        self.count += rows
        self._done.append((stream, expand, rows))
        self._drop()

    def rows(self) -> tuple[Chunk, Array]:
        """Return all rows in one set of columns, and the stream of each."""
        parts = [(stream, _expanded(chunk), length) for stream, chunk, length in self._done]
        for stream, chunks in enumerate(self._waiting):
            parts += [(stream, chunk, len(chunk["lane"])) for chunk in chunks]
        lengths = [length for _, _, length in parts]
        streams = np.repeat(np.array([part[0] for part in parts], dtype=np.int64), lengths)
        return stack_columns([chunk for _, chunk, _ in parts], lengths), streams

    def state(self) -> dict[str, Any]:
        return {
            "dropped": self.dropped,
            "done": [{"stream": s, "rows": _copied(_expanded(chunk))} for s, chunk, _ in self._done],
            "waiting": [[_copied(chunk) for chunk in chunks] for chunks in self._waiting],
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        self.dropped = int(state["dropped"])
        self._done = deque(
            (int(part["stream"]), _copied(part["rows"]), len(part["rows"]["lane"])) for part in state["done"]
        )
        self._waiting = [[_copied(chunk) for chunk in chunks] for chunks in state["waiting"]]
        self._waiting_rows = [sum(len(c["lane"]) for c in chunks) for chunks in self._waiting]
        self.count = sum(rows for _, _, rows in self._done) + sum(self._waiting_rows)

    def _merge(self, stream: int) -> None:
        chunks, rows = self._waiting[stream], self._waiting_rows[stream]
        chunk = chunks[0]
        if len(chunks) > 1:
            chunk = stack_columns(chunks, [len(part["lane"]) for part in chunks])
        self._done.append((stream, chunk, rows))
        self._waiting[stream], self._waiting_rows[stream] = [], 0

    def _drop(self) -> None:
        while self.count > self._capacity and len(self._done) > 1:
            rows = self._done.popleft()[2]
            self.count -= rows
            self.dropped += rows
        if self.count > self._capacity:  # a single chunk is larger than all there is room for
            stream, chunk, rows = self._done.pop()
            excess = min(self.count - self._capacity, rows)
            kept = {name: values[excess:] for name, values in _expanded(chunk).items()}
            self._done.append((stream, kept, rows - excess))
            self.count -= excess
            self.dropped += excess


def trial_chunk(*, conditions: Mapping[str, Array], **columns: Array) -> Chunk:
    """Return the columns of trials as the log keeps them; the arguments of `TrialLog.add`."""
    return columns | {f"condition:{name}": values for name, values in conditions.items()}


def _expanded(chunk: Chunk | Expand) -> Chunk:
    return chunk() if callable(chunk) else chunk


def _integers(rows: Mapping[str, Array], name: str) -> Array:
    return np.asarray(rows.get(name, ()), dtype=np.int64)


def _floats(rows: Mapping[str, Array], name: str) -> Array:
    return np.asarray(rows.get(name, ()), dtype=np.float64)


def _copied(chunk: Mapping[str, Any]) -> Chunk:
    return {name: np.array(values) for name, values in chunk.items()}
