"""Orders of a list of trials that keep to constraints, the end of the list going on with its beginning."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError
from neuroparallel.seeding import GAMMA, mix

__all__ = ["constrained_orders"]

Integers = NDArray[np.int64]
TRIES = 20  # starts from which one order is sought
SWAPS = 50  # exchanges of two trials from one start, for each trial of the list; 2000 at most


class _RandomIntegers:
    """Whole numbers out of a counter hash, the same in every process and version."""

    def __init__(self, seed: int) -> None:
        self._at = seed << 40

    def order(self, n: int) -> Integers:
        """A random order of n things."""
        words = mix((np.arange(n).astype(np.uint64) + np.uint64(self._at)) * GAMMA)
        self._at += n
        found: Integers = words.argsort(kind="stable")
        return found

    def below(self, n: int) -> int:
        """A whole number from 0 to n - 1."""
        self._at += 1
        return int(mix(np.array([self._at], np.uint64) * GAMMA)[0] >> np.uint64(11)) % n


def constrained_orders(
    columns: Mapping[str, Integers], most: Mapping[str, int], counterbalanced: str | None, count: int
) -> Integers:
    """Make some orders of a list.

    Args:
        columns: For each constrained condition the number of its level in each trial, int64 (n,).
        most: How often a condition may have the same level in a row.
        counterbalanced: The condition of which each level is to follow each level equally often, itself included.
        count: How many orders.

    Returns:
        int64, (count, n).

    Raises:
        ArgumentError: There is none, or none was found.
    """
    n = len(next(iter(columns.values())))
    if counterbalanced is not None:
        _check_counterbalance(columns[counterbalanced], counterbalanced)
    for name, longest in most.items():
        often = int(np.bincount(columns[name]).max())
        if often > longest * (n - often):
            raise ArgumentError(
                f"max_repeats.{name} is {longest}, but {often} of {n} trials have the same {name}, so there is no such "
                "order; allow longer repeats, or give more trials of other kinds."
            )
    orders, random = [], _RandomIntegers(1)
    for _ in range(count):
        for _ in range(TRIES):
            order = random.order(n) if counterbalanced is None else _counterbalanced(columns[counterbalanced], random)
            if counterbalanced is None:
                _mend(order, columns, most, random)
            if not _violations(order, columns, most).any():
                orders.append(order)
                break
        else:
            raise ArgumentError(
                f"no order of {n} trials was found in which {_said(most, counterbalanced)}; allow longer repeats, or "
                "give more trials."
            )
    return np.array(orders)


def _said(most: Mapping[str, int], counterbalanced: str | None) -> str:
    parts = [f"{name} stays the same for at most {k} trials" for name, k in most.items()]
    return " and ".join(
        parts + ([f"the transitions of {counterbalanced} are counterbalanced"] if counterbalanced else [])
    )


def _violations(order: Integers, columns: Mapping[str, Integers], most: Mapping[str, int]) -> NDArray[np.bool_]:
    """Trials that end too long a run, where the last trial is followed by the first; bool (n,)."""
    wrong = np.zeros(len(order), bool)
    for name, k in most.items():
        levels, same = columns[name][order], np.ones(len(order), bool)
        for back in range(1, k + 1):
            same &= levels == np.roll(levels, back)
        wrong |= same
    return wrong


def _mend(order: Integers, columns: Mapping[str, Integers], most: Mapping[str, int], random: _RandomIntegers) -> None:
    """Exchange trials until no run is too long, or it has been tried often enough."""
    wrong = _violations(order, columns, most)
    for _ in range(min(SWAPS * len(order), 2000)):
        if not wrong.any():
            return
        places = np.flatnonzero(wrong)
        one, other = int(places[random.below(len(places))]), random.below(len(order))
        order[[one, other]] = order[[other, one]]
        now = _violations(order, columns, most)
        if now.sum() > wrong.sum():
            order[[one, other]] = order[[other, one]]
        else:
            wrong = now


def _check_counterbalance(levels: Integers, name: str) -> None:
    counts = np.bincount(levels)
    kinds = len(counts)
    if len(set(counts.tolist())) > 1 or counts[0] % kinds:
        raise ArgumentError(
            f"counterbalanced: each of the {kinds} levels of {name} has to come equally often, {kinds} times or a "
            f"multiple; it is {counts.tolist()} trials. (repeat multiplies a list.)"
        )


def _counterbalanced(levels: Integers, random: _RandomIntegers) -> Integers:
    """A circular order in which each level follows each level equally often: a random round trip through all pairs."""
    kinds = int(levels.max()) + 1
    each = len(levels) // kinds // kinds
    doors = [list(np.repeat(np.arange(kinds), each)[random.order(kinds * each)]) for _ in range(kinds)]
    trip, stack = [], [0]
    while stack:  # Hierholzer: go on while there is a way, and join the detours
        if doors[stack[-1]]:
            stack.append(int(doors[stack[-1]].pop()))
        else:
            trip.append(stack.pop())
    course = np.array(trip[::-1][:-1])
    order = np.empty(len(levels), np.int64)
    for level in range(kinds):
        rows = np.flatnonzero(levels == level)
        order[course == level] = rows[random.order(len(rows))]
    turn = random.below(len(order))
    return np.roll(order, turn)
