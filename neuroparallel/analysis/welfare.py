"""Social welfare and exploitability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neuroparallel.analysis.rounds import By, Rounds, rounds_of
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import FloatArray, IntArray


@checked
def social_welfare(trials: Trials, players: Sequence[str] | None = None, by: By = ()) -> Table:
    """Return the total reward of all players per round, and how evenly it was divided.

    Args:
        trials: Needs ``choice``, ``reward``, and ``group_trial`` or ``trial``.
        players: ``subject`` or ``subject.stream``, two or more; None: all streams of the table.
        by: Columns to divide by (the first player's). Divide by ``"lane"`` what is to be said of groups that met:
            averages over many groups are even where none of them is.

    Returns:
        A row per group: the columns of ``by``; ``rounds``; ``total`` per round; ``least`` and ``most``, what the
        players who earned least and most got per round; ``min_max``, the one divided by the other; ``gini``, 0 if all
        earned the same, 1 - 1/players if one earned all. The last two are ``nan`` where somebody lost.

    Raises:
        UnknownNameError: The table lacks a column or a player.
        ArgumentError: There are fewer than two players.

    Source:
        Gini 1912, Variabilità e mutabilità, Bologna.
    """
    trials.require("reward")
    rounds = rounds_of(trials, players)
    groups = rounds.groups(by, np.ones(len(rounds.trials), dtype=np.bool_))
    earned = np.array([rounds.reward[:, rows].mean(axis=1) for rows in groups.members()]).reshape(
        -1, len(rounds.players)
    )
    least, most = earned.min(axis=1), earned.max(axis=1)
    even = np.where(least >= 0, 1.0, np.nan)
    differences = np.abs(earned[:, :, None] - earned[:, None, :]).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        gini = differences / (2 * len(rounds.players) * earned.sum(axis=1))
        ratio = least / most
    return Table(
        {
            **groups.columns,
            "rounds": groups.count(),
            "total": earned.sum(axis=1),
            "least": least,
            "most": most,
            "min_max": ratio * even,
            "gini": gini * even,
        }
    )


@checked
def exploitability(
    trials: Trials,
    payoffs: npt.ArrayLike,
    players: Sequence[str] | None = None,
    by: By = (),
    *,
    look_back: bool = False,
) -> Table:
    """Return the gain of each player by the best response to the choices of the others.

    In an equilibrium nobody would have gained. The best response is found on the same rounds, so that with few of
    them there is always a little to gain.

    Args:
        trials: Needs ``choice``, and ``group_trial`` or ``trial``.
        payoffs: The pay-off table, (choices of the 1st, choices of the 2nd, ..., players), as a scenario has it.
        players: ``subject`` or ``subject.stream``, in the order of the table's axes; None: all streams of the trials.
        by: Columns to divide by (the first player's).
        look_back: Let the best response depend on all choices of the round before, so that habits are found out
            which show in no frequency (win-stay, lose-shift, tit for tat).

    Returns:
        A row per player and group: ``player``, the columns of ``by``, ``rounds``, ``earned`` (mean of what the table
        pays for the choices that were made), ``best`` (mean of what the best response would have been paid) and
        ``gain``, 0 or more.

    Raises:
        UnknownNameError: The table lacks a column or a player.
        ArgumentError: The pay-off table does not fit the players or their choices.
    """
    rounds = rounds_of(trials, players)
    pay = _payoffs(payoffs, rounds)
    later = np.zeros(len(rounds.follows), dtype=np.bool_)
    later[rounds.after()] = True
    groups = rounds.groups(by, later if look_back else rounds.played)
    parts = []
    for me, player in enumerate(rounds.players):
        found = [_gain(pay, rounds.choice, me, rows, look_back) for rows in groups.members()]
        earned, best = np.array(found).reshape(-1, 2).T
        columns = {"rounds": groups.count(), "earned": earned, "best": best, "gain": best - earned}
        parts.append(Table({"player": np.full(len(groups), player), **groups.columns, **columns}))
    return Table.concatenate(parts)


def _payoffs(payoffs: npt.ArrayLike, rounds: Rounds) -> FloatArray:
    try:
        pay = np.asarray(payoffs, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"payoffs: a table of numbers; found {payoffs!r}.") from None
    choices = rounds.choice[:, rounds.played].max(axis=1, initial=0)
    if pay.ndim != len(rounds.players) + 1 or pay.shape[-1] != len(rounds.players) or (choices > pay.shape[:-1]).any():
        raise ArgumentError(
            f"payoffs: its shape is {pay.shape}; for {len(rounds.players)} players who chose up to "
            f"{choices.tolist()} it is their numbers of choices, and then {len(rounds.players)} for what each is paid."
        )
    return pay


def _gain(pay: FloatArray, choice: IntArray, me: int, rows: IntArray, look_back: bool) -> tuple[float, float]:
    """Return the mean reward of a player in some rounds, and that of the best response."""
    chose = choice[:, rows] - 1
    mine = np.moveaxis(pay[..., me], me, 0)
    others = tuple(np.delete(chose, me, axis=0))
    each = mine[(slice(None), *others)]  # (own choices, rounds): what every choice would have been paid
    earned = float(np.take_along_axis(each, chose[me][None], axis=0).mean())
    states = np.zeros(len(rows), dtype=np.int64)
    if look_back:
        _, states = np.unique(choice[:, rows - 1], axis=1, return_inverse=True)
    totals = np.stack([np.bincount(states.ravel(), weights=row) for row in each])
    return earned, float(totals.max(axis=0).sum() / len(rows))
