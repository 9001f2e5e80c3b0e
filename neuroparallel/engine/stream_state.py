"""What one stream holds in all lanes at once: where each stands, and what may be told of it."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.draws import TrialDraws
from neuroparallel.engine.layout import StreamSpec
from neuroparallel.engine.noise import BatchNoise
from neuroparallel.engine.tables import Tables
from neuroparallel.seeding import Bits

__all__ = ["NEVER", "NO_LANES", "STATE", "Integers", "StreamState"]

Integers: TypeAlias = NDArray[np.int64]

NEVER = int(np.iinfo(np.int64).max // 4)
NO_LANES = np.empty(0, np.int64)

# Arrays of the lanes' state that are saved, restored and reset together: name, dtype, value at rest.
STATE: tuple[tuple[str, Any, Any], ...] = (
    ("row", np.int64, 0),
    ("end", np.int64, NEVER),
    ("slot", np.int64, 0),
    ("trial", np.int64, -1),
    ("outcome", np.uint8, 0),
    ("choice", np.int64, -1),
    ("response", np.int64, -1),  # steps from the clock's start to the response
    ("clock_at", np.int64, 0),
    ("entered", np.int64, 0),
    ("onset", np.int64, -1),
    ("earned", np.float64, 0.0),
    ("held_action", np.int64, 0),
    ("held_steps", np.int64, 0),
    ("key", np.uint64, 0),
    ("trial_key", np.uint64, 0),
    ("stride", np.uint64, 1),
    ("phase", np.uint64, 0),  # where in its noise a lane stands
    ("other_phase", np.uint64, 0),  # where it stood when it became live, or idle: the two have separate noise
)


class StreamState:
    """The arrays of a stream, one entry per lane, and what does not need a step to be known.

    Args:
        spec: The stream.
        tables: Its compiled task.
        lanes: Number of lanes.
    """

    row: Integers  # where in the tables each lane stands
    end: Integers  # when the present period ends
    slot: Integers  # which condition of the grid
    trial: Integers
    outcome: NDArray[np.uint8]
    choice: Integers
    response: Integers
    clock_at: Integers
    entered: Integers
    onset: Integers
    earned: NDArray[np.float64]
    held_action: Integers
    held_steps: Integers
    key: Bits
    trial_key: Bits
    stride: Bits
    phase: Bits
    other_phase: Bits

    def __init__(self, spec: StreamSpec, tables: Tables, lanes: int) -> None:
        self.spec, self.tables, self.lanes = spec, tables, lanes
        for name, dtype, value in STATE:
            setattr(self, name, np.full(lanes, value, dtype))
        self.row[:] = tables.idle
        self.visits = np.zeros((lanes, len(tables.periods)), np.int64) if tables.cyclic else None
        self.conditions = {
            name: np.zeros(lanes, values.dtype)
            for name, values in tables.design.values({n: np.zeros(1, np.int64) for n in tables.design.factors}).items()
        } | {name: np.zeros(lanes) for name in (*tables.design.laws, *spec.task.note_names())}
        self.grid = {} if tables.lazy else tables.design.grid()
        self.memory: dict[str, NDArray[Any]] = {}
        for name, spec_ in spec.task.memory().items():
            initial = np.asarray(spec_.initial, spec_.dtype)
            self.memory[name] = np.broadcast_to(initial, (lanes, *initial.shape)).copy()
        self.notes = spec.task.note_names()
        self.keeps_values = tables.lazy or spec.task.sequence is not None or bool(self.notes)
        self.mean = np.zeros((tables.channels.width, lanes), np.float32)
        self.idle = np.ones(lanes, bool)
        self.any_idle = True
        self.reward = np.zeros(lanes)
        self.ended = NO_LANES
        self.left: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None  # for those who wait for a period's end
        self.watched = False
        self.keeps = False  # whether responses are noted
        self.shows_choice = False  # whether somebody sees the choice that stands while the trial runs
        self.standing = np.zeros(lanes, np.int64)
        self.told: NDArray[np.float64] | None = None  # what its subject said when it answered, if it can speak
        self.answered: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None = None
        self._draws = TrialDraws(tables)
        self.drawn = np.zeros((len(self._draws.durations) and len(tables.periods), lanes), np.int64)  # durations, steps
        self.noise = BatchNoise(tables, lanes)
        self.sums = np.zeros((len(tables.summed), lanes))  # what was seen in this trial
        self.latest = self.mean  # what was shown last, without noise
        self._drifts, self._observes = tables.slope is not None, spec.task.observe is not None
        self.changing = self._drifts or self._observes
        self.moving = tables.movement is not None
        self._ticks = bool(self.noise.pairs or self.noise.counts or self._observes or self.moving)

    def _at(self, lanes: NDArray[np.int64]) -> Any:
        """How to index some lanes: all of them as a slice, which costs a tenth."""
        return slice(None) if lanes.size == self.lanes else lanes

    def values(self, lanes: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The conditions of the present trials of some lanes, (n,) each."""
        if self.keeps_values:
            return {name: array[lanes] for name, array in self.conditions.items()}
        slots = self.slot[lanes]
        return {name: column[slots] for name, column in self.grid.items()}

    # ---- saving ---------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        saved = {name: getattr(self, name).copy() for name, _, _ in STATE}
        saved["memory"] = {name: array.copy() for name, array in self.memory.items()}
        saved["conditions"] = {name: array.copy() for name, array in self.conditions.items()}
        saved["sums"], saved["standing"], saved["reward"] = self.sums.copy(), self.standing.copy(), self.reward.copy()
        saved["visits"] = None if self.visits is None else self.visits.copy()
        return saved

    def set_state(self, saved: dict[str, Any]) -> None:
        """Go back to a saved state."""
        self.noise.forget()
        for name, _, _ in STATE:
            setattr(self, name, saved[name].copy())
        for name, array in saved["memory"].items():
            self.memory[name][:] = array
        for name, array in saved["conditions"].items():
            self.conditions[name][:] = array
        self.sums[:], self.standing[:], self.reward = saved["sums"], saved["standing"], saved["reward"].copy()
        if self.visits is not None:
            self.visits[:] = saved["visits"]
        who = (self.trial >= 0).nonzero()[0]
        if self.tables.lazy and who.size:
            self.tables.define(who, {name: array[who] for name, array in self.conditions.items()})
        self._draw_durations(slice(None), self._draws.words(self.trial_key))
        np.equal(self.row, self.tables.idle, out=self.idle)
        self.any_idle = bool(self.idle.any())
        self.tables.mean.take(self.row, axis=1, out=self.mean)

    def _draw_durations(self, at: Any, words: Bits) -> None:
        """Keep how long the periods of some lanes' trials last whose durations are drawn, given the trials' words."""
        for period, steps in self._draws.steps(words):
            self.drawn[period][at] = steps
