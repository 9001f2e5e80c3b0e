"""State arrays: one entry for every cell, that is for every stream in every lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.linked_tables import LinkedTables
from neuroparallel.engine.tables import NEVER, Tables
from neuroparallel.seeding import Bits

if TYPE_CHECKING:
    from neuroparallel.engine.batch.stream import BatchStream

__all__ = ["NO_LANES", "STATE", "Integers", "PerCell", "StateArrays", "joined"]

Integers: TypeAlias = NDArray[np.int64]

NO_LANES = np.empty(0, np.int64)

# Arrays that are saved, restored and reset together: name, dtype, value at rest.
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
    ("stride", np.uint64, 1),
    ("phase", np.uint64, 0),  # position of a cell in its noise
    ("other_phase", np.uint64, 0),  # where it stood when it became live, or idle: the two have separate noise
)

# What the trial table records of a trial is in one array, a row for each name, so that one look-up reads it.
RECORDED = ("slot", "choice", "response", "clock_at", "onset")
TIMES = 3  # from there on they are times


class PerCell:
    """State of every cell, or of those of one stream: an entry for each."""

    mean: NDArray[np.float32]  # (channels, cells)
    idle: NDArray[np.bool_]
    end: Integers  # when the present period ends
    slot: Integers  # which condition of the grid
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
    stride: Bits
    phase: Bits
    other_phase: Bits


class StateArrays(PerCell):
    """The arrays of all streams in all lanes.

    A *cell* is one stream in one lane. The cells of a stream are adjacent, lane after lane; streams with the
    most channels come first.

    Args:
        parts: Tables of each stream.
        lanes: Number of lanes.
    """

    row: Integers  # of each cell in the linked tables
    trial: Integers

    def __init__(self, parts: Sequence[Tables], lanes: int) -> None:
        self.tables, self.lanes = LinkedTables(parts), lanes
        self.size = len(parts) * lanes
        widths = [part.channels.width for part in parts]
        self.order = sorted(range(len(parts)), key=lambda place: -widths[place])
        self._stops = np.arange(1, len(parts) + 1) * lanes  # behind the last cell of each stream, in that order
        self._reach = [lanes * sum(width > channel for width in widths) for channel in range(max(widths))]
        for name, dtype, value in STATE:
            setattr(self, name, np.full(self.size, value, dtype))
        self.recorded = np.stack([getattr(self, name) for name in RECORDED])
        self._share_recorded()
        self._idle_row = np.array([self.tables.idle[place] for place in self.order]).repeat(lanes)
        self.row = self._idle_row.copy()
        self.mean = np.zeros((max(widths), self.size), np.float32)
        self.idle = np.ones(self.size, bool)
        self.any_idle = True
        self.reward = np.zeros(self.size)
        self.codes = np.zeros(self.size, np.int64)  # where in the tables the actions of this step are
        periods = max(len(part.periods) for part in parts)
        drawn = any(bool(part.period_laws) and not part.cyclic for part in parts)
        self.drawn = np.zeros((periods if drawn else 0, self.size), np.int64)  # durations, in steps
        self.streams: list[BatchStream] = []  # by their cells
        self._told = True  # whether anybody but this has the present rows
        self._cyclic = any(part.cyclic for part in parts)

    def _share_recorded(self) -> None:
        for name, numbers in zip(RECORDED, self.recorded, strict=True):
            setattr(self, name, numbers)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore from a pickle or a copy: what was shared has become separate arrays."""
        self.__dict__.update(state)
        self._share_recorded()

    def connect(self, streams: Sequence[BatchStream]) -> None:
        """Connect the streams, given in the order of the scenario."""
        self.streams = [streams[place] for place in self.order]

    def _at(self, cells: Integers) -> Any:
        """Return an index of cells: a slice for those of whole streams, which costs a tenth."""
        count = cells.size
        if count == self.size:
            return slice(None)
        if count and count % self.lanes == 0 and cells[-1] - cells[0] == count - 1:
            return slice(int(cells[0]), int(cells[-1]) + 1)
        return cells

    def split(self, cells: Integers) -> list[tuple[BatchStream, slice]]:
        """Split cells by stream; streams without any are left out."""
        if not cells.size:
            return []
        if len(self.streams) == 1:
            return [(self.streams[0], slice(0, cells.size))]
        parts, start = [], 0
        for stream, stop in zip(self.streams, cells.searchsorted(self._stops).tolist(), strict=True):
            if stop > start:
                parts.append((stream, slice(start, stop)))
                start = stop
        return parts

    def cells(self, lanes: Mapping[int, Integers]) -> Integers:
        """The cells of some lanes of several streams, in order; int64 (n,) each, by place of the stream."""
        return joined([stream.cells(lanes[stream.place]) for stream in self.streams if stream.place in lanes])

    def keep_rows(self) -> None:
        """Leave the rows of the step before to its infos, before the first change in this step."""
        if self._told:
            self.row, self._told = self.row.copy(), False


def joined(parts: Sequence[Integers]) -> Integers:
    """Several arrays, one behind the other; int64 (n,) each."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else NO_LANES
