"""Blocks of trials: how long one lasts, and which one comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.seeding import Bits, pick
from neuroparallel.task import Draw, Memory, is_finite_number
from neuroparallel.timing import Choice, Law, read_duration

__all__ = ["Blocks", "Length", "chance", "one_of", "read_length"]

Integers = NDArray[np.int64]
Length = Any  # as `read_length` understands it
ORDERS = ("cycle", "random")


def one_of(value: Any, names: tuple[str, ...], where: str) -> None:
    """Refuse what is none of some words."""
    if value not in names:
        raise ArgumentError(f"{where} is {value!r}.{nearest(str(value), names)}")


def chance(value: Any, where: str) -> float:
    """Let a probability through, refuse anything else.

    Raises:
        ArgumentError: It is no number from 0 to 1.
    """
    if not is_finite_number(value) or not 0 <= value <= 1:
        raise ArgumentError(f"{where} is {value!r}; it is a probability per trial, 0 to 1.")
    return float(value)


@dataclass(frozen=True)
class LengthLaw:
    """How many trials a block lasts: at least ``low`` and one more for every cut that a random word has reached."""

    hazard: float
    low: int
    cuts: tuple[int, ...]

    def draw(self, bits: Bits) -> Integers:
        """Lengths in trials; uint64 (n,) to int64 (n,)."""
        return self.low + pick(np.array(self.cuts, np.uint64), bits)


def read_length(value: Length, where: str) -> LengthLaw:
    """Read how long a block lasts.

    Args:
        value: A whole number of trials; ``{hazard: 0.0125}``, the probability per trial that it ends;
            ``{uniform: [20, 100]}`` or ``{truncated_exponential: {mean: 60, low: 20, high: 100}}``, rounded to whole
            trials; a list, of which one is chosen; None: it lasts for the whole session.
        where: How to name it in an error.

    Raises:
        ArgumentError: It is none of these, or a block could last no trial.
    """
    if value is None:
        return LengthLaw(0.0, 0, ())
    if isinstance(value, Mapping) and set(value) == {"hazard"}:
        return LengthLaw(chance(value["hazard"], f"{where}.hazard"), 0, ())
    if is_finite_number(value):
        if value != int(value) or value < 1:
            raise ArgumentError(f"{where} is {value!r}; a block lasts a whole number of trials, 1 or more.")
        return LengthLaw(0.0, int(value), ())
    try:
        law = read_duration(list(value) if isinstance(value, tuple) else value, where)
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
    return LengthLaw(0.0, low, tuple(int(cut) for cut in cuts))


@dataclass(frozen=True)
class Blocks:
    """Which block a lane is in, kept in its memory.

    Args:
        name: That of the modifier.
        count: How many kinds of blocks there are.
        length: As of `read_length`.
        order: ``"cycle"``: one after the other; ``"random"``: any other one, equally likely. The first one of a
            session is drawn.
        first: Number of the block with which every session begins instead; -1 draws it.
    """

    name: str
    count: int
    length: LengthLaw
    order: str = "cycle"
    first: int = -1

    def memory(self) -> dict[str, Memory]:
        """The number of the present block, from 0, and how many of its trials are left, this one included."""
        return {f"{self.name}.block": Memory(0, np.int64), f"{self.name}.left": Memory(0, np.int64)}

    def advance(self, draw: Draw, also: NDArray[np.bool_] | bool = False) -> tuple[Integers, NDArray[np.bool_]]:
        """Go on by a trial.

        Args:
            draw: The trials about to start.
            also: Where the block is to end in any case.

        Returns:
            block: int64, (n,). The block of this trial, from 0.
            new: bool, (n,). Where it begins with this trial.
        """
        block, left = draw.memory[f"{self.name}.block"], draw.memory[f"{self.name}.left"]
        law = self.length
        if law.hazard:
            over = draw.random(f"{self.name}.hazard") < law.hazard
        else:
            over = (left <= 1) if law.low else np.zeros(len(draw), bool)
        new = draw.first | over | also
        block = np.where(draw.first, self._start(draw), np.where(new, self._next(draw, block), block))
        if law.low:
            left = np.where(new, law.draw(draw.bits(f"{self.name}.length")), left - 1)
        draw.memory[f"{self.name}.block"], draw.memory[f"{self.name}.left"] = block, left
        return block, new

    def _start(self, draw: Draw) -> Integers:
        if self.first >= 0 or self.count == 1:
            return np.full(len(draw), max(self.first, 0), np.int64)
        return _whole(draw.random(f"{self.name}.start"), self.count)

    def _next(self, draw: Draw, block: Integers) -> Integers:
        if self.count == 1:
            return block
        step = 1 if self.order == "cycle" else 1 + _whole(draw.random(f"{self.name}.next"), self.count - 1)
        return (block + step) % self.count


def _whole(u: NDArray[np.float64], count: int) -> Integers:
    """Uniform numbers in [0, 1) as whole numbers from 0 to count - 1."""
    return np.minimum((u * count).astype(np.int64), count - 1)
