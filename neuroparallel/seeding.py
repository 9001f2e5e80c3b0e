"""Randomness as a function: the same (seed, lane, session, branch) always gives the same draws.

Nothing here keeps a state. A draw is a hash of *what* is drawn (which trial, for which purpose, on which visit)
under the key of *who* draws (seed, lane, session, branch), so neighbours, batch size, order and process cannot
matter, and any trial can be drawn again on its own.

Source:
    The mixing function is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, OOPSLA); normals are made
    from pairs of uniforms (Box & Muller 1958, Ann Math Stat 29:610).
"""

from __future__ import annotations

import hashlib
import threading
from functools import cache
from secrets import randbits
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import whole_number

__all__ = [
    "Bits",
    "branch_keys",
    "choose_seed",
    "integer_bits",
    "lane_key",
    "mix",
    "mix_int",
    "name_bits",
    "noise_increments",
    "normals",
    "pick",
    "thresholds",
    "trial_keys",
    "uniforms",
]

Bits: TypeAlias = NDArray[np.uint64]

MASK = (1 << 64) - 1
GAMMA_INT = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd
GAMMA = np.uint64(GAMMA_INT)
_M1_INT, _M2_INT = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_M1, _M2 = np.uint64(_M1_INT), np.uint64(_M2_INT)
_S27, _S30, _S31 = np.uint64(27), np.uint64(30), np.uint64(31)
_F = np.float32


def mix(bits: Bits) -> Bits:
    """Scramble 64-bit words so that similar inputs give unrelated outputs; (n,) uint64 in and out."""
    bits = (bits ^ (bits >> _S30)) * _M1
    bits ^= bits >> _S27
    bits *= _M2
    bits ^= bits >> _S31
    return bits


def mix_int(bits: int) -> int:
    """Scramble one word: `mix` for a single Python integer, the same result."""
    bits &= MASK
    bits = ((bits ^ (bits >> 30)) * _M1_INT) & MASK
    bits = ((bits ^ (bits >> 27)) * _M2_INT) & MASK
    return bits ^ (bits >> 31)


@cache
def name_bits(name: str) -> int:
    """Turn a purpose such as ``"duration.delay"`` into 64 bits, the same in every process and version."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def integer_bits(value: int) -> int:
    """Fold an integer of any size, 0 or more, into 64 bits (seeds may be 128-bit numbers)."""
    number = whole_number(value, "seed")
    return int.from_bytes(hashlib.blake2b(str(number).encode(), digest_size=8).digest(), "little")


def choose_seed(given: Any, default: int | None = None, bits: int = 53) -> int:
    """Return the seed that is given, else the default, else one drawn from the system's entropy.

    Args:
        given: A whole number, 0 or more, or None.
        default: Seed of the scenario's file; None if it has none.
        bits: Number of random bits of a drawn seed. Numbers of 53 bits survive JSON; torch and RLlib want 31.

    Raises:
        ArgumentError: The seed is no whole number, or below 0.
    """
    chosen = default if given is None else given
    return randbits(bits) if chosen is None else whole_number(chosen, "seed")


def branch_keys(seeds: Bits, lanes: Bits, sessions: Bits, branch: str) -> Bits:
    """Give each lane the key of one branch of its randomness.

    Args:
        seeds: uint64, (n,). Folded seed of each lane (`integer_bits`).
        lanes: uint64, (n,). Lane numbers; hashed with the seed, so that seed 1 lane 0 is not seed 0 lane 1.
        sessions: uint64, (n,). Session numbers, 0 first.
        branch: Whose randomness: the stream's or group's branch.

    Returns:
        uint64, (n,).
    """
    keys = mix(seeds + GAMMA)
    keys = mix(keys ^ mix(lanes * GAMMA + np.uint64(1)))
    keys = mix(keys + (sessions + np.uint64(1)) * GAMMA)
    return mix(keys ^ np.uint64(name_bits("branch." + branch)))


def lane_key(seed: int, lane: int, session: int, branch: str) -> Bits:
    """The key of one lane: `branch_keys` for whole numbers; uint64, (1,)."""
    words = [np.array([value], np.uint64) for value in (seed, lane, session)]
    return branch_keys(words[0], words[1], words[2], branch)


def trial_keys(keys: Bits, trials: NDArray[np.int64]) -> Bits:
    """Give each lane the key of its present trial; draws add a purpose and a visit to it."""
    return mix(keys + (trials.astype(np.uint64) + np.uint64(1)) * GAMMA)


def noise_increments(keys: Bits) -> Bits:
    """Give each lane its own odd stride through the noise, so that two lanes never run along each other."""
    strides: Bits = mix(keys ^ np.uint64(name_bits("noise.stride"))) | np.uint64(1)
    return strides


def uniforms(bits: Bits) -> NDArray[np.float64]:
    """Turn words into uniform numbers in [0, 1), in steps of 2^-53; (n,) uint64 to (n,) float64."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def thresholds(weights: NDArray[np.float64]) -> Bits:
    """Cut the range of 64-bit words in proportion to weights, for a draw by integer comparison.

    The level drawn by a word is the number of cuts it has reached (`pick`), which no rounding can disturb.

    Args:
        weights: float64, (k,). Non-negative, not all zero; need not add up to one.

    Returns:
        uint64, (k - 1,), increasing.
    """
    total = np.cumsum(np.asarray(weights, dtype=np.longdouble))
    cuts = total[:-1] / total[-1] * np.longdouble(2.0**64)
    words: Bits = np.minimum(np.floor(cuts), np.longdouble(2.0**64 - 2048)).astype(np.uint64)
    return words


WORDS_PER_CUT = 200  # with so many words per cut, comparing whole arrays is quicker than searching for every word


def pick(cuts: Bits, words: Bits) -> NDArray[np.int64]:
    """Draw levels: the number of cuts that each word has reached.

    Args:
        cuts: uint64, (k - 1,), from `thresholds`.
        words: uint64, (n,). Random words.

    Returns:
        int64, (n,), 0 to k - 1.
    """
    if len(words) < WORDS_PER_CUT * len(cuts):
        return cuts.searchsorted(words, side="right").astype(np.int64, copy=False)
    levels = np.zeros(len(words), np.int64)
    for cut in cuts:
        levels += words >= cut
    return levels


_BLOCK = 16384  # elements that stay in the second-level cache while a normal is made


class _Scratch(threading.local):
    """Working memory of `normals`, made once in every thread."""

    def __init__(self) -> None:
        self.temp: Any = np.empty(_BLOCK, np.uint64)
        self.radius: Any = np.empty(_BLOCK, _F)


_scratch = _Scratch()


def normals(words: Bits, first: NDArray[np.float32], second: NDArray[np.float32]) -> None:
    """Make two independent standard normals of every word (mixed here, so counters will do).

    The radius takes 31 bits and the angle 32, so |z| reaches 6.6 and no value repeats within 2^-31.

    Args:
        words: uint64, (n,), contiguous; overwritten.
        first: float32, (n,), contiguous; overwritten.
        second: float32, (n,), contiguous; overwritten.
    """
    for start in range(0, words.shape[0], _BLOCK):
        part = slice(start, start + _BLOCK)
        _normals_block(words[part], first[part], second[part])


def _normals_block(bits: Bits, first: NDArray[np.float32], second: NDArray[np.float32]) -> None:
    n = bits.shape[0]
    temp, radius, angle = _scratch.temp[:n], _scratch.radius[:n], second
    for shift, factor in ((_S30, _M1), (_S27, _M2)):
        np.right_shift(bits, shift, out=temp)
        np.bitwise_xor(bits, temp, out=bits)
        np.multiply(bits, factor, out=bits)
    np.right_shift(bits, _S31, out=temp)
    np.bitwise_xor(bits, temp, out=bits)
    np.right_shift(bits, np.uint64(33), out=temp)
    np.copyto(radius, temp.view(np.int32)[::2], casting="unsafe")
    radius += _F(0.5)
    radius *= _F(2.0**-31)
    np.log(radius, out=radius)
    radius *= _F(-2.0)
    np.sqrt(radius, out=radius)
    np.copyto(angle, bits.view(np.int32)[::2], casting="unsafe")
    angle *= _F(2.0 * np.pi * 2.0**-32)
    np.sin(angle, out=first)
    np.multiply(first, radius, out=first)
    np.cos(angle, out=second)
    np.multiply(second, radius, out=second)
