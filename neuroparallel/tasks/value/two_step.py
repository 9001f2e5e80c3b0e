"""The two-step task: do you know the map, or only what has paid?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy import where
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, one_of, probability
from neuroparallel.task import (
    Actions,
    Channels,
    Criterion,
    Draw,
    Factorial,
    Levels,
    Memory,
    Response,
    Rewards,
    Task,
)
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

FIRST, SECOND = 1, 2
ARMS = ("1_1", "1_2", "2_1", "2_2")  # state_action
Chances = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TwoStep(Task):
    """Choose twice: the first choice leads to one of two states, the second may be rewarded.

    The first action commonly leads to state 1 and rarely to state 2, the second action the other
    way round. In each state two actions are rewarded with chances that change slowly from trial to
    trial, so that a subject has to keep learning. One that plans with the map goes by reward and
    transition together; one that only repeats what paid goes by reward. The reward comes with the
    second choice, and then a cue says whether there was one.

    A trial is correct if both choices were those of the greatest expected reward, and an error
    otherwise, whatever luck paid: ``rewards["reward"]`` or ``rewards["omission"]``. In the records
    ``choice`` and the response time are of the second stage; ``first_choice`` and ``state`` stand
    beside them, and ``ground_truth`` is the better first choice.

    Args:
        common: Probability of the common transition.
        walk: How chances change: ``"drift"``, each of the four does its own Gaussian random walk,
            reflected at the bounds; ``"switch"``, both actions of one state have the upper, those
            of the other the lower bound as their chance, and the states swap with a fixed hazard (a
            choice in name only).
        drift: S.d. of the walk per trial.
        hazard: Probability of a swap per trial.
        bounds: Lowest and highest chance of reward.

    Source:
        Daw, Gershman, Seymour, Dayan & Dolan 2011, Neuron 69:1204 (``drift``); the variant
        ``switch`` and its
        numbers: Wang, Kurth-Nelson, Kumaran et al. 2018, Nat Neurosci 21:860, as in NeuroGym.
    """

    common: float = 0.7
    walk: Literal["drift", "switch"] = "drift"
    drift: float = 0.025
    hazard: float = 0.025
    bounds: tuple[float, float] = (0.25, 0.75)
    timing: Timing = Timing(fixation=100, first=500, state_1=500, state_2=500, reward=100, omission=100)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0, reward=1.0, omission=0.0)

    channels: ClassVar = Channels(fixation=1, first=1, state=2, reward=1)
    actions: ClassVar = Actions("fixate", "first", "second")
    criterion: ClassVar = Criterion(
        source="six tenths of what a model-based learner gains over chance",
        part=0.6,
        by="reward",
        ceiling="model_based",
    )
    value_names: ClassVar = {"better_first": (), "better_1": (), "better_2": (), "first_choice": ()}
    tags: ClassVar = ("value", "two_alternative", "reinforcement_learning")
    signature: ClassVar = "two_step"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"timing": {"fixation": 500, "first": 2000, "state_1": 2000, "state_2": 2000}},
        "wang": {"common": 0.8, "walk": "switch", "bounds": (0.1, 0.9)},
        "neurogym": {
            "common": 0.8,
            "walk": "switch",
            "bounds": (0.1, 0.9),
            "timing": {
                "fixation": 0,
                "first": 100,
                "state_1": 100,
                "state_2": 100,
                "omission": 0,
                "reward": 0,
            },
        },
    }
    notes: ClassVar[tuple[str, ...]] = ("first_choice", "state", *(f"chance_{arm}" for arm in ARMS))

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        one_of(self.walk, ("drift", "switch"), "walk")
        for name in ("common", "hazard"):
            probability(getattr(self, name), name)
        low, high = self.bounds
        if not 0 <= low < high <= 1 or not 0 <= self.drift <= (high - low) / 4:
            raise ArgumentError(
                f"bounds are {self.bounds!r} and drift is {self.drift!r}; bounds are two "
                "probabilities, the lower one first, and drift is at most a quarter of the range "
                "between them."
            )

    def conditions(self) -> Factorial:
        either: dict[str, Any] = {f"better_{stage}": (FIRST, SECOND) for stage in ("first", "1", "2")}
        baits: dict[str, Any] = {f"bait_{arm}": (False, True) for arm in ARMS}
        return Factorial(common=Levels((True, False), (self.common, 1 - self.common)), **either, **baits)

    def trials_back(self) -> int:
        return 5  # trials over which rewards are worth counting

    def learns_from_reward(self) -> bool:
        return True

    def memory(self) -> dict[str, Memory]:
        return {"chance": Memory(np.zeros(len(ARMS)))}

    def sequence(self, draw: Draw) -> None:
        """Move the chances of reward on by a trial, and draw which actions would be rewarded."""
        chances = self._switched(draw) if self.walk == "switch" else self._drifted(draw)
        for arm, name in enumerate(ARMS):
            draw.memory["chance"][:, arm] = chances[arm]
            draw.conditions[f"chance_{name}"] = chances[arm]
            # Where both actions of a state are the same, so is their luck: there is one arm.
            purpose = f"bait.{name[0] if self.walk == 'switch' else name}"
            draw.conditions[f"bait_{name}"] = draw.random(purpose) < chances[arm]
        best = [np.maximum(chances[0], chances[1]), np.maximum(chances[2], chances[3])]
        forth = (best[0] >= best[1]) == (self.common >= 0.5)
        draw.conditions["better_first"] = where(forth, FIRST, SECOND)
        draw.conditions["better_1"] = where(chances[0] >= chances[1], FIRST, SECOND)
        draw.conditions["better_2"] = where(chances[2] >= chances[3], FIRST, SECOND)

    def _drifted(self, draw: Draw) -> list[Chances]:
        low, high = self.bounds
        chances = []
        for arm, name in enumerate(ARMS):
            fresh = low + (high - low) * draw.random(f"start.{name}")
            moved = draw.memory["chance"][:, arm] + self.drift * draw.normal(f"walk.{name}").astype(np.float64)
            moved = where(moved > high, 2 * high - moved, where(moved < low, 2 * low - moved, moved))
            chances.append(where(draw.first, fresh, np.clip(moved, low, high)))
        return chances

    def _switched(self, draw: Draw) -> list[Chances]:
        low, high = self.bounds
        swap = where(draw.first, draw.random("start") < 0.5, draw.random("swap") < self.hazard)
        good = where(draw.first, True, draw.memory["chance"][:, 0] == high) ^ swap
        return [where(good, high, low)] * 2 + [where(good, low, high)] * 2

    def define(self, trial: Trial) -> None:
        trial.show("fixation", during="fixation")
        trial.show("first", during="first")
        trial.show("reward", during="reward")
        trial.on("any", during="first", then="state_2", pay=True)
        for action in (FIRST, SECOND):
            to_1 = trial.common == (action == FIRST)
            trial.on(action, during="first", then="state_1", where=to_1, pay=True)
        trial.on("timeout", during="first", outcome="miss", then="end")
        trial.choose(during="first", truth=trial.better_first)
        self._state(trial, 1, trial.common == (trial.better_first == FIRST))
        self._state(trial, 2, trial.common == (trial.better_first == SECOND))
        trial.on("timeout", during=("reward", "omission"), then="end")

    def _state(self, trial: Trial, state: int, well_come: NDArray[np.bool_]) -> None:
        """The second choice; ``well_come``: the better first choice would have led here."""
        period = f"state_{state}"
        better = getattr(trial, f"better_{state}")
        trial.show("state", per_channel=(state == 1, state == 2), during=period)
        for action in (FIRST, SECOND):
            bait = getattr(trial, f"bait_{state}_{action}")
            amount = where(bait, self.rewards["reward"], self.rewards["omission"])
            right = well_come & ((better == action) | (self.walk == "switch"))
            for paid, then in ((bait, "reward"), (~bait, "omission")):
                for good, outcome in ((right, "correct"), (~right, "error")):
                    trial.on(
                        action,
                        during=period,
                        outcome=outcome,
                        reward=amount,
                        then=then,
                        where=paid & good,
                    )
        trial.on("timeout", during=period, outcome="miss", then="end")
        trial.choose(during=period, truth=better)

    def pay(self, response: Response) -> None:
        """Note the first choice and where it led; it pays nothing by itself."""
        to_1 = response.conditions["common"] == (response.action == FIRST)
        response.conditions["first_choice"] = response.action.astype(np.float64)
        response.conditions["state"] = where(to_1, 1.0, 2.0)
