"""The noise of one lane, at any of its steps."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.noise import counts_of, draw_counts, noise_sd
from neuroparallel.engine.tables import Tables
from neuroparallel.seeding import MASK, mix, name_bits, noise_increments, normals

__all__ = ["BLOCK", "LaneNoise"]

BLOCK = 1024  # steps of noise made at once

Singles = NDArray[np.float32]


class LaneNoise:
    """The noise of one lane, random access by step number; a block of it is kept for the next call.

    Args:
        tables: The task.
        kind: ``"live"`` or ``"idle"``: which steps of the stream are meant.
    """

    def __init__(self, tables: Tables, kind: str) -> None:
        self._branch = np.uint64(name_bits(f"noise.{kind}"))
        self._sd = noise_sd(tables)
        self._counts = counts_of(tables)
        self._channels = [int(c) for c in np.flatnonzero(self._sd)]
        self._pairs = (len(self._channels) + 1) // 2

    def begin(self, key: NDArray[np.uint64]) -> None:
        self._stride, self._start = int(noise_increments(key)[0]), int(mix(key ^ self._branch)[0])
        self._first = -BLOCK  # the first step of the block

    @cached_property
    def _offsets(self) -> list[int]:
        return [name_bits(f"noise.pair.{p}") for p in range(self._pairs)]

    def around(self, means: Singles, step: int) -> Singles:
        """Return means with the noise of the steps from this one on; float32 (steps, channels), fresh.

        Args:
            means: float32, (steps, channels), BLOCK steps at most.
            step: Number of the first step.
        """
        count = len(means)
        if self._counts:
            counted = means.T.copy()
            draw_counts(self._counts, self._phases(step, count), counted)
            means = counted.T
        if not self._pairs:
            return means.copy()
        at = step - self._first
        if not 0 <= at <= BLOCK - count:
            self._make(step)
            at = 0
        seen: Singles = means + self._block[at : at + count]
        return seen

    def place(self, step: int) -> NDArray[np.uint64]:
        """Return the position in the noise at a step, uint64 (1,)."""
        return self._phases(step, 1)

    def _phases(self, step: int, count: int) -> NDArray[np.uint64]:
        start = np.uint64((self._start + step * self._stride) & MASK)
        phases: NDArray[np.uint64] = start + np.arange(count, dtype=np.uint64) * np.uint64(self._stride)
        return phases

    def _make(self, step: int) -> None:
        """Make the block that begins with a step."""
        self._first, self._block = step, np.zeros((BLOCK, len(self._sd)), np.float32)
        phases = self._phases(step, BLOCK)
        z = np.empty((2, BLOCK), np.float32)
        for p, offset in enumerate(self._offsets):
            normals(phases + np.uint64(offset), z[0], z[1])
            for half, channel in enumerate(self._channels[2 * p : 2 * p + 2]):
                self._block[:, channel] = z[half] * self._sd[channel]
