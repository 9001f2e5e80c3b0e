"""The noise of one lane, at any of its steps."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.noise import counts_of, draw_counts, noise_sd
from neuroparallel.engine.tables import Tables
from neuroparallel.seeding import (
    MASK,
    mix,
    name_bits,
    noise_increments,
    normals,
)

__all__ = ["BLOCK", "LaneNoise"]

BLOCK = 256  # steps of noise made at once


class LaneNoise:
    """The noise of one lane, random access by step number; blocks are kept for the next call."""

    def __init__(self, tables: Tables) -> None:
        self._sd = noise_sd(tables)
        self._counts = counts_of(tables)
        self._channels = [int(c) for c in np.flatnonzero(self._sd)]
        self._pairs = (len(self._channels) + 1) // 2
        self._blocks: dict[str, tuple[int, NDArray[np.float32]]] = {}  # by kind: its number, and the noise

    def begin(self, key: NDArray[np.uint64]) -> None:
        self._blocks.clear()
        self._stride = int(noise_increments(key)[0])
        self._starts = {kind: int(mix(key ^ np.uint64(name_bits(f"noise.{kind}")))[0]) for kind in ("live", "idle")}

    @cached_property
    def _offsets(self) -> list[int]:
        return [name_bits(f"noise.pair.{p}") for p in range(self._pairs)]

    def around(self, mean: NDArray[np.float32], kind: str, step: int, count: int) -> NDArray[np.float32]:
        """What is shown around means in the steps from this one on; float32 (count, channels), fresh.

        Args:
            mean: float32, (channels,) or (count, channels).
            kind: ``"live"`` or ``"idle"``.
            step: Number of the first step.
            count: How many; they must not cross a multiple of BLOCK.
        """
        noise = self._noise(kind, step, count)
        if self._counts:
            counted = np.empty((len(self._sd), count), np.float32)
            counted[:] = mean.T if mean.ndim == 2 else mean[:, None]
            draw_counts(self._counts, self._phases(kind, step, count), counted)
            mean = counted.T
        if noise is None:
            shown = np.empty((count, len(self._sd)), np.float32)
            shown[:] = mean
            return shown
        return mean + noise

    def place(self, step: int) -> NDArray[np.uint64]:
        """Where the lane stands in a live step, uint64 (1,)."""
        return self._phases("live", step, 1)

    def _phases(self, kind: str, step: int, count: int) -> NDArray[np.uint64]:
        start = np.uint64((self._starts[kind] + step * self._stride) & MASK)
        phases: NDArray[np.uint64] = start + np.arange(count, dtype=np.uint64) * np.uint64(self._stride)
        return phases

    def _noise(self, kind: str, step: int, count: int) -> NDArray[np.float32] | None:
        if not self._pairs:
            return None
        number, first = divmod(step, BLOCK)
        known, block = self._blocks.get(kind, (-1, None))
        if block is None or number != known:
            block = self._make(kind, number * BLOCK, BLOCK)
            self._blocks[kind] = number, block
        return block[first : first + count]

    def _make(self, kind: str, step: int, count: int) -> NDArray[np.float32]:
        noise = np.zeros((count, len(self._sd)), np.float32)
        phases = self._phases(kind, step, count)
        z = np.empty((2, count), np.float32)
        for p, offset in enumerate(self._offsets):
            normals(phases + np.uint64(offset), z[0], z[1])
            for half, channel in enumerate(self._channels[2 * p : 2 * p + 2]):
                noise[:, channel] = z[half] * self._sd[channel]
        return noise
