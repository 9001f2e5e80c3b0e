"""Parts of agents that choose the time of their response."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.baselines import below
from neuroparallel.agents.distributions import coin
from neuroparallel.agents.task_model import allowed
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.seeding import Bits, mix

__all__ = ["Onsets", "answers"]


class Onsets:
    """Detector of the start of a stream's response clock, which is when there is something to respond to.

    Args:
        stream: The stream, as the engine has it.

    Attributes:
        at: int64, (lanes,). When it started last, in steps of the engine's time; -1 before the first.
    """

    def __init__(self, stream: BatchStream) -> None:
        self.stream = stream
        self.at = np.full(stream.lanes, -1, np.int64)

    def fresh(self) -> NDArray[np.int64]:
        """Return the lanes in which it has started since this was asked last, int64, (n,)."""
        stream, tables = self.stream, self.stream.tables
        running = tables.clock[stream.row] | tables.window[stream.row]
        lanes = np.flatnonzero(running & ~stream.idle & (self.at != stream.clock_at))
        self.at[lanes] = stream.clock_at[lanes]
        return lanes

    def current(self) -> NDArray[np.bool_]:
        """Return the lanes in which what started last still goes on, bool, (lanes,)."""
        return np.asarray(~self.stream.idle & (self.at == self.stream.clock_at))


def answers(stream: BatchStream, lanes: NDArray[np.int64], now: int, slip: float, words: Bits) -> NDArray[np.int64]:
    """Return the right answer in some lanes, but by a slip another one; int64, (n,).

    Where nothing is right or wrong it is the first choice that is available. A slip takes any other choice; where
    there is none, it is to hold.

    Args:
        stream: The stream, as the engine has it.
        lanes: Lanes in which a response window is open, (n,).
        now: The engine's time in steps.
        slip: Probability of a slip.
        words: A random word for each lane, (n,).
    """
    at = np.arange(len(lanes))
    open_ = allowed(stream.tables, stream.row[lanes])
    truth = stream.truth(now)[lanes]
    truth = np.where(truth < 0, open_.argmax(axis=0), truth)
    open_[truth, at] = False
    rank = below(words, np.maximum(open_.sum(axis=0), 1))
    other = (np.cumsum(open_, axis=0) > rank).argmax(axis=0)
    return np.where(coin(mix(words)) < slip, other, truth)
