"""The tables of all streams of a scenario, concatenated row-wise, so that one look-up serves all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.tables import Tables

__all__ = ["LinkedTables"]

Integers = NDArray[np.int64]

OVER = -(2**40)  # a jump to the end of the trial: from whatever row, it leads below 0


class LinkedTables:
    """Lookup tables of all streams.

    The tables of a stream begin at a row of their own, and rows have columns for the task with the most actions. Where
    an action leads is kept as a jump from row to row, which holds wherever the tables begin. A jump does not end in a
    period that never takes any time, but in the one after it; so only drawn durations can still be empty.

    Args:
        parts: Tables of each stream.

    Attributes:
        first: Row at which the tables of each stream begin.
        mean: float32, (channels, rows). Channels beyond those of a stream are 0.
        steps, period_of: int64, (rows,). Duration in steps, -1 if a law says; number of the period.
        window, clock, last_step: bool, (rows,). Whether a response window is open; response times count from the onset;
            it is the row of the last step of a window.
        held: int64, (rows,). For how many steps a choice has to be held.
        late: Added to an action, its column in the last step of a period.
        jump: int64, (codes,). From a row to the next; 0 stays there, `OVER` ends the trial.
        settles, moves, enters: bool, (codes,). Whether the outcome is decided; another row is gone to; another period
            begins.
        reward, outcome, chosen, priced, has_event: (codes,). As in `Tables`.
    """

    def __init__(self, parts: Sequence[Tables]) -> None:
        self.parts = list(parts)
        self.timeout = max(part.actions for part in parts)
        self.late = self.timeout + 1
        self.columns = self.late + self.timeout
        sizes = [part.idle + 1 for part in parts]
        self.first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).tolist()
        rows, codes = sum(sizes), sum(sizes) * self.columns
        self.mean = np.zeros((max(part.channels.width for part in parts), rows), np.float32)
        self.steps, self.period_of, self.held = (np.zeros(rows, np.int64) for _ in range(3))
        self.window, self.clock, self.last_step = (np.zeros(rows, bool) for _ in range(3))
        self.reward, self.jump = np.zeros(codes), np.zeros(codes, np.int64)
        self.outcome, self.chosen = np.zeros(codes, np.uint8), np.full(codes, -1, np.int16)
        self.settles, self.moves, self.enters, self.priced, self.has_event = (np.zeros(codes, bool) for _ in range(5))
        for place, part in enumerate(parts):
            self.fill(place, np.arange(part.idle + 1))
        self.idle = [first + part.idle for first, part in zip(self.first, parts, strict=True)]
        self.any_held = any(part.any_held for part in parts)
        self.any_priced = any(part.any_priced for part in parts)
        self.any_drawn = any(part.any_drawn for part in parts)
        self.any_empty = self._may_be_empty()
        self.uneventful_rewards = any(part.uneventful_rewards for part in parts)
        self.times_periods = any(part.times_periods for part in parts)
        self.finals = any(bool(part.finals) for part in parts)

    def fill(self, place: int, rows: Integers) -> None:
        """Take over some rows of a stream's tables; int64 (n,), with all rows that they lead to."""
        part, mine = self.parts[place], rows + self.first[place]
        self.mean[: part.channels.width, mine] = part.mean[:, rows]
        for name in ("steps", "period_of", "held", "window", "clock", "last_step"):
            getattr(self, name)[mine] = getattr(part, name)[rows]
        old = rows[:, None] * part.columns + np.arange(part.columns)
        actions = np.arange(part.actions)
        new = mine[:, None] * self.columns + np.r_[actions, self.timeout, self.late + actions]
        for name in ("reward", "outcome", "chosen", "priced", "has_event"):
            getattr(self, name)[new] = getattr(part, name)[old]
        self._link(part, rows, old, new)

    def _link(self, part: Tables, rows: Integers, old: Integers, new: Integers) -> None:
        """Note where actions lead: past periods of no duration, but for those that start the clock."""
        rows, there = rows[:, None], part.next[old]
        begins = there != rows
        if part.commits:  # a choice is kept, and the window goes on
            begins &= there != rows + part.phase
        for _ in part.periods:
            at = np.where(there >= 0, there, part.idle)
            after = part.next[at * part.columns + part.actions]
            passes = (part.steps[at] == 0) & ~part.clock[at] & (after != rows)
            if not passes.any():
                break
            there = np.where(passes, after, there)
        self.enters[new] = begins & (there >= 0)
        self.jump[new] = np.where(there >= 0, there - rows, OVER)
        self.moves[new], self.settles[new] = self.jump[new] != 0, part.outcome[old] > 0

    def _may_be_empty(self) -> bool:
        """Whether a period of no duration can still be arrived at."""
        there = np.arange(len(self.steps))[:, None] + self.jump.reshape(-1, self.columns)
        if (self.steps[there[there >= 0]] == 0).any():
            return True
        for first, part in zip(self.first, self.parts, strict=True):
            drawn = part.any_drawn and any(low == 0 for low, _ in part.period_laws.values())
            begins = first + np.arange(part.slots) * part.rows_per_slot
            if part.lazy or drawn or (self.steps[begins] == 0).any():
                return True
        return False
