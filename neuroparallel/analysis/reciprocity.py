"""Reciprocity: choices after each joint outcome of the round before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroparallel.analysis.grouping import grouped
from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.analysis.rounds import By, rounds_of
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import FloatArray


@checked
def memory_one(
    trials: Trials,
    players: Sequence[str] | None = None,
    by: By = (),
    *,
    choice: int = 1,
    level: float = 0.95,
) -> Table:
    """Return the probability that each of two players cooperates after each joint outcome of the round before.

    In the prisoner's dilemma these four numbers, p_CC, p_CD, p_DC and p_DD, are a player's memory-one strategy.

    Args:
        trials: Needs ``choice``, and ``group_trial`` or ``trial``.
        players: ``subject`` or ``subject.stream``, two; None: all streams of the table.
        by: Columns to divide by (the first player's).
        choice: The choice whose probability is asked for, 1 or more.
        level: Confidence of the interval, in (0, 1).

    Returns:
        A row per player, group and joint outcome that occurred: ``player``, the columns of ``by``, ``own`` and
        ``other`` (the choices of the round before), ``rounds`` that followed it, ``probability`` in [0, 1], ``low``
        and ``high``.

    Raises:
        UnknownNameError: The table lacks a column or a player.
        ArgumentError: There are not two players, or the level is not in (0, 1).
    """
    rounds = rounds_of(trials, players, exactly=2)
    later = rounds.after()
    names = [by] if isinstance(by, str) else list(by)
    rounds.trials.require(*names)
    parts = []
    for me, player in enumerate(rounds.players):
        columns = {name: rounds.trials[name][later] for name in names}
        columns |= {"own": rounds.choice[me, later - 1], "other": rounds.choice[1 - me, later - 1]}
        groups = grouped(Table(columns), list(columns))
        hits, count = groups.count(rounds.choice[me, later] == choice), groups.count()
        low, high = wilson_interval(hits, count, level)
        probability: FloatArray = hits / count
        who = np.full(len(groups), player)
        numbers = {"rounds": count, "probability": probability, "low": low, "high": high}
        parts.append(Table({"player": who, **groups.columns, **numbers}))
    return Table.concatenate(parts)
