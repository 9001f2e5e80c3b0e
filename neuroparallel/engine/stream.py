"""One stream in all lanes at once: look-ups each step, and work only where something happened."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.layout import StreamSpec
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
    normals,
    pick,
    trial_keys,
)
from neuroparallel.task import Draw, Response
from neuroparallel.trial import DRAWN

__all__ = ["NEVER", "BatchStream", "draw_levels", "levels_of"]

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


def draw_levels(tables: Tables, keys: Bits) -> dict[str, NDArray[np.int64]]:
    """Draw the level of every factor by integer comparison; uint64 (n,) trial keys to int64 (n,) per factor."""
    return {
        name: pick(factor.cuts, mix(keys + np.uint64(name_bits(f"condition.{name}"))))
        for name, factor in tables.design.factors.items()
    }


def levels_of(
    tables: Tables, conditions: dict[str, NDArray[Any]], drawn: dict[str, NDArray[np.int64]]
) -> NDArray[np.int64]:
    """Find the slot of the grid that holds given conditions; raises TaskError for a value that is no level."""
    slots = np.zeros(len(next(iter(drawn.values()))), np.int64)
    for name, factor in tables.design.factors.items():
        if factor.columns is None:
            order = np.argsort(factor.values, kind="stable")
            at = np.searchsorted(factor.values[order], conditions[name]).clip(max=len(factor) - 1)
            level = order[at]
            wrong = factor.values[level] != conditions[name]
            if wrong.any():
                raise TaskError(
                    f"{tables.task.task_name()}: sequence set {name} = {conditions[name][wrong][0]!r}, "
                    f"which is none of its levels {factor.values.tolist()}."
                )
        else:
            level = drawn[name]
        slots += level * tables.design.strides[name]
    return slots


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
        self.answered: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None = None
        self._code, self._target = np.empty(lanes, np.int64), np.empty(lanes, np.int64)
        self._event, self._timed = np.empty(lanes, bool), np.empty(lanes, bool)
        self._noise = _Noise(tables, lanes)

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
        self._move(lanes, np.full(len(lanes), self.tables.idle))

    # ---- a step ---------------------------------------------------------------------------------------------

    def window_open(self) -> NDArray[np.bool_]:
        """In which lanes a response window is open, (lanes,) bool."""
        return self.tables.window[self.row]

    def act(self, actions: NDArray[np.int64], now: int) -> None:
        """Read an action in every lane against the present state; events are of time ``now``."""
        tables = self.tables
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
        self.answered, self.left = None, None
        self.ended = self._events(lanes, now) if lanes.size else NO_LANES
        self.earned += self.reward

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
        if not timed.all():
            chosen = moved & ~timed
            self.answered = (
                lanes[chosen],
                tables.period_of[row[chosen]],
                (code - row * tables.columns)[chosen],
            )
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
        if tables.any_late:
            self.entered[at] = now
        empty: Integers = (steps == 0).nonzero()[0]
        return empty

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
        before = self.tables.period_of[row]
        after = np.where(target >= 0, self.tables.period_of[np.maximum(target, 0)], len(self.tables.periods))
        gone = before != after
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

    def start(self, lanes: NDArray[np.int64], now: int) -> None:
        """Draw and begin the next trial in some lanes."""
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
        if self.visits is not None:
            self.visits[lanes] = 0
        slots = self._draw(lanes, keys, first, trial)
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
    ) -> NDArray[np.int64]:
        tables, task = self.tables, self.spec.task
        levels = draw_levels(tables, keys)
        if not self.keeps_values:
            slots = np.zeros(len(lanes), np.int64)
            for name, level in levels.items():
                slots += level * tables.design.strides[name]
            return slots
        values = tables.design.values(levels)
        for name, law in tables.design.laws.items():
            values[name] = law.draw(mix(keys + np.uint64(name_bits(f"condition.{name}"))))
        for name in self.notes:
            values[name] = np.zeros(len(lanes))
        if task.sequence is not None:
            values = self._sequence(lanes, keys, first, trial, values)
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
            previous={name: np.where(first, values[name], self.conditions[name][lanes]) for name in values},
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

    def observe(self, out: NDArray[np.float32]) -> None:
        """Write mean plus noise into (channels, lanes) float32, and move the noise on by one step."""
        np.copyto(out, self.mean)
        self.add_noise(out)

    def add_noise(self, out: NDArray[np.float32]) -> None:
        """Add this step's noise to (channels, lanes) float32; live and idle steps have separate noise."""
        if not self._noise.pairs:
            return
        if not self.any_idle:
            self._noise.add_ahead(self.live_phase, self.stride, out)
            np.add(self.live_phase, self.stride, out=self.live_phase)
            return
        self._noise.forget()
        self._noise.add(np.where(self.idle, self.idle_phase, self.live_phase), out)
        np.add(self.live_phase, self.stride, out=self.live_phase, where=~self.idle)
        np.add(self.idle_phase, self.stride, out=self.idle_phase, where=self.idle)

    def unsee(self, mask: NDArray[np.bool_], live_phase: Bits, idle_phase: Bits) -> None:
        """Take the noise of some lanes back to where it stood before an observation."""
        self._noise.forget()
        self.live_phase[mask] = live_phase[mask]
        self.idle_phase[mask] = idle_phase[mask]

    def truth(self, now: int) -> NDArray[np.int64]:
        """The action that is right at this moment, int64 (lanes,)."""
        truth = self.tables.truth.take(self.row)
        if self.tables.any_late:
            late = self.tables.truth_after.take(self.row)
            truth = np.where(now - self.entered + 1 >= late, truth, 0)
        return truth

    # ---- saving ---------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        saved = {name: getattr(self, name).copy() for name, _, _ in _STATE}
        saved["memory"] = {name: array.copy() for name, array in self.memory.items()}
        saved["conditions"] = {name: array.copy() for name, array in self.conditions.items()}
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


AHEAD_WORDS = 32768  # how much noise is made at once: enough to hide the cost of a call, little enough for the cache
AHEAD_STEPS = 64


class _Noise:
    """The noise of a stream's noisy channels, two channels to a draw.

    While no lane is idle every lane moves on by one stride per step, so the noise of several steps can be made at
    once; what was made ahead is forgotten as soon as that no longer holds.
    """

    def __init__(self, tables: Tables, lanes: int) -> None:
        self.sd = noise_sd(tables)
        self.channels = [int(c) for c in np.flatnonzero(self.sd)]
        self.pairs = (len(self.channels) + 1) // 2
        self.offsets = [np.uint64(name_bits(f"noise.pair.{p}")) for p in range(self.pairs)]
        self._lanes = lanes
        self._steps = min(AHEAD_STEPS, max(1, AHEAD_WORDS // lanes))
        self._words = np.empty(lanes, np.uint64)
        self._z = np.empty((2 * self.pairs, lanes), np.float32)
        self._many_words: Bits | None = None
        self._left = 0

    def forget(self) -> None:
        """Drop what was made ahead."""
        self._left = 0

    def add(self, phase: Bits, out: NDArray[np.float32]) -> None:
        """Add one step's noise, given where each lane stands in it."""
        self._make(phase, self._words, self._z)
        for z, channel in zip(self._z, self.channels, strict=False):
            np.add(out[channel], z, out=out[channel])

    def add_ahead(self, phase: Bits, stride: Bits, out: NDArray[np.float32]) -> None:
        """As `add`, for lanes that all move on by their stride from step to step."""
        if not self._left:
            self._look_ahead(phase, stride)
        step = self._steps - self._left
        self._left -= 1
        for z, channel in zip(self._many, self.channels, strict=False):
            np.add(out[channel], z[step], out=out[channel])

    def _look_ahead(self, phase: Bits, stride: Bits) -> None:
        if self._many_words is None:
            self._many_words = np.empty((self._steps, self._lanes), np.uint64)
            self._phases = np.empty((self._steps, self._lanes), np.uint64)
            self._many = np.empty((2 * self.pairs, self._steps, self._lanes), np.float32)
        phases = self._phases
        phases[0] = phase
        for step in range(1, self._steps):
            np.add(phases[step - 1], stride, out=phases[step])
        self._make(phases.reshape(-1), self._many_words.reshape(-1), self._many.reshape(2 * self.pairs, -1))
        self._left = self._steps

    def _make(self, phase: Bits, words: Bits, z: NDArray[np.float32]) -> None:
        for p, offset in enumerate(self.offsets):
            np.add(phase, offset, out=words)
            normals(words, z[2 * p], z[2 * p + 1])
        for row, channel in zip(z, self.channels, strict=False):
            np.multiply(row, self.sd[channel], out=row)


def noise_sd(tables: Tables) -> NDArray[np.float32]:
    """Standard deviation of each channel's noise in one step, float32 (channels,)."""
    sd = np.zeros(tables.channels.width, np.float32)
    for name, sigma in tables.channels.noise.items():
        value = float(getattr(tables.task, sigma) if isinstance(sigma, str) else sigma)
        sd[tables.channels[name]] = value / tables.dt**0.5
    return sd
