"""Pay for a trial only if every member got it right, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroparallel.outcomes import Outcome
from neuroparallel.rules import Resolution, Rule


@dataclass(frozen=True, kw_only=True)
class InOrder(Rule):
    """Pay every member if all were correct and none answered before one that the group lists sooner.

    It is the instruction to give one task priority. Two answers at once are in order; a member that did not take part,
    or was right not to answer, has no place in it. The pay comes on top of what the tasks themselves pay: set their
    rewards to 0 if the whole is all that counts.

    Args:
        reward: What each member's stream is paid if all were correct, in order.
        otherwise: What each is paid if not.

    Source:
        Pashler 1994, Psychol Bull 116:220 (first the first task).
    """

    reward: float = 1.0
    otherwise: float = 0.0

    tags: ClassVar = ("dual_task",)

    def resolve(self, end: Resolution) -> None:
        """Compare each answer with the latest of those before it; a trial that is still running did not take part."""
        good, latest = np.ones(len(end), bool), np.zeros(len(end))
        for outcome, time in zip(end.outcome, end.time, strict=True):
            answered = np.isfinite(time)
            good &= (outcome == Outcome.CORRECT) | (outcome == Outcome.RUNNING)
            good &= ~(answered & (time < latest))
            latest = np.where(answered, time, latest)
        end.pay[:] = np.where(good, self.reward, self.otherwise)
