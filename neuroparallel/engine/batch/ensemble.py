"""All streams of a scenario in all lanes: look-ups each step, and work only where something happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch.state_arrays import NO_LANES, Integers, StateArrays, joined
from neuroparallel.engine.tables import NEVER, Tables
from neuroparallel.engine.trial_draws import Given
from neuroparallel.errors import TaskError
from neuroparallel.outcomes import Outcome
from neuroparallel.task.trial import DRAWN

if TYPE_CHECKING:
    from neuroparallel.engine.batch.stream import BatchStream

__all__ = ["Ensemble"]


class Ensemble(StateArrays):
    """The streams of a scenario in all lanes, advanced together.

    The events of a step are looked up for all cells at once, and carried out in one operation for all cells that have
    one, of whichever stream. So many streams need hardly more calls than one. A `BatchStream` calls its task's hooks.

    The groups decide who starts and who rests.

    Args:
        parts: Tables of each stream.
        lanes: Number of lanes.
    """

    def __init__(self, parts: Sequence[Tables], lanes: int) -> None:
        super().__init__(parts, lanes)
        self._due: dict[int, tuple[Integers, Given]] = {}  # whose next trials are to begin, by place of the stream
        self._watched = False

    def watch(self, stream: BatchStream) -> None:
        """Note from now on when periods of a stream end, in its `left`."""
        stream.watched = self._watched = True

    # ---- a step ---------------------------------------------------------------------------------------------

    def act(self, actions: Integers, now: int) -> None:
        """Read an action of every cell against its present state; events are of time ``now``.

        Args:
            actions: int64, (cells,). What was done, or what it came to.
            now: The present step.
        """
        tables = self.tables
        if tables.any_held:
            actions = self._hold(actions)
        code = self.row * tables.columns
        code += actions
        ending = (self.end == now).nonzero()[0]
        if ending.size:
            code[self._at(ending)] += tables.late
        self.codes = code
        cells = tables.has_event.take(code).nonzero()[0]
        if tables.uneventful_rewards:
            self.reward = tables.reward.take(code)
        else:
            self.reward = np.zeros(self.size)
            self.reward[cells] = tables.reward.take(code[cells])
        for stream in self.streams:
            stream.ended = NO_LANES
        if cells.size:
            ended = self._events(cells, code, now)
            for stream, part in self.split(ended):
                stream.ended = ended[part] - stream.base
        self.earned += self.reward

    def _hold(self, actions: Integers) -> Integers:
        """Return the actions, with 0 for a choice that was not yet held as long as its window requires."""
        same = actions == self.held_action
        self.held_steps[:] = np.where(same, self.held_steps + 1, 1)
        self.held_action[:] = actions
        return np.where(self.held_steps >= self.tables.held.take(self.row), actions, 0)

    def _events(self, cells: Integers, code: Integers, now: int) -> Integers:
        """Carry out what happened in some cells; returns those whose trial is over.

        Args:
            cells: int64, (n,).
            code: int64, (cells,). Where in the tables each cell's action is.
            now: The present step.
        """
        tables = self.tables
        code = code[self._at(cells)]
        if tables.any_priced:
            self._settle_priced(cells, code, now)
        else:
            settles = tables.settles.take(code).nonzero()[0]
            if settles.size:
                done = code.take(settles)
                self._settle(cells.take(settles), tables.outcome.take(done), tables.chosen.take(done), now)
        moves = tables.moves.take(code)
        if np.count_nonzero(moves) < cells.size:
            goes = moves.nonzero()[0]
            cells, code = cells.take(goes), code.take(goes)
        row = self.row[self._at(cells)]
        target = row + tables.jump.take(code)
        enters = tables.enters.take(code)
        if np.count_nonzero(enters) == cells.size:
            target = self._enter(cells, target, now)
        else:
            goes = enters.nonzero()[0]
            target[goes] = self._enter(cells.take(goes), target.take(goes), now)
        if self._watched:
            self._note_left(cells, row, target)
        over = (target < 0).nonzero()[0]
        if not over.size:
            self._move(cells, target)
            return NO_LANES
        if over.size < cells.size:
            goes = (target >= 0).nonzero()[0]
            self._move(cells.take(goes), target.take(goes))
        ended: Integers = cells.take(over)
        return ended  # the group decides which of them rest and which begin again

    def _settle_priced(self, cells: Integers, code: Integers, now: int) -> None:
        """Settle what ended after the tasks' `pay` hooks have had their say."""
        outcome = self._price(cells, code, self.tables.outcome.take(code), now)
        settles = outcome.nonzero()[0]
        chosen = self.tables.chosen.take(code.take(settles))
        self._settle(cells.take(settles), outcome.take(settles), chosen, now)

    def _price(self, cells: Integers, code: Integers, outcome: NDArray[np.uint8], now: int) -> NDArray[np.uint8]:
        """Call the tasks' `pay` hooks for the responses that they price."""
        asks = self.tables.priced.take(code).nonzero()[0]
        if not asks.size:
            return outcome
        outcome = outcome.copy()
        for stream, part in self.split(cells.take(asks)):
            priced = asks[part]
            action = self.tables.chosen.take(code.take(priced))
            outcome[priced] = stream.price(cells.take(priced) - stream.base, action, outcome[priced], now)
        return outcome

    def _settle(self, cells: Integers, outcome: NDArray[np.uint8], chosen: NDArray[np.int16], now: int) -> None:
        """Keep the first outcome of the trial, with the choice and the response time; -1 for a choice: time ran out."""
        before = self.outcome.take(cells)
        if np.count_nonzero(before):
            new = (before == 0).nonzero()[0]
            cells, outcome, chosen = cells.take(new), outcome.take(new), chosen.take(new)
        at = self._at(cells)
        response = now - self.clock_at[at]
        late = (chosen < 0).nonzero()[0]
        if late.size:
            response[late], chosen = -1, np.maximum(chosen, 0)
        self.outcome[at], self.choice[at], self.response[at] = outcome, chosen, response

    def _enter(self, cells: Integers, rows: Integers, now: int, *, from_outside: bool = False) -> Integers:
        """Enter periods, passing through those of no duration; returns the rows arrived at, negative at the end."""
        tables = self.tables
        steps = self._begin_periods(cells, rows, now)
        empty = (steps == 0).nonzero()[0] if tables.any_empty or from_outside else NO_LANES
        while empty.size:
            rows[empty] += tables.jump.take(rows[empty] * tables.columns + tables.timeout)
            empty = empty[rows[empty] >= 0]
            if empty.size:
                empty = empty[self._begin_periods(cells[empty], rows[empty], now) == 0]
        return rows

    def _begin_periods(self, cells: Integers, rows: Integers, now: int) -> Integers:
        """Set the clocks of periods that begin; returns how many steps they take."""
        tables, at = self.tables, self._at(cells)
        started = tables.clock.take(rows).nonzero()[0]
        if started.size:
            self.clock_at[cells.take(started)] = now
        steps = tables.steps.take(rows)
        if tables.any_drawn:
            self._put_drawn(cells, rows, steps)
        self.end[at] = now + steps
        if tables.times_periods:
            self._note_onset(cells, rows, now)
        return steps

    def _note_onset(self, cells: Integers, rows: Integers, now: int) -> None:
        """Remember when periods began; the last step of a window with a row of its own begins none."""
        if self.tables.finals:
            cells = cells[~self.tables.last_step.take(rows)]
        self.entered[self._at(cells)] = now

    def _put_drawn(self, cells: Integers, rows: Integers, steps: Integers) -> None:
        """Fill in how long those periods last whose duration is drawn."""
        drawn = (steps == DRAWN).nonzero()[0]
        if not drawn.size:
            return
        cells, rows = cells.take(drawn), rows.take(drawn)
        if not self._cyclic:
            steps[drawn] = self.drawn.take(self.tables.period_of.take(rows) * self.size + cells)
            return
        for stream, part in self.split(cells):
            periods = self.tables.period_of.take(rows[part])
            if stream.visits is None:
                steps[drawn[part]] = self.drawn.take(periods * self.size + cells[part])
            else:
                steps[drawn[part]] = stream.draw_durations_again(cells[part] - stream.base, periods)

    def _note_left(self, cells: Integers, row: Integers, target: Integers) -> None:
        """Note which periods came to their end, for streams that wait for that; an abort is no end of a period."""
        period_of = self.tables.period_of
        for stream, part in self.split(cells):
            if stream.watched:
                who, there = cells[part], target[part]
                before = period_of.take(row[part])
                after = np.where(there >= 0, period_of.take(np.maximum(there, 0)), len(stream.tables.periods))
                gone = ((before != after) & (self.outcome.take(who) != Outcome.ABORT)).nonzero()[0]
                stream.left_period = (who.take(gone) - stream.base, before.take(gone))

    def _move(self, cells: Integers, rows: Integers) -> None:
        """Put cells on rows of the tables; what they show follows."""
        tables, at = self.tables, self._at(cells)
        self.keep_rows()
        self.row[at] = rows
        reach = self.size
        for channel, mean in enumerate(self.mean):
            if self._reach[channel] < reach:  # streams with fewer channels come last
                reach = self._reach[channel]
                stop = int(cells.searchsorted(reach))
                cells, rows = cells[:stop], rows[:stop]
                at = self._at(cells)
            mean[at] = tables.mean[channel].take(rows)

    def rest(self, cells: Integers) -> None:
        """Make cells idle, wherever they are: they show nothing."""
        self.wait(cells.take(np.logical_not(self.idle.take(cells)).nonzero()[0]) if self.any_idle else cells)

    def wait(self, cells: Integers) -> None:
        """Make live cells idle, so that they show nothing."""
        if not cells.size:
            return
        self.end[self._at(cells)] = NEVER
        self._move(cells, self._idle_row.take(cells))
        self._turn(cells, idle=True)

    def _make_live(self, cells: Integers) -> None:
        """Make idle cells live."""
        if self.any_idle:
            idle = self.idle.take(cells)
            asleep = np.count_nonzero(idle)
            if asleep:
                self._turn(cells if asleep == cells.size else cells.take(idle.nonzero()[0]), idle=False)

    def _turn(self, cells: Integers, *, idle: bool) -> None:
        """Make cells idle that were live, or live that were idle: from now on they show the other noise."""
        if not cells.size:
            return
        at = self._at(cells)
        for stream in self.streams[int(cells[0]) // self.lanes : int(cells[-1]) // self.lanes + 1]:
            stream.noise.forget()
        phase = self.phase.take(cells)
        self.phase[at] = self.other_phase[at]
        self.other_phase[at] = phase
        self.idle[at] = idle
        self.any_idle = idle or bool(np.count_nonzero(self.idle))

    # ---- trials ---------------------------------------------------------------------------------------------

    def schedule_start(self, stream: BatchStream, lanes: Integers, given: Given) -> None:
        """Let a stream's next trial begin in some lanes when `start` is called.

        Args:
            stream: The stream.
            lanes: int64, (n,).
            given: Conditions that the group imposes, (n,) by name.
        """
        if lanes.size:
            self._due[stream.place] = (lanes, given)

    def start(self, now: int) -> None:
        """Draw and begin the trials that are expected."""
        if not self._due:
            return
        due, self._due = self._due, {}
        parts, drawn_slots, entries = [], [], []
        for stream in self.streams:
            if stream.place in due:
                lanes, given = due[stream.place]
                drawn = stream.draw(lanes, given)  # may look back at what is reset below
                parts.append(stream.cells(lanes))
                drawn_slots.append(drawn)
                entries.append(drawn * stream.tables.rows_per_slot + stream.first_row)
        cells, slots, rows = joined(parts), joined(drawn_slots), joined(entries)
        at = self._at(cells)
        self.trial = self.trial.copy()  # the infos of earlier steps keep the old one
        self.trial[at] += 1
        self.slot[at] = slots
        self.onset[at] = self.clock_at[at] = now
        self.outcome[at] = 0
        self.choice[at] = self.response[at] = -1
        self.earned[at] = 0.0
        rows = self._enter(cells, rows, now)
        if self.tables.any_empty and rows.min() < 0:
            stream = next(stream for stream, part in self.split(cells) if rows[part].min() < 0)
            raise TaskError(f"{stream.spec.name}: a trial of no duration was drawn; give some period a step or more.")
        self._make_live(cells)
        self._move(cells, rows)

    def resume(self, cells: Integers, rows: Integers, now: int) -> Integers:
        """Go on, after the group has resolved, with further periods; returns the cells that are over at once."""
        rows = self._enter(cells, rows, now, from_outside=True)
        goes, over = (rows >= 0).nonzero()[0], (rows < 0).nonzero()[0]
        going = cells.take(goes)
        self._make_live(going)
        self._move(going, rows.take(goes))
        cells = cells.take(over)
        self.rest(cells)
        return cells

    def tick(self) -> None:
        """Move on by one step in all that varies from step to step, after everybody has looked."""
        np.add(self.phase, self.stride, out=self.phase)
        self._told = True
