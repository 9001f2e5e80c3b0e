"""Random distributions of agents, drawn from hashed words: the same in a batch of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.baselines import step_bits
from neuroparallel.seeding import GAMMA, Bits, mix, normals, uniforms

__all__ = ["coin", "erlang", "exponential", "normal", "pick_weighted", "whole_steps", "words_for"]

Floats = NDArray[np.float64]


def words_for(keys: Bits, step: int, purpose: int = 0) -> Bits:
    """Return a random word for each key, in an agent's n-th step and for one purpose of several; uint64, (n,)."""
    return mix(mix(keys + step_bits(step)) + np.uint64(purpose))


def coin(words: Bits) -> Floats:
    """Uniform numbers in [0, 1), (n,)."""
    return uniforms(mix(words))


def normal(words: Bits) -> Floats:
    """Standard normal numbers, (n,)."""
    first, second = np.empty(len(words), np.float32), np.empty(len(words), np.float32)
    normals(np.ascontiguousarray(words), first, second)
    return first.astype(np.float64)


def exponential(words: Bits) -> Floats:
    """Exponential numbers of mean 1, (n,)."""
    result: Floats = -np.log1p(-coin(words))
    return result


def erlang(words: Bits, shape: int) -> Floats:
    """Gamma numbers of mean 1 and a whole-numbered shape, (n,): the mean of so many exponential ones."""
    parts = words[:, None] + np.arange(shape, dtype=np.uint64) * GAMMA
    # Along the last axis every lane is summed by itself, in the same order whatever their number.
    total: Floats = exponential(parts).sum(axis=1)
    return total / shape


def whole_steps(times: Floats, dt: float, words: Bits) -> NDArray[np.int64]:
    """Times in ms as whole steps: up or down by chance, so that the mean is kept at every dt; int64, (n,)."""
    return np.floor(times / dt + coin(words)).astype(np.int64)


def pick_weighted(weights: Floats, words: Bits) -> NDArray[Any]:
    """Draw a row in proportion to weights (rows, n), for each column; int64, (n,)."""
    below = np.cumsum(weights, axis=0)
    picked: NDArray[Any] = (below > coin(words) * below[-1]).argmax(axis=0)
    return picked
