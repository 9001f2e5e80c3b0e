"""The state matrix of a task, compiled to flat arrays that a step looks up.

A row is one period of one condition, before (phase 0) or after (phase 1) the outcome was settled. The last row is
the idle one, in which a stream shows nothing and no action has an effect.

A row has a column for each action, one for time running out in a period that takes none, and one for each action
in the last step of the period, where time runs out as well unless the action leads elsewhere.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.condition_rows import Block, lay_out
from neuroparallel.engine.hook_checks import Place
from neuroparallel.errors import TaskError
from neuroparallel.outcomes import Outcome
from neuroparallel.records.trials import TRIAL_COLUMNS
from neuroparallel.seeding import name_bits
from neuroparallel.task import Factorial, Task
from neuroparallel.task.hooks import Bernoulli, Movement, Poisson
from neuroparallel.task.trial import COMMIT, DRAWN, END, STAY, Trial
from neuroparallel.timing import Law

__all__ = ["FULL_GRID", "NEVER", "Tables", "why_lazy"]

NEVER = int(np.iinfo(np.int64).max // 4)  # the step of what does not happen

SURVEY = 64  # draws by which a lazily defined task is judged before it starts
FULL_GRID = 4096  # designs with more conditions are defined trial by trial


class Tables:
    """The compiled task: what is shown, how long, and what each action leads to.

    Args:
        task: The task.
        dt: Time step, ms.
        slots: How many lanes define their own rows; 0 to define the whole grid of conditions once.

    Attributes:
        lazy: Rows belong to lanes and are defined anew for each trial.
        grid: By condition, (slots,). Its value in each slot (condition of the design); empty for a lazy task.
        mean: float32, (channels, rows). What each channel shows, without noise.
        steps: int64, (rows,). Duration in steps; `DRAWN` if a law says.
        late: Added to an action, its column in the last step of a period.
        reward, next, outcome, priced: (rows * columns,). What each action, and time running out, leads to.
        chosen: int16, (rows * columns,). The action; -1 where time ran out.
        has_event: bool, (rows * columns,). Whether more happens than being paid.
        uneventful_rewards: Whether anything is paid where nothing else happens.
        truth: int64, (rows,). The action that is right, from ``truth_after`` steps into the period on.
        window: bool, (rows,). Whether a response window is open.
        slope: float64, (channels, rows). Growth of the mean per second; None if nothing drifts.
        drifting: Channels that drift.
        counted: How the events of channel groups are counted, by group.
        movement: Axes of continuous actions; None for a task that has none.
        summed: Channels that are added up within a trial.
        times_periods: Whether anything depends on the time since a period's onset.
    """

    def __init__(self, task: Task, dt: float, slots: int = 0) -> None:
        self.task, self.dt = task, dt
        self.design = _design(task)
        self.recorded = (*self.design.names, *task.note_names())
        self.channels = task.channel_groups()
        self.actions = len(task.action_names())
        self.late = self.actions + 1
        self.columns = self.late + self.actions
        self.periods = list(task.timing)
        self.lazy = must_be_lazy(task)
        self.movement = movement_of(task)
        kinds = self.channels.noise.items()
        self.summed = summed_channels(task)
        self.counted = {name: kind for name, kind in kinds if isinstance(kind, (Bernoulli, Poisson))}
        self.slots = (slots or 1) if self.lazy else self.design.size
        self.grid = {} if self.lazy else self.design.grid()
        self._shape()
        _check_columns(self.recorded, task)
        self._allocate()
        self._constants()
        if not self.lazy:
            self.define(np.arange(self.slots), self.grid)
        drifts = self.slope is not None
        self.times_periods = self.any_late or drifts or task.observe is not None or task.move is not None

    def _shape(self) -> None:
        sample = Trial(self.task, *_sample(self.task), self.dt)
        self.task.define(sample)
        sample.finish()
        if self.lazy:  # of a grid all rows are looked at
            _check(sample, self.task)
        check_counts(sample, self.task)
        self.finals = [int(p) for p in np.flatnonzero(sample.final)]
        self.phase = len(self.periods) + len(self.finals)  # rows of one phase
        self.rows_per_slot = 2 * self.phase
        self.sample = sample

    def _allocate(self) -> None:
        rows = self.slots * self.rows_per_slot + 1
        self.idle = rows - 1
        self.mean = np.zeros((self.channels.width, rows), np.float32)
        slope = self.sample.slope
        self.slope = None if slope is None else np.zeros((self.channels.width, rows))
        self.drifting = sorted(self.sample.drifting)
        self.steps = np.full(rows, NEVER, np.int64)
        self.truth = np.zeros(rows, np.int64)
        self.truth_after = np.zeros(rows, np.int64)
        self.reward = np.zeros(rows * self.columns)
        self.outcome = np.zeros(rows * self.columns, np.uint8)
        self.next = np.full(rows * self.columns, self.idle, np.int64)
        self.priced = np.zeros(rows * self.columns, bool)
        self.chosen = np.full(rows * self.columns, -1, np.int16)
        self.has_event = np.zeros(rows * self.columns, bool)
        self.uneventful_rewards = True
        self.answer = np.zeros(self.slots, np.int64)

    def with_slots(self, slots: int) -> Tables:
        """The same task for another number of lanes: itself if it is defined once, else with room for their rows."""
        if not self.lazy:
            return self
        roomy = copy.copy(self)
        roomy.slots = slots or 1
        roomy._allocate()
        roomy._constants()
        return roomy

    def _constants(self) -> None:
        """Set what depends only on the period, not on the condition."""
        sample, width = self.sample, self.phase
        period = np.array([*range(len(self.periods)), *self.finals])
        self.period_of = np.append(np.tile(np.tile(period, 2), self.slots), -1)
        clocks = sample.clocks if sample.clocks.any() else sample.window
        phase0 = np.arange(2 * width) < width
        starts = np.tile(np.arange(width) < len(self.periods), 2)  # the last step of a window restarts no clock
        self.window = self._by_row(np.tile(sample.window[period], 2))
        self.clock = self._by_row(np.tile(clocks[period], 2) & phase0 & starts)
        self.last_step = self._by_row(~starts)
        self.held = self._by_row(np.where(phase0, np.tile(sample.held[period], 2), 0))
        laws = enumerate(self.task.timing.values())
        self.period_laws = {p: law.steps(self.dt) for p, law in laws if isinstance(law, Law)}
        purposes = np.array([name_bits(f"duration.{name}") for name in self.periods], np.uint64)
        self.purpose = self._by_row(np.tile(purposes[period], 2))
        self.any_held = bool(self.held.any())
        self.any_priced = bool(sample.pays.any()) and self.task.pay is not None
        self.any_late = bool(sample.truth_after.any()) or self.lazy
        self.commits = bool((sample.next == COMMIT).any()) or self.lazy
        self.any_drawn = bool((sample.steps == DRAWN).any())
        self.any_empty = True  # whether a period may take no time
        self.cyclic = bool(_returns(sample).any())

    def _by_row(self, values: NDArray[Any], idle: Any = 0) -> NDArray[Any]:
        return np.append(np.tile(values, self.slots), np.asarray(idle, values.dtype))

    def define(self, slots: NDArray[np.int64], conditions: dict[str, NDArray[Any]], place: Place | None = None) -> None:
        """Write the rows of some slots from conditions; int64 (n,), and (n,) per condition; their place, for errors."""
        trial = Trial(self.task, conditions, len(slots), self.dt)
        if place is None:
            self.task.define(trial)
        else:
            place.call("define", self.task.define, trial)
            place.numbers("define", "what is shown", trial.mean, trial.mean.shape)
            place.numbers("define", "what is paid", trial.reward, trial.reward.shape)
        trial.finish()
        check_counts(trial, self.task)
        if not self.lazy:
            _check(trial, self.task)
            self.any_drawn = bool((trial.steps == DRAWN).any())
            self.any_priced = bool(trial.pays.any()) and self.task.pay is not None
            self.any_late = bool(trial.truth_after.any())
            self.commits = bool((trial.next == COMMIT).any())
        block = lay_out(self.task, trial, self.finals)
        rows = (slots[:, None] * self.rows_per_slot + np.arange(self.rows_per_slot)).ravel()
        codes = (rows[:, None] * self.columns + np.arange(self.columns)).ravel()
        self.mean[:, rows] = block.mean.reshape(len(rows), -1).T
        if self.slope is not None and block.slope is not None:
            self.slope[:, rows] = block.slope.reshape(len(rows), -1).T
        self.steps[rows] = block.steps.ravel()
        self.truth[rows], self.truth_after[rows] = block.truth.ravel(), block.truth_after.ravel()
        self.reward[codes], self.outcome[codes] = block.reward.ravel(), block.outcome.ravel()
        self.priced[codes], self.chosen[codes] = block.priced.ravel(), block.chosen.ravel()
        self.next[codes] = self._absolute(block.next, slots).ravel()
        has_event = self._find_events(block)
        self.has_event[codes] = has_event.ravel()
        answer = self._answer(trial)
        if self.lazy:
            self.answer[slots] = answer
        else:
            self.answer, self.uneventful_rewards = answer, bool((block.reward[~has_event] != 0).any())
            self.any_empty = bool((block.steps == 0).any()) or any(low == 0 for low, _ in self.period_laws.values())

    def _find_events(self, block: Block) -> NDArray[np.bool_]:
        has_event: NDArray[np.bool_] = block.next != np.arange(block.next.shape[1])[:, None]
        has_event[..., self.actions :] = True
        return has_event | block.priced if self.any_priced else has_event

    def _absolute(self, targets: NDArray[np.int64], slots: NDArray[np.int64]) -> NDArray[np.int64]:
        base = (slots * self.rows_per_slot)[:, None, None]
        return np.where(targets >= 0, targets + base, END)

    def _answer(self, trial: Trial) -> NDArray[np.int64]:
        """Return the truth of the trial as a whole: that of its first response window."""
        windows = np.flatnonzero(trial.window)
        if not len(windows):
            return np.full(trial.n, -1, np.int64)
        return trial.truth[:, windows[0]].copy()


def _design(task: Task) -> Factorial:
    """The task's conditions; raises TaskError if they are something else."""
    design: Any = task.conditions()
    if not isinstance(design, Factorial):
        raise TaskError(f"{task.task_name()}: conditions() returns {design!r}; it returns a Factorial.")
    return design


def _check_columns(recorded: Sequence[str], task: Task) -> None:
    """Refuse conditions and notes that would take the place of what is recorded of every trial."""
    for name in recorded:
        if name in TRIAL_COLUMNS or name == "group_trial":
            raise TaskError(
                f"{task.task_name()}: a condition or note cannot be called {name!r}, as the trial table has a column "
                "of that name already; choose another one."
            )


def movement_of(task: Task) -> Movement | None:
    """The axes along which a task's actions are continuous; raises TaskError if nothing turns them into events."""
    if (task.movement is None) != (task.move is None):
        has, lacks = ("movement", "move hook") if task.move is None else ("move hook", "movement")
        raise TaskError(f"{task.task_name()}: it has a {has} but no {lacks}; a task with continuous actions has both.")
    return task.movement


def summed_channels(task: Task) -> list[int]:
    """The channels of the groups that a task wants added up; raises UnknownNameError for one that it has not."""
    channels = task.channel_groups()
    return [c for name in task.sums for c in range(channels[name].start, channels[name].stop)]


def must_be_lazy(task: Task) -> bool:
    """Whether rows are defined for each trial: continuous conditions, a huge grid, or the task asks for it."""
    return bool(why_lazy(task))


def why_lazy(task: Task) -> str:
    """Why the rows of a task are defined for each trial, as a clause; empty if they are not."""
    design = task.conditions()
    if design.laws:
        return f"{' and '.join(design.laws)} can take any value in a range"
    if design.size > FULL_GRID:
        return f"its design has {design.size:,} conditions, and at most {FULL_GRID:,} are listed"
    return "its class says so (lazy = True)" if task.lazy else ""


def _sample(task: Task) -> tuple[dict[str, NDArray[Any]], int]:
    """Conditions to look at a task's rows by: the first slot of a grid, or many draws where rows are defined lazily."""
    design = task.conditions()
    n = SURVEY if must_be_lazy(task) else 1
    index = np.arange(n)
    levels = {name: index // (1 + 3 * i) % len(factor) for i, (name, factor) in enumerate(design.factors.items())}
    spread = np.asarray(index * 0.618033988749895 % 1.0 if n > 1 else [0.5], np.float64)
    spread[:1], spread[-1:] = 0.0, 1.0 - 2.0**-53
    return design.values(levels) | {name: law.quantile(spread) for name, law in design.laws.items()}, n


def _returns(trial: Trial) -> NDArray[np.bool_]:
    """Return where an action or timeout leads back to the same or an earlier period."""
    periods = np.arange(trial.next.shape[1])[None, :, None]
    result: NDArray[np.bool_] = (trial.next >= 0) & (trial.next <= periods)
    return result


def _check(trial: Trial, task: Task) -> None:
    """Refuse a matrix with a trap: a window without time, a period without end, a loop without time."""
    name, periods = task.task_name(), list(task.timing)
    _check_finite(trial, task)
    for p in np.flatnonzero(trial.window):
        if (trial.steps[:, p] == 0).any() and not (trial.steps[:, p] > 0).any():
            raise TaskError(f"{name}: the response window {periods[p]!r} lasts 0 ms; give it one step or more.")
    if (trial.next[:, :, -1] == STAY).any():
        stuck = int(np.flatnonzero((trial.next[:, :, -1] == STAY).any(axis=0))[0])
        raise TaskError(f"{name}: time running out in {periods[stuck]!r} leads nowhere.")
    reaches = np.zeros((trial.n, len(periods) + 1), bool)
    reaches[:, -1] = True  # END, -2, is looked up as the last column
    target = np.where(trial.next >= 0, trial.next, np.where(trial.next == END, len(periods), 0))
    real = (trial.next >= 0) | (trial.next == END)
    lanes = np.arange(trial.n)[:, None, None]
    for _ in periods:
        reaches[:, :-1] |= (reaches[lanes, target] & real).any(axis=2)
    if not reaches.all():
        stuck = int(np.flatnonzero(~reaches.all(axis=0))[0])
        raise TaskError(f"{name}: no way leads from period {periods[stuck]!r} to the end of the trial.")
    _check_loops(trial, name, periods)
    _check_duration(trial, task)


def _check_finite(trial: Trial, task: Task) -> None:
    """Refuse what is shown or paid if it is infinite or no number: nothing could be learnt from it."""
    periods = list(task.timing)
    for shown in (trial.mean, trial.slope):
        if shown is not None and not np.isfinite(shown).all():
            p, channel = (int(at[0]) for at in np.nonzero(~np.isfinite(shown).all(axis=0)))
            found = shown[:, p, channel][~np.isfinite(shown[:, p, channel])][0]
            raise TaskError(
                f"{task.task_name()}: in period {periods[p]!r} channel {task.channel_groups().names[channel]!r} shows "
                f"{found}; it is a finite number."
            )
    if not np.isfinite(trial.reward).all():
        p = int(np.nonzero(~np.isfinite(trial.reward).all(axis=(0, 2)))[0][0])
        raise TaskError(f"{task.task_name()}: a response in period {periods[p]!r} pays what is no finite number.")


def _check_duration(trial: Trial, task: Task) -> None:
    """Every trial must last a step, also if every drawn duration comes out at its shortest."""
    shortest = [int(law.steps(trial.dt)[0]) if isinstance(law, Law) else 0 for law in task.timing.values()]
    least = np.where(trial.steps == DRAWN, np.array(shortest), trial.steps)
    at, rows = np.zeros(trial.n, np.int64), np.arange(trial.n)
    for _ in shortest:
        empty = (at >= 0) & (least[rows, np.maximum(at, 0)] == 0)
        at = np.where(empty, trial.next[rows, np.maximum(at, 0), -1], at)
    if (at < 0).any():
        raise TaskError(f"{task.task_name()}: a trial could last no time at all; give some period a step or more.")


def check_counts(trial: Trial, task: Task) -> None:
    """Refuse means that no counted event can have, in the first or last step of any period."""
    channels, half = task.channel_groups(), trial.dt / 2000
    for name, kind in channels.noise.items():
        if not isinstance(kind, (Bernoulli, Poisson)):
            continue
        means = [trial.mean[:, :, channels[name]].astype(np.float64)]
        if trial.slope is not None:
            slope = trial.slope[:, :, channels[name]]
            last = (longest_steps(trial, task) - 0.5)[:, :, None] * trial.dt / 1000
            means = [means[0] + slope * half, means[0] + slope * np.maximum(last, half)]
        for mean in means:
            check_mean(task, name, kind, mean, trial.dt)


def check_mean(task: Task, name: str, kind: Bernoulli | Poisson, mean: NDArray[Any], dt: float) -> None:
    """Refuse what is no probability, or no count to be expected."""
    slack = 1e-6 * kind.most
    wrong = ~((mean >= -slack) & (mean <= kind.most + slack))
    if wrong.any():
        raise TaskError(
            f"{task.task_name()}: channel {name!r} shows {mean[wrong][0]:g}, but it shows {kind.means}, 0 to "
            f"{kind.most:g}. A rate in Hz is shown as rate * dt / 1000, at dt = {dt:g} ms up to "
            f"{kind.most * 1000 / dt:g} Hz."
        )


def longest_steps(trial: Trial, task: Task) -> NDArray[np.int64]:
    """The longest duration of each period in steps; int64 (n, periods)."""
    steps = trial.steps.copy()
    for p, law in enumerate(task.timing.values()):
        if isinstance(law, Law):
            longest = int(np.floor(law.bounds()[1] / trial.dt + 0.5))
            steps[:, p] = np.where(steps[:, p] == DRAWN, longest, steps[:, p])
    return steps


def _check_loops(trial: Trial, name: str, periods: list[str]) -> None:
    """Time running out must not go round in circles through periods of no duration."""
    at = np.tile(np.arange(len(periods)), (trial.n, 1))
    lanes = np.arange(trial.n)[:, None]
    for _ in range(len(periods) + 1):
        inside = at >= 0
        zero = inside & (trial.steps[lanes, np.where(inside, at, 0)] == 0)
        at = np.where(zero, trial.next[lanes, np.where(inside, at, 0), -1], -1)
    if (at >= 0).any():
        p = int(at[at >= 0][0])
        raise TaskError(f"{name}: a loop through period {periods[p]!r} takes no time and would never end.")


# Outcomes by their weight when those of several streams are merged: what is listed later wins.
_BY_WEIGHT = np.array(
    [
        Outcome.RUNNING,
        Outcome.UNSCORED,
        Outcome.CORRECT,
        Outcome.CANCELLED,
        Outcome.MISS,
        Outcome.ERROR,
        Outcome.ABORT,
    ],
    np.int64,
)
_WEIGHT = np.argsort(_BY_WEIGHT)
_WEIGHTS: list[int] = _WEIGHT.tolist()


def merged_outcome(codes: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Merge outcomes of several streams into one per lane: correct only if all are; (streams, n) to int64 (n,)."""
    if not codes.any():
        return np.zeros(codes.shape[1], np.int64)
    return np.asarray(_BY_WEIGHT[_WEIGHT[codes].max(axis=0)])


def weightiest_outcome(codes: Sequence[int]) -> int:
    """Merge outcomes of several streams in one lane, as `merged_outcome` does in many."""
    return max(codes, key=_WEIGHTS.__getitem__)
