"""Reward rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroparallel.analysis.grouping import STREAM, grouped
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.trials import group_codes


@checked
def reward_rate(trials: Trials, by: str | Sequence[str] = STREAM) -> Table:
    """Reward per trial and per second of time spent, for each stream.

    The time of a lane's session runs from the first onset to the last end among the trials of
    the group, waits between them included.

    Args:
        trials: Needs ``reward``, ``onset_s`` and ``duration_s``.
        by: Columns to divide by.

    Returns:
        A row per group: the columns of ``by``, ``trials``, ``reward`` (sum), ``per_trial``,
        ``time_s`` (sum over lanes and sessions) and ``per_s`` (``nan`` if no time passed).

    Raises:
        UnknownNameError: The table lacks a column.
    """
    groups = grouped(trials, by)
    onset, end = trials["onset_s"], trials["onset_s"] + trials["duration_s"]
    where = [trials[name] for name in ("lane", "session") if name in trials]
    lived = group_codes(where) if where else np.zeros(len(trials), dtype=np.int64)
    time = np.zeros(len(groups))
    for i, rows in enumerate(groups.members()):
        _, part = np.unique(lived[rows], return_inverse=True)
        first, last = np.full(part.max() + 1, np.inf), np.full(part.max() + 1, -np.inf)
        np.minimum.at(first, part, onset[rows])
        np.maximum.at(last, part, end[rows])
        time[i] = float(np.sum(last - first))
    count, reward = groups.count(), groups.total(trials["reward"])
    return Table(
        {
            **groups.columns,
            "trials": count,
            "reward": reward,
            "per_trial": reward / count,
            "time_s": time,
            "per_s": np.divide(reward, time, out=np.full(len(time), np.nan), where=time > 0),
        }
    )
