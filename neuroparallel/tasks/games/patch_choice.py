"""A choice between two patches of food, as one forager of several has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neuroparallel.errors import whole_number
from neuroparallel.task import Actions, Channels, Criterion, Factorial, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing


@dataclass(frozen=True, kw_only=True)
class PatchChoice(Task):
    """Go to one of two patches, seeing how much food there is in each before the others come.

    The choice itself pays nothing and is neither right nor wrong: who gets food is for the
    scenario's group to say, such as its rule ``first_come``, which also decides how much there is.
    List the others in the subject's ``sees`` to show where they went last.

    Args:
        capacity: Most items that lie in a patch; the channels show the stock as a share of it.

    Source:
        Fretwell & Lucas 1970, Acta Biotheor 19:16.
    """

    capacity: int = 4
    timing: Timing = Timing(fixation=100, choice=300)
    rewards: Rewards = Rewards(abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(fixation=1, stock=("patch_1", "patch_2"))
    actions: ClassVar = Actions("stay", "patch_1", "patch_2")
    criterion: ClassVar = Criterion(nothing="By itself a patch has no food; a group with the rule first_come fills it.")
    tags: ClassVar = ("social", "foraging", "value")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        whole_number(self.capacity, "capacity", 1, 30)

    def conditions(self) -> Factorial:
        return Factorial(stock_1=range(self.capacity + 1), stock_2=range(self.capacity + 1))

    def define(self, trial: Trial) -> None:
        stocks = (trial.stock_1 / self.capacity, trial.stock_2 / self.capacity)
        trial.show("fixation", during="fixation")
        trial.show("stock", per_channel=stocks, during=("fixation", "choice"))
        trial.on("any", during="choice", outcome="unscored", then="end")
        trial.on("timeout", during="choice", outcome="miss", then="end")
        trial.choose(during="choice")
