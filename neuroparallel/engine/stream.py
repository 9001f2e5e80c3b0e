"""One stream in all lanes at once: look-ups each step, and work only where something happened."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.calls import added_up, moved, steered, viewed
from neuroparallel.engine.draws import Given, Previous, check_given, draw_levels, levels_of
from neuroparallel.engine.layout import StreamSpec
from neuroparallel.engine.noise import BatchNoise, draw_counts
from neuroparallel.engine.tables import Tables
from neuroparallel.errors import TaskError
from neuroparallel.outcomes import Outcome
from neuroparallel.seeding import (
    GAMMA,
    Bits,
    branch_keys,
    mix,
    name_bits,
    noise_increments,
    pick,
    trial_keys,
)
from neuroparallel.task import Draw, Response
from neuroparallel.trial import DRAWN

__all__ = ["NEVER", "BatchStream"]

Integers: TypeAlias = NDArray[np.int64]

NEVER = int(np.iinfo(np.int64).max // 4)
NO_LANES = np.empty(0, np.int64)

# Arrays of the lanes' state that are saved, restored and reset together: name, dtype, value at rest.
_STATE: tuple[tuple[str, Any, Any], ...] = (
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
    ("last_outcome", np.int64, 0),
    ("last_choice", np.int64, 0),
    ("last_reward", np.float64, 0.0),
    ("held_action", np.int64, 0),
    ("held_steps", np.int64, 0),
    ("key", np.uint64, 0),
    ("trial_key", np.uint64, 0),
    ("stride", np.uint64, 1),
    ("live_phase", np.uint64, 0),
    ("idle_phase", np.uint64, 0),
)


class BatchStream:
    """One stream of a scenario, played in all lanes.

    The group calls, in this order: `act`, `start` and `rest` where it decides so, `observe`.

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
    last_outcome: Integers
    last_choice: Integers
    last_reward: NDArray[np.float64]
    held_action: Integers
    held_steps: Integers
    key: Bits
    trial_key: Bits
    stride: Bits
    live_phase: Bits
    idle_phase: Bits

    def __init__(self, spec: StreamSpec, tables: Tables, lanes: int) -> None:
        self.spec, self.tables, self.lanes = spec, tables, lanes
        for name, dtype, value in _STATE:
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
        self._code, self._target = np.empty(lanes, np.int64), np.empty(lanes, np.int64)
        self._event, self._timed = np.empty(lanes, bool), np.empty(lanes, bool)
        self._noise = BatchNoise(tables, lanes)
        self.sums = np.zeros((len(tables.summed), lanes))  # what was seen in this trial
        self.latest = self.mean  # what was shown last, without noise
        self._drifts, self._observes = tables.slope is not None, spec.task.observe is not None
        self.changing = self._drifts or self._observes
        self.moving = tables.movement is not None
        self._ticks = bool(self._noise.pairs or self._noise.counts or self._observes or self.moving)

    # ---- sessions -------------------------------------------------------------------------------------------

    def begin(self, lanes: NDArray[np.int64], seeds: Bits, lane_ids: Bits, sessions: Bits) -> None:
        """Start a session: new keys, empty memory, first trial still to come."""
        key = branch_keys(seeds, lane_ids, sessions, self.spec.branch)
        self._noise.forget()
        self.row, self.trial = (
            self.row.copy(),
            self.trial.copy(),
        )  # the infos of earlier steps keep the old ones
        for name, _, value in _STATE:
            getattr(self, name)[lanes] = value
        self.key[lanes] = key
        self.stride[lanes] = noise_increments(key)
        self.live_phase[lanes] = mix(key ^ np.uint64(name_bits("noise.live")))
        self.idle_phase[lanes] = mix(key ^ np.uint64(name_bits("noise.idle")))
        for name, spec in self.spec.task.memory().items():
            self.memory[name][lanes] = np.asarray(spec.initial, spec.dtype)
        self.standing[lanes] = 0
        self._move(lanes, np.full(len(lanes), self.tables.idle))

    # ---- a step ---------------------------------------------------------------------------------------------

    def window_open(self) -> NDArray[np.bool_]:
        """In which lanes a response window is open, (lanes,) bool."""
        return self.tables.window[self.row]

    def act(self, actions: NDArray[Any], now: int) -> None:
        """Read an action in every lane against the present state; events are of time ``now``.

        Args:
            actions: int64, (lanes,), or float32, (lanes, axes), of a moving task.
            now: The present step.
        """
        tables = self.tables
        if self.moving:
            actions = self._moved(actions, now)
        self.answered, self.left = self._responses(actions) if self.keeps else None, None
        if self.shows_choice:
            np.copyto(self.standing, actions, where=(actions > 0) & self.window_open())
        if tables.any_held:
            actions = self._hold(actions)
        code, target, event = self._code, self._target, self._event
        np.multiply(self.row, tables.columns, out=code)
        np.add(code, actions, out=code)
        self.reward = tables.reward.take(code, mode="clip")
        tables.next.take(code, out=target, mode="clip")
        np.not_equal(target, self.row, out=event)
        np.equal(self.end, now, out=self._timed)
        np.logical_or(event, self._timed, out=event)
        if tables.any_pays:
            np.logical_or(event, tables.pays.take(code, mode="clip"), out=event)
        lanes = event.nonzero()[0]
        self.ended = self._events(lanes, now) if lanes.size else NO_LANES
        self.earned += self.reward

    def _responses(self, actions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Lanes in which the subject did anything but hold while the stream was live; in which period, and what."""
        who = ((actions > 0) & ~self.idle).nonzero()[0]
        return who, self.tables.period_of.take(self.row.take(who)), actions.take(who)

    def _moved(self, actions: NDArray[np.float32], now: int) -> NDArray[np.int64]:
        """Let the task's `move` hook turn the movements of live lanes into events."""
        events = np.zeros(self.lanes, np.int64)
        lanes = self._live()
        if lanes.size:
            at = self._at(lanes)
            memory = {name: array[at] for name, array in self.memory.items()}
            events[at] = moved(self.tables, actions[at], **self._moment(lanes, at, now), memory=memory)
            for name, rows in memory.items():
                self.memory[name][at] = rows
        return events

    def _live(self) -> NDArray[np.int64]:
        """The lanes in which the stream is not idle."""
        return np.logical_not(self.idle).nonzero()[0]

    def _moment(self, lanes: NDArray[np.int64], at: Any, now: int) -> dict[str, Any]:
        """What hooks know of a moment in some lanes."""
        return {
            "period": self.tables.period_of.take(self.row[at]),
            "elapsed": (now - self.entered[at]) * float(self.tables.dt),
            "conditions": self.values(lanes),
            "keys": self.live_phase[at],
        }

    def _hold(self, actions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Let a choice through only once it was held for the time its window asks for."""
        same = actions == self.held_action
        self.held_steps = np.where(same, self.held_steps + 1, 1)
        self.held_action = actions.copy()
        return np.where(self.held_steps >= self.tables.held[self.row], actions, 0)

    def _events(self, lanes: NDArray[np.int64], now: int) -> NDArray[np.int64]:
        """Carry out what happened in some lanes; returns those whose trial is over."""
        tables = self.tables
        at = self._at(lanes)
        row, code, target = self.row[at], self._code[at], self._target[at]
        timed = (target == row) & self._timed[at]
        if timed.any():
            code = np.where(timed, row * tables.columns + tables.actions, code)
            self.reward[at] += np.where(timed, tables.reward.take(code), 0.0)
            target = tables.next.take(code)
        outcome = tables.outcome.take(code)
        if tables.any_pays:
            outcome = self._price(lanes, row, code, timed, outcome, now)
        if outcome.any():
            self._settle(lanes, outcome, np.where(timed, 0, code - row * tables.columns), timed, now)
        moved = target != row
        if not moved.all():
            lanes, row, target = lanes[moved], row[moved], target[moved]
        target = self._arrive(lanes, row, target, now)
        if self.watched:
            self._note_left(lanes, row, target)
        over = target < 0
        if not over.any():
            self._move(lanes, target)
            return NO_LANES
        target[over] = tables.idle
        self._move(lanes, target)
        return lanes[over]

    def _at(self, lanes: NDArray[np.int64]) -> Any:
        """How to index some lanes: all of them as a slice, which costs a tenth."""
        return slice(None) if lanes.size == self.lanes else lanes

    def _arrive(
        self, lanes: NDArray[np.int64], row: NDArray[np.int64], target: NDArray[np.int64], now: int
    ) -> NDArray[np.int64]:
        """Find the rows that lanes arrive at; negative where the trial is over."""
        tables = self.tables
        if tables.commits:
            committed = target == row + tables.phase
            closing = committed & (self.end[lanes] == now)
            if closing.any():  # kept in the last step of the window, whose time is over as well
                target[closing] = tables.next[target[closing] * tables.columns + tables.actions]
                committed &= ~closing
            enters = ~committed & (target >= 0)
        else:
            enters = target >= 0
        if enters.all():
            return self._enter(lanes, target, now)
        if enters.any():
            target[enters] = self._enter(lanes[enters], target[enters], now)
        return target

    def _price(
        self,
        lanes: NDArray[np.int64],
        row: NDArray[np.int64],
        code: NDArray[np.int64],
        timed: NDArray[np.bool_],
        outcome: NDArray[np.uint8],
        now: int,
    ) -> NDArray[np.uint8]:
        """Let the task's `pay` hook price the responses that ask for it."""
        pays = self.tables.pays[code].nonzero()[0]
        if not pays.size:
            return outcome
        who = lanes[pays]
        response = Response(
            action=np.where(timed, 0, code - row * self.tables.columns)[pays],
            period=self.tables.period_of[row[pays]],
            elapsed=((now - self.clock_at[who]) * self.tables.dt).astype(np.float64),
            reward=self.reward[who],
            outcome=outcome[pays],
            conditions=self.values(who),
            memory={name: array[who] for name, array in self.memory.items()},
            shown=added_up(self.tables, self.sums[:, who]),
            _keys=self.trial_key[who],
        )
        self.spec.task.pay(response)  # type: ignore[misc]
        self.reward[who] = response.reward
        for name, rows in response.memory.items():
            self.memory[name][who] = rows
        for name in self.notes:
            self.conditions[name][who] = response.conditions[name]
        outcome = outcome.copy()
        outcome[pays] = response.outcome
        return outcome

    def _settle(
        self,
        lanes: NDArray[np.int64],
        outcome: NDArray[np.uint8],
        action: NDArray[np.int64],
        timed: NDArray[np.bool_],
        now: int,
    ) -> None:
        """Keep the first outcome of the trial, with the choice and the response time."""
        new = (outcome > 0) & (self.outcome[self._at(lanes)] == 0)
        if not new.all():
            lanes, outcome, action, timed = lanes[new], outcome[new], action[new], timed[new]
        at = self._at(lanes)
        self.outcome[at] = outcome
        self.choice[at] = action
        self.response[at] = np.where(timed, -1, now - self.clock_at[at])

    def _enter(self, lanes: NDArray[np.int64], rows: NDArray[np.int64], now: int) -> NDArray[np.int64]:
        """Enter periods, passing through those of no duration; returns the rows arrived at, negative at the end."""
        tables = self.tables
        empty = self._begin_periods(lanes, rows, now)
        while empty.size:
            rows[empty] = tables.next[rows[empty] * tables.columns + tables.actions]
            empty = empty[rows[empty] >= 0]
            if empty.size:
                empty = empty[self._begin_periods(lanes[empty], rows[empty], now)]
        return rows

    def _begin_periods(self, lanes: NDArray[np.int64], rows: NDArray[np.int64], now: int) -> NDArray[np.int64]:
        """Set the clocks of periods that begin; returns the positions of those that take no time."""
        tables, at = self.tables, self._at(lanes)
        started = tables.clock.take(rows)
        if started.any():
            self.clock_at[lanes[started]] = now
        steps = tables.steps.take(rows)
        if tables.any_drawn:
            steps = self._durations(lanes, rows, steps)
        self.end[at] = now + steps
        if tables.times_periods:
            self._note_onset(lanes, rows, now)
        empty: Integers = (steps == 0).nonzero()[0]
        return empty

    def _note_onset(self, lanes: NDArray[np.int64], rows: NDArray[np.int64], now: int) -> None:
        """Remember when periods began; the last step of a window with a row of its own begins none."""
        if self.tables.finals:
            lanes = lanes[~self.tables.last_step.take(rows)]
        self.entered[self._at(lanes)] = now

    def _durations(
        self, lanes: NDArray[np.int64], rows: NDArray[np.int64], steps: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        tables = self.tables
        drawn = (steps == DRAWN).nonzero()[0]
        if not drawn.size:
            return steps
        steps = steps.copy()
        who, at = lanes[drawn], rows[drawn]
        words = self.trial_key[who] + tables.purpose[at]
        if self.visits is not None:
            period = tables.period_of[at]
            words = words + self.visits[who, period].astype(np.uint64) * GAMMA
            self.visits[who, period] += 1
        words, laws = mix(words), tables.law_of[at]
        for number, (low, cuts) in enumerate(tables.laws):
            of_law = (laws == number).nonzero()[0]
            steps[drawn[of_law]] = low + pick(cuts, words[of_law])
        return steps

    def _note_left(self, lanes: NDArray[np.int64], row: NDArray[np.int64], target: NDArray[np.int64]) -> None:
        """Note which periods came to their end, for streams that wait for that; an abort is no end of a period."""
        before = self.tables.period_of[row]
        after = np.where(target >= 0, self.tables.period_of[np.maximum(target, 0)], len(self.tables.periods))
        gone = (before != after) & (self.outcome[lanes] != Outcome.ABORT)
        self.left = (lanes[gone], before[gone])

    def _move(self, lanes: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """Put lanes on rows: what they show and where their look-ups start follows."""
        tables, at = self.tables, self._at(lanes)
        self.row = self.row.copy()  # the infos of earlier steps keep the old one
        self.row[at] = rows
        for channel in range(len(self.mean)):
            self.mean[channel][at] = tables.mean[channel].take(rows)
        idle = rows == tables.idle
        if idle.any():
            self.idle[at] = idle
            self.end[lanes[idle]] = NEVER
            self.any_idle = True
        elif self.any_idle:
            self.idle[at] = idle
            self.any_idle = bool(self.idle.any())

    # ---- trials ---------------------------------------------------------------------------------------------

    def start(self, lanes: NDArray[np.int64], now: int, given: Given | None = None) -> None:
        """Draw and begin the next trial in some lanes.

        Args:
            lanes: int64, (n,).
            now: The present step.
            given: Conditions that the group imposes, (n,) by name.
        """
        at = self._at(lanes)
        first = self.trial[at] < 0
        trial = self.trial[at] + 1
        self.trial = self.trial.copy()  # the infos of earlier steps keep the old one
        self.trial[at] = trial
        keys = trial_keys(self.key[at], trial)
        self.trial_key[at] = keys
        self.onset[at] = self.clock_at[at] = now
        self.outcome[at] = 0
        self.choice[at] = self.response[at] = -1
        self.earned[at] = 0.0
        if self.tables.summed:
            self.sums[:, at] = 0.0
        if self.visits is not None:
            self.visits[lanes] = 0
        if self.shows_choice:
            self.standing[lanes] = 0
        slots = self._draw(lanes, keys, first, trial, given or {})
        self.slot[at] = slots
        rows = self._enter(lanes, slots * self.tables.rows_per_slot, now)
        if (rows < 0).any():
            raise TaskError(f"{self.spec.name}: a trial of no duration was drawn; give some period a step or more.")
        self._move(lanes, rows)

    def _draw(
        self,
        lanes: NDArray[np.int64],
        keys: Bits,
        first: NDArray[np.bool_],
        trial: NDArray[np.int64],
        given: Given,
    ) -> NDArray[np.int64]:
        tables, task = self.tables, self.spec.task
        levels = draw_levels(tables, keys)
        if not self.keeps_values and not given:
            slots = np.zeros(len(lanes), np.int64)
            for name, level in levels.items():
                slots += level * tables.design.strides[name]
            return slots
        values = tables.design.values(levels)
        for name, law in tables.design.laws.items():
            values[name] = law.draw(mix(keys + np.uint64(name_bits(f"condition.{name}"))))
        for name in self.notes:
            values[name] = np.zeros(len(lanes))
        values |= given
        if task.sequence is not None:
            values = self._sequence(lanes, keys, first, trial, values)
            check_given(task, given, values)
        if self.keeps_values:
            for name, value in values.items():
                self.conditions[name][lanes] = value
        if not tables.lazy:
            return levels_of(tables, values, levels) if levels else np.zeros(len(lanes), np.int64)
        tables.define(lanes, {name: self.conditions[name][lanes] for name in values})
        return lanes

    def _sequence(
        self,
        lanes: NDArray[np.int64],
        keys: Bits,
        first: NDArray[np.bool_],
        trial: NDArray[np.int64],
        values: dict[str, NDArray[Any]],
    ) -> dict[str, NDArray[Any]]:
        draw = Draw(
            conditions=values,
            previous=Previous(self, lanes, first, dict(values)),
            first=first,
            trial=trial,
            outcome=self.last_outcome[lanes],
            choice=self.last_choice[lanes],
            reward=self.last_reward[lanes],
            memory={name: array[lanes] for name, array in self.memory.items()},
            dt=self.tables.dt,
            _keys=keys,
        )
        self.spec.task.sequence(draw)  # type: ignore[misc]
        for name, rows in draw.memory.items():
            self.memory[name][lanes] = rows
        return draw.conditions

    def close(self, lanes: NDArray[np.int64]) -> None:
        """Close the books of trials that are over, so that the next one can look back at them."""
        at = self._at(lanes)
        undecided = self.outcome[at] == 0
        if undecided.any():
            self.outcome[lanes[undecided]] = Outcome.UNSCORED
        if self.spec.task.sequence is not None:
            self.last_outcome[at] = self.outcome[at]
            self.last_choice[at] = np.maximum(self.choice[at], 0)
            self.last_reward[at] = self.earned[at]

    def rest(self, lanes: NDArray[np.int64]) -> None:
        """Make lanes idle."""
        self._move(lanes, np.full(len(lanes), self.tables.idle))

    def resume(self, lanes: NDArray[np.int64], period: int, now: int) -> NDArray[np.int64]:
        """Go on, after the group has resolved, to a further period; returns lanes that are over at once."""
        rows = self.slot[lanes] * self.tables.rows_per_slot + self.tables.phase + period
        rows = self._enter(lanes, rows, now)
        over = rows < 0
        rows[over] = self.tables.idle
        self._move(lanes, rows)
        return lanes[over]

    def values(self, lanes: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The conditions of the present trials of some lanes, (n,) each."""
        if self.keeps_values:
            return {name: array[lanes] for name, array in self.conditions.items()}
        slots = self.slot[lanes]
        return {name: column[slots] for name, column in self.grid.items()}

    # ---- what is seen ---------------------------------------------------------------------------------------

    def shown(self, now: int) -> NDArray[np.float32]:
        """What the channels show at this moment without noise, float32 (channels, lanes); not to be changed."""
        if not self.changing:
            return self.mean
        mean = self.mean.copy()
        if self._drifts:
            self._drift(mean, now)
        if self._observes:
            self._let_observe(mean, now)
        self.latest = mean
        return mean

    def _drift(self, mean: NDArray[np.float32], now: int) -> None:
        """Add to means what has grown since the period's onset: the mean over the step that is shown."""
        slope = self.tables.slope
        assert slope is not None
        seconds = (now - self.entered + 0.5) * (self.tables.dt / 1000)
        for channel in self.tables.drifting:
            np.add(mean[channel], slope[channel].take(self.row) * seconds, out=mean[channel], casting="same_kind")

    def _let_observe(self, mean: NDArray[np.float32], now: int) -> None:
        """Let the task's `observe` hook change the means of live lanes."""
        lanes = self._live()
        if lanes.size:
            at = self._at(lanes)
            memory = {name: array[at] for name, array in self.memory.items()}
            mean[:, at] = viewed(self.tables, mean[:, at], **self._moment(lanes, at, now), memory=memory)

    def observe(self, out: NDArray[np.float32], now: int) -> None:
        """Write mean plus noise into (channels, lanes) float32, and move the noise on by one step."""
        np.copyto(out, self.shown(now))
        self.add_noise(out)

    def add_noise(self, out: NDArray[np.float32]) -> None:
        """Add this step's noise to (channels, lanes) float32; live and idle steps have separate noise."""
        noise = self._noise
        if self.any_idle:
            noise.forget()
            if noise.pairs or noise.counts:
                phase = np.where(self.idle, self.idle_phase, self.live_phase)
                draw_counts(noise.counts, phase, out)
                noise.add(phase, out)
        else:
            draw_counts(noise.counts, self.live_phase, out)
            if noise.pairs:
                noise.add_ahead(self.live_phase, self.stride, out)
        for row, channel in enumerate(self.tables.summed):
            np.add(self.sums[row], out[channel], out=self.sums[row], where=~self.idle)
        self.tick()

    def tick(self) -> None:
        """Move on by one step in all that varies from step to step."""
        if not self._ticks:
            return
        if not self.any_idle:
            np.add(self.live_phase, self.stride, out=self.live_phase)
            return
        np.add(self.live_phase, self.stride, out=self.live_phase, where=~self.idle)
        np.add(self.idle_phase, self.stride, out=self.idle_phase, where=self.idle)

    def seen(self) -> tuple[Bits, Bits, NDArray[np.float64]]:
        """What an observation moves on: where the noise stands, and the sums of what was seen; a copy."""
        return self.live_phase.copy(), self.idle_phase.copy(), self.sums.copy()

    def unsee(self, mask: NDArray[np.bool_], live_phase: Bits, idle_phase: Bits, sums: NDArray[np.float64]) -> None:
        """Take some lanes back to before an observation, given what `seen` said then."""
        self._noise.forget()
        self.sums[:, mask] = sums[:, mask]
        self.live_phase[mask] = live_phase[mask]
        self.idle_phase[mask] = idle_phase[mask]

    def truth(self, now: int) -> NDArray[np.int64]:
        """The action that is right at this moment, int64 (lanes,)."""
        truth = self.tables.truth.take(self.row)
        if self.tables.any_late:
            late = self.tables.truth_after.take(self.row)
            truth = np.where(now - self.entered + 1 >= late, truth, 0)
        return truth

    def right_movement(self, now: int) -> NDArray[np.float32]:
        """The movement that is right at this moment, as the task's `steer` hook has it; float32, (lanes, axes).

        Where the stream is idle it is the one closest to 0. Not in the state, and nothing depends on it.
        """
        axes = self.tables.movement
        assert axes is not None
        result = np.tile(np.clip(np.float32(0.0), axes.low, axes.high), (self.lanes, 1))
        lanes = self._live()
        if lanes.size:
            at = self._at(lanes)
            memory = {name: array[lanes] for name, array in self.memory.items()}
            result[at] = steered(self.tables, **self._moment(lanes, at, now), memory=memory)
        return result

    # ---- saving ---------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        saved = {name: getattr(self, name).copy() for name, _, _ in _STATE}
        saved["memory"] = {name: array.copy() for name, array in self.memory.items()}
        saved["conditions"] = {name: array.copy() for name, array in self.conditions.items()}
        saved["sums"], saved["standing"], saved["reward"] = self.sums.copy(), self.standing.copy(), self.reward.copy()
        saved["visits"] = None if self.visits is None else self.visits.copy()
        return saved

    def set_state(self, saved: dict[str, Any]) -> None:
        """Go back to a saved state."""
        self._noise.forget()
        for name, _, _ in _STATE:
            setattr(self, name, saved[name].copy())
        for name, array in saved["memory"].items():
            self.memory[name][:] = array
        for name, array in saved["conditions"].items():
            self.conditions[name][:] = array
        self.sums[:], self.standing[:], self.reward = saved["sums"], saved["standing"], saved["reward"].copy()
        if self.visits is not None:
            self.visits[:] = saved["visits"]
        lanes = np.arange(self.lanes)
        if self.tables.lazy:
            started = self.trial >= 0
            who = lanes[started]
            if who.size:
                self.tables.define(who, {name: array[who] for name, array in self.conditions.items()})
        end = self.end.copy()
        self._move(lanes, self.row.copy())
        self.end[:] = end
