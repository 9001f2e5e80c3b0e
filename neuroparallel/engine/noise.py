"""What varies from step to step: Gaussian noise that is added, and events that are counted.

Both are functions of where a lane stands in its stream's own steps (`neuroparallel.seeding`), never of a generator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.tables import Tables
from neuroparallel.hooks import Bernoulli, Poisson
from neuroparallel.seeding import Bits, mix, name_bits, normals, uniforms

__all__ = ["BatchNoise", "Count", "bernoulli", "counts_of", "draw_counts", "noise_sd", "poisson"]

Singles: TypeAlias = NDArray[np.float32]
Count: TypeAlias = tuple[int, np.uint64, Callable[[Bits, Singles], Singles]]  # channel, purpose, how to draw

AHEAD_WORDS = 32768  # how much noise is made at once: enough to hide the cost of a call, little enough for the cache
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
        self.pairs = (len(self.channels) + 1) // 2
        self.offsets = [np.uint64(name_bits(f"noise.pair.{p}")) for p in range(self.pairs)]
        self._lanes = lanes
        self._steps = min(AHEAD_STEPS, max(1, AHEAD_WORDS // lanes))
        self._words: Bits | None = None
        self._quiet = 2 * self._steps  # steps since something made ahead had to be forgotten
        self._made = self._left = 0

    def forget(self) -> None:
        """Drop what was made ahead."""
        self._quiet = self._left = 0

    def add(self, phase: Bits, stride: Bits, out: NDArray[np.float32]) -> None:
        """Add one step's noise, given where each lane stands in it and by how much it moves on from step to step."""
        if not self._left:
            self._left = self._made = max(1, min(self._quiet // 2, self._steps))
            self._make(phase, stride, self._made)
        self._add(self._made - self._left, out)
        self._left -= 1
        self._quiet += 1

    def _add(self, step: int, out: NDArray[np.float32]) -> None:
        for z, channel in zip(self._z, self.channels, strict=False):
            np.add(out[channel], z[step], out=out[channel])

    def _make(self, phase: Bits, stride: Bits, steps: int) -> None:
        """Make the noise of some steps, from the phase on."""
        if self._words is None:
            self._words = np.empty((self._steps, self._lanes), np.uint64)
            self._z = np.empty((2 * self.pairs, self._steps, self._lanes), np.float32)
        words, z = self._words[:steps], self._z[:, :steps]
        for p, offset in enumerate(self.offsets):
            np.add(phase, offset, out=words[0])
            for step in range(1, steps):
                np.add(words[step - 1], stride, out=words[step])
            normals(words.reshape(-1), z[2 * p].reshape(-1), z[2 * p + 1].reshape(-1))
        for channel, row in zip(self.channels, z, strict=False):
            np.multiply(row, self.sd[channel], out=row)
