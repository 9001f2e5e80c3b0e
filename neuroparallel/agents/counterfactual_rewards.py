"""Expected reward of each choice under the rule of a group, including choices that were not made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch.group import BatchGroup
from neuroparallel.outcomes import Outcome
from neuroparallel.rules import Resolution
from neuroparallel.seeding import Bits, mix, name_bits, uniforms

__all__ = ["CounterfactualRewards"]

EXACT = 64  # so many combinations of the others' choices are all gone through; of more, samples
SAMPLES = 32
LUCK = np.uint64(name_bits("prospect.luck"))

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class CounterfactualRewards:
    """Expected rewards of one group member's choices, given how often the other members make theirs.

    Args:
        group: The group, with a rule that pays.
        me: Index of the member's stream.
    """

    def __init__(self, group: BatchGroup, me: int) -> None:
        self._group, self._me = group, me
        self._options = tuple(stream.tables.actions - 1 for stream in group.streams.values())
        self._mine = list(group.streams).index(me)

    def expected(
        self, lanes: Integers, weights: Mapping[int, Floats], known: Mapping[int, Integers], words: Bits
    ) -> Floats:
        """Return the mean reward of each choice, float64 (choices, n).

        Args:
            lanes: int64, (n,).
            weights: By stream, (choices, n): how often the others choose what; equally often if not given.
            known: By stream, (n,): what others have chosen already, which is then certain; 0 for nothing.
            words: uint64, (n,). Random words, for chance in the rule and for samples.
        """
        shares = []
        for index, options in zip(self._group.streams, self._options, strict=True):
            weight = weights.get(index, np.ones((options, len(lanes))))
            if index in known:
                sure = np.arange(1, options + 1)[:, None] == known[index]
                weight = np.where(known[index] > 0, sure, weight)
            shares.append(weight / weight.sum(axis=0))
        total = np.zeros((self._options[self._mine], len(lanes)))
        for choices, chance in self._cases(shares, words):
            total += chance * self._paid(lanes, choices, mix(words + LUCK))
        return total

    def _cases(self, shares: list[Floats], words: Bits) -> Iterator[tuple[list[Any], Any]]:
        """Choices of all members (one's own entry counts nothing), and the probability of each case."""
        sizes = [1 if place == self._mine else options for place, options in enumerate(self._options)]
        if np.prod(sizes) <= EXACT:
            for case in np.ndindex(*sizes):
                chance = np.ones(len(words))
                for place, (choice, share) in enumerate(zip(case, shares, strict=True)):
                    chance = chance * (share[choice] if place != self._mine else 1.0)
                yield [choice + 1 for choice in case], chance
            return
        cuts = [np.cumsum(share, axis=0) for share in shares]
        for sample in range(SAMPLES):
            drawn = [
                (uniforms(mix(words + np.uint64(sample * len(cuts) + place + 1))) < cut).argmax(axis=0) + 1
                for place, cut in enumerate(cuts)
            ]
            yield drawn, 1 / SAMPLES

    def _paid(self, lanes: Integers, choices: list[Any], luck: Bits) -> Floats:
        """Return the reward of each own choice, (choices, n), given the choices of the others."""
        group, mine, count = self._group, self._options[self._mine], len(lanes)

        def repeated(array: NDArray[Any]) -> NDArray[Any]:
            return np.concatenate([array] * mine)

        chosen = np.zeros((len(self._options), mine * count), np.int64)
        for place, (index, choice) in enumerate(zip(group.streams, choices, strict=True)):
            made = np.repeat(np.arange(1, mine + 1), count) if index == self._me else choice
            filled = np.broadcast_to(made, mine * count) if np.ndim(made) == 0 or index == self._me else repeated(made)
            chosen[place] = np.where(repeated(group.takes_part[index][lanes]), filled, 0)
        rule = group.spec.rule
        assert rule is not None
        names = (*rule.conditions().names, *rule.notes)
        end = Resolution(
            conditions={name: repeated(group.coupling.values[name][lanes]) for name in names},
            memory={name: repeated(array[lanes]) for name, array in group.coupling.memory.items()},
            trial=repeated(group.trial[lanes]),
            _keys=repeated(luck),
            choice=chosen,
            outcome=np.where(chosen > 0, Outcome.UNSCORED, 0).astype(np.uint8),
            time=np.zeros(chosen.shape),
            message=np.zeros(chosen.shape),
            given=tuple(
                {name: repeated(column) for name, column in stream.values(lanes).items()}
                for stream in group.streams.values()
            ),
            options=self._options,
            pay=np.zeros(chosen.shape),
            again=np.ones(mine * count, bool),
        )
        rule.resolve(end)  # type: ignore[misc]
        return np.asarray(end.pay[self._mine].reshape(mine, count), np.float64)
