"""Response rates by condition."""

from __future__ import annotations

from collections.abc import Sequence

from neuroparallel.analysis.grouping import STREAM, completed, grouped
from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked


@checked
def response_rates(
    trials: Trials,
    by: str | Sequence[str] = STREAM,
    *,
    action: int | None = None,
    level: float = 0.95,
) -> Table:
    """Return the fraction of trials with a response (a lick, a press), by condition.

    Trials that ended early or were cancelled do not count.

    Args:
        trials: Needs ``choice``.
        by: Columns to divide by, for example ``("stream", "sample", "test")``.
        action: The action to count; None: any but hold.
        level: Confidence of the interval, in (0, 1).

    Returns:
        A row per group: the columns of ``by``, ``trials``, ``rate`` in [0, 1], ``low``, ``high``.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: The level is not in (0, 1).
    """
    groups = grouped(trials, by, completed(trials))
    responded = trials["choice"] > 0 if action is None else trials["choice"] == action
    count, responses = groups.count(), groups.count(responded)
    low, high = wilson_interval(responses, count, level)
    return Table({**groups.columns, "trials": count, "rate": responses / count, "low": low, "high": high})
