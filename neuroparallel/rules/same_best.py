"""The same arm is the better one for all members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroparallel.errors import TaskError, probability
from neuroparallel.rules import GroupDraw, Rule
from neuroparallel.task import Memory, Task


@dataclass(frozen=True, kw_only=True)
class SameBest(Rule):
    """Hide the reward at the same place for all: one arm is the better one for every member, for a session.

    It is drawn at the start of a session, and imposed on the members as their condition ``best``; what each of them
    gets is still its own luck. So one member's outcomes tell the others as much as their own.

    Args:
        hazard: Probability per trial that the arms change places.

    Source:
        Burke, Tobler, Baddeley & Schultz 2010, PNAS 107:14431.
    """

    hazard: float = 0.0

    tags: ClassVar = ("social", "value")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        probability(self.hazard, "hazard")

    def check(self, players: Sequence[Task]) -> None:
        """All members need to be asked for the best of two arms."""
        for task in players:
            factor = task.conditions().factors.get("best")
            if factor is None or sorted(factor.values.tolist()) != [1, 2]:
                raise TaskError(
                    f"same_best: {task.task_name()} has no condition best that is 1 or 2, as better_arm has."
                )

    def memory(self) -> dict[str, Memory]:
        return {"best": Memory(0, np.int64)}

    def draw(self, draw: GroupDraw) -> None:
        """Hide it at the start of a session, and move it now and then."""
        hidden = np.where(draw.random("start") < 0.5, 1, 2)
        kept = draw.memory["best"]
        moved = np.where(draw.random("change") < self.hazard, 3 - kept, kept)
        best = np.where(draw.first, hidden, moved)
        draw.memory["best"] = best
        for player in range(len(draw.given)):
            draw.give(player, best=best)
