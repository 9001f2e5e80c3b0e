"""The win-stay, lose-shift agent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.baselines import below
from neuroparallel.agents.task_model import allowed
from neuroparallel.agents.trial_agent import Floats, Integers, Seen, TrialAgent
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.batch.subject import BatchSubject

__all__ = ["WinStayLoseShift"]


class WinStayLoseShift(TrialAgent):
    """Agent that repeats a choice after a rewarded trial and changes it after an unrewarded one; sees no stimuli.

    Each response window of a trial has a habit of its own. The first choice, and which other choice to shift to
    if there are several, are drawn at random, by lane. A trial that paid is one whose rewards add up to more
    than 0.

    Args:
        seed: For other random choices with the same trials.

    Source:
        Barraclough, Conroy & Lee 2004, Nat Neurosci 7:404.
    """

    label = "wsls"

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self._last: dict[str, NDArray[np.int64]] = {}  # (windows, lanes); 0: nothing yet
        self._shift: dict[str, NDArray[np.bool_]] = {}

    def prepare(self, name: str, stream: BatchStream, subject: BatchSubject) -> None:
        """The last choice in each window, and whether it did not pay."""
        windows = len(stream.tables.periods)
        self._last[name] = np.zeros((windows, stream.lanes), np.int64)
        self._shift[name] = np.zeros((windows, stream.lanes), bool)

    def learn(self, name: str, lanes: Integers, earned: Floats, seen: Seen) -> None:
        """Shift where nothing was earned."""
        self._shift[name][:, lanes] = earned <= 0

    def decide(self, name: str, stream: BatchStream, lanes: Integers, seen: Seen) -> Integers:
        """Return the last choice again, or any other that is available."""
        rows = stream.row[lanes]
        period = stream.tables.period_of[rows]
        last = self._last[name][period, lanes]
        open_ = allowed(stream.tables, rows)
        again = ~self._shift[name][period, lanes] & open_[last, np.arange(len(lanes))]
        others = open_.copy()
        others[last, np.arange(len(lanes))] = False
        others |= open_ & ~others.any(axis=0)  # there is only one choice: take it again
        rank = below(self.words(name, lanes), np.maximum(others.sum(axis=0), 1))
        fresh = (np.cumsum(others, axis=0) > rank).argmax(axis=0)
        choice: Integers = np.where(again, last, fresh)
        made = choice > 0
        self._last[name][period[made], lanes[made]] = choice[made]
        self._shift[name][period[made], lanes[made]] = False
        return choice
