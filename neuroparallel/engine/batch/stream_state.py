"""State of one stream in all lanes: its part of the ensemble, and what only this stream has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch.ensemble import Ensemble
from neuroparallel.engine.batch.state_arrays import NO_LANES, STATE, TIMES, Integers, PerCell
from neuroparallel.engine.hook_checks import Place
from neuroparallel.engine.layout import StreamSpec
from neuroparallel.engine.noise import BatchNoise
from neuroparallel.engine.tables import Tables
from neuroparallel.engine.trial_draws import TrialDraws, TrialsAhead
from neuroparallel.seeding import Bits, trial_keys

__all__ = ["StreamState"]

_REPLACED = ("row", "trial")  # by new arrays; others are changed
_PARTS = ("idle", *(name for name, _, _ in STATE if name not in _REPLACED))


class StreamState(PerCell):
    """The arrays of a stream, one entry per lane.

    Args:
        spec: The stream.
        place: Which stream of the scenario it is.
        tables: Its compiled task.
        ensemble: All streams, of which it has a part.
    """

    def __init__(self, spec: StreamSpec, place: int, tables: Tables, ensemble: Ensemble) -> None:
        self.spec, self.place, self.tables, self.ensemble, self.lanes = spec, place, tables, ensemble, ensemble.lanes
        self.first_row = ensemble.tables.first[place]
        self.base = ensemble.order.index(place) * self.lanes
        self._part = slice(self.base, self.base + self.lanes)
        self.visits = np.zeros((self.lanes, len(tables.periods)), np.int64) if tables.cyclic else None
        self.conditions = {
            name: np.zeros(self.lanes, values.dtype)
            for name, values in tables.design.values({n: np.zeros(1, np.int64) for n in tables.design.factors}).items()
        } | {name: np.zeros(self.lanes) for name in (*tables.design.laws, *spec.task.note_names())}
        self.memory: dict[str, NDArray[Any]] = {}
        for name, spec_ in spec.task.memory().items():
            initial = np.asarray(spec_.initial, spec_.dtype)
            self.memory[name] = np.broadcast_to(initial, (self.lanes, *initial.shape)).copy()
        self.notes = spec.task.note_names()
        self.keeps_values = tables.lazy or spec.task.sequence is not None or bool(self.notes)
        self.ended = NO_LANES
        self.watched = False  # whether another stream waits for the end of a period
        self.left_period: tuple[Integers, Integers] | None = None  # where one did in this step, and which
        self.keeps = False  # whether responses are noted
        self.tracks_choice = False  # whether a partner is shown the current choice
        self.current_choice = np.zeros(self.lanes, np.int64)
        self.answer_message: NDArray[np.float64] | None = None  # sent by its subject with the answer
        # If responses are noted: the actions of this step, and where a live stream did anything but hold.
        self.answered: tuple[Integers, NDArray[np.bool_]] | None = None
        self.idle_row = self.first_row + tables.idle
        self._draws = TrialDraws(tables)
        self._ahead = TrialsAhead(self._draws, self.lanes, tables.design.size)
        self.noise = BatchNoise(tables, self.lanes)
        self.sums = np.zeros((len(tables.summed), self.lanes))  # what was seen in this trial
        self._drifts, self._observes = tables.slope is not None, spec.task.observe is not None
        self.changing = self._drifts or self._observes
        self.moving = tables.movement is not None
        self.bind()

    def bind(self) -> None:
        """Bind views of the stream's part of the ensemble."""
        for name in _PARTS:
            setattr(self, name, getattr(self.ensemble, name)[self._part])
        self.mean = self.ensemble.mean[: self.tables.channels.width, self._part]
        self.latest = self.mean  # what was shown last, without noise

    def __getstate__(self) -> dict[str, Any]:
        """All but the parts of the ensemble, which would become copies; `bind` takes hold of them again."""
        return {name: value for name, value in self.__dict__.items() if name not in (*_PARTS, "mean", "latest")}

    @property
    def row(self) -> Integers:
        """Row of each lane in the stream's tables, (lanes,); not to be changed."""
        return self.rows_of(self.ensemble.row)

    def rows_of(self, rows: Integers) -> Integers:
        """The stream's part of rows of the linked tables, as rows of its own."""
        return rows[self._part] - self.first_row if self.first_row else rows[self._part]

    @property
    def trial(self) -> Integers:
        """The number of each lane's present trial, (lanes,); not to be changed."""
        return self.ensemble.trial[self._part]

    @property
    def trial_key(self) -> Bits:
        """The key of each lane's present trial, uint64 (lanes,)."""
        return trial_keys(self.key, self.trial)

    @property
    def reward(self) -> NDArray[np.float64]:
        """What was paid in this step, (lanes,)."""
        return self.ensemble.reward[self._part]

    @property
    def codes(self) -> Integers:
        """Where in the linked tables the actions of this step are, (lanes,)."""
        return self.ensemble.codes[self._part]

    def cells(self, lanes: Integers) -> Integers:
        """Where some lanes of the stream stand in the ensemble; int64 (n,)."""
        return lanes + self.base if self.base else lanes

    def _at(self, lanes: Integers) -> Any:
        """How to index some lanes: all of them as a slice, which costs a tenth."""
        return slice(None) if lanes.size == self.lanes else lanes

    def recorded(self, lanes: Integers, now: int) -> NDArray[np.int32]:
        """What the trial table needs of the present trials of some lanes, times from ``now`` on; (numbers, n)."""
        numbers = self.ensemble.recorded
        picked = numbers[:, self._part] if lanes.size == self.lanes else numbers.take(self.cells(lanes), axis=1)
        result = np.empty((len(numbers), lanes.size), np.int32)
        np.copyto(result[:TIMES], picked[:TIMES], casting="same_kind")
        np.subtract(picked[TIMES:], now, out=result[TIMES:], casting="same_kind")
        return result

    def values(self, lanes: Integers) -> dict[str, NDArray[Any]]:
        """The conditions of the present trials of some lanes, (n,) each."""
        if self.keeps_values:
            return {name: array[lanes] for name, array in self.conditions.items()}
        slots = self.slot[lanes]
        return {name: column[slots] for name, column in self.tables.grid.items()}

    # ---- saving ---------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        saved = {name: getattr(self, name).copy() for name, _, _ in STATE}
        saved["memory"] = {name: array.copy() for name, array in self.memory.items()}
        saved["conditions"] = {name: array.copy() for name, array in self.conditions.items()}
        for name in ("sums", "current_choice", "reward"):
            saved[name] = getattr(self, name).copy()
        saved["visits"] = None if self.visits is None else self.visits.copy()
        return saved

    def set_state(self, saved: dict[str, Any]) -> None:
        """Go back to a saved state."""
        arrays = self.ensemble
        self.noise.forget()
        # The infos of earlier steps keep the old arrays.
        arrays.row, arrays.trial = arrays.row.copy(), arrays.trial.copy()
        for name, _, _ in STATE:
            getattr(arrays, name)[self._part] = saved[name]
        arrays.row[self._part] += self.first_row
        for name, array in saved["memory"].items():
            self.memory[name][:] = array
        for name, array in saved["conditions"].items():
            self.conditions[name][:] = array
        self.sums[:], self.current_choice[:], self.reward[:] = saved["sums"], saved["current_choice"], saved["reward"]
        if self.visits is not None:
            self.visits[:] = saved["visits"]
        who = (self.trial >= 0).nonzero()[0]
        if self.tables.lazy and who.size:
            self.define(who, {name: array[who] for name, array in self.conditions.items()})
        self._ahead.forget(slice(None), self.trial)
        for period, steps in self._draws.steps(self._draws.words(self.trial_key)).items():
            arrays.drawn[period, self._part] = steps
        np.equal(self.row, self.tables.idle, out=self.idle)
        arrays.any_idle = bool(arrays.idle.any())
        self.mean[:] = self.tables.mean[:, self.row]

    def define(self, lanes: Integers, conditions: dict[str, NDArray[Any]], place: Place | None = None) -> None:
        """Write the rows of lanes that have rows of their own."""
        self.tables.define(lanes, conditions, place)
        rows = lanes[:, None] * self.tables.rows_per_slot + np.arange(self.tables.rows_per_slot)
        self.ensemble.tables.fill(self.place, rows.ravel())
