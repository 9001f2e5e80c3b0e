"""Win-stay and lose-shift probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from neuroparallel.analysis.grouping import STREAM, completed, grouped
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import BoolArray, FloatArray, IntArray


@checked
def win_stay_lose_shift(
    trials: Trials,
    by: str | Sequence[str] = STREAM,
    *,
    win: Literal["reward", "correct"] = "reward",
) -> Table:
    """Return how often a choice is repeated after a win, and changed after a loss.

    Only pairs of directly successive trials of a stream count, in the same lane and session, in
    both of which something was chosen, and not too early. The columns of ``by`` are those of
    the second trial.

    Args:
        trials: Needs ``choice``, ``trial`` and the column that tells a win.
        by: Columns to divide by.
        win: A win is a trial that paid (``"reward"`` above 0) or that was ``"correct"``.

    Returns:
        A row per group: the columns of ``by``, ``win_stay`` and ``lose_shift`` (fractions in
        [0, 1], ``nan`` without such pairs), ``wins`` and ``losses`` (numbers of pairs).

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: ``win`` is neither of the two.
    """
    if win not in ("reward", "correct"):
        raise ArgumentError(f"win: 'reward' or 'correct'; found {win!r}.")
    earlier, later = successive(trials, (trials["choice"] > 0) & completed(trials))
    won = np.nan_to_num(trials[win][earlier]) > 0
    stayed = trials["choice"][later] == trials["choice"][earlier]
    groups = grouped(trials.select(later), by)
    wins, losses = groups.count(won), groups.count(~won)
    return Table(
        {
            **groups.columns,
            "win_stay": _fraction(groups.count(won & stayed), wins),
            "lose_shift": _fraction(groups.count(~won & ~stayed), losses),
            "wins": wins,
            "losses": losses,
        }
    )


def successive(trials: Trials, counted: BoolArray) -> tuple[IntArray, IntArray]:
    """Rows of directly successive trials of a stream, in the same lane and session, both of which count.

    Args:
        trials: Needs ``trial``.
        counted: bool, (trials,).

    Returns:
        The earlier and the later row of each pair, int64, (pairs,).
    """
    lived = [name for name in (*STREAM, "lane", "session") if name in trials]
    order = np.lexsort([trials["trial"], *(trials[name] for name in lived)])
    earlier, later = order[:-1], order[1:]
    pair = trials["trial"][later] == trials["trial"][earlier] + 1
    for name in lived:
        pair &= trials[name][later] == trials[name][earlier]
    pair &= counted[later] & counted[earlier]
    return earlier[pair].astype(np.int64), later[pair].astype(np.int64)


def _fraction(part: np.ndarray, whole: np.ndarray) -> FloatArray:
    fraction: FloatArray = np.full(len(whole), np.nan)
    np.divide(part, whole, out=fraction, where=whole > 0)
    return fraction
