"""Coordination of subjects: equal choices and turn taking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.analysis.rounds import By, rounds_of
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked


@checked
def coordination_rate(
    trials: Trials,
    players: Sequence[str] | None = None,
    by: By = (),
    *,
    on: Literal["same", "different"] = "same",
    level: float = 0.95,
) -> Table:
    """Return the rate of equal choices of all players, and the rate expected by chance.

    Rounds in which one of them chose nothing do not count.

    Args:
        trials: Needs ``choice``, and ``group_trial`` or ``trial``.
        players: ``subject`` or ``subject.stream``, two or more; None: all streams of the table.
        by: Columns to divide by (the first player's), ``"lane"`` for one row per pair of subjects that met.
        on: ``"different"`` counts rounds in which all choices differed instead, where that is what succeeds
            (chicken).
        level: Confidence of the interval, in (0, 1).

    Returns:
        A row per group: the columns of ``by``, ``rounds``, ``rate`` in [0, 1] with ``low`` and ``high``, and
        ``chance``: the rate of players who choose as often, independently of each other.

    Raises:
        UnknownNameError: The table lacks a column or a player.
        ArgumentError: Fewer than two players, or a number or word that is not allowed.
    """
    if on not in ("same", "different"):
        raise ArgumentError(f"on: 'same' or 'different'; found {on!r}.")
    rounds = rounds_of(trials, players)
    groups = rounds.groups(by, rounds.played)
    chose = np.sort(rounds.choice, axis=0)
    equal = chose[1:] == chose[:-1]
    hit = equal.all(axis=0) if on == "same" else ~equal.any(axis=0)
    count, hits = groups.count(), groups.count(hit)
    low, high = wilson_interval(hits, count, level)
    chance = [_by_chance(rounds.choice[:, rows], on) for rows in groups.members()]
    return Table(
        {**groups.columns, "rounds": count, "rate": hits / count, "low": low, "high": high, "chance": np.array(chance)}
    )


def _by_chance(choice: np.ndarray, on: str) -> float:
    options = np.unique(choice)
    shares = (choice[:, :, None] == options).mean(axis=1)
    if on == "same":
        return float(shares.prod(axis=0).sum())
    # All different: player by player, over the sets of choices that are taken already.
    taken = {frozenset[int](): 1.0}
    for share in shares:
        further: dict[frozenset[int], float] = {}
        for used, chance in taken.items():
            for option in set(range(len(options))) - used:
                key = used | {option}
                further[key] = further.get(key, 0.0) + chance * float(share[option])
        taken = further
    return sum(taken.values())


@checked
def turn_taking(trials: Trials, players: Sequence[str] | None = None, by: By = ()) -> Table:
    """Whether two subjects take turns in being the one who gets more.

    Of two successive rounds in each of which one got more than the other, it was either the other one's turn or
    the same one's again.

    Args:
        trials: Needs ``choice``, ``reward``, and ``group_trial`` or ``trial``.
        players: ``subject`` or ``subject.stream``, two; None: all streams of the table.
        by: Columns to divide by (the first player's). Divide by ``"lane"`` what is to be said of pairs.

    Returns:
        A row per group: the columns of ``by``; ``pairs`` of rounds; ``index``, the share of turns taken less the
        share of turns kept, 1 for strict alternation, 0 for chance and -1 where it is always the same one; and
        ``first``, the share of unequal rounds in which the first player got more. ``nan`` without such rounds.

    Raises:
        UnknownNameError: The table lacks a column or a player.
        ArgumentError: There are not two players.
    """
    trials.require("reward")
    rounds = rounds_of(trials, players, exactly=2)
    ahead = np.sign(rounds.reward[0] - rounds.reward[1]) * rounds.played
    before = np.where(rounds.follows, np.roll(ahead, 1), 0.0)
    groups = rounds.groups(by, rounds.played)
    pairs = groups.count((ahead * before) != 0)
    unequal, first = groups.count(ahead != 0), groups.count(ahead > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        index = -groups.total(ahead * before) / pairs
        share = first / unequal
    return Table({**groups.columns, "pairs": pairs, "index": index, "first": share})
