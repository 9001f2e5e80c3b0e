"""Blocks in which some answers are right more often than others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from neuroparallel.errors import ArgumentError, one_of, whole_number
from neuroparallel.modifiers._base import Modifier, call_hook
from neuroparallel.modifiers._blocks import ORDERS, Blocks, read_length
from neuroparallel.modifiers._correct_actions import correct_actions, crop, drawn
from neuroparallel.modifiers._design import added_factor, shown_block, with_channels
from neuroparallel.task import Channels, Draw, Memory, Task, is_finite_number
from neuroparallel.task.design import Factorial
from neuroparallel.task.trial import Trial

__all__ = ["SideBias"]


@dataclass(frozen=True, kw_only=True)
class SideBias(Modifier):
    """Let some answers be right more often than others, in blocks.

    What is drawn is the condition that decides what is right, so stimulus, truth and record agree in every task.
    The column ``side_block`` of the trial table has the block, from 1; 0 before the first one.

    Args:
        probabilities: For each block how likely each answer is, in the order of the actions; where two answers can be
            right, a number is the probability of the first one.
        block: Length of a block in trials: a number, ``{hazard: 0.005}``, ``{uniform: [20, 100]}``,
            ``{truncated_exponential: {mean: 60, low: 20, high: 100}}``, a list, or nothing (the whole session).
        order: ``cycle``, or ``random``: any other block. The first block of a session is drawn.
        lead_in: How many trials at the start of a session come before the first block, as the task draws them.
        show_block: Show the block to the subject, on a channel for each.

    Source:
        International Brain Laboratory 2021, eLife 10:e63711 (0.2 and 0.8, blocks of 20 to 100 trials, truncated
        exponential with scale 60, after 90 unbiased trials).
    """

    probabilities: Any = (0.2, 0.8)
    block: Any = 200
    order: str = "cycle"
    lead_in: int = 0
    show_block: bool = False

    steers: ClassVar[bool] = True

    def longest_block(self) -> int:
        return read_length(self.block, "block").usual

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        rows = self.probabilities
        if not isinstance(rows, tuple) or not rows:
            raise ArgumentError(f"probabilities is {rows!r}; it is a list with an entry for each block.")
        for place, row in enumerate(rows):
            row = row if isinstance(row, tuple) else (row,)
            good = all(is_finite_number(p) and 0 <= p <= 1 for p in row)
            if not good or (len(row) > 1 and abs(sum(row) - 1) > 1e-9) or not row:
                raise ArgumentError(
                    f"probabilities.{place} is {rows[place]!r}; it is a probability, 0 to 1, or one for each answer, "
                    "which add up to 1."
                )
        read_length(self.block, "block")
        one_of(self.order, ORDERS, "order")
        whole_number(self.lead_in, "lead_in")

    def _rows(self, choices: int) -> tuple[tuple[float, ...], ...]:
        """One probability for each answer, for each block."""
        rows = [row if isinstance(row, tuple) else (row,) for row in self.probabilities]
        return tuple(row if len(row) > 1 or choices != 2 else (row[0], 1.0 - row[0]) for row in rows)

    def check(self, task: Task, dt: float) -> None:
        choices = correct_actions(task, dt, self.name()).choices
        names = [task.action_names()[a] for a in choices]
        for place, row in enumerate(self._rows(len(choices))):
            if len(row) != len(choices):
                raise self.refuse(
                    task, f"probabilities.{place} has {len(row)} entries, but one is needed for each of {names}."
                )

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self.name(), (read_length(self.block, "block"),) * len(self.probabilities), self.order)

    def memory(self, task: Task) -> dict[str, Memory]:
        return self._blocks.memory()

    def conditions(self, task: Task) -> Factorial:
        design = task.conditions()
        return added_factor(design, "side_block", range(len(self.probabilities) + 1)) if self.show_block else design

    def notes(self, task: Task) -> tuple[str, ...]:
        return () if self.show_block else ("side_block",)

    def channels(self, task: Task) -> Channels:
        own = task.channel_groups()
        return with_channels(own, side_block=len(self.probabilities)) if self.show_block else own

    def define(self, task: Task, trial: Trial) -> None:
        self.check(task, trial.dt)
        task.define(trial)
        if self.show_block:
            shown_block(trial, "side_block", len(self.probabilities))

    def sequence(self, task: Task, draw: Draw) -> None:
        """Draw what is right in this trial from the odds of its block."""
        call_hook(task.sequence, draw)
        found = correct_actions(task, draw.dt, self.name())
        answers = np.array(found.choices)
        leading = draw.trial < self.lead_in
        block, _ = self._blocks.advance(draw, draw.trial == self.lead_in)
        number = np.where(leading, 0, block + 1)
        draw.conditions["side_block"] = number if self.show_block else number.astype(np.float64)
        rows = np.array(self._rows(len(answers)))
        odds = crop(draw, answers, [rows[block, k] for k in range(len(answers))])
        place = drawn(odds, draw.random("side_bias.answer"))
        found.steer(draw, answers[place], ~leading, "side_bias.condition")
