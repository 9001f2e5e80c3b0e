"""One stream in all lanes at once: the hooks of its task, and what its trials draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch.ensemble import Ensemble
from neuroparallel.engine.batch.state_arrays import STATE, Integers
from neuroparallel.engine.batch.stream_view import StreamView
from neuroparallel.engine.hook_calls import moved, priced, sequenced
from neuroparallel.engine.hook_checks import Place
from neuroparallel.engine.layout import StreamSpec
from neuroparallel.engine.tables import Tables
from neuroparallel.engine.trial_draws import Given, Previous, check_given, slots_of
from neuroparallel.outcomes import Outcome
from neuroparallel.seeding import GAMMA, Bits, branch_keys, mix, name_bits, noise_increments, pick, trial_keys

__all__ = ["BatchStream", "assembled"]


class BatchStream(StreamView):
    """One stream of a scenario in all lanes: what only its task asks for.

    What tasks have in common happens to all streams together, in the `Ensemble`.
    """

    # ---- sessions -------------------------------------------------------------------------------------------

    def begin(self, lanes: Integers, seeds: Bits, lane_ids: Bits, sessions: Bits) -> None:
        """Start a session: new keys, empty memory, first trial still to come."""
        key = branch_keys(seeds, lane_ids, sessions, self.spec.branch)
        arrays, cells = self.ensemble, self.cells(lanes)
        self.noise.forget()
        self._ahead.forget(lanes, np.full(lanes.size, -1))
        arrays.keep_rows()
        arrays.trial = arrays.trial.copy()  # the infos of earlier steps keep the old one
        for name, _, value in STATE:
            getattr(arrays, name)[cells] = value
        self.key[lanes] = key
        self.stride[lanes] = noise_increments(key)
        self.phase[lanes] = mix(key ^ np.uint64(name_bits("noise.live")))
        self.other_phase[lanes] = mix(key ^ np.uint64(name_bits("noise.idle")))
        self.idle[lanes] = False  # as the two phases have it; it rests before anybody looks
        for name, spec in self.spec.task.memory().items():
            self.memory[name][lanes] = np.asarray(spec.initial, spec.dtype)
        self.current_choice[lanes] = 0
        arrays.wait(cells)

    def rest(self, lanes: Integers) -> None:
        """Make lanes idle, wherever they are: they show nothing."""
        self.ensemble.rest(self.cells(lanes))

    def cancel(self, lanes: Integers) -> None:
        """End from outside what is running in some lanes; what has an outcome keeps it."""
        running = lanes[~self.idle[lanes]]
        if running.size:
            self.outcome[running[self.outcome[running] == 0]] = Outcome.CANCELLED
            self.rest(running)

    def pay(self, lanes: Integers, rewards: NDArray[np.float64]) -> None:
        """Add the rewards of the group's rule to those of this step and of the trial, float64 (n,)."""
        self.reward[lanes] += rewards
        self.earned[lanes] += rewards

    def resume(self, lanes: Integers, period: int, now: int) -> Integers:
        """Go on, after the group has resolved, to a further period; returns lanes that are over at once."""
        rows = self.slot[lanes] * self.tables.rows_per_slot + (self.tables.phase + period + self.first_row)
        over: Integers = self.ensemble.resume(self.cells(lanes), rows, now) - self.base
        return over

    # ---- a step ---------------------------------------------------------------------------------------------

    def read(self, actions: NDArray[Any], now: int) -> Integers:
        """Take note of an action in every lane, before it has an effect; returns the events that it comes to.

        Args:
            actions: int64, (lanes,), or float32, (lanes, axes), of a moving task.
            now: The present step.
        """
        if self.moving:
            actions = self._moved(actions, now)
        self.left_period = None
        if self.keeps:
            acts = actions > 0
            if self.ensemble.any_idle:
                np.logical_and(acts, ~self.idle, out=acts)
            self.answered = actions, acts
        if self.tracks_choice:
            np.copyto(self.current_choice, actions, where=(actions > 0) & self.window_open())
        return actions

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

    def price(
        self, who: Integers, action: NDArray[np.int16], outcome: NDArray[np.uint8], now: int
    ) -> NDArray[np.uint8]:
        """Let the task's `pay` hook price responses; returns their outcomes.

        Args:
            who: int64, (n,). Lanes.
            action: int16, (n,). What was done; -1 where time ran out.
            outcome: uint8, (n,). What the tables say of it.
            now: The present step.
        """
        response = priced(
            self.tables,
            Place(self.spec.task, self.spec.name, self.trial[who]),
            action=np.maximum(action, 0).astype(np.int64),
            period=self.tables.period_of.take(self.row[who]),
            elapsed=((now - self.clock_at[who]) * self.tables.dt).astype(np.float64),
            reward=self.reward[who],
            outcome=outcome,
            conditions=self.values(who),
            memory={name: array[who] for name, array in self.memory.items()},
            sums=self.sums[:, who],
            keys=trial_keys(self.key[who], self.trial[who]),
        )
        self.reward[who] = response.reward
        for name, rows in response.memory.items():
            self.memory[name][who] = rows
        for name in self.notes:
            self.conditions[name][who] = response.conditions[name]
        return response.outcome

    def draw_durations_again(self, lanes: Integers, periods: Integers) -> Integers:
        """Draw the durations of periods that may come more than once in a trial, anew at each visit; int64 (n,)."""
        assert self.visits is not None
        steps = np.zeros(len(lanes), np.int64)
        for period, (low, cuts) in self.tables.period_laws.items():
            here = (periods == period).nonzero()[0]
            if here.size:
                who = lanes[here]
                again = self.visits[who, period].astype(np.uint64) * GAMMA
                self.visits[who, period] += 1
                purpose = np.uint64(name_bits(f"duration.{self.tables.periods[period]}"))
                steps[here] = low + pick(cuts, mix(trial_keys(self.key[who], self.trial[who]) + purpose + again))
        return steps

    # ---- trials ---------------------------------------------------------------------------------------------

    def draw(self, lanes: Integers, given: Given) -> Integers:
        """Draw the conditions and durations of coming trials, and forget the ones before.

        Args:
            lanes: int64, (n,).
            given: Conditions that the group imposes, (n,) by name.

        Returns:
            int64, (n,). The slots of the tables that hold the conditions.
        """
        at = self._at(lanes)
        trial = self.trial[at] + 1
        ahead = self._ahead.find(lanes, trial, self.key)
        slots = self._conditions(lanes, trial, ahead, given)
        for period, steps in self._ahead.steps.items():
            self.ensemble.drawn[period, self._part][at] = steps.take(ahead)
        if self.tables.summed:
            self.sums[:, at] = 0.0
        if self.visits is not None:
            self.visits[at] = 0
        if self.tracks_choice:
            self.current_choice[at] = 0
        return slots

    def _conditions(self, lanes: Integers, trial: Integers, ahead: Integers, given: Given) -> Integers:
        """The slots of coming trials, after all have had their say who may change what was drawn."""
        tables, task = self.tables, self.spec.task
        slots = self._ahead.slots.take(ahead).astype(np.int64)
        if not self.keeps_values and not given:
            return slots
        values = {name: column.take(slots) for name, column in tables.grid.items()}
        if tables.lazy:
            values = tables.design.values(self._draws.levels(slots))
            values |= {name: value.take(ahead) for name, value in self._ahead.values.items()}
        for name in self.notes:
            values[name] = np.zeros(len(lanes))
        values |= given
        if task.sequence is not None:
            values = self._sequence(lanes, trial, values)
            check_given(task, given, values)
        if self.keeps_values:
            for name, value in values.items():
                self.conditions[name][lanes] = value
        if not tables.lazy:
            return slots_of(tables, values, slots, Place(task, self.spec.name, trial))
        place = Place(task, self.spec.name, trial)
        self.define(lanes, {name: self.conditions[name][lanes] for name in values}, place)
        return lanes

    def close(self, lanes: Integers) -> NDArray[np.uint8]:
        """Return the outcomes of trials that are over; one that has none yet is unscored."""
        outcome: NDArray[np.uint8] = self.outcome.take(lanes)
        if np.count_nonzero(outcome) < len(outcome):
            outcome[outcome == 0] = Outcome.UNSCORED
            self.outcome[lanes] = outcome
        return outcome

    def _sequence(
        self,
        lanes: Integers,
        trial: Integers,
        values: dict[str, NDArray[Any]],
    ) -> dict[str, NDArray[Any]]:
        at = self._at(lanes)
        draw = sequenced(
            self.tables,
            Place(self.spec.task, self.spec.name, trial),
            conditions=values,
            previous=Previous(self, lanes, trial == 0, values),
            trial=trial,
            outcome=self.outcome[at].astype(np.int64),
            choice=np.maximum(self.choice[at], 0),
            reward=self.earned[at].copy(),
            memory={name: array[lanes] for name, array in self.memory.items()},
            keys=trial_keys(self.key[at], trial),
        )
        for name, rows in draw.memory.items():
            self.memory[name][lanes] = rows
        return draw.conditions


def assembled(specs: Sequence[StreamSpec], tables: Sequence[Tables], lanes: int) -> tuple[Ensemble, list[BatchStream]]:
    """Put streams together: the ensemble, and each of them.

    Args:
        specs: The streams of a scenario.
        tables: Their compiled tasks.
        lanes: Number of lanes.
    """
    ensemble = Ensemble(tables, lanes)
    pairs = enumerate(zip(specs, tables, strict=True))
    streams = [BatchStream(spec, place, part, ensemble) for place, (spec, part) in pairs]
    ensemble.connect(streams)
    return ensemble, streams
