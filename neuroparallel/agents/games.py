"""Players of games: strategies that look one trial back, and best responses to what the others have done so far."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.counterfactual_rewards import CounterfactualRewards
from neuroparallel.agents.protocol import engine_of
from neuroparallel.agents.task_model import allowed
from neuroparallel.agents.trial_agent import Floats, Integers, Seen, TrialAgent
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.batch.subject import BatchSubject
from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.seeding import uniforms

__all__ = ["BestResponse", "MemoryOne", "Player"]

COOPERATE, DEFECT = 1, 2

# P(cooperate) in the first trial, and after CC, CD, DC and DD; one's own choice comes first.
STRATEGIES = {
    "always_cooperate": (1.0, (1.0, 1.0, 1.0, 1.0)),
    "always_defect": (0.0, (0.0, 0.0, 0.0, 0.0)),
    "generous": (1.0, (1.0, 1 / 3, 1.0, 1 / 3)),
    "tit_for_tat": (1.0, (1.0, 0.0, 1.0, 0.0)),
    "win_stay_lose_shift": (1.0, (1.0, 0.0, 0.0, 1.0)),
}


class Player(TrialAgent):
    """Agent that keeps its own last choices, and those of the others as far as they are shown."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self._past: dict[str, dict[int, slice]] = {}  # where it is shown the last choice of which stream
        self._live: dict[str, dict[int, slice]] = {}  # and where the one that stands at present
        self._made: dict[str, Integers] = {}  # in the present trial; 0: nothing yet
        self._last: dict[str, Integers] = {}  # in the trial before; 0: nothing

    def prepare(self, name: str, stream: BatchStream, subject: BatchSubject) -> None:
        """Find what is shown of others."""
        for kind, kept in (("choice", self._past), ("action", self._live)):
            sights = zip(subject.spec.partner_views, subject.columns.partner_views, strict=True)
            kept[name] = {s.stream: slice(at, at + s.choices) for s, at in sights if s.kind == kind}
        self._made[name], self._last[name] = np.zeros((2, stream.lanes), np.int64)

    def learn(self, name: str, lanes: Integers, earned: Floats, seen: Seen) -> None:
        """Keep the last choice."""
        self._last[name][lanes] = self._made[name][lanes]
        self._made[name][lanes] = 0

    def decide(self, name: str, stream: BatchStream, lanes: Integers, seen: Seen) -> Integers:
        """Choose by what is known of the others."""
        past, live = shown_choices(seen, self._past[name]), shown_choices(seen, self._live[name])
        choice = self.respond(name, stream, lanes, past, live)
        self._made[name][lanes] = choice
        return choice

    @abstractmethod
    def respond(
        self, name: str, stream: BatchStream, lanes: Integers, past: dict[int, Integers], live: dict[int, Integers]
    ) -> Integers:
        """Return the choices in lanes with an open response window, (n,).

        Args:
            name: Full name of the stream.
            stream: Who is asked.
            lanes: int64, (n,).
            past: What each stream seen chose in its last trial, (n,); 0 for nothing.
            live: What each stream seen has chosen in its present one.
        """


def shown_choices(seen: NDArray[np.float32], columns: Mapping[int, slice]) -> dict[int, Integers]:
    """Return the choices that are shown, one column for each; (n, channels) to (n,) by key, 0 where none is on."""
    parts = {key: seen[:, part] for key, part in columns.items()}
    return {key: np.where(part.any(axis=1), part.argmax(axis=1) + 1, 0) for key, part in parts.items()}


class MemoryOne(Player):
    """Agent that cooperates with a probability that depends only on the joint outcome of the trial before.

    Choice 1 is to cooperate, choice 2 to defect. What the other did is read from what the subject is shown (the first
    one in its ``sees``): after a trial in which one of the two chose nothing, or with nobody to see, it plays as in
    the first trial.

    Args:
        strategy: A name, ``"tit_for_tat"``, ``"win_stay_lose_shift"``, ``"always_cooperate"``, ``"always_defect"`` or
            ``"generous"`` (tit for tat that forgives one defection in three); or P(cooperate) after CC, CD, DC and
            DD, four numbers in [0, 1], one's own choice first.
        first: P(cooperate) in the first trial, in [0, 1]; None: the strategy's own, one half for numbers.
        seed: For other random choices with the same trials.

    Raises:
        ArgumentError: There is no such strategy, or a number is no probability.

    Source:
        Nowak & Sigmund 1992, Nature 355:250 (generous); 1993, Nature 364:56 (win-stay, lose-shift: CC and DD are
        wins, which is not the rule of the agent ``wsls`` where all pay-offs are above 0); Axelrod & Hamilton 1981,
        Science 211:1390 (tit for tat).
    """

    label = "memory_one"

    def __init__(
        self, strategy: str | Sequence[float] = "tit_for_tat", first: float | None = None, seed: int = 0
    ) -> None:
        super().__init__(seed)
        opening, vector = self._named(strategy) if isinstance(strategy, str) else (0.5, tuple(strategy))
        opening = opening if first is None else first
        if len(vector) != 4 or not all(0 <= p <= 1 for p in (*vector, opening)):
            raise ArgumentError(
                f"memory_one: strategy is {strategy!r} and first {first!r}; a strategy is a name "
                f"({', '.join(STRATEGIES)}) or P(cooperate) after CC, CD, DC and DD, four numbers in [0, 1]."
            )
        self._table = np.array([opening, *vector], np.float64)

    @staticmethod
    def _named(strategy: str) -> tuple[float, tuple[float, ...]]:
        if strategy not in STRATEGIES:
            raise ArgumentError(f"memory_one: there is no strategy {strategy!r}.{nearest(strategy, STRATEGIES)}")
        return STRATEGIES[strategy]

    def respond(
        self, name: str, stream: BatchStream, lanes: Integers, past: dict[int, Integers], live: dict[int, Integers]
    ) -> Integers:
        mine = self._last[name][lanes]
        theirs = next(iter(past.values()), np.zeros_like(mine))
        known = (mine > 0) & (theirs > 0)
        state = np.where(known, 1 + 2 * (mine != COOPERATE) + (theirs != COOPERATE), 0)
        cooperates = uniforms(self.words(name, lanes)) < self._table[state]
        return np.minimum(np.where(cooperates, COOPERATE, DEFECT), stream.tables.actions - 1)


class BestResponse(Player):
    """Fictitious play: the choice with the highest reward if the others choose as often as they have done so far.

    It knows the group's rule and conditions, and counts the choices that it is shown, each player's by itself, across
    sessions. Of players that it does not see it expects every choice equally often; of those whose present choice it
    sees, that one. Of choices that pay alike, and where no rule couples its stream to others, it takes any available
    one.

    Args:
        smoothed: 0 always takes the best choice; above 0, in units of reward, choices are taken in proportion to
            exp(expected pay / smoothed).
        prior: How often each choice of each other player counts as seen beforehand; above 0.
        seed: For other random choices with the same trials.

    Raises:
        ArgumentError: A number is out of its range.

    Source:
        Brown 1951, in Koopmans (ed.), Activity Analysis of Production and Allocation, Wiley, ch. 24; smoothed:
        Fudenberg & Levine 1998, The Theory of Learning in Games, MIT Press, ch. 4.
    """

    label = "best_response"

    def __init__(self, smoothed: float = 0.0, prior: float = 1.0, seed: int = 0) -> None:
        super().__init__(seed)
        if not (smoothed >= 0 and prior > 0):
            raise ArgumentError(
                f"best_response: smoothed is {smoothed!r} and prior {prior!r}; smoothed is 0 or more, prior above 0."
            )
        self.smoothed, self.prior = smoothed, prior
        self._counts: dict[str, dict[int, Floats]] = {}  # (choices, lanes) for each stream that is seen
        self._expected_rewards: dict[str, CounterfactualRewards | None] = {}

    def reset(self, engine: Any) -> None:
        super().reset(engine)
        for group in engine_of(engine).groups:
            coupled = group.spec.rule is not None and group.spec.rule.resolve is not None
            for index, stream in group.streams.items():
                self._expected_rewards[stream.spec.name] = CounterfactualRewards(group, index) if coupled else None

    def prepare(self, name: str, stream: BatchStream, subject: BatchSubject) -> None:
        """Every choice of the others was seen equally often."""
        super().prepare(name, stream, subject)
        sizes = {index: columns.stop - columns.start for index, columns in self._past[name].items()}
        self._counts[name] = {index: np.full((size, stream.lanes), self.prior) for index, size in sizes.items()}

    def learn(self, name: str, lanes: Integers, earned: Floats, seen: Seen) -> None:
        """Count what the others chose."""
        super().learn(name, lanes, earned, seen)
        for index, chosen in shown_choices(seen, self._past[name]).items():
            made = chosen > 0
            self._counts[name][index][chosen[made] - 1, lanes[made]] += 1

    def respond(
        self, name: str, stream: BatchStream, lanes: Integers, past: dict[int, Integers], live: dict[int, Integers]
    ) -> Integers:
        open_ = allowed(stream.tables, stream.row[lanes])[1:]
        rewards, words = self._expected_rewards[name], self.words(name, lanes)
        if rewards is None:
            pay = np.zeros(open_.shape)
        else:
            shares = {index: counts[:, lanes] for index, counts in self._counts[name].items()}
            pay = rewards.expected(lanes, shares, live, words)
        pay = np.where(open_ | ~open_.any(axis=0), pay, -np.inf)
        best = pay.max(axis=0)
        weights = np.exp((pay - best) / self.smoothed) if self.smoothed else 1.0 * (pay >= best - 1e-9)
        cuts = np.cumsum(weights, axis=0)
        return np.asarray((uniforms(words) * cuts[-1] < cuts).argmax(axis=0) + 1, np.int64)
