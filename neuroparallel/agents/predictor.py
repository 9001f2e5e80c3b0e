"""The computer opponent of monkeys in matching pennies, for any seat."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuroparallel.agents.games import Player, shown_choices
from neuroparallel.agents.trial_agent import Floats, Integers, Seen
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.batch.subject import BatchSubject
from neuroparallel.errors import ArgumentError
from neuroparallel.seeding import uniforms
from neuroparallel.tasks.games.matching_pennies import history_memory, learn_history, predict_right

__all__ = ["Predictor"]

FIRST, SECOND = 1, 2


class Predictor(Player):
    """Agent that predicts the other's choice from its choices after the same histories, and chooses against it.

    It is the computer of the task ``matching_pennies``, on a seat of a game with two choices: it takes choice 1 with
    the probability at which it expects the other one (the first in its ``sees``) to take choice 2; the other way round
    if it wants both to be the same. A trial in which one of the two chose nothing is no history. It counts across
    sessions. With nobody to see it tosses a coin.

    Args:
        algorithm: 0 tosses a coin; 1 looks at the other's last 0 to 4 choices; 2 looks also at its last 1 to 4 choices
            together with whether they won.
        match: Whether it wins if both choose the same, and the other one if they do not; else the reverse.
        significance: Level of the two-sided test by which a history counts, between 0 and 1.
        at_least: Observations of a history that a prediction needs, 1 or more.
        seed: For other random choices with the same trials.

    Raises:
        ArgumentError: A number is out of its range.

    Source:
        Lee, Conroy, McGreevy & Barraclough 2004, Cogn Brain Res 22:45.
    """

    label = "predictor"

    def __init__(
        self, algorithm: int = 2, match: bool = False, significance: float = 0.05, at_least: int = 10, seed: int = 0
    ) -> None:
        super().__init__(seed)
        if algorithm not in (0, 1, 2) or not 0 < significance < 1 or not at_least >= 1:
            raise ArgumentError(
                f"predictor: algorithm is {algorithm!r}, significance {significance!r} and at_least {at_least!r}; the "
                "algorithms are 0, 1 and 2, significance lies between 0 and 1, at_least is 1 or more."
            )
        self.algorithm, self.match = int(algorithm), bool(match)
        self.significance, self.at_least = significance, at_least
        self._memory: dict[str, dict[str, Any]] = {}
        self._expected: dict[str, Floats] = {}  # how likely the other one is to take choice 2, (lanes,)

    def prepare(self, name: str, stream: BatchStream, subject: BatchSubject) -> None:
        super().prepare(name, stream, subject)
        self._memory[name] = {
            key: np.broadcast_to(memory.initial, (stream.lanes, *np.shape(memory.initial))).astype(memory.dtype)
            for key, memory in history_memory(self.algorithm).items()
        }
        self._expected[name] = np.full(stream.lanes, 0.5)

    def learn(self, name: str, lanes: Integers, earned: Floats, seen: Seen) -> None:
        mine = self._made[name][lanes]
        super().learn(name, lanes, earned, seen)
        theirs = next(iter(shown_choices(seen, self._past[name]).values()), None)
        if not self.algorithm or theirs is None:
            return
        memory = {key: array[lanes] for key, array in self._memory[name].items()}
        won = (mine == theirs) != self.match
        learn_history(memory, self.algorithm, (mine > 0) & (theirs > 0), theirs == SECOND, won)
        self._expected[name][lanes] = predict_right(memory, self.algorithm, self.significance, self.at_least)
        for key, array in memory.items():
            self._memory[name][key][lanes] = array

    def respond(
        self, name: str, stream: BatchStream, lanes: Integers, past: dict[int, Integers], live: dict[int, Integers]
    ) -> Integers:
        second = self._expected[name][lanes]
        against = np.where(uniforms(self.words(name, lanes)) < (1 - second if self.match else second), FIRST, SECOND)
        return np.minimum(against, stream.tables.actions - 1)
