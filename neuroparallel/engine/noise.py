"""Variation from step to step: Gaussian noise that is added, and events that are counted.

Both are functions of where a lane stands in its stream's own steps (`neuroparallel.seeding`), never of a generator.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.tables import Tables
from neuroparallel.seeding import Bits, mix, name_bits, normals, uniforms
from neuroparallel.task.hooks import Bernoulli, Poisson

__all__ = ["BatchNoise", "Count", "bernoulli", "counts_of", "draw_counts", "noise_sd", "poisson", "refill"]

Singles: TypeAlias = NDArray[np.float32]
Count: TypeAlias = tuple[int, np.uint64, Callable[[Bits, Singles], Singles]]  # channel, purpose, how to draw

AHEAD_WORDS = 16384  # how much noise is made at once: enough to hide the cost of a call, little enough for the cache
CALL_WORDS = 512  # fewer would hardly cost less, as a call costs as much as 3000
AHEAD_STEPS = 64


def noise_sd(tables: Tables) -> Singles:
    """Standard deviation of each channel's Gaussian noise in one step, float32 (channels,)."""
    sd = np.zeros(tables.channels.width, np.float32)
    for name, sigma in tables.channels.noise.items():
        if not isinstance(sigma, (Bernoulli, Poisson)):
            value = float(getattr(tables.task, sigma) if isinstance(sigma, str) else sigma)
            sd[tables.channels[name]] = value / tables.dt**0.5
    return sd


# ---- counted events -------------------------------------------------------------------------------------------------


def counts_of(tables: Tables) -> tuple[Count, ...]:
    """The channels that show counted events, each with a purpose of its own name."""
    names, counts = tables.channels.names, []
    for group, kind in tables.counted.items():
        columns = tables.channels[group]
        for channel in range(columns.start, columns.stop):
            draw = bernoulli if isinstance(kind, Bernoulli) else poisson
            counts.append((channel, np.uint64(name_bits(f"count.{names[channel]}")), draw))
    return tuple(counts)


def draw_counts(counts: tuple[Count, ...], phase: Bits, out: Singles) -> None:
    """Replace means by counts; uint64 (n,) where each lane or step stands, float32 (channels, n) overwritten."""
    for channel, purpose, draw in counts:
        if out[channel].any():
            out[channel] = draw(mix(phase + purpose), out[channel])


def bernoulli(words: Bits, means: Singles) -> Singles:
    """Draw ones and zeros, by integer comparison.

    Args:
        words: uint64, (n,). Random words.
        means: float32, (n,). Probability of a 1; above 1 (where streams share a channel) counts as 1.

    Returns:
        float32, (n,).
    """
    cuts = (np.minimum(means, np.float32(1.0)).clip(min=0).astype(np.float64) * 2.0**53).astype(np.uint64)
    return ((words >> np.uint64(11)) < cuts).astype(np.float32)


def poisson(words: Bits, means: Singles) -> Singles:
    """Draw Poisson counts: how many values of the cumulative distribution a uniform number has reached.

    Only additions, multiplications and divisions are used, which every machine rounds alike, so that the counts
    are the same everywhere. A lane goes on only as long as its own count grows.

    Args:
        words: uint64, (n,). Random words.
        means: float32, (n,). Expected counts, 0 to a few hundred.

    Returns:
        float32, (n,). Whole numbers.
    """
    counts = np.zeros(len(means), np.float32)
    who = (means > 0).nonzero()[0]
    rate, u = means[who].astype(np.float64), uniforms(words[who])
    term = _exp_of_minus(rate)
    total, k = term.copy(), 0
    while True:
        k += 1
        # Far above the mean the terms vanish, and no sum of them need ever reach the largest u.
        on = ((u >= total) & ((k <= rate + 1) | (term > 1e-18))).nonzero()[0]
        if not on.size:
            return counts
        who, rate, u, term, total = who[on], rate[on], u[on], term[on], total[on]
        counts[who] = k
        term = term * rate / k
        total = total + term


def _exp_of_minus(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(-x) for x up to a few hundred, to 1e-12, without the library's, which differs from machine to machine."""
    y = x * -(2.0**-10)
    power: NDArray[np.float64] = np.full(len(x), 1.0 / 8)
    for n in range(7, 0, -1):  # Taylor's series, by Horner: 1 + y (1 + y/2 (1 + y/3 (...)))
        power = (1.0 + y * power) / n
    power = 1.0 + y * power
    for _ in range(10):
        power *= power
    return power


# ---- Gaussian noise -------------------------------------------------------------------------------------------------


class BatchNoise:
    """The noise of a stream's noisy channels in all lanes, two Gaussian channels to a draw.

    Every lane moves on by one stride per step, so the noise of several steps can be made at once; what was made ahead
    is forgotten when a lane becomes idle or live. The longer that has not happened, the more is made ahead.
    """

    def __init__(self, tables: Tables, lanes: int) -> None:
        self.sd = noise_sd(tables)
        self.counts = counts_of(tables)
        self.channels = [int(c) for c in np.flatnonzero(self.sd)]
        first, stop = (self.channels[0], self.channels[-1] + 1) if self.channels else (0, 0)
        self._together = slice(first, stop) if stop - first == len(self.channels) else None
        self.pairs = (len(self.channels) + 1) // 2
        twos = [*self.channels, *self.channels[-1:]]  # of an odd number, the last one goes with itself
        self._twos = np.array(twos[: 2 * self.pairs], np.int64)
        self._offsets = np.array([name_bits(f"noise.pair.{p}") for p in range(self.pairs)], np.uint64)[:, None]
        self._lanes = lanes
        per_step = max(1, self.pairs * lanes)
        self._most = min(AHEAD_STEPS, max(1, AHEAD_WORDS // per_step))
        self._least = min(AHEAD_STEPS, max(1, CALL_WORDS // per_step))
        self._quiet = 2 * self._most  # steps since something made ahead had to be forgotten
        self._z: NDArray[np.float32] | None = None
        self._made = self.remaining = 0

    def forget(self) -> None:
        """Drop what was made ahead."""
        self._quiet = self.remaining = 0

    def plan(self) -> int:
        """Decide how many steps to make; returns how many words that takes."""
        self._made = max(self._least, min(self._quiet // 2, self._most))
        return self.pairs * self._made * self._lanes

    def lay_out(self, words: Bits, phase: Bits, stride: Bits) -> None:
        """Write into `plan` words what the noise is hashed from, given where each lane stands and its stride."""
        steps = words.reshape(self.pairs, self._made, self._lanes)
        np.add(phase, self._offsets, out=steps[:, 0])
        for step in range(1, self._made):
            np.add(steps[:, step - 1], stride, out=steps[:, step])

    def keep(self, normals: Singles) -> None:
        """Take over the standard normals made of the words, two of each; float32 (2, words)."""
        if self._z is None:
            self._z = np.empty((2 * self.pairs, self._most, self._lanes), np.float32)
        made = normals.reshape(2, self.pairs, self._made, self._lanes).transpose(1, 0, 2, 3)  # by channel
        sd = self.sd.take(self._twos).reshape(self.pairs, 2, 1, 1)
        np.multiply(made, sd, out=self._z.reshape(self.pairs, 2, self._most, self._lanes)[:, :, : self._made])
        self.remaining = self._made

    def add(self, out: NDArray[np.float32]) -> None:
        """Add one step's noise of those that were made."""
        assert self._z is not None
        step = self._made - self.remaining
        if self._together:
            noisy = out[self._together]
            np.add(noisy, self._z[: len(self.channels), step], out=noisy)
        else:
            for row, channel in zip(self._z, self.channels, strict=False):
                np.add(out[channel], row[step], out=out[channel])
        self.remaining -= 1
        self._quiet += 1


class _Pool(threading.local):
    """Working memory of `refill`; its own in every thread, as engines may run in several."""

    def __init__(self) -> None:
        self.words = np.empty(0, np.uint64)
        self.normals = np.empty((2, 0), np.float32)

    def room(self, size: int) -> tuple[Bits, Singles]:
        if len(self.words) < size:
            self.words, self.normals = np.empty(size, np.uint64), np.empty((2, size), np.float32)
        return self.words[:size], self.normals[:, :size]


_pool = _Pool()


def refill(parts: Iterable[tuple[BatchNoise, Bits, Bits]]) -> None:
    """Make the noise of those streams that have none left, of several at once: a call costs as much as many normals.

    Args:
        parts: The noise of each stream, where its lanes stand, uint64 (lanes,), and their strides, uint64 (lanes,).
    """
    empty: list[tuple[BatchNoise, Bits, Bits, int]] = []
    size = 0
    for noise, phase, stride in parts:
        if not noise.remaining:
            empty.append((noise, phase, stride, size))
            size += noise.plan()
            if size >= AHEAD_WORDS:  # as much as stays in the cache
                _make(empty, size)
                empty, size = [], 0
    if empty:
        _make(empty, size)


def _make(parts: list[tuple[BatchNoise, Bits, Bits, int]], size: int) -> None:
    words, made = _pool.room(size)
    stops = [*(start for *_, start in parts[1:]), size]
    for (noise, phase, stride, start), stop in zip(parts, stops, strict=True):
        noise.lay_out(words[start:stop], phase, stride)
    normals(words, made[0], made[1])
    for (noise, *_, start), stop in zip(parts, stops, strict=True):
        noise.keep(made[:, start:stop])
