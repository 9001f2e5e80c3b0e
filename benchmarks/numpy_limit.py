"""How fast could NumPy at best show random dots? Noise and memory traffic, and nothing else.

A step of random dots costs, whatever the engine: two normal numbers per lane (a counter hash and
Box-Muller, in float32), and reading and writing what goes in and out. This file does just that,
in plain ufuncs on blocks that stay in the cache, without trials, tables, choices or rewards. It
shares no code with the package, so that a slow engine cannot make its own limit slow.

    python benchmarks/numpy_limit.py --lanes 4096
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

BLOCKS = (8192, 16384, 32768)  # words hashed at a time; which suits the cache best is measured
F = np.float32


class Noise:
    """Pairs of standard normals from (lane key, step), many steps ahead at once."""

    def __init__(self, lanes: int, block: int) -> None:
        """Give every lane a key; make room for the noise of several steps."""
        self.steps = max(1, BLOCKS[-1] // lanes)
        self.pairs = np.empty((2, self.steps, lanes), F)
        self._keys = np.arange(1, lanes + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        self._strides = (self._keys ^ self._keys >> np.uint64(31)) | np.uint64(1)
        self._words = np.empty((self.steps, lanes), np.uint64)
        self._bits, self._temp = (np.empty(block, np.uint64) for _ in range(2))
        self._radius, self._angle = (np.empty(block, F) for _ in range(2))

    def refill(self) -> int:
        """Draw the noise of the next ``steps`` steps; returns the number of pairs drawn."""
        for row in self._words:
            np.add(self._keys, self._strides, out=self._keys)
            np.copyto(row, self._keys)
        words, (first, second) = self._words.ravel(), self.pairs.reshape(2, -1)
        block = self._bits.size
        for start in range(0, words.size, block):
            part = slice(start, start + block)
            self._block(words[part], first[part], second[part])
        return words.size

    def _block(self, words: Any, first: Any, second: Any) -> None:
        n = words.size
        bits, temp, radius, angle = (buffer[:n] for buffer in (self._bits, self._temp, self._radius, self._angle))
        source = words
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            np.right_shift(source, np.uint64(shift), out=temp)
            np.bitwise_xor(source, temp, out=bits)
            np.multiply(bits, np.uint64(factor), out=bits)
            source = bits
        np.right_shift(bits, np.uint64(31), out=temp)
        np.bitwise_xor(bits, temp, out=bits)
        # One half of the word gives the radius, from a number in (0, 1], the other the angle, in
        # [-pi, pi). Signed halves: int32 becomes float32 in one instruction, uint32 does not.
        halves = bits.view(np.int32)
        np.copyto(radius, halves[1::2], casting="unsafe")
        np.multiply(radius, F(2.0**-32), out=radius)
        np.add(radius, F(0.5 + 2.0**-24), out=radius)
        np.log(radius, out=radius)
        np.multiply(radius, F(-2.0), out=radius)
        np.sqrt(radius, out=radius)
        np.copyto(angle, halves[0::2], casting="unsafe")
        np.multiply(angle, F(np.pi * 2.0**-31), out=angle)
        np.sin(angle, out=first)
        np.multiply(first, radius, out=first)
        np.cos(angle, out=second)
        np.multiply(second, radius, out=second)


class Traffic:
    """What every step must read and write: 66 bytes per lane, and 8 of noise."""

    def __init__(self, lanes: int) -> None:
        """Make the arrays that a lane owns."""
        self.means = np.ones((3, lanes), F)
        self.pay = np.zeros(lanes)
        self.state = np.zeros(lanes, np.int64)

    def step(self, noise: np.ndarray, actions: np.ndarray) -> tuple[np.ndarray, ...]:
        """Read the action, advance the state, return fresh observations, rewards and flags."""
        observations = np.empty_like(self.means)
        np.add(self.state, actions, out=self.state)
        np.copyto(observations[0], self.means[0])
        np.add(self.means[1:], noise, out=observations[1:])
        ended, cut = np.zeros((2, self.state.size), np.bool_)
        return observations.T, self.pay.copy(), ended, cut


def cost(work: Callable[[], int], seconds: float, repeats: int = 5) -> float:
    """Nanoseconds of CPU time per unit that ``work`` says it did; the median of repeats."""
    work()
    costs = []
    for _ in range(repeats):
        units, start = 0, time.process_time()
        while (spent := time.process_time() - start) < seconds / repeats:
            units += work()
        costs.append(spent / units * 1e9)
    return statistics.median(costs)


def numpy_limit(lanes: int = 4096, seconds: float = 1.0) -> dict[str, float]:
    """Measure the least that a step of random dots costs in NumPy on one core.

    Args:
        lanes: Lanes in the batch.
        seconds: CPU time to spend.

    Returns:
        ``noise_ns`` (two normals) and ``traffic_ns`` per lane and step, and their sum as a rate,
        ``steps_per_second`` (lane-steps per CPU-second).
    """
    noises, traffic = [Noise(lanes, block) for block in BLOCKS], Traffic(lanes)
    steps = noises[0].steps
    actions = np.random.default_rng(0).integers(0, 3, (steps, lanes))

    def move() -> int:
        for row in range(steps):
            traffic.step(noises[0].pairs[:, row], actions[row])
        return steps * lanes

    part = seconds / (len(noises) + 1)
    noise_ns = min(cost(noise.refill, part) for noise in noises)
    traffic_ns = cost(move, part)
    return {
        "noise_ns": noise_ns,
        "traffic_ns": traffic_ns,
        "steps_per_second": 1e9 / (noise_ns + traffic_ns),
    }


def main() -> None:
    """Print the limit as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lanes", type=int, default=4096)
    parser.add_argument("--seconds", type=float, default=2.0, help="CPU time to spend")
    options = parser.parse_args()
    print(json.dumps({"lanes": options.lanes, **numpy_limit(options.lanes, options.seconds)}))


if __name__ == "__main__":
    main()
