"""What one subject sees and does, in one lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.infos import info_keys
from neuroparallel.engine.layout import SubjectSpec
from neuroparallel.engine.scalar_stream import ScalarStream
from neuroparallel.engine.subject import action_space, observation_space, subject_columns
from neuroparallel.engine.tables import merged_outcome

__all__ = ["ScalarSubject"]


class ScalarSubject:
    """What one subject sees and does, in one lane."""

    def __init__(self, spec: SubjectSpec, streams: list[ScalarStream]) -> None:
        self.spec = spec
        self.indices = list(spec.streams)
        self.streams = [streams[index] for index in spec.streams]
        tables = [stream.tables for stream in self.streams]
        self.columns = subject_columns(spec, tables, [s.spec.short for s in self.streams])
        self.observation_space = observation_space(len(self.columns.names))
        self.action_space = action_space(spec, tables, [s.spec.short for s in self.streams])
        self.single = len(self.streams) == 1
        self.factored = not self.single and spec.action == "factored"
        self.seen = [0] * len(spec.partners)
        self._fixation = np.zeros(1, np.float32)  # the fused cue
        self._known: dict[str, int] | None = None  # the info of steps in which nothing happens
        self._keys = info_keys([s.spec.short for s in self.streams])

    def act(self, action: Any, now: int) -> None:
        self._known = None
        for stream, part in zip(self.streams, self._parts(action), strict=True):
            stream.act(part, now)

    def _parts(self, action: Any) -> Sequence[Any]:
        """What the action means for each stream; a shared one goes to open windows, or to all if none is open."""
        if self.single:
            return (action,)
        if self.factored:
            if isinstance(action, Mapping):
                return [action[stream.spec.short] for stream in self.streams]
            chosen: Sequence[int] = action
            return chosen
        windows = [stream.lists.window[stream.row] for stream in self.streams]
        if not any(windows):
            return [action] * len(windows)
        return [action if window else 0 for window in windows]

    def calm(self, action: Any) -> bool:
        """Whether an action changes nothing, in a period that goes on; it may pay."""
        for stream, part in zip(self.streams, self._parts(action), strict=True):
            if stream.at == stream.count or not (stream.resting or stream.calm[part] is not None):
                return False
        return True

    def collect(self, action: Any) -> float:
        """What an action pays that changes nothing."""
        for stream, part in zip(self.streams, self._parts(action), strict=True):
            lists, row = stream.lists, stream.row
            stream.reward = 0.0 if stream.resting else lists.reward[row][part]
            stream.answered = (lists.period[row], part) if part and not stream.resting else None
            stream.earned += stream.reward
        return self.reward()

    def glance(self, now: int) -> tuple[NDArray[np.float32], dict[str, int]]:
        """What is seen and known in a step in which nothing happens."""
        if self._known is None:
            self._known = self._info([0] * len(self.streams), [stream.trial for stream in self.streams], now)
        return self._assemble(), self._known.copy()

    def reward(self) -> float:
        if self.single and self.streams[0].spec.weight == 1.0:
            return self.streams[0].reward
        total = 0.0
        for stream in self.streams:
            total += stream.spec.weight * stream.reward
        return total

    def observe(self, now: int) -> NDArray[np.float32]:
        for stream in self.streams:
            stream.at_time(now)
        if not self.columns.plain and self.spec.observation == "concat":
            self._fixation = self._fuse()
        return self._assemble()

    def _assemble(self) -> NDArray[np.float32]:
        """Put together what the streams show and the partners' last choices; a fresh float32 (channels,)."""
        if self.spec.observation == "shared":
            mean = self.streams[0].shown().copy()
            for stream in self.streams[1:]:
                mean += stream.shown()
                stream.tick()
            parts = [self.streams[0].observe_from(mean)]
        else:
            parts = [stream.observe() for stream in self.streams]
            if not self.columns.plain:
                parts = [self._fixation, *map(self._without_fixation, parts, self.streams)]
        for seen, partner in zip(self.seen, self.spec.partners, strict=True):
            shown = np.zeros(partner.choices - 1, np.float32)
            if seen:
                shown[seen - 1] = 1.0
            parts.append(shown)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    @staticmethod
    def _without_fixation(seen: NDArray[np.float32], stream: ScalarStream) -> NDArray[np.float32]:
        at = stream.tables.channels["fixation"].start
        return seen[1:] if at == 0 else np.delete(seen, at)

    def _fuse(self) -> NDArray[np.float32]:
        """The fused fixation cue: what any, or all, of the streams ask for; an idle stream asks for nothing."""
        shown = [stream.shown()[stream.tables.channels["fixation"].start] for stream in self.streams if not stream.idle]
        if not shown:
            return np.zeros(1, np.float32)
        if self.spec.fixation == "all":
            asked = min(shown) if len(shown) == len(self.streams) else min(*shown, np.float32(1.0))
        else:
            asked = max(shown) if len(shown) == len(self.streams) else max(*shown, np.float32(0.0))
        return np.array([asked], np.float32)

    def truth(self, now: int) -> Any:
        truths = [stream.truth(now) for stream in self.streams]
        if self.single:
            return truths[0]
        if self.factored:
            return truths
        for truth, stream in zip(truths, self.streams, strict=True):
            if stream.window_open():
                return truth
        return 0

    def info(self, outcomes: list[int], trials: list[int], now: int) -> dict[str, int]:
        return self._info([outcomes[i] for i in self.indices], [trials[i] for i in self.indices], now)

    def _info(self, codes: list[int], trials: list[int], now: int) -> dict[str, int]:
        """The info of the subject, and if it has several streams of each of them."""
        each = [
            [int(code > 0), code, trial, stream.truth(now), stream.lists.period[stream.row]]
            for code, trial, stream in zip(codes, trials, self.streams, strict=True)
        ]
        if self.single:
            return dict(zip(self._keys, each[0], strict=True))
        merged = int(merged_outcome(np.array(codes)[:, None])[0]) if any(codes) else 0
        truth = -1 if self.factored else self.truth(now)
        own = [int(merged > 0), merged, trials[0], truth, each[0][-1]]
        return dict(zip(self._keys, [*own, *(value for values in each for value in values)], strict=True))
