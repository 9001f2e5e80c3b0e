"""Infos of a step: arrays by key that are made when they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.tables import merged_outcome

if TYPE_CHECKING:
    from neuroparallel.engine.batch.subject import BatchSubject


__all__ = ["Infos"]


class Infos(Mapping[str, NDArray[Any]]):
    """Infos of an agent: arrays (lanes,) by key that are made when they are read.

    ``trial_end``, ``outcome`` and ``trial`` are about the step just taken; ``ground_truth`` and ``period`` about
    the observation just returned. With several streams each also stands as ``memory.outcome`` and so on. Every array
    is a fresh one, that may be written into.
    """

    def __init__(
        self,
        subject: BatchSubject,
        outcomes: NDArray[np.uint8],
        trials: list[NDArray[np.int64]],
        now: int,
    ) -> None:
        self._subject, self._now = subject, now
        self._outcomes = [outcomes[index] for index in subject.indices]
        self._rows = subject.streams[0].ensemble.row  # replaced, not changed, by later steps
        self._entered = [stream.entered.copy() if stream.tables.any_late else None for stream in subject.streams]
        # A lazy task's rows are written anew for later trials, so what they say now is kept.
        self._truths = [stream.truth(now) if stream.tables.lazy else None for stream in subject.streams]
        self._trials = [trials[index] for index in subject.indices]
        self._keys = subject.info_keys

    def __getitem__(self, key: str) -> NDArray[Any]:
        if key not in self._keys:
            raise KeyError(key)
        stream, _, what = key.rpartition(".")
        if stream:
            return self._of(what, self._subject.shorts.index(stream))
        if what == "outcome" and len(self._trials) > 1:
            return merged_outcome(np.stack(self._outcomes))
        if what == "trial_end" and len(self._trials) > 1:
            return np.asarray(np.any(self._outcomes, axis=0))
        if what == "ground_truth" and len(self._trials) > 1:
            return self._whole_truth()
        return self._of(what, 0)

    def _whole_truth(self) -> NDArray[np.int64]:
        """The truth of the shared action; -1 where each stream has an action of its own."""
        if self._subject.factored:
            return np.full(self._subject.lanes, -1, np.int64)
        result = np.zeros(self._subject.lanes, np.int64)
        for index in reversed(range(len(self._trials))):
            stream = self._subject.streams[index]
            window = stream.tables.window[stream.rows_of(self._rows)]
            result = np.where(window, self._of("ground_truth", index), result)
        return result

    def _of(self, what: str, index: int) -> NDArray[Any]:
        stream = self._subject.streams[index]
        if what == "trial":
            return self._trials[index].copy()
        if what == "outcome":
            return np.asarray(self._outcomes[index], np.int64)
        if what == "trial_end":
            return np.asarray(self._outcomes[index] > 0)
        row = stream.rows_of(self._rows)
        if what == "period":
            return np.asarray(stream.tables.period_of.take(row))
        kept = self._truths[index]
        if kept is not None:
            return kept.copy()
        truth, entered = np.asarray(stream.tables.truth.take(row)), self._entered[index]
        if entered is None:
            return truth
        return np.where(self._now - entered + 1 >= stream.tables.truth_after[row], truth, 0)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
