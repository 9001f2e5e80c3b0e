"""Laying out the rows of some conditions: both phases of every period, and a column for whatever may happen in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuroparallel.task import Task
from neuroparallel.task.trial import COMMIT, END, STAY, Trial

__all__ = ["Block", "lay_out"]


@dataclass
class Block:
    """The rows of n conditions, still with a condition axis; targets are rows within the condition."""

    mean: NDArray[np.float32]
    steps: NDArray[np.int64]
    reward: NDArray[np.float64]
    outcome: NDArray[np.uint8]
    next: NDArray[np.int64]
    priced: NDArray[np.bool_]
    chosen: NDArray[np.int16]
    truth: NDArray[np.int64]
    truth_after: NDArray[np.int64]
    slope: NDArray[np.float64] | None


def lay_out(task: Task, trial: Trial, finals: list[int]) -> Block:
    """Lay out the rows of conditions.

    Args:
        task: The task.
        trial: What it says of n conditions.
        finals: Periods that are windows whose last choice counts; their last step gets a row of its own.

    Returns:
        Rows of phase 0, then as many of phase 1. Columns: each action; time running out; each action in the last
        step of the period.
    """
    n, periods, actions = trial.n, trial.next.shape[1], trial.next.shape[2] - 1
    source = np.array([*range(periods), *finals])
    shape = (n, 2 * len(source), 2 * actions + 1)
    block = Block(
        mean=np.tile(trial.mean[:, source], (1, 2, 1)),
        steps=np.tile(trial.steps[:, source], (1, 2)),
        reward=np.zeros(shape),
        outcome=np.zeros(shape, np.uint8),
        next=np.zeros(shape, np.int64),
        priced=np.zeros(shape, bool),
        chosen=np.full(shape, -1, np.int16),
        truth=np.zeros((n, 2 * len(source)), np.int64),
        truth_after=np.zeros((n, 2 * len(source)), np.int64),
        slope=None if trial.slope is None else np.tile(trial.slope[:, source], (1, 2, 1)),
    )
    for row, p in enumerate(source.tolist()):
        _wait(block, trial, row, p, len(source))
        if p in finals:
            _split(block, trial, row, periods, periods + finals.index(p))
        _settle(block, trial, row, p, task)
    _run_out(block, actions)
    return block


def _wait(block: Block, trial: Trial, row: int, p: int, phase: int) -> None:
    """Phase 0: no outcome yet, the task's own rules hold."""
    columns = slice(0, trial.next.shape[2])
    block.reward[:, row, columns], block.outcome[:, row, columns] = trial.reward[:, p], trial.outcome[:, p]
    block.priced[:, row, columns] = trial.pays[:, p]
    block.truth[:, row], block.truth_after[:, row] = trial.truth[:, p], trial.truth_after[:, p]
    target = trial.next[:, p].copy()
    settles = trial.outcome[:, p] > 0
    goto = target >= 0
    target[goto & settles] += phase  # once the outcome is settled, the trial goes on in phase 1
    target[target == COMMIT] = row + phase
    target[target == STAY] = row
    block.next[:, row, columns] = target


def _split(block: Block, trial: Trial, row: int, periods: int, last: int) -> None:
    """Cut a window whose last choice counts into a free part and its last step, a row of its own."""
    timeout, phase = trial.next.shape[2] - 1, block.next.shape[1] // 2
    if row >= periods:
        block.steps[:, row] = block.steps[:, phase + row] = 1
        return
    block.steps[:, row] = np.where(trial.steps[:, row] > 0, trial.steps[:, row] - 1, trial.steps[:, row])
    block.reward[:, row], block.outcome[:, row], block.priced[:, row] = 0.0, 0, False
    block.next[:, row] = row
    block.next[:, row, timeout] = last


def _settle(block: Block, trial: Trial, row: int, p: int, task: Task) -> None:
    """Phase 1: the outcome is settled; periods follow each other until the trial ends."""
    timeout, phase = trial.next.shape[2] - 1, block.next.shape[1] // 2
    after = row + phase
    block.next[:, after] = after
    follows = trial.next[:, p, -1]
    block.next[:, after, timeout] = np.where(follows >= 0, follows + phase, END)
    if task.early == "penalty" and not trial.window[p]:
        block.reward[:, after, 1:timeout] = task.rewards["abort"]


def _run_out(block: Block, actions: int) -> None:
    """Fill in the last steps of periods: time runs out as well, unless the action leads elsewhere."""
    rows = np.arange(block.next.shape[1])[:, None]
    phase = len(rows) // 2
    timeout, last = slice(actions, actions + 1), slice(actions + 1, None)
    now, then = block.next[..., :actions], block.next[..., timeout]
    stays = now == rows
    target = np.where(stays, then, now)
    # A choice that is kept in the last step of its window: its time is over as well.
    kept = np.roll(then, -phase, axis=1)
    block.next[..., last] = np.where(target == rows + phase, kept, target)
    paid = block.reward[..., :actions]
    block.reward[..., last] = np.where(stays, paid + block.reward[..., timeout], paid)
    block.outcome[..., last] = np.where(stays, block.outcome[..., timeout], block.outcome[..., :actions])
    block.priced[..., last] = np.where(stays, block.priced[..., timeout], block.priced[..., :actions])
    block.chosen[..., :actions] = np.arange(actions)
    block.chosen[..., last] = np.where(stays, -1, np.arange(actions))
