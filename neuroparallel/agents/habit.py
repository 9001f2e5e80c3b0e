"""Win-stay, lose-shift."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.plain import StreamAgent, below, lane_keys, step_bits
from neuroparallel.agents.plans import allowed
from neuroparallel.agents.protocol import Actions, Infos, Observations, engine_of
from neuroparallel.engine.stream import BatchStream
from neuroparallel.seeding import Bits, mix

__all__ = ["WinStayLoseShift"]


class WinStayLoseShift(StreamAgent):
    """Repeats a choice after a trial that paid, and makes another after one that did not; sees no stimuli.

    Each response window of a trial has a habit of its own. The first choice, and which other choice to shift to
    if there are several, are drawn at random, by lane. A trial that paid is one whose rewards add up to more
    than 0.

    Args:
        seed: For other random choices with the same trials.

    Source:
        Barraclough, Conroy & Lee 2004, Nat Neurosci 7:404.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._keys: dict[str, Bits] = {}
        self._last: dict[str, NDArray[np.int64]] = {}
        self._shift: dict[str, NDArray[np.bool_]] = {}
        self._earned: dict[str, NDArray[np.float64]] = {}
        self._step = 0

    def reset(self, engine: Any) -> None:
        core = engine_of(engine)
        self._step = 0
        for name, stream in zip(core.stream_names, core.streams, strict=True):
            windows = len(stream.tables.periods)
            self._keys[name] = lane_keys(core, "wsls", self.seed, of=name)
            self._last[name] = np.zeros((windows + 1, core.lanes), np.int64)  # the last row is for idle lanes
            self._shift[name] = np.zeros((windows + 1, core.lanes), bool)
            self._earned[name] = np.zeros(core.lanes)

    def act(self, observations: Observations, infos: Infos, engine: Any) -> Actions:
        core = engine_of(engine)
        if self._step:
            for subject in core.subjects:
                for stream in subject.streams:
                    key = "trial_end" if len(subject.streams) == 1 else f"{stream.spec.short}.trial_end"
                    self._learn(stream, np.asarray(infos[subject.spec.name][key], bool))
        self._step += 1
        return super().act(observations, infos, engine)

    def _learn(self, stream: BatchStream, ended: NDArray[np.bool_]) -> None:
        earned = self._earned[stream.spec.name]
        earned += stream.reward
        self._shift[stream.spec.name][:, ended] = earned[ended] <= 0
        earned[ended] = 0.0

    def choose(
        self, stream: BatchStream, name: str, subject: str, observations: Observations, infos: Infos, now: int
    ) -> NDArray[np.int64]:
        result = np.zeros(stream.lanes, np.int64)
        lanes = np.flatnonzero(stream.window_open())
        if not lanes.size:
            return result
        rows = stream.row[lanes]
        period = stream.tables.period_of[rows]
        last = self._last[name][period, lanes]
        open_ = allowed(stream.tables, rows)
        again = ~self._shift[name][period, lanes] & open_[last, np.arange(len(lanes))]
        others = open_.copy()
        others[last, np.arange(len(lanes))] = False
        others |= open_ & ~others.any(axis=0)  # there is only one choice: take it again
        words = mix(self._keys[name][lanes] + step_bits(self._step))
        rank = below(words, np.maximum(others.sum(axis=0), 1))
        fresh = (np.cumsum(others, axis=0) > rank).argmax(axis=0)
        choice = np.where(again, last, fresh)
        made = choice > 0
        self._last[name][period[made], lanes[made]] = choice[made]
        self._shift[name][period[made], lanes[made]] = False
        result[lanes] = choice
        return result
