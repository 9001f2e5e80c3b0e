"""Order of the responses of a subject with several streams, and the intervals between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neuroparallel.records.stream_info import StreamInfo
from neuroparallel.records.table import Array, BoolArray, IntArray
from neuroparallel.records.trials import group_codes

__all__ = ["begins", "response_columns"]

NONE = -1  # no answer was given
Rows = Mapping[str, Array]


def response_columns(infos: Sequence[StreamInfo], trials: Rows, dt: float) -> dict[str, Array]:
    """Return the columns with the order of a subject's responses in its streams and the intervals between them.

    Args:
        infos: The streams.
        trials: ``stream`` (number), ``lane``, ``session``, ``group_trial``, ``clock_step``, ``response_steps`` and
            ``choice``, (trials,) each.
        dt: Length of a step, ms.

    Returns:
        ``response_order``, from 1, 0 for no answer, and ``inter_response_ms``, (trials,) each; nan in rows of streams
        that share no trial with another stream of their subject.
    """
    subjects = {name: number for number, name in enumerate(dict.fromkeys((i.subject, i.group) for i in infos))}
    whose = np.array([subjects[info.subject, info.group] for info in infos])[trials["stream"]]
    shares = np.array([bool(info.group) for info in infos])[trials["stream"]].nonzero()[0]
    order, since = np.full(len(whose), np.nan), np.full(len(whose), np.nan)
    if shares.size:
        mine = {name: values[shares] for name, values in trials.items()}
        answered = (mine["response_steps"] >= 0) & (mine["choice"] > 0)
        step = np.where(answered, mine["clock_step"] + mine["response_steps"], NONE)
        together = group_codes([whose[shares], *(mine[name] for name in ("lane", "session", "group_trial"))])
        order[shares], since[shares] = _followed(together, step)
    return {
        "response_order": order if np.isnan(order).any() else order.astype(np.int64),
        "inter_response_ms": since * dt,
    }


def begins(*columns: IntArray) -> BoolArray:
    """Return where a new value begins in sorted columns."""
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
