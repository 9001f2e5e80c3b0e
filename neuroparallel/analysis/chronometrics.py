"""Response times: the chronometric function."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroparallel.analysis.grouping import STREAM, grouped
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked


@checked
def chronometric(
    trials: Trials,
    by: str | Sequence[str] = STREAM,
    *,
    outcomes: Sequence[str] = ("correct",),
) -> Table:
    """Response time, by condition.

    Args:
        trials: Needs ``response_time_s`` and ``outcome``.
        by: Columns to divide by, for example ``("coherence", "outcome")``.
        outcomes: The outcomes to include, for example ``("correct", "error")``.

    Returns:
        A row per group: the columns of ``by``, ``trials``, and in seconds ``mean_s``,
        ``median_s``, ``sd_s`` (of single trials) and ``sem_s`` (of the mean), the last two
        ``nan`` for a single trial.

    Raises:
        UnknownNameError: The table lacks a column.
    """
    times = trials["response_time_s"]
    groups = grouped(trials, by, trials.mask(outcome=tuple(outcomes)) & np.isfinite(times))
    members = [times[rows] for rows in groups.members()]
    count = groups.count()
    spread = np.array([m.std(ddof=1) if len(m) > 1 else np.nan for m in members])
    return Table(
        {
            **groups.columns,
            "trials": count,
            "mean_s": np.array([m.mean() for m in members]),
            "median_s": np.array([np.median(m) for m in members]),
            "sd_s": spread,
            "sem_s": spread / np.sqrt(count),
        }
    )
