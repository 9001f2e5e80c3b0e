"""A player's side of a game: choose, wait for the others, see what they chose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neuroparallel.errors import whole_number
from neuroparallel.task import Actions, Channels, Criterion, Factorial, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing


@dataclass(frozen=True, kw_only=True)
class GameChoice(Task):
    """Choose one of a few options at the go cue, without knowing what the other players do.

    The choice itself pays nothing and is neither right nor wrong: the scenario's group pays what
    its table says of all choices together, once all members have made theirs, and then sends them
    to ``feedback`` (write ``then: feedback`` in the group). A player who has chosen sees nothing
    until then. List the others in the subject's ``sees``, and their choices are shown from the
    feedback on, until the next one.

    Args:
        options: How many there are to choose from, 2 to 100.

    Source:
        Barraclough, Conroy & Lee 2004, Nat Neurosci 7:404 (a monkey against a computer; the periods
        are shortened here).
    """

    options: int = 2
    timing: Timing = Timing(fixation=100, choice=300, feedback=100)
    rewards: Rewards = Rewards(abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(fixation=1, choice=1, feedback=1)
    actions: ClassVar = Actions("fixate", "option_1", "option_2")
    criterion: ClassVar = Criterion(nothing="By itself a choice earns nothing; a group with a game or a rule pays.")
    signature: ClassVar = "game"
    tags: ClassVar = ("game", "social")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        whole_number(self.options, "options", 2, 100)

    def action_names(self) -> Actions:
        return Actions("fixate", *(f"option_{option}" for option in range(1, self.options + 1)))

    def conditions(self) -> Factorial:
        return Factorial()

    def define(self, trial: Trial) -> None:
        trial.show("fixation", during="fixation")
        trial.show("choice", during="choice")
        trial.show("feedback", during="feedback")
        trial.on("any", during="choice", outcome="unscored", then="end")
        trial.on("timeout", during="choice", outcome="miss", then="end")
        trial.choose(during="choice")
