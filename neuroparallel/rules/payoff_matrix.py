"""A game in normal form: what each player gets for every combination of choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neuroparallel.errors import ArgumentError, TaskError
from neuroparallel.rules import Resolution, Rule
from neuroparallel.task import LARGEST, Task


@dataclass(frozen=True, kw_only=True)
class PayoffMatrix(Rule):
    """Pay each player what the table says of all choices together.

    A scenario's ``game:`` is short for this rule.

    Args:
        payoffs: Nested lists, ``payoffs[choice of 1st][choice of 2nd]... = [pay of 1st, pay of 2nd, ...]``.
        miss: What every player gets if one of them makes no choice.

    Source:
        von Neumann & Morgenstern 1944, Theory of Games and Economic Behavior (the normal form).
    """

    payoffs: Any = ()
    miss: float = 0.0

    tags: ClassVar = ("game",)

    def __post_init__(self) -> None:
        """Refuse what is no table of numbers."""
        super().__post_init__()
        try:
            table = np.array(self.payoffs, np.float64)
        except (TypeError, ValueError):
            table = np.zeros(0)
        if table.ndim < 2 or not (np.abs(table) <= LARGEST).all():
            raise ArgumentError(
                "payoffs: it is no table; write nested lists of numbers, payoffs[choice of 1st][choice of 2nd] = "
                f"[pay of 1st, pay of 2nd], all of the same lengths, from {-LARGEST:g} to {LARGEST:g}."
            )
        object.__setattr__(self, "payoffs", _nested(table.tolist()))

    def check(self, players: Sequence[Task]) -> None:
        """The table needs an axis for each player, as long as its choices, and a last one for the pay."""
        choices = [len(task.action_names()) - 1 for task in players]
        shape, needed = np.array(self.payoffs).shape, (*choices, len(players))
        if shape != needed:
            raise TaskError(
                f"payoffs: the table has shape {shape}; {len(players)} players with {choices} choices need nested "
                f"lists of shape {needed}."
            )

    def resolve(self, end: Resolution) -> None:
        """Look up the row of the choices; all get ``miss`` if one of them made none."""
        table = np.array(self.payoffs).reshape(-1, len(end.choice))
        everyone = np.logical_and.reduce(end.choice > 0)
        row = np.zeros(len(end), np.int64)
        for choice, options in zip(end.choice, end.options, strict=True):
            row = row * options + choice - 1
        end.pay[:] = np.where(everyone, table[np.where(everyone, row, 0)].T, self.miss)


def _nested(value: Any) -> Any:
    return tuple(map(_nested, value)) if isinstance(value, list) else value
