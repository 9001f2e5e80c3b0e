"""Matching pennies against a computer that learns to predict its opponent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np
from numpy import where
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, probability
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Actions, Channels, Criterion, Draw, Factorial, Memory, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

LEFT, RIGHT = 1, 2
DEPTH = 4  # how many past trials the computer looks back
EXACT = 20_000  # observations up to which critical counts come from the exact binomial distribution

Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class MatchingPennies(Task):
    """Choose the target that the computer chooses too; the computer tries to choose the other one.

    The computer counts how often the subject went right after each recent history. Of the histories
    that hold now it takes the one whose count departs most from one half, among those that depart
    significantly (exact binomial test), and goes left with the probability at which it expects the
    subject to go right. Without any such history it tosses a fair coin, and that is all a subject
    can enforce: its equilibrium earns one half.

    The computer's choice is drawn at the start of the trial, shown as feedback after the subject's,
    and shown until the next feedback. A match is correct. Trials that were not completed are no
    history.

    Args:
        algorithm: 0 tosses a coin; 1 looks at the subject's last 0 to 4 choices; 2 looks also at
            its last 1 to 4 choices together with whether they won.
        coin: Probability that the computer goes left under algorithm 0; one half is fair.
        significance: Level of the two-sided test, between 0 and 1.
        at_least: Observations of a history that a prediction needs.

    Source:
        Barraclough, Conroy & Lee 2004, Nat Neurosci 7:404 (task and timing of ``paper``); the three
        algorithms: Lee, Conroy, McGreevy & Barraclough 2004, Cogn Brain Res 22:45. The least number
        of observations is ours.
    """

    algorithm: int = 2
    coin: float = 0.5
    significance: float = 0.05
    at_least: int = 10
    timing: Timing = Timing(fixation=100, targets=0, choice=300, hold=0, feedback=100)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(fixation=1, targets=1, opponent=("left", "right"))
    actions: ClassVar = Actions("fixate", "left", "right")
    criterion: ClassVar = Criterion(source="nine tenths of what choosing at random earns", part=0.9, ceiling="uniform")
    value_names: ClassVar = {"opponent": (), "last": ()}
    tags: ClassVar = ("value", "game", "two_alternative")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {
            "timing": {
                "fixation": 500,
                "targets": 1000,
                "choice": 1000,
                "hold": 500,
                "feedback": 500,
            }
        },
        "neurogym": {"algorithm": 0, "timing": {"fixation": 0, "choice": 100, "feedback": 0}},
    }
    notes: ClassVar[tuple[str, ...]] = ("predicted_right",)

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if self.algorithm not in (0, 1, 2):
            raise ArgumentError(f"algorithm is {self.algorithm!r}; the computer has the algorithms 0, 1 and 2.")
        probability(self.coin, "coin")
        if self.coin != 0.5 and self.algorithm:
            raise ArgumentError(f"coin is {self.coin!r}, but only algorithm 0 has a bias, not {self.algorithm!r}.")
        if not 0 < self.significance < 1:
            raise ArgumentError(f"significance is {self.significance!r}; it lies between 0 and 1.")
        if self.at_least < 1:
            raise ArgumentError(f"at_least is {self.at_least!r}; a prediction needs 1 observation or more.")

    def conditions(self) -> Factorial:
        return Factorial(opponent=(LEFT, RIGHT), last=(0, LEFT, RIGHT))

    def memory(self) -> dict[str, Memory]:
        return history_memory(self.algorithm)

    def sequence(self, draw: Draw) -> None:
        """Let the computer learn from the trial before, predict the subject, and choose."""
        won = draw.outcome == Outcome.CORRECT
        completed = ~draw.first & (won | (draw.outcome == Outcome.ERROR))
        shown = where(completed, draw.previous["opponent"], draw.previous["last"])
        draw.conditions["last"] = where(draw.first, 0, shown)
        predicted = np.full(len(draw), 0.5)
        if self.algorithm:
            learn_history(draw.memory, self.algorithm, completed, draw.choice == RIGHT, won)
            predicted = predict_right(draw.memory, self.algorithm, self.significance, self.at_least)
        draw.conditions["predicted_right"] = predicted
        leftward = predicted if self.algorithm else self.coin
        draw.conditions["opponent"] = where(draw.random("opponent") < leftward, LEFT, RIGHT)

    def define(self, trial: Trial) -> None:
        before = ("fixation", "targets", "choice", "hold")
        trial.show("fixation", during=("fixation", "targets"))
        trial.show("targets", during=("targets", "choice", "hold"))
        for periods, shown in ((before, trial.last), ("feedback", trial.opponent)):
            trial.show("opponent", per_channel=(shown == LEFT, shown == RIGHT), during=periods)
        trial.answer(trial.opponent, during="choice")


def histories(algorithm: int) -> int:
    """How many histories an algorithm tells apart."""
    choices = sum(2**back for back in range(DEPTH + 1))
    pairs = sum(4**back for back in range(1, DEPTH + 1))
    return (0, choices, choices + pairs)[algorithm]


def history_memory(algorithm: int) -> dict[str, Memory]:
    """What an algorithm remembers of its opponent."""
    counts = np.zeros(max(histories(algorithm), 1), np.int32)
    return {
        "seen": Memory(counts, np.int32),  # completed trials after each history ...
        "right": Memory(counts, np.int32),  # ... and those in which the opponent went right
        "completed": Memory(0, np.int64),
        "choices": Memory(0, np.int64),  # last choices, a bit each, the latest lowest
        "pairs": Memory(0, np.int64),  # last choices with their outcomes, two bits each
    }


def learn_history(
    memory: dict[str, NDArray[Any]],
    algorithm: int,
    completed: NDArray[np.bool_],
    right: NDArray[np.bool_],
    won: NDArray[np.bool_],
) -> None:
    """Count a trial after all the histories that held before it.

    Args:
        memory: As `history_memory` says, (n, ...); changed.
        algorithm: 1 or 2.
        completed: bool, (n,). Where there is a trial to be counted.
        right: bool, (n,). Whether the opponent went right in it.
        won: bool, (n,). Whether that paid.
    """
    places, known = _places(memory, algorithm)
    lanes, columns = np.nonzero(known & completed[:, None])
    at = (lanes, places[lanes, columns])
    memory["seen"][at] += 1
    memory["right"][at] += right[lanes].astype(np.int32)
    mask = (1 << DEPTH) - 1
    went, paid = right.astype(np.int64), won.astype(np.int64)
    choices = ((memory["choices"] << 1) | went) & mask
    pairs = ((memory["pairs"] << 2) | (went << 1) | paid) & (mask << DEPTH | mask)
    memory["choices"] = where(completed, choices, memory["choices"])
    memory["pairs"] = where(completed, pairs, memory["pairs"])
    memory["completed"] = memory["completed"] + completed


def predict_right(
    memory: Mapping[str, NDArray[Any]], algorithm: int, significance: float = 0.05, at_least: int = 10
) -> NDArray[np.float64]:
    """Probability at which an algorithm expects its opponent to go right, (n,); one half where nothing tells.

    Args:
        memory: As `history_memory` says, (n, ...).
        algorithm: 1 or 2.
        significance: Level of the two-sided test, between 0 and 1.
        at_least: Observations of a history that a prediction needs.
    """
    places, known = _places(memory, algorithm)
    lanes = np.arange(len(places))[:, None]
    seen = memory["seen"][lanes, places].astype(np.int64)
    right = memory["right"][lanes, places].astype(np.int64)
    extreme = np.minimum(right, seen - right) <= critical_counts(seen, significance)
    rate = right / np.maximum(seen, 1)
    usable = known & (seen >= at_least) & extreme
    departure = where(usable, np.abs(rate - 0.5), 0.0)
    best = departure.argmax(axis=1)
    one = lanes[:, 0], best
    return where(usable[one], rate[one], 0.5)


def _places(memory: Mapping[str, Integers], algorithm: int) -> tuple[Integers, NDArray[np.bool_]]:
    """Where the present histories are counted, and which are long enough; both (n, kinds)."""
    places, known, start = [], [], 0
    for bits, kept in (("choices", 1), ("pairs", 2))[:algorithm]:
        for back in range(0 if kept == 1 else 1, DEPTH + 1):
            size = 1 << (kept * back)
            places.append(start + (memory[bits] & (size - 1)))
            known.append(memory["completed"] >= back)
            start += size
    return np.stack(places, axis=1), np.stack(known, axis=1)


def critical_counts(n: Integers, significance: float = 0.05) -> Integers:
    """The largest count of the rarer side that is significantly rare, for n tosses of a fair coin.

    Args:
        n: Tosses, int64, any shape, 0 or more.
        significance: Level of the exact two-sided binomial test. Beyond 20,000 tosses the normal
            approximation with continuity correction is used instead.

    Returns:
        Counts, int64, of the same shape; -1 where no count is significant.
    """
    table, z = _critical_table(significance)
    large = np.floor(n / 2 - 0.5 - z / 2 * np.sqrt(n)).astype(np.int64)
    return where(n <= EXACT, table[np.minimum(n, EXACT)], large)


@lru_cache(maxsize=8)
def _critical_table(significance: float) -> tuple[Integers, float]:
    """Critical counts for 0 to EXACT tosses, and the two-sided normal quantile.

    One more toss changes the lower tail by P(X <= k | n + 1) = P(X <= k | n) - P(X = k | n) / 2,
    and the critical count by at most one.
    """
    table = np.full(EXACT + 1, -1, np.int64)
    count, point, tail = -1, 0.0, 0.0  # P(X = count) and P(X <= count)
    nothing = 1.0  # P(X = 0)
    for n in range(1, EXACT + 1):
        nothing /= 2
        if count >= 0:
            tail -= point / 2
            point *= n / (2 * (n - count))
        following = nothing if count < 0 else point * (n - count) / (count + 1)
        if 2 * (tail + following) < significance and 2 * (count + 1) < n:
            count, point, tail = count + 1, following, tail + following
        table[n] = count
    return table, NormalDist().inv_cdf(1 - significance / 2)
