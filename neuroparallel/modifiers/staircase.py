"""A condition becomes harder after successes and easier after failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, nearest, one_of, whole_number
from neuroparallel.modifiers._base import Modifier, call_hook
from neuroparallel.modifiers._design import replaced_factors
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Draw, Memory, Task, is_finite_number
from neuroparallel.task.design import Factorial, Levels

__all__ = ["Staircase"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Staircase(Modifier):
    """Move a condition along its levels by how the lane's own last trials went: an n-up m-down staircase.

    After ``down`` correct trials in a row the condition gets harder, after ``up`` errors in a row easier; other
    outcomes do not count. With 1 error up and 1, 2, 3 successes down the staircase settles where 0.5, 0.707, 0.794
    of the trials are correct; with unequal steps and 1 down at ``up_by / (up_by + down_by)``. Columns of the trial
    table: ``staircase_reversals``, how often the direction has changed, and ``staircase_chain``, from 1.

    Args:
        condition: Name of the condition.
        levels: Its levels; nothing: those of the task. Any numbers that the task can show will do.
        harder: Which levels are harder: ``lower`` or ``higher`` ones.
        down: Correct trials in a row after which it gets harder.
        up: Errors in a row after which it gets easier.
        down_by: By how many levels it gets harder.
        up_by: By how many levels it gets easier.
        start: The level to start with; nothing: the easiest one.
        chains: How many independent staircases are interleaved at random.

    Source:
        Levitt 1971, J Acoust Soc Am 49:467 (transformed up-down); Kaernbach 1991, Percept Psychophys 49:227
        (unequal steps).
    """

    condition: str
    levels: Any = None
    harder: str = "lower"
    down: int = 2
    up: int = 1
    down_by: int = 1
    up_by: int = 1
    start: Any = None
    chains: int = 1

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        one_of(self.harder, ("lower", "higher"), "harder")
        for name in ("down", "up", "down_by", "up_by"):
            whole_number(getattr(self, name), name, 1)
        whole_number(self.chains, "chains", 1, 16)
        if self.levels is not None:
            good = isinstance(self.levels, tuple) and all(is_finite_number(value) for value in self.levels)
            if not good or len(set(self.levels)) < 2:
                raise ArgumentError(f"levels is {self.levels!r}; it is a list of two different numbers or more.")

    def _levels(self, task: Task) -> NDArray[Any]:
        """The levels from the easiest to the hardest."""
        design = task.conditions()
        if self.condition not in design.names:
            raise self.refuse(task, f"it has no condition {self.condition!r}.{nearest(self.condition, design.names)}")
        tied = self.condition not in design.factors and self.condition not in design.laws
        if tied:
            table = next(n for n, f in design.factors.items() if f.columns and self.condition in f.columns)
            raise self.refuse(task, f"{self.condition!r} comes with others in the conditions table {table!r}.")
        if self.levels is None and self.condition in design.laws:
            raise self.refuse(task, f"{self.condition!r} is continuous; write the levels to move along.")
        values = np.unique(
            np.asarray(self.levels) if self.levels is not None else design.factors[self.condition].values
        )
        if values.dtype.kind not in "if" or len(values) < 2:
            raise self.refuse(
                task, f"{self.condition!r} has the levels {values.tolist()}; it takes two numbers or more."
            )
        return values[::-1] if self.harder == "lower" else values

    def _start(self, task: Task) -> int:
        levels = self._levels(task).tolist()
        if self.start is None:
            return 0
        if self.start not in levels:
            raise self.refuse(task, f"start is {self.start!r}, which is none of the levels {sorted(levels)}.")
        return int(levels.index(self.start))

    def check(self, task: Task, dt: float) -> None:
        self._start(task)

    def conditions(self, task: Task) -> Factorial:
        return replaced_factors(task.conditions(), {self.condition: Levels(self._levels(task)[::-1].copy())})

    def notes(self, task: Task) -> tuple[str, ...]:
        return ("staircase_reversals",) + (("staircase_chain",) if self.chains > 1 else ())

    def memory(self, task: Task) -> dict[str, Memory]:
        nothing = np.zeros(self.chains)
        return {
            "staircase.level": Memory(nothing + self._start(task), np.int64),
            "staircase.hits": Memory(nothing, np.int64),
            "staircase.failures": Memory(nothing, np.int64),
            "staircase.direction": Memory(nothing, np.int64),
            "staircase.reversals": Memory(nothing, np.int64),
            "staircase.chain": Memory(0, np.int64),
        }

    def sequence(self, task: Task, draw: Draw) -> None:
        """Move the staircase of the last trial, and set the condition by that of this one."""
        self._move(draw, len(self._levels(task)))
        lanes, chain = np.arange(len(draw)), np.zeros(len(draw), np.int64)
        if self.chains > 1:
            chain = np.minimum((draw.random("staircase.chain") * self.chains).astype(np.int64), self.chains - 1)
            draw.conditions["staircase_chain"] = chain + 1.0
        draw.memory["staircase.chain"] = chain
        draw.conditions[self.condition] = self._levels(task)[draw.memory["staircase.level"][lanes, chain]]
        draw.conditions["staircase_reversals"] = draw.memory["staircase.reversals"][lanes, chain].astype(np.float64)
        call_hook(task.sequence, draw)

    def _move(self, draw: Draw, count: int) -> None:
        lanes, chain = np.arange(len(draw)), draw.memory["staircase.chain"]
        at = (lanes, chain)
        memory = {
            name: draw.memory[f"staircase.{name}"] for name in ("level", "hits", "failures", "direction", "reversals")
        }
        hit, failed = ((draw.outcome == code) & ~draw.first for code in (Outcome.CORRECT, Outcome.ERROR))
        hits = np.where(failed, 0, memory["hits"][at] + hit)
        failures = np.where(hit, 0, memory["failures"][at] + failed)
        harder, easier = hits >= self.down, failures >= self.up
        level = memory["level"][at]
        moved = np.clip(level + np.where(harder, self.down_by, 0) - np.where(easier, self.up_by, 0), 0, count - 1)
        turned = np.sign(moved - level)
        before = memory["direction"][at]
        memory["reversals"][at] += (turned != 0) & (before != 0) & (turned != before)
        memory["direction"][at] = np.where(turned != 0, turned, before)
        memory["hits"][at], memory["failures"][at] = np.where(harder, 0, hits), np.where(easier, 0, failures)
        memory["level"][at] = moved
