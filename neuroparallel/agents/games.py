"""Players of games: strategies that look one trial back, and best responses to what the others have done so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.plain import StreamAgent, lane_keys, step_bits
from neuroparallel.agents.plans import allowed
from neuroparallel.agents.protocol import Actions, Infos, Observations, engine_of
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.engine.stream import BatchStream
from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.seeding import Bits, mix, uniforms

__all__ = ["BestResponse", "MemoryOne"]

COOPERATE, DEFECT = 1, 2

# P(cooperate) in the first trial, and after CC, CD, DC and DD; one's own choice comes first.
STRATEGIES = {
    "always_cooperate": (1.0, (1.0, 1.0, 1.0, 1.0)),
    "always_defect": (0.0, (0.0, 0.0, 0.0, 0.0)),
    "generous": (1.0, (1.0, 1 / 3, 1.0, 1 / 3)),
    "tit_for_tat": (1.0, (1.0, 0.0, 1.0, 0.0)),
    "win_stay_lose_shift": (1.0, (1.0, 0.0, 0.0, 1.0)),
}

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class _Player(StreamAgent):
    """Keeps what subclasses ask: their own last choices, and those of the others as far as they are shown."""

    label: str

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._keys: dict[str, Bits] = {}
        self._columns: dict[str, list[slice]] = {}
        self._made: dict[str, Integers] = {}  # in the present trial; 0: nothing yet
        self._last: dict[str, Integers] = {}  # in the trial before; 0: nothing
        self._step = 0

    def reset(self, engine: Any) -> None:
        core = engine_of(engine)
        self._step = 0
        for subject in core.subjects:
            starts = subject.columns.partners
            self._columns[subject.spec.name] = [
                slice(start, start + choices - 1) for start, (_, choices) in zip(starts, subject.partners, strict=True)
            ]
        for name in core.stream_names:
            self._keys[name] = lane_keys(core, f"{self.label}.{name}", self.seed)
            self._made[name], self._last[name] = np.zeros((2, core.lanes), np.int64)

    def act(self, observations: Observations, infos: Infos, engine: Any) -> Actions:
        core = engine_of(engine)
        if self._step:
            for subject in core.subjects:
                who = subject.spec.name
                others = [shown_choice(observations[who][:, columns]) for columns in self._columns[who]]
                for stream in subject.streams:
                    key = "trial_end" if len(subject.streams) == 1 else f"{stream.spec.short}.trial_end"
                    ended = np.flatnonzero(infos[who][key])
                    if ended.size:
                        self._close(stream.spec.name, ended, others)
        self._step += 1
        return super().act(observations, infos, engine)

    def _close(self, name: str, lanes: Integers, others: list[Integers]) -> None:
        """Take note of trials that have ended; ``others``: what each of those seen chose, (lanes,), 0 for nothing."""
        self._last[name][lanes] = self._made[name][lanes]
        self._made[name][lanes] = 0

    def _random(self, name: str, lanes: Integers) -> Floats:
        """A uniform number in [0, 1) for some lanes, new in every step."""
        return uniforms(mix(self._keys[name][lanes] + step_bits(self._step)))

    def choose(
        self, stream: BatchStream, name: str, subject: str, observations: Observations, infos: Infos, now: int
    ) -> Integers:
        result = np.zeros(stream.lanes, np.int64)
        lanes = np.flatnonzero(stream.window_open())
        if lanes.size:
            seen = observations[subject][lanes]
            others = [shown_choice(seen[:, columns]) for columns in self._columns[subject]]
            result[lanes] = self._decide(stream, name, lanes, others)
            self._made[name][lanes] = result[lanes]
        return result

    def _decide(self, stream: BatchStream, name: str, lanes: Integers, others: list[Integers]) -> Integers:
        """What to choose in lanes that are asked, (n,); ``others`` as in `_close`, but (n,)."""
        raise NotImplementedError


def shown_choice(columns: NDArray[np.float32]) -> Integers:
    """The choice that some columns show, one for each choice: (n, choices) to (n,); 0 where they show none."""
    return np.asarray(np.where(columns.any(axis=1), columns.argmax(axis=1) + 1, 0), np.int64)


class MemoryOne(_Player):
    """Cooperates with a probability that depends on the joint outcome of the trial before, and on nothing else.

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

    def _decide(self, stream: BatchStream, name: str, lanes: Integers, others: list[Integers]) -> Integers:
        mine = self._last[name][lanes]
        theirs = others[0] if others else np.zeros_like(mine)
        known = (mine > 0) & (theirs > 0)
        state = np.where(known, 1 + 2 * (mine != COOPERATE) + (theirs != COOPERATE), 0)
        cooperates = self._random(name, lanes) < self._table[state]
        return np.minimum(np.where(cooperates, COOPERATE, DEFECT), stream.tables.actions - 1)


class BestResponse(_Player):
    """Fictitious play: the choice that pays most if the others choose as often as they have done so far.

    It knows the pay-off table and counts the choices that it is shown, each player's by itself, across sessions; of
    players that it does not see it expects every choice equally often. Of choices that pay alike, and where no table
    says what is paid, it takes any available one.

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
        self._counts: dict[str, list[Floats]] = {}  # (choices, lanes) for each player that is seen
        self._games: dict[str, _Table | None] = {}

    def reset(self, engine: Any) -> None:
        super().reset(engine)
        core = engine_of(engine)
        for subject in core.subjects:
            for stream in subject.streams:
                name = stream.spec.name
                sizes = [choices - 1 for _, choices in subject.partners]
                self._counts[name] = [np.full((size, core.lanes), self.prior) for size in sizes]
                self._games[name] = _table(core, stream, [partner for partner, _ in subject.partners])

    def _close(self, name: str, lanes: Integers, others: list[Integers]) -> None:
        super()._close(name, lanes, others)
        for counts, choice in zip(self._counts[name], others, strict=True):
            chose = lanes[choice[lanes] > 0]
            counts[choice[chose] - 1, chose] += 1

    def _decide(self, stream: BatchStream, name: str, lanes: Integers, others: list[Integers]) -> Integers:
        open_ = allowed(stream.tables, stream.row[lanes])[1:]
        game = self._games[name]
        shares = [counts[:, lanes] / counts[:, lanes].sum(axis=0) for counts in self._counts[name]]
        pay = np.zeros(open_.shape) if game is None else game.expected(shares, len(lanes))
        pay = np.where(open_ | ~open_.any(axis=0), pay, -np.inf)
        best = pay.max(axis=0)
        weights = np.exp((pay - best) / self.smoothed) if self.smoothed else 1.0 * (pay >= best - 1e-9)
        cuts = np.cumsum(weights, axis=0)
        return np.asarray((self._random(name, lanes) * cuts[-1] < cuts).argmax(axis=0) + 1, np.int64)


class _Table:
    """What one player of a game gets: its own choice first, then those of the others in the order of the group.

    Args:
        pay: float64, (own choices, choices of the 1st other, ...).
        shown: For each other player, the number of the subject seen that it is; -1 if it is not seen.
    """

    def __init__(self, pay: Floats, shown: Sequence[int]) -> None:
        self._pay, self._shown = pay, shown

    def expected(self, shares: list[Floats], lanes: int) -> Floats:
        """Mean pay of every own choice, float64 (choices, lanes), given how often those seen choose what."""
        result = np.zeros((len(self._pay), lanes))
        for others in np.ndindex(*self._pay.shape[1:]):
            chance = np.ones(lanes)
            for choice, seen, size in zip(others, self._shown, self._pay.shape[1:], strict=True):
                chance = chance * (shares[seen][choice] if seen >= 0 else 1 / size)
            result += self._pay[(slice(None), *others)][:, None] * chance
        return result


def _table(engine: BatchEngine, stream: BatchStream, seen: list[BatchStream]) -> _Table | None:
    """The pay-off table of a stream's group from its own side; None if it has none."""
    for group in engine.groups:
        game = group.spec.game
        players = [] if game is None else [group.streams[index] for index in game.streams]
        if game is not None and stream in players:
            me = players.index(stream)
            pay = np.moveaxis(np.array(game.payoffs)[:, me].reshape(game.choices), me, 0)
            others = [player for player in players if player is not stream]
            return _Table(pay, [seen.index(player) if player in seen else -1 for player in others])
    return None
