"""A model of a task, read from its tables: probabilities of conditions and consequences of answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch.subject import BatchSubject
from neuroparallel.engine.tables import Tables
from neuroparallel.engine.trial_draws import TrialDraws
from neuroparallel.outcomes import Outcome
from neuroparallel.seeding import GAMMA, mix
from neuroparallel.task import Draw

__all__ = [
    "Answers",
    "allowed",
    "channel_columns",
    "drawn_conditions",
    "filled_tables",
    "means_by_answer",
    "slot_weights",
]

SAMPLES = 256  # conditions to look at where there is no grid of them
Floats = NDArray[np.float64]


def slot_weights(tables: Tables) -> Floats:
    """Return the probability of each condition of the grid, float64 (slots,). Without a grid, all are equal."""
    if tables.lazy:
        return np.full(tables.slots, 1.0 / tables.slots)
    index, weights = np.arange(tables.slots), np.ones(tables.slots)
    for name, factor in tables.design.factors.items():
        weights *= factor.weights[index // tables.design.strides[name] % len(factor)]
    share: Floats = weights / weights.sum()
    return share


def drawn_conditions(tables: Tables, n: int) -> dict[str, Any]:
    """Return the conditions of first trials of n sessions, drawn as an engine draws them; (n,) each."""
    task = tables.task
    keys = mix(np.arange(n).astype(np.uint64) * GAMMA)
    draws = TrialDraws(tables)
    words = draws.words(keys)
    values = tables.design.values(draws.levels(draws.slots(words))) | draws.values(words)
    for name in task.note_names():
        values[name] = np.zeros(n)
    return values if task.sequence is None else _first_trials(tables, values, keys)


def filled_tables(tables: Tables) -> Tables:
    """Return the tables themselves, or, if rows are made trial by trial, tables of conditions drawn at random."""
    if not tables.lazy:
        return tables
    sampled = Tables(tables.task, tables.dt, SAMPLES)
    sampled.define(np.arange(SAMPLES), drawn_conditions(tables, SAMPLES))
    return sampled


def _first_trials(tables: Tables, values: dict[str, Any], keys: Any) -> dict[str, Any]:
    """Return the conditions as the task's `sequence` hook changes them at the start of a session."""
    n = len(keys)
    nothing = np.zeros(n, np.int64)
    memory = {}
    for name, spec in tables.task.memory().items():
        initial = np.asarray(spec.initial, spec.dtype)
        memory[name] = np.broadcast_to(initial, (n, *initial.shape)).copy()
    draw = Draw(
        conditions=values,
        previous=dict(values),
        first=np.ones(n, bool),
        trial=nothing,
        outcome=nothing.copy(),
        choice=nothing.copy(),
        reward=np.zeros(n),
        memory=memory,
        dt=tables.dt,
        _keys=keys,
    )
    tables.task.sequence(draw)  # type: ignore[misc]
    return draw.conditions


class Answers:
    """Consequences of each action in a response window in each condition, before the `pay` hook.

    Args:
        tables: Compiled task, not lazy; see `filled_tables`.
        period: Number of a period with a response window.

    Attributes:
        correct: float64, (actions, slots). 1 where the action is right; action 0 is to let time run out.
        reward: float64, (actions, slots).
        late: int64, (slots,). From which step of the period on the right action is right.
        once: The first response counts, so that one is enough.
    """

    def __init__(self, tables: Tables, period: int) -> None:
        final = period in tables.finals
        row = len(tables.periods) + tables.finals.index(period) if final else period
        rows = np.arange(tables.slots) * tables.rows_per_slot + row
        columns = np.array([tables.actions, *range(1, tables.actions)])
        codes = columns[:, None] + rows * tables.columns
        self.correct = (tables.outcome[codes] == Outcome.CORRECT).astype(np.float64)
        self.reward = tables.reward[codes]
        self.late = tables.truth_after[rows]
        self.once = not final and not tables.sample.held[period]

    def best(self, weights: Floats) -> int:
        """Return the action of the highest mean reward, (slots,) weights; of equals, a choice rather than holding."""
        value = np.round((self.reward * weights).sum(axis=1), 9)
        return int(np.argmax(value[1:]) + 1) if value[1:].max() >= value[0] else 0


def allowed(tables: Tables, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which choices have an effect at present, bool (actions, lanes); holding, action 0, is left out.

    Args:
        tables: Compiled task.
        rows: int64, (lanes,). Where each lane stands.
    """
    hold = rows * tables.columns
    result = np.zeros((tables.actions, len(rows)), bool)
    for action in range(1, tables.actions):
        for table in (tables.next, tables.outcome, tables.reward, tables.priced):
            result[action] |= table[hold + action] != table[hold]
    return result


def channel_columns(subject: BatchSubject, place: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the columns of a subject's observation that show a stream, and the task's channels in them.

    Args:
        subject: The subject.
        place: Which of its streams, from 0.

    Returns:
        Two arrays int64, (n,). A fixation cue that the streams share is left out.
    """
    start, stop = subject.columns.spans[place]
    channels = subject.streams[place].tables.channels
    keep = np.arange(channels.width)
    if stop - start < len(keep):  # the fixation cue is shared
        keep = np.delete(keep, channels["fixation"].start)
    return start + np.arange(len(keep)), keep


def means_by_answer(tables: Tables, channels: NDArray[np.int64], answers: Iterable[int]) -> Floats:
    """Return the means of some channels where each of these answers is right, float64 (answers, periods, channels).

    Args:
        tables: Compiled task, not lazy; see `filled_tables`.
        channels: Which channels, int64, (channels,).
        answers: Actions, each of which is right in some condition.
    """
    rows = np.arange(tables.slots)[:, None] * tables.rows_per_slot + np.arange(len(tables.periods))
    shown = tables.mean[channels][:, rows].astype(np.float64)  # (channels, slots, periods)
    result = []
    for answer in answers:
        weights = slot_weights(tables) * (tables.answer == answer)
        result.append((shown * (weights / weights.sum())[:, None]).sum(axis=1).T)
    return np.stack(result)
