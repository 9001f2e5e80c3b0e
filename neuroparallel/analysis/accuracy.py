"""Accuracy of each stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroparallel.analysis.grouping import STREAM, grouped
from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked


@checked
def performance(trials: Trials, by: str | Sequence[str] = STREAM, *, aborts: bool = True, level: float = 0.95) -> Table:
    """Return the fraction correct, by stream or by any columns, with its Wilson interval.

    Args:
        trials: Needs ``correct``.
        by: Columns to divide by, for example ``("stream", "coherence")``.
        aborts: Whether a trial broken off too early counts as not correct; if not, it does not
            count at all, as is usual for animals.
        level: Confidence of the interval, in (0, 1).

    Returns:
        A row per group: the columns of ``by``, ``trials`` (those that were scored), ``correct``
        (fraction in [0, 1]), ``low`` and ``high``.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: The level is not in (0, 1).
    """
    scored = np.isfinite(trials["correct"])
    if not aborts:
        scored &= trials["outcome"] != "abort"
    groups = grouped(trials, by, scored)
    count, right = groups.count(), groups.total(trials["correct"])
    low, high = wilson_interval(right, count, level)
    return Table({**groups.columns, "trials": count, "correct": right / count, "low": low, "high": high})
