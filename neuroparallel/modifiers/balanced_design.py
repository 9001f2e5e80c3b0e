"""Factors of which each level comes exactly as often as it should in every block of trials."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import nearest, whole_number
from neuroparallel.modifiers._base import Modified, Modifier, call_hook
from neuroparallel.modifiers._correct_actions import columns_of, correct_actions, probe
from neuroparallel.modifiers._name_lists import read_names
from neuroparallel.task import Draw, Memory, Task
from neuroparallel.task.urn import Urn, exact_counts

__all__ = ["BalancedDesign"]

MOST = 10_000  # combinations of levels: each is a number that every lane remembers


@dataclass(frozen=True, kw_only=True)
class BalancedDesign(Modifier):
    """Draw factors without replacement, so that every block has exactly as many trials of each level as it should.

    That is what the probabilities of the levels say: of 64 trials with a stop signal in a quarter, 16 have one. Several
    factors are balanced together, so each combination of their levels comes exactly as often as it should. Every order
    of a block is equally likely. Other factors are drawn as the task draws them.

    Args:
        factors: Names of the factors, or one name.
        block: Length of a block, trials.

    Raises:
        ArgumentError: Some combination would not come a whole number of times in a block.
        TaskError: The task has no such factor, or its own sequence of trials decides it.
    """

    factors: Any = None
    block: int = 0

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        object.__setattr__(self, "factors", read_names(self.factors, "factors"))
        whole_number(self.block, "block", 1)

    def longest_block(self) -> int:
        return self.block

    def check(self, task: Task, dt: float) -> None:
        design = task.conditions()
        for name in self.factors:
            if name not in design.factors:
                what = "is continuous, so it has no levels" if name in design.laws else "is no factor of it"
                raise self.refuse(task, f"{name!r} {what}.{nearest(name, design.factors)}")
        if len(set(self.factors)) < len(self.factors):
            raise self.refuse(task, f"factors names one of {', '.join(self.factors)} twice.")
        size = int(np.prod([len(design.factors[name]) for name in self.factors]))
        if size > MOST:
            raise self.refuse(
                task, f"{', '.join(self.factors)} have {size:,} combinations; at most {MOST:,} can be balanced."
            )
        columns = {column for name in self.factors for column in columns_of(name, design.factors[name])}
        decided = columns & self._decided(task, dt)
        if decided:
            raise self.refuse(task, f"{', '.join(sorted(decided))} is decided by its own sequence of trials.")
        _combinations(task, self.factors, self.block)

    def _decided(self, task: Task, dt: float) -> set[str]:
        """Conditions that something else decides: the task's own sequence, or a modifier around it."""
        decided = probe(task, dt)
        while isinstance(task, Modified):
            if task.modifier.steers:
                factors = correct_actions(task.inner, dt, task.modifier.name()).factors
                decided |= {column for columns in factors.values() for column in columns}
            task = task.inner
        return decided

    def memory(self, task: Task) -> dict[str, Memory]:
        return _combinations(task, self.factors, self.block)[0].memory()

    def sequence(self, task: Task, draw: Draw) -> None:
        """Draw the next combination of levels from what is left of the block."""
        urn, columns = _combinations(task, self.factors, self.block)
        drawn = urn.draw(draw)
        for name, values in columns.items():
            draw.conditions[name] = values[drawn]
        call_hook(task.sequence, draw)


@lru_cache(maxsize=64)
def _combinations(task: Task, names: tuple[str, ...], block: int) -> tuple[Urn, dict[str, NDArray[Any]]]:
    """The urn of all combinations of the levels of some factors, and the conditions of each, (combinations,)."""
    factors = {name: task.conditions().factors[name] for name in names}
    counts = exact_counts({name: factor.weights for name, factor in factors.items()}, block)
    levels = dict(zip(names, np.unravel_index(np.arange(len(counts)), [len(f) for f in factors.values()]), strict=True))
    parts = {name: columns_of(name, factor) for name, factor in factors.items()}
    columns = {key: values[levels[name]] for name, part in parts.items() for key, values in part.items()}
    return Urn("balanced_design", counts), columns
