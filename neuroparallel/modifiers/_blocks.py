"""Blocks of trials: how long one lasts, and which one comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, probability, whole_number
from neuroparallel.seeding import pick
from neuroparallel.task import Draw, Memory, is_finite_number
from neuroparallel.timing import Choice, Law, read_duration

__all__ = ["Blocks", "Length", "read_length"]

Integers = NDArray[np.int64]
Length = Any  # as `read_length` understands it
ORDERS = ("cycle", "random", "any")
LONGEST = 10**9  # trials; a block without a length lasts for the whole session


@dataclass(frozen=True)
class LengthLaw:
    """How many trials a block lasts: ``low`` and one more for every cut that a random word has reached.

    With a hazard that is how long it lasts at least; ``low`` = 0 without a hazard is for ever.
    """

    hazard: float | None
    low: int
    cuts: tuple[int, ...]

    @property
    def usual(self) -> int:
        """Trials that it lasts at most or, with a hazard, on average; 0 if it lasts for the whole session."""
        return self.low + (round(1 / self.hazard) if self.hazard else len(self.cuts))

    def draw(self, draw: Draw, purpose: str) -> Integers | int:
        """Lengths in trials, int64 (n,), or one for all."""
        return self.low + pick(np.array(self.cuts, np.uint64), draw.bits(purpose)) if self.cuts else self.low


def read_length(value: Length, where: str) -> LengthLaw:
    """Read how long a block lasts.

    Args:
        value: A whole number of trials; ``{hazard: 0.0125}``, the probability per trial that it ends, to which
            ``at_least: 30`` trials may be added;
            ``{uniform: [20, 100]}`` or ``{truncated_exponential: {mean: 60, low: 20, high: 100}}``, rounded to whole
            trials; a list, of which one is chosen; None: it lasts for the whole session.
        where: How to name it in an error.

    Raises:
        ArgumentError: It is none of these, or a block could last no trial.
    """
    if value is None:
        return LengthLaw(None, 0, ())
    if isinstance(value, Mapping) and "hazard" in value and set(value) <= {"hazard", "at_least"}:
        least = whole_number(value.get("at_least", 1), f"{where}.at_least", 1)
        return LengthLaw(probability(value["hazard"], f"{where}.hazard"), least, ())
    if is_finite_number(value):
        if value != int(value) or not 1 <= value <= LONGEST:
            raise ArgumentError(
                f"{where} is {value!r}; a block lasts a whole number of trials, 1 to {LONGEST:,}, or, with null, the "
                "whole session."
            )
        return LengthLaw(None, int(value), ())
    try:
        law = read_duration(value, where)
    except ArgumentError:
        law = 0.0
    if not isinstance(law, Law):
        raise ArgumentError(
            f"{where} is {value!r}; write a number of trials, {{hazard: 0.0125}}, {{uniform: [20, 100]}}, "
            "{truncated_exponential: {mean: 60, low: 20, high: 100}}, a list of numbers, or nothing."
        )
    if isinstance(law, Choice) and any(v != int(v) for v in law.values):
        raise ArgumentError(f"{where} is {value!r}; a block lasts a whole number of trials.")
    low, cuts = law.steps(1.0)
    if low < 1:
        raise ArgumentError(f"{where} is {value!r}; a block lasts 1 trial or more.")
    return LengthLaw(None, low, tuple(int(cut) for cut in cuts))


@dataclass(frozen=True)
class Blocks:
    """Which block a lane is in, kept in its memory.

    Args:
        name: That of the modifier.
        lengths: How long each of them lasts.
        order: ``"cycle"``: one after the other; ``"random"``: any other one, equally likely; ``"any"``: any one, the
            present one included; the first one of a session is drawn. ``"once"``: one after the other from the first
            one on, and the last one stays.
    """

    name: str
    lengths: tuple[LengthLaw, ...]
    order: str = "cycle"

    def memory(self) -> dict[str, Memory]:
        """The number of the present block, from 0, and how many of its trials are left, this one included."""
        return {f"{self.name}.block": Memory(0, np.int64), f"{self.name}.left": Memory(0, np.int64)}

    def advance(
        self, draw: Draw, also: NDArray[np.bool_] | bool = False, among: NDArray[np.bool_] | None = None
    ) -> tuple[Integers, NDArray[np.bool_]]:
        """Go on by a trial.

        Args:
            draw: The trials about to start.
            also: Where the block is to end in any case.
            among: bool, (n, blocks). Which ones may come in the order ``"any"``; None: all.

        Returns:
            block: int64, (n,). The block of this trial, from 0.
            new: bool, (n,). Where it begins with this trial.
        """
        block, left = draw.memory[f"{self.name}.block"], draw.memory[f"{self.name}.left"]
        new = draw.first | self._over(draw, block, left) | also
        left = left - 1
        if new.any():
            block = np.where(new, self._next(draw, block, among), block)
            if draw.first.any():
                block = np.where(draw.first, self._start(draw, among), block)
            for number, law in enumerate(self.lengths[:1] if self._alike else self.lengths):
                begins = new if self._alike else new & (block == number)
                left = np.where(begins, law.draw(draw, f"{self.name}.length"), left)
        draw.memory[f"{self.name}.block"], draw.memory[f"{self.name}.left"] = block, left
        return block, new

    def _over(self, draw: Draw, block: Integers, left: Integers) -> NDArray[np.bool_]:
        """Where the present block has had its trials."""
        over = np.zeros(len(draw), bool)
        for number, law in enumerate(self.lengths[:1] if self._alike else self.lengths):
            if not law.low:
                continue
            ends = left <= 1 if self._alike else (left <= 1) & (block == number)
            if law.hazard is not None:
                ends &= draw.random(f"{self.name}.hazard") < law.hazard
            over |= ends
        return over

    @cached_property
    def _alike(self) -> bool:
        return len(set(self.lengths)) == 1

    def _start(self, draw: Draw, among: NDArray[np.bool_] | None) -> Integers:
        count = len(self.lengths)
        if self.order == "once" or count == 1:
            return np.zeros(len(draw), np.int64)
        if among is not None:
            return _one_of(draw.random(f"{self.name}.start"), among)
        return _whole(draw.random(f"{self.name}.start"), count)

    def _next(self, draw: Draw, block: Integers, among: NDArray[np.bool_] | None) -> Integers:
        count = len(self.lengths)
        if self.order == "once" or count == 1:
            return np.minimum(block + 1, count - 1)
        if self.order == "any":
            among = np.ones((len(draw), count), bool) if among is None else among
            return _one_of(draw.random(f"{self.name}.next"), among)
        step = 1 if self.order == "cycle" else 1 + _whole(draw.random(f"{self.name}.next"), count - 1)
        return (block + step) % count


def _one_of(u: NDArray[np.float64], among: NDArray[np.bool_]) -> Integers:
    """Uniform numbers in [0, 1), (n,), as places of those that are True in each row, all alike."""
    rank = np.cumsum(among, axis=1)
    chosen: Integers = (rank > np.minimum((u * rank[:, -1]).astype(np.int64), rank[:, -1] - 1)[:, None]).argmax(axis=1)
    return chosen


def _whole(u: NDArray[np.float64], count: int) -> Integers:
    """Uniform numbers in [0, 1) as whole numbers from 0 to count - 1."""
    return np.minimum((u * count).astype(np.int64), count - 1)
