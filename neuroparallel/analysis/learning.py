"""Learning curves and trials to criterion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroparallel.analysis.grouping import STREAM, grouped, in_time_order
from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import stack_columns


@checked
def learning_curve(
    trials: Trials,
    by: str | Sequence[str] = STREAM,
    *,
    window: int = 100,
    stride: int | None = None,
    level: float = 0.95,
) -> Table:
    """Return the fraction correct in a moving window of trials, for each stream.

    Trials of several lanes are put in the order in which they began.

    Args:
        trials: Needs ``correct``.
        by: Columns to divide by.
        window: Scored trials in a window, at least 1.
        stride: Trials from one window to the next; None: windows do not overlap.
        level: Confidence of the interval, in (0, 1).

    Returns:
        A row per full window: the columns of ``by``, ``trials`` (scored trials up to the end of
        the window), ``correct`` (fraction in [0, 1]), ``low`` and ``high``.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: Window or stride is below 1, or the level is not in (0, 1).
    """
    step = window if stride is None else stride
    if window < 1 or step < 1:
        raise ArgumentError(f"learning_curve: window and stride are at least 1; found {window} and {step}.")
    ordered = trials.select(in_time_order(trials))
    groups = grouped(ordered, by, np.isfinite(ordered["correct"]))
    parts = []
    for i, rows in enumerate(groups.members()):
        right = np.concatenate([[0.0], np.cumsum(ordered["correct"][rows])])
        ends = np.arange(window, len(rows) + 1, step)
        hits = right[ends] - right[ends - window]
        low, high = wilson_interval(hits, np.full(len(ends), window), level)
        part = {name: np.repeat(values[i : i + 1], len(ends)) for name, values in groups.columns.items()}
        parts.append(part | {"trials": ends, "correct": hits / window, "low": low, "high": high})
    if not parts:
        empty = np.empty(0)
        part = groups.columns | {"trials": empty.astype(np.int64)}
        parts.append(part | dict.fromkeys(("correct", "low", "high"), empty))
    return Table(stack_columns(parts, [len(part["trials"]) for part in parts]))


@checked
def trials_to_criterion(
    trials: Trials, criterion: float, by: str | Sequence[str] = STREAM, *, window: int = 100
) -> Table:
    """Number of trials until a stream was right often enough, for each stream.

    Args:
        trials: Needs ``correct``.
        criterion: Fraction correct to reach, in [0, 1].
        by: Columns to divide by.
        window: Scored trials over which the fraction is taken.

    Returns:
        A row per group: the columns of ``by`` and ``trials``, float64: scored trials up to the
        end of the first window at or above the criterion, ``nan`` if there is none.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: The criterion is not in [0, 1], or the window is below 1.
    """
    if not 0 <= criterion <= 1:
        raise ArgumentError(f"criterion: a fraction between 0 and 1; found {criterion!r}.")
    curve = learning_curve(trials, by, window=window, stride=1)
    groups = grouped(trials, by, np.isfinite(trials["correct"]))
    needed = np.full(len(groups), np.nan)
    for i in range(len(groups)):
        mine = curve.where(**{name: values[i] for name, values in groups.columns.items()})
        # Compared as counts, because 0.9 * 100 is not 90 in floating point.
        reached = np.rint(mine["correct"] * window) >= criterion * window - 1e-9
        if reached.any():
            needed[i] = mine["trials"][np.argmax(reached)]
    return Table({**groups.columns, "trials": needed})
