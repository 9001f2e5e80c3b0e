"""Pay for a trial only if every member got it right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroparallel.outcomes import Outcome
from neuroparallel.rules import Resolution, Rule


@dataclass(frozen=True, kw_only=True)
class AllCorrect(Rule):
    """Pay every member if all of them were correct, as when one movement answers two questions at once.

    The pay comes on top of what the tasks themselves pay: set their rewards to 0 if the whole is all that counts.
    A member that did not take part in the trial is not asked.

    Args:
        reward: What each member's stream is paid if all were correct.
        otherwise: What each is paid if not.

    Source:
        Kang, Loffler, Jeurissen et al. 2021, eLife 10:e63721 (two decisions, right only if both are).
    """

    reward: float = 1.0
    otherwise: float = 0.0

    tags: ClassVar = ("dual_task",)

    def resolve(self, end: Resolution) -> None:
        """Compare all outcomes with correct; 0 is that of a member who was left out."""
        right = (end.outcome == Outcome.CORRECT) | (end.outcome == Outcome.RUNNING)
        everyone = np.logical_and.reduce(right)
        end.pay[:] = np.where(everyone, self.reward, self.otherwise)
