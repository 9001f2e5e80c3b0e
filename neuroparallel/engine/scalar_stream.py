"""One stream in one lane, in plain Python: the readable meaning of what the batch stream does in arrays."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.calls import added_up, moved, viewed
from neuroparallel.engine.draws import Given, TrialDraws, check_given, levels_of
from neuroparallel.engine.lane_noise import BLOCK, LaneNoise
from neuroparallel.engine.layout import StreamSpec
from neuroparallel.engine.stream import NEVER
from neuroparallel.engine.table_lists import TableLists
from neuroparallel.engine.tables import Tables
from neuroparallel.errors import TaskError
from neuroparallel.outcomes import Outcome
from neuroparallel.seeding import GAMMA_INT, lane_key, mix_int, trial_keys
from neuroparallel.task import Draw, Response
from neuroparallel.trial import DRAWN

__all__ = ["NOTHING", "ScalarStream", "TableLists"]

IDLE_CHUNK = 16
NOTHING = np.empty((0, 0), np.float32)
_COUNTERS = (  # what changes, besides memory, conditions and visits
    *("row", "end", "slot", "trial", "outcome", "choice", "response", "clock_at", "entered", "onset"),
    *("earned", "held_action", "held_steps", "key", "trial_key", "live_at", "idle_at", "standing"),
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
        self.idle_row, self._phase = tables.idle, tables.phase
        self._late = tables.late  # from an action's column to the one it has in the last step of a period
        self._any_held, self._any_pays = tables.any_held, tables.any_pays
        self.sequenced = spec.task.sequence is not None
        self.moving = tables.movement is not None
        self.event = 0  # what the last movement came to
        self._observes = spec.task.observe is not None
        cue = tables.channels["fixation"].start if "fixation" in tables.channels else -1
        self._changing = self._observes or tables.slope is not None
        self._one_by_one = (
            self._observes or bool(tables.summed) or cue in tables.drifting
        )  # what is shown has to be looked at in every step
        self.notes = spec.task.note_names()
        self.keeps_values = tables.lazy or self.sequenced or bool(self.notes)
        self.watched = False
        self.conditions: dict[str, NDArray[Any]] = {}
        self.memory: dict[str, NDArray[Any]] = {}
        self.visits: dict[int, int] = {}
        self.sums = np.zeros(len(tables.summed))  # what was seen in this trial
        self.standing = 0  # the choice that stands in the present trial, 0 for none
        self.told: float | None = None  # what its subject said when it answered, if it can speak
        self.reward = 0.0
        self.ended = False
        self.answered: tuple[int, int] | None = None  # period and action of this step, if it was anything but holding
        self.left = -1  # the period just left, for streams that wait for it
        self._noise = LaneNoise(tables)
        self.chunk = NOTHING  # observations of the coming steps of this period
        self.at = self.count = 0  # the next of them, and how many there are
        self.resting = False  # painted as idle
        self.calm: list[float | None] = []  # what actions pay that change nothing else; None for those that do
        self._free: list[float | None] = [0.0] * tables.actions  # those of an idle stream
        self._rest_state()

    def _rest_state(self) -> None:
        self.row, self.end, self.slot, self.trial = self.idle_row, NEVER, 0, -1
        self.outcome, self.choice, self.response = 0, -1, -1
        self.clock_at = self.entered = 0
        self.onset = -1
        self.earned = 0.0
        self.held_action = self.held_steps = 0
        self.key = self.trial_key = 0
        self.live_at = self.idle_at = 0

    @property
    def idle(self) -> bool:
        """Whether the stream shows nothing at present."""
        return self.row == self.idle_row

    def begin(self, seed: int, lane: int, session: int) -> None:
        """Start a session: new keys, empty memory, first trial still to come."""
        self.chunk, self.at, self.count = NOTHING, 0, 0
        self._rest_state()
        self.standing = 0
        key = lane_key(seed, lane, session, self.spec.branch)
        self.key = int(key[0])
        self._noise.begin(key)
        self.memory = {
            name: np.asarray(spec.initial, spec.dtype)[None].copy() for name, spec in self.spec.task.memory().items()
        }
        self._move(self.idle_row)

    # ---- a step ----

    def window_open(self) -> bool:
        """Whether a response window is open."""
        return bool(self.lists.window[self.row])

    def act(self, action: Any, now: int) -> None:
        """Read an action against the present state; events are of time ``now``.

        Args:
            action: Its number; float32, (axes,), of a moving task.
            now: The present step.
        """
        row, lists = self.row, self.lists
        if self.moving:
            action = self.event = self._moved(action, now)
        self.answered = (lists.period[row], action) if action and row != self.idle_row else None
        if action and lists.window[row]:
            self.standing = action
        if self._any_held:
            action = self._hold(action)
        column = action + self._late if self.end == now else action
        self.reward = lists.reward[row][column]
        self.ended = False
        if lists.stirs[row][column]:
            self._event(column, now)
        self.earned += self.reward

    def _moved(self, action: NDArray[np.float32], now: int) -> int:
        """Let the task's `move` hook turn a movement into an event; an idle stream holds."""
        return 0 if self.idle else int(moved(self.tables, action[None], **self._moment(now))[0])

    def _moment(self, now: int) -> dict[str, Any]:
        """What hooks know of a moment, as arrays of length 1."""
        shown = self.live_at - (self.count - self.at)  # live steps so far; more may have been painted ahead
        return {
            "period": np.array([self.lists.period[self.row]]),
            "elapsed": np.array([(now - self.entered) * float(self.tables.dt)]),
            "conditions": self.values(),
            "memory": self.memory,
            "keys": self._noise.place(shown),
        }

    def _hold(self, action: int) -> int:
        self.held_steps = self.held_steps + 1 if action == self.held_action else 1
        self.held_action = action
        return action if self.held_steps >= self.lists.held[self.row] else 0

    def _event(self, column: int, now: int) -> None:
        row, lists = self.row, self.lists
        target, outcome, chosen = lists.next[row][column], lists.outcome[row][column], lists.chosen[row][column]
        if self._any_pays and lists.pays[row][column]:
            outcome = self._price(max(chosen, 0), outcome, now)
        if outcome and not self.outcome:
            self.outcome, self.choice = outcome, max(chosen, 0)
            self.response = -1 if chosen < 0 else now - self.clock_at
        if target == row:
            return
        if target >= 0 and target != row + self._phase:
            target = self._enter(target, now)
        if self.watched:
            before, aborted = lists.period[row], self.outcome == Outcome.ABORT
            left = target < 0 or lists.period[target] != before
            self.left = before if left and not aborted else -1  # an abort is no end of a period
        self.ended = target < 0
        self._move(self.idle_row if target < 0 else target)

    def _price(self, action: int, outcome: int, now: int) -> int:
        response = Response(
            action=np.array([action]),
            period=np.array([self.lists.period[self.row]]),
            elapsed=np.array([(now - self.clock_at) * self.tables.dt]),
            reward=np.array([self.reward]),
            outcome=np.array([outcome], np.uint8),
            conditions=self.values(),
            memory=self.memory,
            shown=added_up(self.tables, self.sums[:, None].copy()),
            _keys=np.array([self.trial_key], np.uint64),
        )
        self.spec.task.pay(response)  # type: ignore[misc]
        self.reward = float(response.reward[0])
        return int(response.outcome[0])

    def _enter(self, row: int, now: int) -> int:
        """Enter a period, passing through those of no duration; returns the row arrived at, negative at the end."""
        lists = self.lists
        while row >= 0:
            if lists.clock[row]:
                self.clock_at = now
            steps = lists.steps[row]
            if steps == DRAWN:
                steps = self._duration(row)
            self.end = now + steps
            if not lists.last_step[row]:  # that of a window with a row of its own begins no period
                self.entered = now
            if steps:
                break
            row = lists.next[row][self.tables.actions]
        return row

    def _duration(self, row: int) -> int:
        lists, period = self.lists, self.lists.period[row]
        word = self.trial_key + lists.purpose[row]
        if self.tables.cyclic:
            visit = self.visits.get(period, 0)
            self.visits[period] = visit + 1
            word += visit * GAMMA_INT
        low, cuts = lists.laws[period]
        return int(low + bisect_right(cuts, mix_int(word)))

    def _move(self, row: int) -> None:
        self._give_back()
        self.row = row
        if row == self.idle_row:
            self.end = NEVER

    # ---- trials ----

    def start(self, now: int, given: Given | None = None) -> None:
        """Draw and begin the next trial, with conditions that the group may impose, arrays of length 1."""
        first = self.trial < 0
        self.trial += 1
        self.trial_key = mix_int(self.key + (self.trial + 1) * GAMMA_INT)
        # May look back at what is reset now.
        self.slot = self._draw_values(first, given or {}) if self.keeps_values or given else self._draw()
        self.onset = self.clock_at = now
        self.outcome, self.choice, self.response, self.earned, self.standing = 0, -1, -1, 0.0, 0
        self.visits, self.sums = {}, np.zeros(len(self.tables.summed))
        row = self._enter(self.slot * self.tables.rows_per_slot, now)
        if row < 0:
            raise TaskError(f"{self.spec.name}: a trial of no duration was drawn; give some period a step or more.")
        self._move(row)

    def _draw(self) -> int:
        slot = 0
        for purpose, cuts, stride in self.lists.factors:
            slot += bisect_right(cuts, mix_int(self.trial_key + purpose)) * stride
        return slot

    def _draw_values(self, first: bool, given: Given) -> int:
        tables, task = self.tables, self.spec.task
        keys = trial_keys(np.array([self.key], np.uint64), np.array([self.trial]))
        words = self._draws.words(keys)
        levels = self._draws.levels(words)
        values = tables.design.values(levels) | self._draws.values(words)
        for name in self.notes:
            values[name] = np.zeros(1)
        values |= given
        if task.sequence is not None:
            draw = Draw(
                conditions=values,
                previous=dict(values) if first else self.conditions,
                first=np.array([first]),
                trial=np.array([self.trial]),
                outcome=np.array([self.outcome]),
                choice=np.array([max(self.choice, 0)]),
                reward=np.array([self.earned]),
                memory=self.memory,
                dt=tables.dt,
                _keys=keys,
            )
            task.sequence(draw)
            values, self.memory = draw.conditions, draw.memory
            check_given(task, given, values)
        self.conditions = values
        if not tables.lazy:
            return int(levels_of(tables, values, levels)[0]) if levels else 0
        tables.define(np.zeros(1, np.int64), values)
        self.lists.refresh()
        return 0

    def close(self) -> None:
        """Close the books of a trial that is over."""
        self.outcome = self.outcome or int(Outcome.UNSCORED)

    def cancel(self) -> None:
        """End from outside what is running; what has an outcome keeps it."""
        if not self.idle:
            self.outcome = self.outcome or int(Outcome.CANCELLED)
            self.rest()

    def rest(self) -> None:
        """Become idle."""
        self._move(self.idle_row)

    def resume(self, period: int, now: int) -> bool:
        """Go on, after the group has resolved, to a further period; True if that is over at once."""
        row = self._enter(self.slot * self.tables.rows_per_slot + self.tables.phase + period, now)
        self._move(self.idle_row if row < 0 else row)
        return row < 0

    def values(self) -> dict[str, NDArray[Any]]:
        """The conditions of the present trial, arrays of length 1."""
        if self.keeps_values:
            return self.conditions
        return {name: np.array([column[self.slot]]) for name, column in self.lists.grid.items()}

    # ---- what is seen ----

    def shown(self, now: int) -> NDArray[np.float32]:
        """What the channels show at this moment without noise, float32 (channels,); not to be changed."""
        self._paint_time = now
        shown: NDArray[np.float32] = self._changed(1)[0] if self._changing else self.lists.mean[self.row]
        return shown

    def _changed(self, count: int) -> NDArray[np.float32]:
        """What channels that change within a period show in its coming steps, float32 (count, channels)."""
        mean = np.broadcast_to(self.lists.mean[self.row], (count, self.tables.channels.width))
        now = self._paint_time
        if self.lists.slope is not None:
            seconds = (np.arange(count) + (now - self.entered) + 0.5) * (self.tables.dt / 1000)
            mean = (mean + self.lists.slope[self.row] * seconds[:, None]).astype(np.float32)
        if self._observes and not self.idle:
            mean = viewed(self.tables, np.ascontiguousarray(mean.T), **self._moment(now)).T
        return mean

    def prepare(self, now: int) -> int:
        """Make observations from now on if none are left; returns how many there are, from `at` on."""
        self._paint_time = now
        if self.at == self.count:
            self._paint()
        return self.count - self.at

    def observe_from(self, mean: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `observe`, around another mean."""
        self._give_back()
        kind, step = ("idle", self.idle_at) if self.idle else ("live", self.live_at)
        seen: NDArray[np.float32] = self._noise.around(mean, kind, step, 1)[0]
        self.tick()
        return seen

    def tick(self) -> None:
        """Move on by one step in all that varies from step to step, without looking."""
        self._give_back()
        if self.idle:
            self.idle_at += 1
        else:
            self.live_at += 1

    def _paint(self) -> None:
        """Make the observations of the coming steps of this period at once."""
        idle = self.row == self.idle_row
        if idle:
            count = min(IDLE_CHUNK, BLOCK - self.idle_at % BLOCK)
        else:
            count = 1 if self._one_by_one else min(self.end - self._paint_time, BLOCK - self.live_at % BLOCK)
        mean = self._changed(count) if self._changing else self.lists.mean[self.row]
        if idle:
            shown = self._noise.around(mean, "idle", self.idle_at, count)
            self.idle_at += count
        else:
            shown = self._noise.around(mean, "live", self.live_at, count)
            self.live_at += count
            if self.tables.summed:
                self.sums += shown[0, self.tables.summed]
        self.chunk, self.at, self.count = shown, 0, count
        self.resting = idle
        self.calm = self._free if idle else self.lists.calm[self.row]

    _paint_time = 0

    def _give_back(self) -> None:
        """Give back the noise of steps that were painted but not shown."""
        unused = self.count - self.at
        if self.row == self.idle_row:
            self.idle_at -= unused
        else:
            self.live_at -= unused
        self.chunk, self.at, self.count = NOTHING, 0, 0

    def truth(self, now: int) -> int:
        """The action that is right at this moment."""
        late = self.lists.truth_after[self.row]
        return self.lists.truth[self.row] if not late or now - self.entered + 1 >= late else 0

    # ---- saving ----

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        self._give_back()
        saved = {name: getattr(self, name) for name in _COUNTERS}
        saved["memory"] = {name: array.copy() for name, array in self.memory.items()}
        saved["conditions"] = {name: array.copy() for name, array in self.conditions.items()}
        saved["visits"], saved["sums"] = dict(self.visits), self.sums.copy()
        return saved

    def set_state(self, saved: dict[str, Any]) -> None:
        """Go back to a saved state."""
        self.chunk, self.at, self.count = NOTHING, 0, 0
        for name in _COUNTERS:
            setattr(self, name, saved[name])
        self.memory = {name: array.copy() for name, array in saved["memory"].items()}
        self.conditions = {name: array.copy() for name, array in saved["conditions"].items()}
        self.visits, self.sums = dict(saved["visits"]), saved["sums"].copy()
        self._noise.begin(np.array([self.key], np.uint64))
        if self.tables.lazy and self.conditions:
            self.tables.define(np.zeros(1, np.int64), self.conditions)
            self.lists.refresh()
