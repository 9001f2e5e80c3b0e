"""Shares and mean rewards of the options."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroparallel.analysis.grouping import STREAM, completed, grouped
from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked


@checked
def choice_shares(trials: Trials, by: str | Sequence[str] = STREAM, *, level: float = 0.95) -> Table:
    """Return the share of trials in which each choice was made, and its mean reward.

    Trials that ended early or were cancelled do not count.

    Args:
        trials: Needs ``choice``; ``reward`` for what was earned.
        by: Columns to divide by.
        level: Confidence of the interval, in (0, 1).

    Returns:
        A row per group and choice that was made in it: the columns of ``by``, ``choice`` (0 where nothing was chosen),
        ``trials``, ``share`` in [0, 1] of the group's trials with ``low`` and ``high``, and ``reward`` (mean of the
        trials with this choice).

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: The level is not in (0, 1).
    """
    trials.require("choice")
    names = [by] if isinstance(by, str) else list(by)
    columns = dict(trials.columns) | {"choice": np.maximum(trials["choice"], 0)}
    groups = grouped(Trials(columns), [*names, "choice"], completed(trials))
    count = groups.count()
    whole = grouped(Table(groups.columns), names)
    total = whole.total(count.astype(np.float64))[whole.codes]
    low, high = wilson_interval(count, total, level)
    result = {**groups.columns, "trials": count, "share": count / total, "low": low, "high": high}
    return Table(result | {"reward": groups.total(trials["reward"]) / count} if "reward" in trials else result)
