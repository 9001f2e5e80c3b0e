"""The view of the batch engine that belongs to one subject: its observation, actions, reward and truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.layout import SubjectSpec
from neuroparallel.engine.movements import read_movements
from neuroparallel.engine.stream import BatchStream
from neuroparallel.engine.subject import action_space, observation_space, subject_columns
from neuroparallel.errors import ActionError

__all__ = ["BatchSubject"]


class BatchSubject:
    """What one subject sees and does, in all lanes."""

    def __init__(self, spec: SubjectSpec, streams: list[BatchStream], lanes: int) -> None:
        self.spec, self.lanes = spec, lanes
        self.streams = [streams[index] for index in spec.streams]
        self.indices = list(spec.streams)
        self.partners = [(streams[partner.stream], partner.choices) for partner in spec.partners]
        tables = [stream.tables for stream in self.streams]
        self.columns = subject_columns(spec, tables, [s.spec.short for s in self.streams])
        self.names = self.columns.names
        self.observation_space = observation_space(len(self.names))
        shorts = [stream.spec.short for stream in self.streams]
        self.action_space = action_space(spec, tables, shorts)
        self.factors = len(self.streams) if len(self.streams) > 1 and spec.action == "factored" else 0
        self.sizes = np.array([t.actions for t in tables])
        self.moving = any(t.movement is not None for t in tables)
        self.shorts = shorts
        self.seen = [np.zeros(lanes, np.int64) for _ in self.partners]

    def read(self, actions: Mapping[str, Any]) -> Any:
        """Check the subject's actions; int64, (lanes,) or (lanes, streams), or as `read_movements` has it."""
        name = self.spec.name
        try:
            given = actions[name]
        except (KeyError, TypeError, IndexError):
            raise ActionError(f"{name}: there is no action for this agent; give one for every agent.") from None
        if self.moving:
            return read_movements(name, self.action_space, given, self.lanes)
        array = np.asarray(given)
        shape = (self.lanes, self.factors) if self.factors else (self.lanes,)
        limits = self.sizes if self.factors else self.sizes[0]
        legal = f"integers of shape {shape}, 0 to {(np.asarray(limits) - 1).tolist()}"
        if array.dtype.kind not in "iu" or array.shape != shape:
            raise ActionError(f"{name}: actions are {array.dtype} of shape {array.shape}; they must be {legal}.")
        array = array.astype(np.int64, copy=False)
        unsigned = array.view(np.uint64) if array.flags.c_contiguous else array.astype(np.uint64)
        if (unsigned.max(axis=0) >= limits).any():  # a negative number is a very large unsigned one
            lane = int(np.argwhere((array < 0) | (array >= limits))[0][0])
            raise ActionError(f"{name}: lane {lane} has action {array[lane].tolist()}; they must be {legal}.")
        return array

    def act(self, actions: Any, now: int) -> None:
        if self.factors and self.moving:
            for stream, short in zip(self.streams, self.shorts, strict=True):
                stream.act(actions[short], now)
        elif self.factors:
            for factor, stream in enumerate(self.streams):
                stream.act(np.ascontiguousarray(actions[:, factor]), now)
        elif len(self.streams) == 1:
            self.streams[0].act(actions, now)
        else:
            windows = [stream.window_open() for stream in self.streams]
            nowhere = ~np.logical_or.reduce(windows)
            for stream, window in zip(self.streams, windows, strict=True):
                stream.act(np.where(window | nowhere, actions, 0), now)

    def reward(self) -> NDArray[np.float64]:
        if len(self.streams) == 1 and self.streams[0].spec.weight == 1.0:
            return self.streams[0].reward
        total = np.zeros(self.lanes)
        for stream in self.streams:
            total += stream.spec.weight * stream.reward
        return total

    def observe(self, now: int) -> NDArray[np.float32]:
        """(lanes, channels) float32: a transposed view of channel-major memory."""
        out = np.empty((len(self.names), self.lanes), np.float32)
        columns = self.columns
        if columns.plain:
            for stream, (start, stop) in zip(self.streams, columns.spans, strict=True):
                stream.observe(out[start:stop], now)
        elif self.spec.observation == "shared":
            part = out[columns.shared]
            np.copyto(part, self.streams[0].shown(now))
            for stream in self.streams[1:]:
                part += stream.shown(now)
                stream.tick()
            self.streams[0].add_noise(part)
        else:
            self._fused(out, now)
        for (_, choices), seen, start in zip(self.partners, self.seen, columns.partners, strict=True):
            np.equal(
                seen,
                np.arange(1, choices)[:, None],
                out=out[start : start + choices - 1],
                casting="unsafe",
            )
        return out.T

    def _fused(self, out: NDArray[np.float32], now: int) -> None:
        fixation = []
        for stream, (start, stop) in zip(self.streams, self.columns.spans, strict=True):
            part = np.empty((len(stream.mean), self.lanes), np.float32)
            stream.observe(part, now)
            at = stream.tables.channels["fixation"].start
            out[start:stop] = np.delete(part, at, axis=0)
            asked = 1.0 if self.spec.fixation == "all" else 0.0
            fixation.append(np.where(stream.idle, np.float32(asked), stream.latest[at]))
        merge = np.minimum if self.spec.fixation == "all" else np.maximum
        value = fixation[0]
        for other in fixation[1:]:
            value = merge(value, other)
        everyone_idle = np.logical_and.reduce([stream.idle for stream in self.streams])
        out[0] = np.where(everyone_idle, np.float32(0.0), value)

    def truth(self, now: int) -> NDArray[np.int64]:
        truths = [stream.truth(now) for stream in self.streams]
        if self.factors:
            return np.stack(truths, axis=1)
        result = truths[0]
        if len(truths) > 1:
            windows = [stream.window_open() for stream in self.streams]
            result = np.zeros(self.lanes, np.int64)
            for truth, window in reversed(list(zip(truths, windows, strict=True))):
                result = np.where(window, truth, result)
        return result

    def forget(self, lanes: NDArray[np.int64]) -> None:
        for seen in self.seen:
            seen[lanes] = 0

    def state(self) -> dict[str, Any]:
        return {"seen": [seen.copy() for seen in self.seen]}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        for seen, array in zip(self.seen, saved["seen"], strict=True):
            seen[:] = array
