"""Draws without replacement: how often each level comes in a block of draws is fixed, its place in the block is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError
from neuroparallel.seeding import Bits, name_bits
from neuroparallel.task.hooks import Memory

__all__ = ["Urn", "exact_counts"]

Integers = NDArray[np.int64]
LARGEST_BLOCK = 1_000_000  # draws; more than a session has, and far from where a 32-bit draw would be uneven


class _Drawing(Protocol):
    """The part of a `Draw` or a `GroupDraw` that an urn uses."""

    memory: dict[str, NDArray[Any]]

    def bits(self, purpose: str) -> Bits:
        """A random word per lane."""


class Urn:
    """Levels that are drawn without replacement, so that each comes equally often in every block of draws.

    Every order of a block is equally likely. What is left in the urn is an array that a task, modifier or rule declares
    in its `memory`, so it is seeded, saved and restored like everything else that is remembered.

    Args:
        name: Name of the array, and purpose of the draws.
        counts: How often each level comes in a block.
    """

    def __init__(self, name: str, counts: Sequence[int] | Integers) -> None:
        self.name, self.counts = name, np.asarray(counts, np.int64)
        self._mark = name_bits(f"urn.{self.counts.tolist()}") >> 1

    def memory(self) -> dict[str, Memory]:
        """Return the memory to declare where `draw` is called: the counts that are left, (levels + 1,) per lane.

        The last number identifies the full counts. If they change, as between blocks of a schedule, a new block
        begins.
        """
        return {self.name: Memory(np.zeros(len(self.counts) + 1), np.int64)}

    def draw(
        self, draw: _Drawing, *, where: NDArray[np.bool_] | None = None, fresh: NDArray[np.bool_] | None = None
    ) -> Integers:
        """Draw one level in each lane.

        Args:
            draw: The trials that start, or those of a group.
            where: Lanes that draw, bool (n,); all if left out. In the others nothing is taken out.
            fresh: Lanes in which a new block begins now, whatever is left of the last one.

        Returns:
            int64, (n,). The number of the level; of no meaning in lanes that do not draw.
        """
        left, mark = draw.memory[self.name][:, :-1], draw.memory[self.name][:, -1]
        over = (left.sum(axis=1) == 0) | (mark != self._mark)
        left = np.where((over if fresh is None else over | fresh)[:, None], self.counts, left)
        below = left.cumsum(axis=1)
        # Whole numbers throughout: no rounding can make two engines or machines differ.
        word = draw.bits(self.name) >> np.uint64(32)
        place = ((word * below[:, -1].astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
        level: Integers = (below <= place[:, None]).sum(axis=1)
        taken = np.arange(len(self.counts)) == level[:, None]
        left = left - (taken if where is None else taken & where[:, None])
        draw.memory[self.name] = np.column_stack([left, np.full(len(left), self._mark)])
        return level


def exact_counts(shares: Mapping[str, Sequence[float] | NDArray[Any]], block: int, where: str = "block") -> Integers:
    """Return how often each combination of levels comes in a block, if that is a whole number.

    Args:
        shares: For each condition the relative frequencies of its levels.
        block: Length of a block.
        where: Name of the setting, for errors.

    Returns:
        int64, (combinations,). The last condition varies fastest.

    Raises:
        ArgumentError: Some combination would not come a whole number of times; names the lengths that will do.
    """
    joint = [Fraction(1)]
    for weights in shares.values():
        parts = [Fraction(float(weight)).limit_denominator(10_000) for weight in weights]
        joint = [one * part / sum(parts) for one in joint for part in parts]
    unit = lcm(*(share.denominator for share in joint))
    if block % unit or not 1 <= block <= LARGEST_BLOCK:
        fits = f"a multiple of {unit:,}, at most {LARGEST_BLOCK:,}"
        if unit > LARGEST_BLOCK:
            fits = "there is no such length up to a million; make the probabilities simple fractions"
        raise ArgumentError(
            f"{where} is {block}; every combination of {', '.join(shares)} has to come a whole number of times: {fits}."
        )
    return np.array([int(share * block) for share in joint], np.int64)
