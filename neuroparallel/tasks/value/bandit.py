"""The multi-armed bandit, with fixed, drifting or reversing chances of reward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy import where
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, one_of, whole_number
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Actions, Channels, Criterion, Draw, Factorial, Memory, Response, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing


@dataclass(frozen=True, kw_only=True)
class Bandit(Task):
    """Choose one of several arms, each rewarded with a chance of its own, and find the best one.

    A trial is correct if the best arm was chosen, whether or not luck rewarded it; of several equally good
    ones any is right. ``best`` is the first of them, 0 where all arms are the same. Whether an arm would be rewarded
    is drawn for all arms at the start of a trial. ``rewards["reward"]`` and ``rewards["omission"]`` are what luck
    pays; ``correct`` and ``error`` only label.

    Args:
        arms: How many, at least 2.
        chances: Chance of reward of each arm at the start of a session; drawn between the bounds if
            empty.
        change: What becomes of the chances in a session: ``"fixed"``; ``"drift"``, each does a
            Gaussian random walk, reflected at the bounds; ``"reverse"``, they move on by one arm
            with a fixed hazard (two arms swap).
        drift: S.d. of the walk per trial.
        hazard: Probability of a reversal per trial.
        bounds: Lowest and highest chance that is drawn or drifted to.

    Source:
        Wang, Kurth-Nelson, Kumaran et al. 2018, Nat Neurosci 21:860 (chances drawn uniformly for
        each session).
    """

    arms: int = 2
    chances: tuple[float, ...] = ()
    change: Literal["fixed", "drift", "reverse"] = "fixed"
    drift: float = 0.025
    hazard: float = 0.02
    bounds: tuple[float, float] = (0.0, 1.0)
    timing: Timing = Timing(fixation=0, choice=100, reward=100, omission=100)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0, reward=1.0, omission=0.0)

    channels: ClassVar = Channels(fixation=1, choice=1, reward=1)
    actions: ClassVar = Actions("hold", "arm_1", "arm_2")
    criterion: ClassVar = Criterion(
        source="four fifths of what a Q-learner gains (optimal: 0.649 in 100 trials)", by="reward", ceiling="q_learner"
    )
    value_names: ClassVar = {"best": ()}
    tags: ClassVar = ("value", "reinforcement_learning")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "neurogym": {"chances": (0.5, 0.5), "timing": {"reward": 0, "omission": 0}},
        "reversal": {"chances": (0.8, 0.2), "change": "reverse"},
        "restless": {"arms": 4, "change": "drift", "bounds": (0.25, 0.75)},
    }

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        one_of(self.change, ("fixed", "drift", "reverse"), "change")
        whole_number(self.arms, "arms", 2, 16)
        if self.chances and len(self.chances) != self.arms:
            raise ArgumentError(f"chances are {self.chances!r}; give one for each of the {self.arms} arms, or none.")
        low, high = self.bounds
        values = (*self.chances, self.hazard, low, high)
        if not all(0 <= value <= 1 for value in values) or low >= high or not 0 <= self.drift <= (high - low) / 4:
            raise ArgumentError(
                f"chances {self.chances!r}, hazard {self.hazard!r} and bounds {self.bounds!r} are "
                f"probabilities, the lower bound first, and drift ({self.drift!r}) is at most a "
                "quarter of the range between the bounds."
            )

    @property
    def _numbers(self) -> range:
        return range(1, self.arms + 1)

    def action_names(self) -> Actions:
        return Actions("hold", *(f"arm_{arm}" for arm in self._numbers))

    def note_names(self) -> tuple[str, ...]:
        return tuple(f"chance_{arm}" for arm in self._numbers)

    def conditions(self) -> Factorial:
        baits: dict[str, Any] = {f"bait_{arm}": (False, True) for arm in self._numbers}
        return Factorial(best=(0, *self._numbers), **baits)

    def trials_back(self) -> int:
        return 20  # trials over which rewards are worth counting

    def learns_from_reward(self) -> bool:
        return True

    def memory(self) -> dict[str, Memory]:
        return {"chance": Memory(np.zeros(self.arms))}

    def sequence(self, draw: Draw) -> None:
        """Move the chances on by a trial, and draw which arms would be rewarded."""
        chances = self._next(draw)
        best, same = np.ones(len(draw), np.int64), np.ones(len(draw), bool)
        top = chances[0]
        for arm, chance in zip(self._numbers, chances, strict=True):
            draw.memory["chance"][:, arm - 1] = chance
            draw.conditions[f"chance_{arm}"] = chance
            draw.conditions[f"bait_{arm}"] = draw.random(f"bait.{arm}") < chance
            best = where(chance > top, arm, best)
            same &= chance == chances[0]
            top = np.maximum(chance, top)
        draw.conditions["best"] = where(same, 0, best)

    def _next(self, draw: Draw) -> list[NDArray[np.float64]]:
        low, high = self.bounds
        old = draw.memory["chance"]
        reverse = (draw.random("reversal") < self.hazard) & (self.change == "reverse")
        chances = []
        for arm in range(self.arms):
            fresh = low + (high - low) * draw.random(f"start.{arm + 1}")
            if self.chances:
                fresh = np.full(len(draw), float(self.chances[arm]))
            moved = where(reverse, old[:, arm - 1], old[:, arm])
            if self.change == "drift":
                moved = moved + self.drift * draw.normal(f"walk.{arm + 1}").astype(np.float64)
                moved = where(moved > high, 2 * high - moved, where(moved < low, 2 * low - moved, moved))
            chances.append(where(draw.first, fresh, moved))
        return chances

    def pay(self, response: Response) -> None:
        """Count each of several equally good arms as right; what it pays is luck's."""
        chances = np.stack([response.conditions[f"chance_{arm}"] for arm in self._numbers])
        chosen = chances[response.action - 1, np.arange(chances.shape[1])]
        best = (response.action > 0) & (chosen == chances.max(axis=0))
        response.outcome = where(best, np.uint8(Outcome.CORRECT), response.outcome)

    def define(self, trial: Trial) -> None:
        trial.show("fixation", during="fixation")
        trial.show("choice", during="choice")
        trial.show("reward", during="reward")
        for arm in self._numbers:
            bait = getattr(trial, f"bait_{arm}")
            amount = where(bait, self.rewards["reward"], self.rewards["omission"])
            best = (trial.best == arm) | (trial.best == 0)
            for paid, then in ((bait, "reward"), (~bait, "omission")):
                for good, outcome in ((best, "correct"), (~best, "error")):
                    trial.on(
                        arm,
                        during="choice",
                        outcome=outcome,
                        reward=amount,
                        then=then,
                        where=paid & good,
                        pay=self.arms > 2,  # of two arms the table says all: both may be best, or one is
                    )
        trial.on("timeout", during="choice", outcome="miss", then="end")
        trial.choose(during="choice", truth=np.maximum(trial.best, 1))
        trial.on("timeout", during=("reward", "omission"), then="end")
