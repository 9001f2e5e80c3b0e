"""The trials of several subjects side by side: what all of them did in the same round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from neuroparallel.analysis.grouping import Groups, completed, grouped
from neuroparallel.errors import ArgumentError, UnknownNameError, nearest
from neuroparallel.records import Trials
from neuroparallel.records.table import Array, BoolArray, FloatArray, IntArray
from neuroparallel.records.trials import group_codes, stream_codes

By: TypeAlias = "str | Sequence[str]"


@dataclass(frozen=True, eq=False)
class Rounds:
    """Choices of each player in each round, in time order within every lane and session.

    Attributes:
        players: Names of the players, ``subject.stream``, in the order in which they were asked for.
        choice: int64, (players, rounds). 0 where nothing was chosen, or too early.
        reward: float64, (players, rounds).
        follows: bool, (rounds,). The round directly follows the one in the column before.
        trials: The first player's trials, (rounds,).
    """

    players: tuple[str, ...]
    choice: IntArray
    reward: FloatArray
    follows: BoolArray
    trials: Trials

    @property
    def played(self) -> BoolArray:
        """Rounds in which all players chose something, bool (rounds,)."""
        return np.asarray((self.choice > 0).all(axis=0))

    def groups(self, by: By, mask: BoolArray) -> Groups:
        """Divide the marked rounds by columns of the first player's trials."""
        return grouped(self.trials, by, mask)

    def after(self) -> IntArray:
        """Rounds that directly follow one another and in both of which all chose: the later ones, int64."""
        both = self.follows & self.played
        both[1:] &= self.played[:-1]
        return np.flatnonzero(both).astype(np.int64)


def rounds_of(trials: Trials, players: Sequence[str] | None, *, exactly: int | None = None) -> Rounds:
    """Put the trials of several players side by side.

    A round is identified by lane, session and ``group_trial``, or ``trial`` where the table lacks that; a round in
    which a player's trial is missing is left out.

    Args:
        trials: Needs ``choice``, and ``group_trial`` or ``trial``.
        players: Names, ``subject`` or ``subject.stream``; None: all streams of the table, in order of appearance.
        exactly: How many players there have to be.

    Raises:
        UnknownNameError: The table lacks a column or a player.
        ArgumentError: There are fewer than two players, or not as many as there have to be.
    """
    number = "group_trial" if "group_trial" in trials else "trial"
    trials.require("choice", number)
    names, codes = stream_codes(trials)
    chosen = _found(names, players)
    if len(chosen) < 2 or (exactly is not None and len(chosen) != exactly):
        wanted = "two or more" if exactly is None else str(exactly)
        raise ArgumentError(f"players: {wanted} are compared; found {', '.join(names[c] for c in chosen) or 'none'}.")
    keys = group_codes([trials[name] for name in ("lane", "session", number) if name in trials])
    rows = _shared_rows(keys, codes, chosen)
    choice = np.where(completed(trials), np.maximum(trials["choice"], 0), 0)[rows].astype(np.int64)
    first = trials.select(rows[0])
    reward = trials["reward"][rows].astype(np.float64) if "reward" in trials else np.full(rows.shape, np.nan)
    return Rounds(tuple(names[c] for c in chosen), choice, reward, _follows(first, number), first)


def _found(names: list[str], players: Sequence[str] | None) -> list[int]:
    """Numbers of the streams that are meant by some names."""
    if players is None:
        return list(range(len(names)))
    found = []
    for player in [players] if isinstance(players, str) else players:
        mine = [i for i, name in enumerate(names) if name == player or name.partition(".")[0] == player]
        if len(mine) != 1:
            several = f" It has the streams {', '.join(names[i] for i in mine)}; name one." if mine else ""
            raise UnknownNameError(f"players: there is no one player {player!r}.{several or nearest(player, names)}")
        found += mine
    return found


def _shared_rows(keys: IntArray, codes: IntArray, players: list[int]) -> IntArray:
    """Return each player's rows in the rounds that all players have, int64 (players, rounds), in order of the keys."""
    mine = [np.flatnonzero(codes == player) for player in players]
    shared = keys[mine[0]]
    for rows in mine:
        if len(np.unique(keys[rows])) < len(rows):
            raise ArgumentError("players: one of them has several trials of the same lane, session and number.")
        shared = np.intersect1d(shared, keys[rows])
    sorted_rows = [rows[np.argsort(keys[rows], kind="stable")] for rows in mine]
    return np.stack([rows[np.isin(keys[rows], shared)] for rows in sorted_rows]).astype(np.int64)


def _follows(trials: Trials, number: str) -> BoolArray:
    lived: list[Array] = [trials[name] for name in ("lane", "session") if name in trials]
    result = np.zeros(len(trials), dtype=np.bool_)
    result[1:] = trials[number][1:] == trials[number][:-1] + 1
    for column in lived:
        result[1:] &= column[1:] == column[:-1]
    return result
