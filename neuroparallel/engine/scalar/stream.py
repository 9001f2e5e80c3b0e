"""One stream in one lane, in plain Python: the specification of what the batch stream does in arrays."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.hook_calls import moved, priced, sequenced, viewed
from neuroparallel.engine.hook_checks import Place
from neuroparallel.engine.layout import StreamSpec
from neuroparallel.engine.scalar.noise import LaneNoise
from neuroparallel.engine.table_lists import Row, TableLists
from neuroparallel.engine.tables import NEVER, Tables
from neuroparallel.engine.trial_draws import Given, TrialDraws, check_given, slots_of
from neuroparallel.errors import TaskError
from neuroparallel.outcomes import Outcome
from neuroparallel.seeding import GAMMA_INT, Bits, lane_key, mix_int, trial_keys
from neuroparallel.task.trial import DRAWN

__all__ = ["ScalarStream"]

AHEAD = 128  # trials that are drawn at once
_COUNTERS = (  # state besides the row, memory, conditions and visits
    *("end", "slot", "trial", "outcome", "choice", "response", "clock_at", "entered", "onset"),
    *("earned", "held_action", "held_steps", "key", "since", "current_choice"),
)


class ScalarStream:
    """One stream of a scenario, played in one lane.

    Args:
        spec: The stream.
        tables: Its compiled task.
    """

    def __init__(self, spec: StreamSpec, tables: Tables) -> None:
        self.spec, self.tables = spec, tables
        self.lists = TableLists(tables)
        self._draws = TrialDraws(tables)
        self._phase = tables.phase
        self._late = tables.late  # from an action's column to the one it has in the last step of a period
        self._any_held = tables.any_held
        self.sequenced = spec.task.sequence is not None
        self.moving = tables.movement is not None
        self.event = 0  # what the last movement came to
        self._observes = spec.task.observe is not None
        self.changing = self._observes or tables.slope is not None
        self.notes = spec.task.note_names()
        self.keeps_values = tables.lazy or self.sequenced or bool(self.notes)
        self.watched = False
        self.conditions: dict[str, NDArray[Any]] = {}
        self.memory: dict[str, NDArray[Any]] = {}
        self.visits: dict[int, int] = {}
        self.sums = np.zeros(len(tables.summed))  # what was seen in this trial
        self.current_choice = 0  # of the present trial, 0 for none
        self.message: float | None = None  # sent by its subject in this step, None if it sends none
        self.answer_message: float | None = None  # sent by its subject with the answer
        self.reward = 0.0
        self.ended = False
        self.answered: tuple[int, int] | None = None  # period and action of this step, if it was anything but holding
        self.left_period = -1  # the period just left, for streams that wait for it
        self._noise = LaneNoise(tables, "live"), LaneNoise(tables, "idle")
        self._rest_state(0)

    def _rest_state(self, now: int) -> None:
        self.row, self.end, self.slot, self.trial = self.lists.rows[self.tables.idle], NEVER, 0, -1
        self.outcome, self.choice, self.response = 0, -1, -1
        self.clock_at = self.entered = 0
        self.onset = -1
        self.earned = 0.0
        self.held_action = self.held_steps = 0
        self.key = self.trial_key = 0
        self.steps = [0, 0]  # live and idle ones, before the present stretch of either,
        self.since = now  # which began here
        self.current_choice = 0

    @property
    def idle(self) -> bool:
        """Whether the stream shows nothing at present."""
        return self.row.idle

    def begin(self, seed: int, lane: int, session: int, now: int) -> None:
        """Start a session: new keys, empty memory, first trial still to come."""
        self._rest_state(now)
        key = lane_key(seed, lane, session, self.spec.branch)
        self.key = int(key[0])
        for noise in self._noise:
            noise.begin(key)
        self._coming = self._come()
        self.memory = {
            name: np.asarray(spec.initial, spec.dtype)[None].copy() for name, spec in self.spec.task.memory().items()
        }

    # ---- a step ----

    def window_open(self) -> bool:
        """Whether a response window is open."""
        return self.row.window

    def act(self, action: Any, now: int) -> bool:
        """Read an action against the present state; events are of time ``now``.

        Args:
            action: Its number; float32, (axes,), of a moving task.
            now: The present step.

        Returns:
            Whether anything happened but being paid.
        """
        row = self.row
        if self.moving:
            action = self.event = self._moved(action, now)
        self.answered = (row.period, action) if action and not row.idle else None
        if action and row.window:
            self.current_choice = action
        if self._any_held:
            action = self._hold(action)
        column = action + self._late if self.end == now else action
        self.reward, lead = row.rewards[column], row.events[column]
        self.ended = False
        if lead is not None:
            self._event(now, *lead)
        self.earned += self.reward
        return lead is not None

    def _moved(self, action: NDArray[np.float32], now: int) -> int:
        """Let the task's `move` hook turn a movement into an event; an idle stream holds."""
        return 0 if self.idle else int(moved(self.tables, action[None], **self._moment(now))[0])

    def _moment(self, now: int) -> dict[str, Any]:
        """Return the arguments of a hook at this moment, as arrays of length 1."""
        return {
            "period": np.array([self.row.period]),
            "elapsed": np.array([(now - self.entered) * float(self.tables.dt)]),
            "conditions": self.values(),
            "memory": self.memory,
            "place": self._place(),
            "keys": self._noise[0].place(self.steps[0] + now - self.since),
        }

    def _place(self) -> Place:
        return Place(self.spec.task, self.spec.name, np.array([self.trial]))

    def _hold(self, action: int) -> int:
        self.held_steps = self.held_steps + 1 if action == self.held_action else 1
        self.held_action = action
        return action if self.held_steps >= self.row.held else 0

    def _event(self, now: int, target: int, outcome: int, chosen: int, priced: bool) -> None:
        if priced:
            outcome = self._price(max(chosen, 0), outcome, now)
        if outcome and not self.outcome:
            self.outcome, self.choice = outcome, max(chosen, 0)
            self.response = -1 if chosen < 0 else now - self.clock_at
            self.answer_message = self.message
        row = self.row
        if target == row.number:
            return
        if target >= 0 and target != row.number + self._phase:
            target = self._enter(target, now)
        if self.watched:
            left = target < 0 or self.lists.rows[target].period != row.period
            aborted = self.outcome == Outcome.ABORT
            self.left_period = row.period if left and not aborted else -1  # an abort is no end of a period
        self.ended = target < 0
        self._move(target, now)

    def _price(self, action: int, outcome: int, now: int) -> int:
        response = priced(
            self.tables,
            self._place(),
            action=np.array([action]),
            period=np.array([self.row.period]),
            elapsed=np.array([(now - self.clock_at) * self.tables.dt]),
            reward=np.array([self.reward]),
            outcome=np.array([outcome], np.uint8),
            conditions={name: array.copy() for name, array in self.values().items()},
            memory={name: array.copy() for name, array in self.memory.items()},
            sums=self.sums[:, None].copy(),
            keys=np.array([self.trial_key], np.uint64),
        )
        for name, rows in response.memory.items():
            self.memory[name][:] = rows
        for name in self.notes:
            self.conditions[name] = np.array(response.conditions[name], self.conditions[name].dtype).reshape(1)
        self.reward = float(response.reward[0])
        return int(response.outcome[0])

    def _enter(self, number: int, now: int) -> int:
        """Enter a period, passing through those of no duration; returns the row arrived at, negative at the end."""
        while number >= 0:
            row = self.lists.rows[number]
            if row.clock:
                self.clock_at = now
            steps = row.steps
            if steps == DRAWN:
                steps = self._duration(row)
            self.end = now + steps
            if not row.last_step:  # that of a window with a row of its own begins no period
                self.entered = now
            if steps:
                break
            number = row.events[self.tables.actions][0]
        return number

    def _duration(self, row: Row) -> int:
        word = self.trial_key + row.purpose
        if self.tables.cyclic:
            visit = self.visits.get(row.period, 0)
            self.visits[row.period] = visit + 1
            word += visit * GAMMA_INT
        low, cuts = self.lists.laws[row.period]
        return int(low + bisect_right(cuts, mix_int(word)))

    def _move(self, number: int, now: int) -> None:
        """Go on in another row, or in the idle one if the number is negative."""
        before = self.row
        row = self.row = self.lists.rows[number if number >= 0 else self.tables.idle]
        if row.idle:
            self.end = NEVER
        if row.idle != before.idle:
            self.steps[before.idle] += now - self.since
            self.since = now

    # ---- trials ----

    def start(self, now: int, given: Given | None = None) -> None:
        """Draw and begin the next trial, with conditions that the group may impose, arrays of length 1."""
        first = self.trial < 0
        self.trial += 1
        self.trial_key, self.slot, words = next(self._coming)
        if self.keeps_values or given:  # may look back at what is reset now
            self.slot = self._draw_values(first, given or {}, words)
        self.onset = self.clock_at = now
        self.outcome, self.choice, self.response, self.earned, self.current_choice = 0, -1, -1, 0.0, 0
        if self.visits:
            self.visits = {}
        if self.tables.summed:
            self.sums = np.zeros(len(self.tables.summed))
        row = self._enter(self.slot * self.tables.rows_per_slot, now)
        if row < 0:
            raise TaskError(f"{self.spec.name}: a trial of no duration was drawn; give some period a step or more.")
        self._move(row, now)

    def _come(self) -> Iterator[tuple[int, int, Bits]]:
        """Key, slot, and words, uint64 (purposes, 1), of the trials from this one on.

        They depend only on the number of the trial, so many are drawn at once.
        """
        for first in count(self.trial, AHEAD):
            keys = trial_keys(np.array([self.key], np.uint64), np.arange(first, first + AHEAD))
            words = self._draws.words(keys)
            yield from zip(keys.tolist(), self._draws.slots(words).tolist(), words.T[:, :, None], strict=True)

    def _draw_values(self, first: bool, given: Given, words: Bits) -> int:
        tables, task = self.tables, self.spec.task
        slot = np.array([self.slot])
        values = tables.design.values(self._draws.levels(slot)) | self._draws.values(words)
        for name in self.notes:
            values[name] = np.zeros(1)
        values |= given
        if task.sequence is not None:
            draw = sequenced(
                tables,
                self._place(),
                conditions=values,
                previous=dict(values) if first else self.conditions,
                trial=np.array([self.trial]),
                outcome=np.array([self.outcome]),
                choice=np.array([max(self.choice, 0)]),
                reward=np.array([self.earned]),
                memory={name: array.copy() for name, array in self.memory.items()},
                keys=np.array([self.trial_key], np.uint64),
            )
            values = draw.conditions
            for name, rows in draw.memory.items():
                self.memory[name][:] = rows
            check_given(task, given, values)
        self.conditions = values
        if not tables.lazy:
            return int(slots_of(tables, values, slot, self._place())[0])
        tables.define(np.zeros(1, np.int64), values, self._place())
        self.lists.rows.clear()
        return 0

    def close(self) -> None:
        """Set the outcome of a trial that is over to unscored if it has none yet."""
        self.outcome = self.outcome or int(Outcome.UNSCORED)

    def cancel(self, now: int) -> None:
        """End from outside what is running; what has an outcome keeps it."""
        if not self.idle:
            self.outcome = self.outcome or int(Outcome.CANCELLED)
            self.rest(now)

    def pay(self, reward: float) -> None:
        """Add the reward of the group's rule to those of this step and of the trial."""
        self.reward += reward
        self.earned += reward

    def rest(self, now: int) -> None:
        """Become idle."""
        self._move(self.tables.idle, now)

    def resume(self, period: int, now: int) -> bool:
        """Go on, after the group has resolved, to a further period; True if that is over at once."""
        row = self._enter(self.slot * self.tables.rows_per_slot + self.tables.phase + period, now)
        self._move(row, now)
        return row < 0

    def condition_row(self) -> Sequence[Any]:
        """The conditions of the present trial, in the order in which the trial table has them."""
        if self.keeps_values:
            return [self.conditions[name][0] for name in self.tables.recorded]
        return self.lists.conditions[self.slot]

    def values(self) -> dict[str, NDArray[Any]]:
        """The conditions of the present trial, arrays of length 1."""
        if self.keeps_values:
            return self.conditions
        return {name: np.array([value]) for name, value in zip(self.tables.recorded, self.condition_row(), strict=True)}

    # ---- what is seen ----

    def shown(self, now: int) -> NDArray[np.float32]:
        """Return the channels at this moment without noise, float32 (channels,); not to be changed."""
        return self._changed(1, now)[0] if self.changing else self.row.mean

    def _changed(self, count: int, now: int) -> NDArray[np.float32]:
        """Return channels that change within a period in its coming steps, float32 (count, channels)."""
        mean = self.row.means(count)
        if self.row.slope is not None:
            seconds = (np.arange(count) + (now - self.entered) + 0.5) * (self.tables.dt / 1000)
            mean = (mean + self.row.slope * seconds[:, None]).astype(np.float32)
        if self._observes and not self.row.idle:
            mean = viewed(self.tables, np.ascontiguousarray(mean.T), **self._moment(now)).T
        return mean

    def observe(self, now: int) -> NDArray[np.float32]:
        """Return the channels with this step's noise, float32 (channels,), fresh; call once per step."""
        seen: NDArray[np.float32] = self.add_noise(self.shown(now)[None], now)[0]
        return seen

    def add_noise(self, means: NDArray[np.float32], now: int) -> NDArray[np.float32]:
        """Return means with the noise of the steps from this one on; float32 (steps, channels), fresh."""
        idle = self.row.idle
        seen = self._noise[idle].around(means, self.steps[idle] + now - self.since)
        if self.tables.summed and not idle:
            self.sums += seen[0, self.tables.summed]
        return seen

    def truth(self, now: int) -> int:
        """The action that is right at this moment."""
        row = self.row
        return row.truth if not row.truth_after or now - self.entered + 1 >= row.truth_after else 0

    # ---- saving ----

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        saved = {name: getattr(self, name) for name in _COUNTERS} | {"row": self.row.number, "steps": list(self.steps)}
        saved["memory"] = {name: array.copy() for name, array in self.memory.items()}
        saved["conditions"] = {name: array.copy() for name, array in self.conditions.items()}
        saved["visits"], saved["sums"] = dict(self.visits), self.sums.copy()
        return saved

    def set_state(self, saved: dict[str, Any]) -> None:
        """Go back to a saved state."""
        for name in _COUNTERS:
            setattr(self, name, saved[name])
        self.memory = {name: array.copy() for name, array in saved["memory"].items()}
        self.conditions = {name: array.copy() for name, array in saved["conditions"].items()}
        self.visits, self.sums, self._coming = dict(saved["visits"]), saved["sums"].copy(), self._come()
        key = np.array([self.key], np.uint64)
        self.trial_key = int(trial_keys(key, np.array([self.trial]))[0])  # not saved: it follows, as in a batch
        for noise in self._noise:
            noise.begin(key)
        if self.tables.lazy and self.conditions:
            self.tables.define(np.zeros(1, np.int64), self.conditions)
            self.lists.rows.clear()
        self.row, self.steps = self.lists.rows[saved["row"]], list(saved["steps"])
