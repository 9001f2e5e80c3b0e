"""Dual-task costs."""

from __future__ import annotations

import numpy as np

from neuroparallel.analysis.accuracy import performance
from neuroparallel.analysis.grouping import STREAM, grouped
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import BoolArray
from neuroparallel.records.trials import group_codes

# Streams of one subject that share these were drawn together.
_SHARED_TRIAL = ("subject", "session", "lane", "trial")


@checked
def dual_task_cost(trials: Trials, single: Trials | None = None, *, level: float = 0.95) -> Table:
    """Return the loss of accuracy of each stream while the subject also does another task.

    A trial is dual if another stream of the same subject has a trial of the same number, in the
    same session and lane, that was not cancelled.

    Args:
        trials: Needs ``correct``, ``stream`` and ``outcome``.
        single: Trials of the streams by themselves (``scenario.only(stream)``). None: the
            trials of the table in which no other stream was live.
        level: Confidence of the interval, in (0, 1).

    Returns:
        A row per stream: ``subject``, ``stream``, ``single`` and ``dual`` (fractions correct),
        ``cost`` (single minus dual, positive if the second task hurts) with ``low`` and ``high``,
        ``single_trials`` and ``dual_trials``; ``nan`` where one of the two never occurred.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: The level is not in (0, 1).

    Source:
        Newcombe 1998, Stat Med 17:873, method 10 (the interval of the difference).
    """
    trials.require("stream", "correct", "outcome")
    other_live = _another_stream_live(trials)
    alone = trials.select(~other_live) if single is None else single
    rows = {"single": performance(alone, level=level)}
    rows["dual"] = performance(trials.select(other_live), level=level)
    streams = grouped(trials, STREAM).columns
    found: dict[str, dict[str, np.ndarray]] = {
        kind: {name: _looked_up(table, name, streams) for name in ("trials", "correct", "low", "high")}
        for kind, table in rows.items()
    }
    one, two = found["single"], found["dual"]
    cost = one["correct"] - two["correct"]
    below = np.hypot(one["correct"] - one["low"], two["high"] - two["correct"])
    above = np.hypot(one["high"] - one["correct"], two["correct"] - two["low"])
    return Table(
        {
            **streams,
            "single": one["correct"],
            "dual": two["correct"],
            "cost": cost,
            "low": cost - below,
            "high": cost + above,
            "single_trials": np.nan_to_num(one["trials"]).astype(np.int64),
            "dual_trials": np.nan_to_num(two["trials"]).astype(np.int64),
        }
    )


def _another_stream_live(trials: Trials) -> BoolArray:
    names = [name for name in _SHARED_TRIAL if name in trials]
    live = trials["outcome"] != "cancelled"
    _, shared = np.unique(group_codes([trials[name] for name in names]), return_inverse=True)
    together = np.bincount(shared[live], minlength=int(shared.max(initial=-1)) + 1)
    return np.asarray(together[shared] - live > 0, dtype=np.bool_)


def _looked_up(table: Table, column: str, streams: dict[str, np.ndarray]) -> np.ndarray:
    """Return the column's value for each stream, ``nan`` for a stream that is not in the table."""
    values = np.full(len(streams["stream"]), np.nan)
    for i in range(len(values)):
        keys = {name: names[i] for name, names in streams.items() if name in table}
        row = table.where(**keys)[column]
        if len(row):
            values[i] = row[0]
    return values
