"""The half of the Simon task that one of two subjects does: press for one's own colour, wherever it appears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy import where

from neuroparallel.errors import ArgumentError
from neuroparallel.task import Actions, Channels, Criterion, Factorial, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

LEFT, RIGHT = 1, 2
WITHHOLD, PRESS = 0, 1


@dataclass(frozen=True, kw_only=True)
class SimonGoNogo(Task):
    """Press the button in front of you if the stimulus has your colour; where it points does not matter.

    Red calls the subject on the left, green the one on the right. A trial is congruent if the
    stimulus points to the side of the one it calls. It stays until the press; withholding until the
    end is right if it calls the other one. Response times count from its onset.

    Args:
        side: Where this subject sits, and so which colour calls it: 1 left (red), 2 right (green).
        sigma: Noise of the stimulus for one ms; a step of dt ms has s.d. sigma / sqrt(dt).

    Source:
        Sebanz, Knoblich & Prinz 2003, Cognition 88:B11.
    """

    side: int = LEFT
    sigma: float = 1.0
    timing: Timing = Timing(fixation=300, stimulus=1500)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0, withheld=0.0)

    channels: ClassVar = Channels(
        fixation=1, colour=("red", "green"), pointing=("left", "right"), noise={"colour": "sigma", "pointing": "sigma"}
    )
    actions: ClassVar = Actions("withhold", "press")
    criterion: ClassVar = Criterion(
        source="0.9 of the trials; to press at every stimulus is right in one half", correct=0.9
    )
    value_names: ClassVar = {"colour": ("red", "green")}
    tags: ClassVar = ("go_no_go", "response_conflict", "reaction_time", "social")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if self.side not in (LEFT, RIGHT):
            raise ArgumentError(f"side is {self.side!r}; it is 1 (left) or 2 (right).")

    def conditions(self) -> Factorial:
        return Factorial(colour=(LEFT, RIGHT), congruent=(False, True))

    def define(self, trial: Trial) -> None:
        red = trial.colour == LEFT
        left = red == trial.congruent
        trial.show("fixation", during="fixation")
        trial.show("colour", per_channel=(red, ~red), during="stimulus")
        trial.show("pointing", per_channel=(left, ~left), during="stimulus")
        trial.answer(where(trial.colour == self.side, PRESS, WITHHOLD), during="stimulus")
