"""What is told about a step: infos as arrays made when asked for, and the heading of the trial table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.coupling import condition_dtypes, group_conditions
from neuroparallel.engine.layout import GroupSpec, Layout
from neuroparallel.engine.tables import Tables, merged_outcome
from neuroparallel.records import StreamInfo
from neuroparallel.records.partner_columns import PartnerColumn
from neuroparallel.task import Task

if TYPE_CHECKING:
    from neuroparallel.engine.batch_subject import BatchSubject


__all__ = ["MESSAGE", "Infos", "info_keys", "stream_info"]

MESSAGE = "message"  # column of the trial table: what a subject said when it answered

ANSWER = "ground truth"  # noted of a lazy task's trials, as its tables have another one afterwards


class Infos(Mapping[str, NDArray[Any]]):
    """What is known of each lane, as arrays (lanes,) that are made when asked for.

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


def info_keys(streams: Sequence[str]) -> tuple[str, ...]:
    """The keys of an agent's info: its own, then those of each stream if there are several."""
    own = ("trial_end", "outcome", "trial", "ground_truth", "period")
    if len(streams) == 1:
        return own
    return own + tuple(f"{stream}.{key}" for stream in streams for key in own)


def stream_info(layout: Layout, index: int, tables: Tables) -> StreamInfo:
    """What the trial table says of a stream."""
    spec = layout.streams[index]
    group = next(group for group in layout.groups if index in group.streams)
    shared = group_conditions(group, [layout.streams[member] for member in group.streams])
    if layout.subjects[spec.subject].message is not None:
        shared = (*shared, MESSAGE)
    whose = spec.name.split(".")[0]  # also where every stream is an agent of its own
    beside = [member for member in group.streams if layout.streams[member].name.split(".")[0] == whose]
    return StreamInfo(
        whose,
        spec.short,
        spec.task.task_name(),
        (*tables.recorded, *(name for name in shared if name not in tables.recorded)),
        tuple(tables.periods),
        group.name if len(beside) > 1 else "",
        _names(spec.task),
        _columns(layout, group),
    )


def _names(task: Task) -> dict[str, dict[int, str]]:
    """What the numbers in the columns of a task's trials stand for."""
    actions = dict(enumerate(task.action_names()))
    choices = {number: name for number, name in actions.items() if number}
    named = {
        column: dict(enumerate(words, start=1)) if words else choices for column, words in task.value_names.items()
    }
    return {"choice": actions, "ground_truth": actions, **named}


def _columns(layout: Layout, group: GroupSpec) -> tuple[PartnerColumn, ...]:
    """What the rows of a group show of other members."""
    found = []
    for name, index, condition in group.columns:
        is_flag = condition_dtypes(layout.streams[index].task.conditions())[condition].kind == "b"
        without = tuple(entry for entry, (members, _) in enumerate(group.mix) if index not in members)
        found.append(PartnerColumn(name, index, condition, is_flag, without))
    return tuple(found)
