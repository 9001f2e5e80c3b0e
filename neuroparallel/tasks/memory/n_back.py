"""The n-back task, with lures, and with a level that follows the subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy import where
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, one_of, probability, whole_number
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Actions, Channels, Criterion, Draw, Factorial, Levels, Memory, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.task.urn import Urn, exact_counts
from neuroparallel.timing import Timing

WITHHOLD, MATCH, NONMATCH = 0, 1, 2
FEW, MANY = 3, 5  # errors in a block: fewer than the first make it harder, more than the second easier
HIGHEST = 9

Items: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class NBack(Task):
    """Respond when the item is the same as the one shown n items ago.

    Each trial shows one item of a sequence that goes on from trial to trial, so what has to be
    remembered is what earlier trials showed. The subject may respond from the onset of the item until
    the next one comes; the first response counts, and trials have one length. Response times count from
    the onset of the item.

    Until n items have been seen there is nothing to compare with: these trials have ``lead_in`` 1, no
    target, no ground truth, and are unscored. In the others the item is a ``target`` (the one of n
    trials ago) with the probability asked for, else any other item. In blocks the number of targets is exact:
    6 of 20 items with the preset ``paper``, in any order. ``lure`` marks items that are no target, but the
    item of n - 1 or n + 1 trials ago.

    With ``lure_probability`` 0 lures come by luck only, and whoever remembers fewer than n items is
    exactly at chance. Lures made on purpose tell such a subject something: what equals the item of
    n - 1 ago is then less often a target.

    Args:
        n: How far back to compare, 1 to 9, recorded as ``n_back``; where the level starts if it is adaptive.
        items: How many different items there are, 4 to 100; a channel each.
        target_probability: Share of targets, lead-in left out; with ``block`` every block has exactly this share,
            which has to be a whole number of items.
        lure_probability: Share of the other trials in which the item of n - 1 or n + 1 trials ago is
            shown on purpose, wherever one of these is not also the item of n ago.
        response: ``"go"``: respond to targets, withhold otherwise, which is correct as well;
            ``"keys"``: one key for targets, another one for all other items.
        block: How many items a block has besides its lead-in; the sequence begins anew with each. 0: the
            block lasts for the session.
        adaptive: Change n after each block: one more after fewer than 3 errors (misses included), one
            less after more than 5. The channels ``level`` then tell which n holds. With ``"together"`` the
            level is the group's: its rule ``shared_level`` moves it by the errors of all members, and says
            which items are targets.
        sigma: Noise of the item channels for one ms; a step of dt ms has s.d. sigma / sqrt(dt).

    Source:
        Kirchner 1958, J Exp Psychol 55:352. Presets ``paper`` and ``adaptive``: pace, blocks and rule of
        Jaeggi, Buschkuehl, Jonides & Perrig 2008, PNAS 105:6829; their dual task has one level for both
        streams, as the scenario ``dual_n_back_adaptive``.
    """

    n: int = 2
    items: int = 8
    target_probability: float = 0.3
    lure_probability: float = 0.0
    response: Literal["go", "keys"] = "go"
    block: int = 0
    adaptive: bool | Literal["together"] = False
    sigma: float = 1.0
    timing: Timing = Timing(item=200, interval=300)
    rewards: Rewards = Rewards(correct=1.0, error=-1.0, miss=-1.0)

    channels: ClassVar = Channels(item=8, noise={"item": "sigma"})
    actions: ClassVar = Actions("withhold", "match")
    criterion: ClassVar = Criterion(
        source="0.9: never to respond is right in 0.7 of the items", correct=0.9, ceiling="oracle"
    )
    tags: ClassVar = ("working_memory", "go_no_go")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"block": 20, "timing": {"item": 500, "interval": 2500}},
        "adaptive": {"block": 20, "timing": {"item": 500, "interval": 2500}, "adaptive": True},
    }
    notes: ClassVar[tuple[str, ...]] = ("lure",)

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        one_of(self.response, ("go", "keys"), "response")
        for name, low, high in (("n", 1, HIGHEST), ("items", 4, 100), ("block", 0, 10_000)):
            whole_number(getattr(self, name), name, low, high)
        if self.adaptive not in (False, True, "together"):
            raise ArgumentError(f"adaptive is {self.adaptive!r}; it is true, false or together.")
        for name in ("target_probability", "lure_probability"):
            probability(getattr(self, name), name)
        if self.block:
            exact_counts(self._shares, self.block)
        if self.adaptive and not self.block:
            raise ArgumentError("adaptive: the level changes between blocks; say how many items one has, block=20.")

    @cached_property
    def _target_urn(self) -> Urn:
        return Urn("targets", exact_counts(self._shares, self.block))

    @property
    def _shares(self) -> dict[str, tuple[float, float]]:
        return {"target": (1 - self.target_probability, self.target_probability)}

    @property
    def _levels(self) -> range:
        return range(1, HIGHEST + 1) if self.adaptive else range(self.n, self.n + 1)

    def channel_groups(self) -> Channels:
        level = {"level": len(self._levels)} if self.adaptive else {}
        return Channels(item=self.items, **level, noise={"item": "sigma"})

    def action_names(self) -> Actions:
        return self.actions if self.response == "go" else Actions("withhold", "match", "nonmatch")

    def conditions(self) -> Factorial:
        share = self.target_probability
        return Factorial(
            n_back=Levels(self._levels, [level == self.n for level in self._levels]),  # unless the group says another
            item=range(1, self.items + 1),
            target=Levels((False, True), (1 - share, share)),
            lead_in=(False, True),
        )

    def memory(self) -> dict[str, Memory]:
        counts = {name: Memory(start, np.int64) for name, start in (("level", self.n), ("place", 0), ("errors", 0))}
        left = self._target_urn.memory() if self._draws_targets else {}
        return {**counts, **left, "items": Memory(np.zeros(self._levels[-1] + 1), np.int64)}

    @property
    def _draws_targets(self) -> bool:
        """Whether the task itself draws targets without replacement; of members of a group the rule does."""
        return bool(self.block) and self.adaptive != "together"

    def trials_back(self) -> int:
        return min(self.n + 1, HIGHEST) if self.adaptive else self.n  # the next level must be in reach

    def sequence(self, draw: Draw) -> None:
        """Choose the item by what was shown before."""
        self._count(draw)
        memory, lanes = draw.memory, np.arange(len(draw))
        n, shown = memory["level"], memory["items"]  # the latest first, 0 for none
        back = shown[lanes, n - 1]
        near = shown[lanes, n], where(n > 1, shown[lanes, np.maximum(n - 2, 0)], 0)  # n + 1 and n - 1 ago
        lead_in = memory["place"] < n
        if self._draws_targets:
            begins = memory["place"] == 0
            draw.conditions["target"] = self._target_urn.draw(draw, where=~lead_in, fresh=begins) == 1
        target = draw.conditions["target"] & ~lead_in
        place = np.floor(draw.random("item") * where(lead_in, self.items, self.items - 1)).astype(np.int64) + 1
        item = where(target, back, place + ((place >= back) & ~lead_in))  # if no target, any item but the one of n ago
        item = where(target | lead_in, item, self._lured(draw, item, back, near))
        draw.conditions.update(n_back=n.copy(), item=item, target=target, lead_in=lead_in)
        draw.conditions["lure"] = ((item == near[0]) | (item == near[1])) & ~target & ~lead_in
        memory["items"] = np.concatenate([item[:, None], shown[:, :-1]], axis=1)
        memory["place"] = memory["place"] + 1

    def _lured(self, draw: Draw, item: Items, back: Items, near: tuple[Items, Items]) -> Items:
        """The item of a trial without target, now and then one of the two neighbours of n ago."""
        able = [(other > 0) & (other != back) for other in near]
        lure = where(able[0] & (~able[1] | (draw.random("which lure") < 0.5)), *near)
        return where((able[0] | able[1]) & (draw.random("lure") < self.lure_probability), lure, item)

    def _count(self, draw: Draw) -> None:
        """Count the errors of the block, and begin the next one when it is over."""
        memory = draw.memory
        wrong = (draw.outcome == Outcome.ERROR) | (draw.outcome == Outcome.MISS)
        errors = memory["errors"] + (wrong & ~draw.first)
        over = (memory["place"] >= self.block + memory["level"]) & (self.block > 0)
        if self.adaptive is True:
            moved = memory["level"] + (errors < FEW) - (errors > MANY)
            memory["level"] = where(over, np.clip(moved, 1, HIGHEST), memory["level"])
        memory["errors"], memory["place"] = where(over, 0, errors), where(over, 0, memory["place"])
        memory["items"] = where(over[:, None], 0, memory["items"])
        if self.adaptive == "together":
            memory["level"] = draw.conditions["n_back"].copy()

    def define(self, trial: Trial) -> None:
        both = ("item", "interval")
        trial.show("item", per_channel=self._one_of(range(1, self.items + 1), trial.item), during="item")
        if self.adaptive:
            trial.show("level", per_channel=self._one_of(self._levels, trial.n_back), during=both)
        trial.clock("item")
        right = where(trial.target, MATCH, WITHHOLD if self.response == "go" else NONMATCH)
        for period in both:
            trial.answer(right, during=period, then="wait")
            trial.on("any", during=period, outcome="unscored", then="wait", where=trial.lead_in)
            trial.choose(during=period, truth=where(trial.lead_in, -1, right))
        trial.on("timeout", during="item", then="interval")  # nothing is decided yet
        trial.on("timeout", during="interval", outcome="unscored", then="end", where=trial.lead_in)

    @staticmethod
    def _one_of(values: range, value: Items) -> list[NDArray[np.bool_]]:
        """For each of some values, where it is the one."""
        return [value == each for each in values]
