"""Which of a trial's responses was its answer, and how the answers of a subject with several streams followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neuroparallel.records.stream_info import LAST, StreamInfo
from neuroparallel.records.table import Array, BoolArray, IntArray
from neuroparallel.records.trials import group_codes

__all__ = ["begins", "response_columns", "trial_of"]

NONE, LOST = -1, -2  # no answer was given; it was, but its response is no longer kept
Rows = Mapping[str, Array]


def trial_of(trials: Rows, responses: Rows, names: Sequence[str]) -> tuple[IntArray, BoolArray]:
    """Find the trial that each response belongs to.

    Args:
        trials: Columns, (trials,) each, among them those of ``names``; one trial or more.
        responses: Columns, (responses,) each, likewise.
        names: Columns that tell a trial from all others.

    Returns:
        int64, (responses,), a row of ``trials``, and bool, (responses,), whether it is the one.
    """
    count = len(trials[names[0]])
    codes = group_codes([np.concatenate([trials[name], responses[name]]) for name in names])
    order = np.argsort(codes[:count], kind="stable")
    place = np.searchsorted(codes[:count], codes[count:], sorter=order).clip(max=count - 1)
    row = order[place]
    return row, codes[row] == codes[count:]


def response_columns(infos: Sequence[StreamInfo], trials: Rows, responses: Rows, dt: float) -> dict[str, Array]:
    """The columns that say in which order, and how long after each other, a subject answered in its streams.

    Args:
        infos: The streams.
        trials: ``stream`` (number), ``lane``, ``session``, ``trial``, ``group_trial``, ``onset_step``,
            ``response_steps`` and ``choice``, (trials,) each.
        responses: ``stream``, ``lane``, ``session``, ``trial``, ``period``, ``action`` and ``step``, (responses,) each.
        dt: Length of a step, ms.

    Returns:
        ``response_order``, from 1, 0 for no answer, and ``inter_response_ms``, (trials,) each; nan in rows of streams
        that share no trial with another stream of their subject, and where a response is no longer kept.
    """
    subjects = {name: number for number, name in enumerate(dict.fromkeys((i.subject, i.group) for i in infos))}
    whose = np.array([subjects[info.subject, info.group] for info in infos])[trials["stream"]]
    shares = np.array([bool(info.group) for info in infos])[trials["stream"]].nonzero()[0]
    order, since = np.full(len(whose), np.nan), np.full(len(whose), np.nan)
    if shares.size:
        mine = {name: values[shares] for name, values in trials.items()}
        step = _answer_steps(infos, mine, responses)
        together = group_codes([whose[shares], *(mine[name] for name in ("lane", "session", "group_trial"))])
        order[shares], since[shares] = _followed(together, step)
        order[shares[np.isin(together, together[step == LOST])]] = np.nan
    since[np.isnan(order)] = np.nan
    return {"response_order": _whole(order), "inter_response_ms": since * dt}


def _whole(values: Array) -> Array:
    """As integers, unless one is missing."""
    return values if np.isnan(values).any() else values.astype(np.int64)


def _answer_steps(infos: Sequence[StreamInfo], trials: Rows, responses: Rows) -> IntArray:
    """The step, within the session, in which each trial was answered, (trials,); NONE or LOST if there is no such.

    It is recorded how long after the onset of some period the answer came, but not when that was. So the answer is
    looked for among the responses: one of the trial's choice, in a period in which a response can settle a trial, and
    whose clock can have started that long ago. In each period it is the first of these that had been held for long
    enough, or the last, if what is chosen last counts; and where a trial has several such periods, the first one's.
    """
    answered = (trials["response_steps"] >= 0) & (trials["choice"] > 0)
    steps = np.where(answered, LOST, NONE)
    given = _in_time(responses)
    life, stream, period, action, step = (given[name] for name in ("life", "stream", "period", "action", "step"))
    row, known = trial_of(trials, given, ("stream", "lane", "session", "trial"))
    start = step - trials["response_steps"][row]
    lasts = _padded([info.settles for info in infos])[stream, period]
    clocked = _padded([info.clocked for info in infos])[stream, period] > 0
    fits = known & answered[row] & (action == trials["choice"][row]) & (lasts != 0)
    fits &= (start == trials["onset_step"][row]) | (
        _started(start, life, step, period, clocked) & (start > trials["onset_step"][row])
    )
    some = fits.nonzero()[0]
    short = _held(life, action, step)[some] < lasts[some]
    early = np.where(lasts == LAST, -step, step)[some]
    some = some[np.lexsort((early, period[some], short, row[some]))]
    some = some[begins(row[some])]
    steps[row[some]] = step[some]
    return steps


def _in_time(responses: Rows) -> Rows:
    """Responses in the order in which they were given, with the ``life`` that they are of: a stream's session."""
    life = group_codes([responses[name] for name in ("stream", "lane", "session")])
    order = np.lexsort((responses["step"], life))
    return {"life": life[order], **{name: values[order] for name, values in responses.items()}}


def _started(start: IntArray, life: IntArray, step: IntArray, period: IntArray, clocked: BoolArray) -> BoolArray:
    """Whether a period that starts the clock can have begun then, as seen from responses in their order.

    A response in a period that starts the clock is in that period since, and one in another period is not.
    """
    width = step.max(initial=0) + 1
    since = np.searchsorted(life * width + step, life * width + (start + 1).clip(0, step))  # the first one since
    can: BoolArray = np.where(clocked, period[since] == period, clocked[since] | (step[since] > start + 1))
    return can


def _padded(entries: Sequence[Sequence[int]]) -> IntArray:
    """Rows of unequal length as one array, with zeros behind the shorter ones."""
    table = np.zeros((len(entries), max(map(len, entries))), dtype=np.int64)
    for row, entry in zip(table, entries, strict=True):
        row[: len(entry)] = entry
    return table


def _held(life: IntArray, action: IntArray, step: IntArray) -> IntArray:
    """For how many steps responses, in their order, had been the same when they were given."""
    number = np.arange(len(step))
    first = np.maximum.accumulate(np.where(begins(life, action, step - number), number, 0))
    return number - first + 1


def begins(*columns: IntArray) -> BoolArray:
    """Where another value begins in sorted columns."""
    return np.concatenate([[True], np.any([np.diff(c) != 0 for c in columns], axis=0)])[: len(columns[0])]


def _followed(together: IntArray, step: IntArray) -> tuple[IntArray, Array]:
    """Places of answers among those of one group's trial, 0 for none, and the steps from the one before, nan for none.

    A place is one more than the answers that came earlier, so that ties share one.
    """
    place, since = np.zeros(len(step), dtype=np.int64), np.full(len(step), np.nan)
    rows = (step >= 0).nonzero()[0]
    rows = rows[np.lexsort((step[rows], together[rows]))]
    number = np.arange(len(rows))
    first = np.maximum.accumulate(np.where(begins(together[rows]), number, 0))
    alike = np.maximum.accumulate(np.where(begins(together[rows], step[rows]), number, 0))
    place[rows] = alike - first + 1
    later = alike > first
    since[rows[later]] = step[rows[later]] - step[rows[alike[later] - 1]]
    return place, since
