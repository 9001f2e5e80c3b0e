"""Information that one subject's choices carry about another's, in bits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroparallel.analysis.rounds import By, Rounds, rounds_of
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import IntArray
from neuroparallel.records.trials import group_codes


@checked
def mutual_information(trials: Trials, players: Sequence[str] | None = None, by: By = ()) -> Table:
    """Estimate the mutual information between the choices of two subjects in the same round.

    Args:
        trials: Needs ``choice``, and ``group_trial`` or ``trial``.
        players: ``subject`` or ``subject.stream``, two; None: all streams of the table.
        by: Columns to divide by (the first player's).

    Returns:
        A row per group: the columns of ``by``, ``rounds``, ``bits`` (corrected for the bias of small numbers, 0 on
        average if the choices are independent, so a little below it at times) and ``uncorrected``.

    Raises:
        UnknownNameError: The table lacks a column or a player.
        ArgumentError: There are not two players.

    Source:
        Miller 1955, in Quastler (ed.), Information Theory in Psychology, 95 (the correction).
    """
    rounds = rounds_of(trials, players, exactly=2)
    groups = rounds.groups(by, rounds.played)
    found = []
    for rows in groups.members():
        one, other = rounds.choice[:, rows]
        found.append(_entropy(one) + _entropy(other) - _entropy(one, other))
    bits, bias = np.array(found).reshape(-1, 2).T
    return Table({**groups.columns, "rounds": groups.count(), "bits": bits + bias, "uncorrected": bits})


@checked
def transfer_entropy(trials: Trials, players: Sequence[str] | None = None, by: By = ()) -> Table:
    """Estimate the transfer entropy from one subject's choice to another's next one, given the other's last choice.

    Args:
        trials: Needs ``choice``, and ``group_trial`` or ``trial``.
        players: ``subject`` or ``subject.stream``, two or more; None: all streams of the table.
        by: Columns to divide by (the first player's).

    Returns:
        A row per ordered pair of players and group: ``source``, ``target``, the columns of ``by``, ``rounds`` (that
        follow another one), ``bits`` (corrected for the bias of small numbers) and ``uncorrected``.

    Raises:
        UnknownNameError: The table lacks a column or a player.
        ArgumentError: There are fewer than two players.

    Source:
        Schreiber 2000, Phys Rev Lett 85:461; the correction: Miller 1955, in Quastler (ed.), Information Theory in
        Psychology, 95.
    """
    rounds = rounds_of(trials, players)
    pairs = [(i, j) for i in range(len(rounds.players)) for j in range(len(rounds.players)) if i != j]
    return Table.concatenate([_transferred(rounds, source, target, by) for source, target in pairs])


def _transferred(rounds: Rounds, source: int, target: int, by: By) -> Table:
    later = np.zeros(len(rounds.follows), dtype=np.bool_)
    later[rounds.after()] = True
    groups = rounds.groups(by, later)
    found = []
    for rows in groups.members():
        now, own, other = rounds.choice[target, rows], rounds.choice[target, rows - 1], rounds.choice[source, rows - 1]
        found.append(_entropy(now, own) - _entropy(own) - _entropy(now, own, other) + _entropy(own, other))
    bits, bias = np.array(found).reshape(-1, 2).T
    who = {
        "source": np.full(len(groups), rounds.players[source]),
        "target": np.full(len(groups), rounds.players[target]),
    }
    return Table({**who, **groups.columns, "rounds": groups.count(), "bits": bits + bias, "uncorrected": bits})


def _entropy(*parts: IntArray) -> np.ndarray:
    """Entropy in bits of what some variables are together, as counted, and what Miller's correction adds to it."""
    _, counts = np.unique(group_codes(parts), return_counts=True)
    share = counts / counts.sum()
    return np.array([-np.sum(share * np.log2(share)), (len(counts) - 1) / (2 * counts.sum() * np.log(2))])
