"""Agents that choose in response windows, and learn at the end of a trial."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.baselines import StreamAgent, lane_keys, step_bits
from neuroparallel.agents.protocol import Actions, Infos, Observations, ended_trials, engine_of
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.batch.subject import BatchSubject
from neuroparallel.seeding import Bits, mix

__all__ = ["TrialAgent"]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Seen = NDArray[np.float32]


class TrialAgent(StreamAgent):
    """An agent that chooses where a response window is open, and takes note of trials that have ended.

    Args:
        seed: For other random choices with the same trials.
    """

    label: ClassVar[str]  # of its random words

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._keys: dict[str, Bits] = {}
        self._earned: dict[str, Floats] = {}  # in the present trial
        self._step = 0

    def reset(self, engine: Any) -> None:
        core = engine_of(engine)
        self._step = 0
        for subject in core.subjects:
            for stream in subject.streams:
                name = stream.spec.name
                self._keys[name] = lane_keys(core, self.label, self.seed, of=name)
                self._earned[name] = np.zeros(core.lanes)
                self.prepare(name, stream, subject)

    @abstractmethod
    def prepare(self, name: str, stream: BatchStream, subject: BatchSubject) -> None:
        """Make room for what is kept of a stream."""

    def forget(self, name: str, lanes: Integers) -> None:
        """Handle the start of a session in some lanes; by default nothing changes."""

    @abstractmethod
    def learn(self, name: str, lanes: Integers, earned: Floats, seen: Seen) -> None:
        """Handle the end of a trial in some lanes.

        Args:
            name: Full name of the stream.
            lanes: int64, (n,).
            earned: float64, (n,). What its rewards add up to.
            seen: float32, (n, channels). What the subject sees now.
        """

    @abstractmethod
    def decide(self, name: str, stream: BatchStream, lanes: Integers, seen: Seen) -> Integers:
        """Return the choices in lanes whose response window is open.

        Args:
            name: Full name of the stream.
            stream: The stream, as the engine has it.
            lanes: int64, (n,).
            seen: float32, (n, channels). What the subject sees now.

        Returns:
            int64, (n,).
        """

    def act(self, observations: Observations, infos: Infos, engine: Any) -> Actions:
        core = engine_of(engine)
        fresh = np.flatnonzero(core.session_start == core.now)
        for subject in core.subjects:
            for stream in subject.streams:
                if self._step:
                    lanes = np.flatnonzero(ended_trials(infos, subject.spec.name, stream.spec.short))
                    self._look_back(stream, lanes, observations[subject.spec.name])
                if fresh.size:
                    self._earned[stream.spec.name][fresh] = 0.0
                    self.forget(stream.spec.name, fresh)
        self._step += 1
        return super().act(observations, infos, engine)

    def _look_back(self, stream: BatchStream, lanes: Integers, seen: Seen) -> None:
        earned = self._earned[stream.spec.name]
        earned += stream.reward
        if lanes.size:
            self.learn(stream.spec.name, lanes, earned[lanes], seen[lanes])
            earned[lanes] = 0.0

    def choose(
        self, stream: BatchStream, name: str, subject: str, observations: Observations, infos: Infos, now: int
    ) -> Integers:
        result = np.zeros(stream.lanes, np.int64)
        lanes = np.flatnonzero(stream.window_open())
        if lanes.size:
            result[lanes] = self.decide(name, stream, lanes, observations[subject][lanes])
        return result

    def words(self, name: str, lanes: Integers) -> Bits:
        """Return a random word for some lanes, new in every step; uint64, (n,)."""
        return mix(self._keys[name][lanes] + step_bits(self._step))
