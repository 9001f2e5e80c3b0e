"""One stream in all lanes at once: look-ups each step, and work only where something happened."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.calls import added_up, moved
from neuroparallel.engine.draws import Given, Previous, check_given, levels_of
from neuroparallel.engine.stream_state import NEVER, NO_LANES, STATE, Integers
from neuroparallel.engine.stream_view import StreamView
from neuroparallel.errors import TaskError
from neuroparallel.outcomes import Outcome
from neuroparallel.seeding import GAMMA, Bits, branch_keys, mix, name_bits, noise_increments, pick, trial_keys
from neuroparallel.task import Draw, Response
from neuroparallel.trial import DRAWN

__all__ = ["NEVER", "NO_LANES", "BatchStream"]


class BatchStream(StreamView):
    """One stream of a scenario, played in all lanes.

    The group calls, in this order: `act`, `start` and `rest` where it decides so, `observe`.

    Args:
        spec: The stream.
        tables: Its compiled task.
        lanes: Number of lanes.
    """

    # ---- sessions -------------------------------------------------------------------------------------------

    def begin(self, lanes: Integers, seeds: Bits, lane_ids: Bits, sessions: Bits) -> None:
        """Start a session: new keys, empty memory, first trial still to come."""
        key = branch_keys(seeds, lane_ids, sessions, self.spec.branch)
        self.noise.forget()
        self.row, self.trial = self.row.copy(), self.trial.copy()  # the infos of earlier steps keep the old ones
        for name, _, value in STATE:
            getattr(self, name)[lanes] = value
        self.key[lanes] = key
        self.stride[lanes] = noise_increments(key)
        self.phase[lanes] = mix(key ^ np.uint64(name_bits("noise.live")))
        self.other_phase[lanes] = mix(key ^ np.uint64(name_bits("noise.idle")))
        self.idle[lanes] = False  # as the two phases have it; it rests before anybody looks
        self.any_idle = bool(self.idle.any())
        for name, spec in self.spec.task.memory().items():
            self.memory[name][lanes] = np.asarray(spec.initial, spec.dtype)
        self.standing[lanes] = 0
        self.rest(lanes)

    # ---- a step ---------------------------------------------------------------------------------------------

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
        code = self.row * tables.columns
        code += actions
        ending = (self.end == now).nonzero()[0]
        if ending.size:
            code[self._at(ending)] += tables.late
        lanes = tables.stirs.take(code).nonzero()[0]
        if tables.calm_pays:
            self.reward = tables.reward.take(code)
        else:
            self.reward = np.zeros(self.lanes)
            self.reward[lanes] = tables.reward.take(code[lanes])
        self.ended = self._events(lanes, code, now) if lanes.size else NO_LANES
        self.earned += self.reward

    def _responses(self, actions: Integers) -> tuple[Integers, Integers, Integers]:
        """Lanes in which the subject did anything but hold while the stream was live; in which period, and what."""
        who = ((actions > 0) & ~self.idle).nonzero()[0]
        return who, self.tables.period_of.take(self.row.take(who)), actions.take(who)

    def _moved(self, actions: NDArray[np.float32], now: int) -> Integers:
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

    def _hold(self, actions: Integers) -> Integers:
        """Let a choice through only once it was held for the time its window asks for."""
        same = actions == self.held_action
        self.held_steps = np.where(same, self.held_steps + 1, 1)
        self.held_action = actions.copy()
        return np.where(self.held_steps >= self.tables.held[self.row], actions, 0)

    def _events(self, lanes: Integers, code: Integers, now: int) -> Integers:
        """Carry out what happened in some lanes; returns those whose trial is over.

        Args:
            lanes: int64, (n,).
            code: int64, (lanes,). Where in the tables each lane's action is.
            now: The present step.
        """
        tables, at = self.tables, self._at(lanes)
        row, code = self.row[at], code[at]
        target, outcome = tables.next.take(code), tables.outcome.take(code)
        if tables.any_pays:
            outcome = self._price(lanes, code, outcome, now)
        settles = outcome.nonzero()[0]
        if settles.size:
            self._settle(lanes[settles], outcome[settles], tables.chosen.take(code[settles]), now)
        moved = target != row
        if np.count_nonzero(moved) < len(moved):
            lanes, row, target = lanes[moved], row[moved], target[moved]
        target = self._arrive(lanes, row, target, now)
        if self.watched:
            self._note_left(lanes, row, target)
        ended = target < 0
        if not np.count_nonzero(ended):
            self._move(lanes, target)
            return NO_LANES
        over: Integers = lanes[ended]
        target[ended] = self.tables.idle
        self.end[over] = NEVER
        self._move(lanes, target)
        return over  # the group says who rests, and who begins again at once

    def _arrive(self, lanes: Integers, row: Integers, target: Integers, now: int) -> Integers:
        """Find the rows that lanes arrive at; negative where the trial is over."""
        enters = target >= 0
        if self.tables.commits:
            enters &= target != row + self.tables.phase  # a choice is kept, and the window goes on
        entering = np.count_nonzero(enters)
        if entering == len(lanes):
            return self._enter(lanes, target, now)
        if entering:
            target[enters] = self._enter(lanes[enters], target[enters], now)
        return target

    def _price(self, lanes: Integers, code: Integers, outcome: NDArray[np.uint8], now: int) -> NDArray[np.uint8]:
        """Let the task's `pay` hook price the responses that ask for it."""
        pays = self.tables.pays.take(code).nonzero()[0]
        if not pays.size:
            return outcome
        who, code = lanes[pays], code[pays]
        response = Response(
            action=np.maximum(self.tables.chosen.take(code), 0).astype(np.int64),
            period=self.tables.period_of.take(self.row[who]),
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

    def _settle(self, lanes: Integers, outcome: NDArray[np.uint8], chosen: NDArray[np.int16], now: int) -> None:
        """Keep the first outcome of the trial, with the choice and the response time; -1 for a choice: time ran out."""
        new = self.outcome[lanes] == 0
        if np.count_nonzero(new) < len(new):
            lanes, outcome, chosen = lanes[new], outcome[new], chosen[new]
        at = self._at(lanes)
        self.outcome[at] = outcome
        self.choice[at] = np.maximum(chosen, 0)
        self.response[at] = np.where(chosen < 0, -1, now - self.clock_at[at])

    def _enter(self, lanes: Integers, rows: Integers, now: int) -> Integers:
        """Enter periods, passing through those of no duration; returns the rows arrived at, negative at the end."""
        tables = self.tables
        steps = self._begin_periods(lanes, rows, now)
        empty = (steps == 0).nonzero()[0] if tables.any_empty else NO_LANES
        while empty.size:
            rows[empty] = tables.next[rows[empty] * tables.columns + tables.actions]
            empty = empty[rows[empty] >= 0]
            if empty.size:
                empty = empty[self._begin_periods(lanes[empty], rows[empty], now) == 0]
        return rows

    def _begin_periods(self, lanes: Integers, rows: Integers, now: int) -> Integers:
        """Set the clocks of periods that begin; returns how many steps they take."""
        tables, at = self.tables, self._at(lanes)
        started = tables.clock.take(rows)
        if np.count_nonzero(started):
            self.clock_at[lanes[started]] = now
        steps = tables.steps.take(rows)
        if tables.any_drawn:
            steps = self._durations(lanes, rows, steps)
        self.end[at] = now + steps
        if tables.times_periods:
            self._note_onset(lanes, rows, now)
        return steps

    def _note_onset(self, lanes: Integers, rows: Integers, now: int) -> None:
        """Remember when periods began; the last step of a window with a row of its own begins none."""
        if self.tables.finals:
            lanes = lanes[~self.tables.last_step.take(rows)]
        self.entered[self._at(lanes)] = now

    def _durations(self, lanes: Integers, rows: Integers, steps: Integers) -> Integers:
        """How long periods last of which some have a duration that is drawn."""
        drawn = steps == DRAWN
        if self.visits is None:
            at = self.tables.period_of.take(rows) * self.lanes
            at += lanes
            return np.where(drawn, self.drawn.take(at), steps)
        for period, (low, cuts) in self.tables.period_laws.items():
            of_period = (drawn & (self.tables.period_of.take(rows) == period)).nonzero()[0]
            if of_period.size:
                who = lanes[of_period]
                again = self.visits[who, period].astype(np.uint64) * GAMMA
                self.visits[who, period] += 1
                words = mix(self.trial_key[who] + self.tables.purpose.take(rows[of_period]) + again)
                steps[of_period] = low + pick(cuts, words)
        return steps

    def _note_left(self, lanes: Integers, row: Integers, target: Integers) -> None:
        """Note which periods came to their end, for streams that wait for that; an abort is no end of a period."""
        before = self.tables.period_of[row]
        after = np.where(target >= 0, self.tables.period_of[np.maximum(target, 0)], len(self.tables.periods))
        gone = (before != after) & (self.outcome[lanes] != Outcome.ABORT)
        self.left = (lanes[gone], before[gone])

    def _move(self, lanes: Integers, rows: Integers) -> None:
        """Put lanes on rows of a running trial; what they show follows."""
        tables, at = self.tables, self._at(lanes)
        self.row = self.row.copy()  # the infos of earlier steps keep the old one
        self.row[at] = rows
        for channel in range(len(self.mean)):
            self.mean[channel][at] = tables.mean[channel].take(rows)

    def rest(self, lanes: Integers) -> None:
        """Make lanes idle, wherever they are: they show nothing."""
        lanes = lanes[~self.idle[self._at(lanes)]] if self.any_idle else lanes
        if lanes.size:
            self.end[self._at(lanes)] = NEVER
            self._move(lanes, np.full(len(lanes), self.tables.idle))
            self.wait(lanes)

    def wait(self, lanes: Integers) -> None:
        """Let lanes be idle whose trial has just ended."""
        self._turn(lanes, idle=True)

    def _turn(self, lanes: Integers, *, idle: bool) -> None:
        """Make lanes idle that were live, or live that were idle: from now on they show the other noise."""
        if not lanes.size:
            return
        at = self._at(lanes)
        self.noise.forget()
        phase = self.phase.take(lanes)
        self.phase[at] = self.other_phase[at]
        self.other_phase[at] = phase
        self.idle[at] = idle
        self.any_idle = idle or bool(np.count_nonzero(self.idle))

    # ---- trials ---------------------------------------------------------------------------------------------

    def start(self, lanes: Integers, now: int, given: Given | None = None) -> None:
        """Draw and begin the next trial in some lanes.

        Args:
            lanes: int64, (n,).
            now: The present step.
            given: Conditions that the group imposes, (n,) by name.
        """
        at = self._at(lanes)
        trial = self.trial[at] + 1
        keys = trial_keys(self.key[at], trial)
        words = self._draws.words(keys)
        slots = self._draw(lanes, keys, words, trial, given or {})  # may look back at what is reset now
        self.trial = self.trial.copy()  # the infos of earlier steps keep the old one
        self.trial[at], self.trial_key[at], self.slot[at] = trial, keys, slots
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
        self._draw_durations(at, words)
        rows = self._enter(lanes, slots * self.tables.rows_per_slot, now)
        if self.tables.any_empty and rows.min() < 0:
            raise TaskError(f"{self.spec.name}: a trial of no duration was drawn; give some period a step or more.")
        self._wake(lanes)
        self._move(lanes, rows)

    def _wake(self, lanes: Integers) -> None:
        """Make lanes live, if they were idle."""
        if self.any_idle:
            self._turn(lanes[self.idle.take(lanes)], idle=False)

    def _draw(self, lanes: Integers, keys: Bits, words: Bits, trial: Integers, given: Given) -> Integers:
        """Draw the conditions of trials; returns the slots of the tables that hold them."""
        tables, task = self.tables, self.spec.task
        levels = self._draws.levels(words)
        if not self.keeps_values and not given:
            slots = np.zeros(len(lanes), np.int64)
            for name, level in levels.items():
                slots += level * tables.design.strides[name]
            return slots
        values = tables.design.values(levels) | self._draws.values(words)
        for name in self.notes:
            values[name] = np.zeros(len(lanes))
        values |= given
        if task.sequence is not None:
            values = self._sequence(lanes, keys, trial, values)
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
        lanes: Integers,
        keys: Bits,
        trial: Integers,
        values: dict[str, NDArray[Any]],
    ) -> dict[str, NDArray[Any]]:
        at, first = self._at(lanes), trial == 0
        draw = Draw(
            conditions=values,
            previous=Previous(self, lanes, first, dict(values)),
            first=first,
            trial=trial,
            outcome=self.outcome[at].astype(np.int64),
            choice=np.maximum(self.choice[at], 0),
            reward=self.earned[at].copy(),
            memory={name: array[lanes] for name, array in self.memory.items()},
            dt=self.tables.dt,
            _keys=keys,
        )
        self.spec.task.sequence(draw)  # type: ignore[misc]
        for name, rows in draw.memory.items():
            self.memory[name][lanes] = rows
        return draw.conditions

    def close(self, lanes: Integers) -> NDArray[np.uint8]:
        """Close the books of trials that are over; returns their outcomes."""
        outcome: NDArray[np.uint8] = self.outcome[lanes]
        if np.count_nonzero(outcome) < len(outcome):
            outcome = np.where(outcome == 0, np.uint8(Outcome.UNSCORED), outcome)
            self.outcome[lanes] = outcome
        return outcome

    def resume(self, lanes: Integers, period: int, now: int) -> Integers:
        """Go on, after the group has resolved, to a further period; returns lanes that are over at once."""
        rows = self.slot[lanes] * self.tables.rows_per_slot + self.tables.phase + period
        rows = self._enter(lanes, rows, now)
        over = rows < 0
        self._wake(lanes[~over])
        self._move(lanes[~over], rows[~over])
        self.rest(lanes[over])
        return lanes[over]

    # ---- what is seen ---------------------------------------------------------------------------------------
