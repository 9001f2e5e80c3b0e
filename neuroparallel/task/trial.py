"""The state matrix of a task: what is shown in each period, and what each action leads to.

Those who have programmed a behavioural rig know this table: for every condition and period the mean of each
channel, the duration, and for every action (and for time running out) the reward, the outcome and where to go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroparallel.errors import TaskError, UnknownNameError, nearest
from neuroparallel.outcomes import Outcome
from neuroparallel.task.task import Task
from neuroparallel.timing import Law, exact_steps

__all__ = ["COMMIT", "END", "STAY", "Trial"]

STAY, END, COMMIT = -1, -2, -3  # where an action leads, besides the number of a period
DRAWN = -1  # a duration that is drawn from a law when the period begins

_CODES = {code.label: int(code) for code in Outcome}

Names: TypeAlias = str | Iterable[str]
Where: TypeAlias = bool | NDArray[np.bool_]


class Trial:
    """Trials of n conditions, being defined all at once.

    Each condition is an attribute, an array (n,): ``trial.side``, ``trial.coherence``. All methods work
    elementwise and take a number, an array (n,), or, for `show`, one value per channel.

    Attributes:
        n: How many conditions.
        dt: Time step in ms.
    """

    def __init__(self, task: Task, conditions: Mapping[str, NDArray[Any]], n: int, dt: float) -> None:
        self._task, self._conditions, self.n, self.dt = task, dict(conditions), n, dt
        self._names = list(task.timing)
        if not self._names:
            raise TaskError(f"{task.task_name()}: timing has no periods.")
        periods, actions = len(self._names), len(task.action_names())
        self._channels = task.channel_groups()
        self._actions = actions
        shape = (n, periods, actions + 1)  # the last column is time running out
        self.mean = np.zeros((n, periods, self._channels.width), np.float32)
        self.slope: NDArray[np.float64] | None = None  # per second; made by the first drift
        self.drifting: set[int] = set()  # channels
        self.reward = np.zeros(shape)
        self.outcome = np.zeros(shape, np.uint8)
        self.next = np.full(shape, STAY, np.int64)
        self.pays = np.zeros(shape, bool)
        self.truth = np.zeros((n, periods), np.int64)
        self.truth_after = np.zeros((n, periods), np.int64)
        self.window = np.zeros(periods, bool)
        self.held = np.zeros(periods, np.int64)
        self.final = np.zeros(periods, bool)
        self.clocks = np.zeros(periods, bool)
        self._ruled = np.zeros(periods, bool)
        self.steps = np.full((n, periods), DRAWN, np.int64)
        for p, (name, law) in enumerate(task.timing.items()):
            if not isinstance(law, Law):
                self.steps[:, p] = exact_steps(law, dt, f"{task.task_name()}: period {name!r}")
            self.next[:, p, -1] = p + 1 if p + 1 < periods else END
        for name in conditions:
            if name in self.__dict__ or hasattr(Trial, name):  # `define` would get that instead of the condition
                raise TaskError(f"{task.task_name()}: a condition cannot be called {name!r}, as trial.{name} is taken.")

    @property
    def periods(self) -> tuple[str, ...]:
        """Names of the periods, in their order."""
        return tuple(self._names)

    @property
    def conditions(self) -> dict[str, NDArray[Any]]:
        """All conditions by name, (n,) each."""
        return self._conditions

    def __getattr__(self, name: str) -> NDArray[Any]:
        conditions = self.__dict__.get("_conditions", {})
        if name in conditions:
            return conditions[name]  # type: ignore[no-any-return]
        raise AttributeError(f"there is no condition {name!r}.{nearest(name, conditions)}")

    def _index(self, names: Names) -> list[int]:
        wanted = [names] if isinstance(names, str) else list(names)
        for name in wanted:
            if name not in self._names:
                raise UnknownNameError(
                    f"{self._task.task_name()}: there is no period {name!r}.{nearest(name, self._names)}"
                )
        return [self._names.index(name) for name in wanted]

    def _target(self, then: str | int | None, period: int) -> int:
        if then is None:
            return period + 1 if period + 1 < len(self._names) else END
        if then == "end":
            return END
        if then == "stay":
            return STAY
        if then == "wait":
            return COMMIT
        return self._index(str(then))[0]

    def show(
        self,
        channel: str,
        value: ArrayLike = 1.0,
        *,
        during: Names,
        per_channel: Iterable[ArrayLike] | None = None,
    ) -> None:
        """Add to the mean of a group of channels during some periods.

        Args:
            channel: Name of the group.
            value: A number, or (n,): the same for every column of the group; or (n, columns).
            during: Names of the periods.
            per_channel: One number or array (n,) for each column, instead of ``value``.
        """
        columns = self._channels[channel]
        painted = self._columned(channel, value, per_channel, np.float32)
        for p in self._index(during):
            self.mean[:, p, columns] += painted

    def drift(
        self,
        channel: str,
        per_second: ArrayLike = 0.0,
        *,
        during: Names,
        per_channel: Iterable[ArrayLike] | None = None,
    ) -> None:
        """Let the mean of a group of channels grow evenly from the onset of each of these periods on.

        A step shows the mean over its own dt, so evidence added up over a period is the same at every dt:
        ``per_second * (k + 0.5) * dt / 1000`` in step k (0 is the first), on top of what `show` says.

        Args:
            channel: Name of the group.
            per_second: Growth per second; a number, or (n,): the same for every column; or (n, columns).
            during: Names of the periods.
            per_channel: One number or array (n,) for each column, instead of ``per_second``.
        """
        columns = self._channels[channel]
        painted = self._columned(channel, per_second, per_channel, np.float64)
        if self.slope is None:
            self.slope = np.zeros(self.mean.shape)
        self.drifting.update(range(columns.start, columns.stop))
        for p in self._index(during):
            self.slope[:, p, columns] += painted

    def _columned(
        self, channel: str, value: ArrayLike, per_channel: Iterable[ArrayLike] | None, dtype: Any
    ) -> NDArray[Any]:
        """Return an array that broadcasts to (n, columns): a value for all columns of a group, or one for each."""
        if per_channel is not None:
            parts = [np.broadcast_to(np.asarray(part, dtype), (self.n,)) for part in per_channel]
            if len(parts) != len(self._channels.groups[channel]):
                raise TaskError(
                    f"{self._task.task_name()}: per_channel has {len(parts)} entries, but channel {channel!r} has "
                    f"{len(self._channels.groups[channel])} columns."
                )
            return np.stack(parts, axis=1)
        painted = np.asarray(value, dtype)
        return painted[:, None] if painted.ndim == 1 else painted

    def lasts(self, period: str, ms: ArrayLike, *, rounded: bool = False) -> None:
        """Let a period last as long as the condition says.

        Args:
            period: Its name.
            ms: Duration, a number or (n,), in ms; 0 skips the period.
            rounded: Round half up to steps instead of refusing what is no multiple of dt.
        """
        p = self._index(period)[0]
        durations = np.broadcast_to(np.asarray(ms, np.float64), (self.n,))
        if rounded:
            self.steps[:, p] = np.floor(durations / self.dt + 0.5).astype(np.int64)
            return
        for value in np.unique(durations):
            exact_steps(float(value), self.dt, f"{self._task.task_name()}: period {period!r}")
        self.steps[:, p] = np.rint(durations / self.dt).astype(np.int64)

    def clock(self, period: str) -> None:
        """Count response times from the onset of this period instead of from that of the response window."""
        self.clocks[self._index(period)] = True

    def on(
        self,
        action: int | str | NDArray[np.int64],
        *,
        during: Names,
        outcome: str | NDArray[np.uint8] | None = None,
        reward: ArrayLike | None = None,
        then: str | None = "stay",
        where: Where = True,
        pay: bool = False,
    ) -> None:
        """Say what an action leads to: one cell of the state matrix.

        Args:
            action: Its number, (n,) numbers, ``"any"`` (all but holding) or ``"timeout"``.
            during: Names of the periods.
            outcome: ``"correct"``, ``"error"`` ... or codes (n,); None leaves the trial undecided.
            reward: What it pays; what the task's rewards say of the outcome, if not given.
            then: Name of the period that follows, ``"stay"``, ``"end"``, ``"wait"`` (the response is kept and the
                period lasts its time), or None for the next period in order.
            where: Only for these conditions, (n,) bool.
            pay: Let the task's `pay` hook price it.
        """
        rows: Any = slice(None)
        if where is not True:
            rows = np.flatnonzero(np.broadcast_to(np.asarray(where, bool), (self.n,)))
        codes, amounts = (part[rows] if part.ndim else part for part in self._priced(outcome, reward))
        for p in self._index(during):
            self._ruled[p] = True
            target = self._target(then, p)
            for column in self._columns(action):
                at = (rows, p, column)
                if isinstance(column, np.ndarray):
                    at = (np.arange(self.n)[rows], p, column[rows])
                self.reward[at] = amounts
                self.outcome[at] = codes
                self.next[at] = target
                self.pays[at] = pay

    def _columns(self, action: int | str | NDArray[np.int64]) -> list[Any]:
        if isinstance(action, str):
            if action == "any":
                return list(range(1, self._actions))
            if action == "timeout":
                return [self._actions]
            names = self._task.action_names()
            if action not in names:
                raise UnknownNameError(f"there is no action {action!r}.{nearest(action, names)}")
            return [names.index(action)]
        return [np.broadcast_to(self._numbers(action, "action"), (self.n,))]

    def _numbers(self, value: ArrayLike, what: str) -> NDArray[np.int64]:
        """Numbers of actions, which must be whole ones: half an action would silently be another one."""
        given = np.asarray(value)
        if given.dtype.kind in "biu" or (given.dtype.kind == "f" and (given == np.floor(given)).all()):
            return given.astype(np.int64, copy=False)
        actions = ", ".join(f"{number} {name}" for number, name in enumerate(self._task.action_names()))
        raise TaskError(
            f"{self._task.task_name()}: the {what} is {value!r}; it is the number of an action, or an array of them: "
            f"{actions}."
        )

    def _priced(self, outcome: Any, reward: ArrayLike | None) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        if isinstance(outcome, str):
            if outcome not in _CODES:
                raise UnknownNameError(f"there is no outcome {outcome!r}.{nearest(outcome, _CODES)}")
            if reward is None and outcome in self._task.rewards:
                reward = self._task.rewards[outcome]
            outcome = _CODES[outcome]
        codes = np.asarray(0 if outcome is None else outcome, np.uint8)
        amounts = np.asarray(0.0 if reward is None else reward, np.float64)
        return self._one_each(codes), self._one_each(amounts)

    def _one_each(self, values: NDArray[Any]) -> NDArray[Any]:
        """One value for each condition, or a single one for all."""
        return values if values.shape in ((), (self.n,)) else np.broadcast_to(values, (self.n,))

    def answer(
        self,
        truth: ArrayLike,
        *,
        during: str,
        then: str | None = None,
        commit: str | None = None,
        hold_ms: float = 0.0,
        pay: bool = False,
    ) -> None:
        """Open a response window and say what is right in it.

        The right action is correct, any other response an error, no response a miss; where holding is right
        (truth 0), no response is correct and pays ``rewards["withheld"]``. Responses outside all windows follow
        the task's ``early`` rule.

        Args:
            truth: The right action, a number or (n,); or (n, k) for several that are right.
            during: The period in which to answer.
            then: Where a response leads, as in `on`: the next period in order (default), ``"wait"`` ...
            commit: ``"first"``: the first response counts; ``"last"``: what is chosen in the last step counts;
                ``"held"``: a choice counts once it was held for ``hold_ms``. If not given, as the task's field has it.
            hold_ms: For ``"held"``.
            pay: Let the task's `pay` hook price the responses.
        """
        p = self._index(during)[0]
        right = self._right(truth)
        self.on("any", during=during, outcome="error", then=then, pay=pay)
        self.on("timeout", during=during, outcome="miss", then=None, pay=pay)
        for action in right.T:
            chosen = action > 0
            self.on(np.where(chosen, action, 1), during=during, outcome="correct", then=then, where=chosen, pay=pay)
        holds, paid = (right == 0).any(axis=1), self._task.rewards["withheld"]
        self.on("timeout", during=during, outcome="correct", reward=paid, then=None, where=holds, pay=pay)
        self.window[p] = True
        self.truth[:, p] = np.where(right < 0, self._actions, right).min(axis=1)
        if commit is None:
            rule = self._task.commit
            commit, hold_ms = (rule, 0.0) if isinstance(rule, str) else ("held", rule)
        self._commit(p, commit, hold_ms)

    def _right(self, truth: ArrayLike) -> NDArray[np.int64]:
        """The right actions of each condition, (n, k), from a number, (n,) or (n, k); below 0 is none."""
        right = self._numbers(truth, "truth")
        right = right if right.ndim == 2 else right.reshape(-1, 1)
        right = np.broadcast_to(right, (self.n, right.shape[1]))
        if right.max() >= self._actions:
            raise TaskError(
                f"{self._task.task_name()}: the truth is action {right.max()}, "
                f"but the actions are 0..{self._actions - 1}."
            )
        if (right < 0).all(axis=1).any():
            raise TaskError(f"{self._task.task_name()}: some condition has no right action; use `on` for it.")
        return right

    def _commit(self, p: int, commit: str, hold_ms: float) -> None:
        if commit not in ("first", "last", "held"):
            raise UnknownNameError(f"commit is {commit!r}.{nearest(commit, ('first', 'last', 'held'))}")
        self.final[p] = commit == "last"
        if commit == "held":
            self.held[p] = exact_steps(hold_ms, self.dt, f"{self._task.task_name()}: hold_ms")

    def choose(self, *, during: str, truth: ArrayLike = -1) -> None:
        """Mark a period whose responses were priced with `on` as a response window.

        Args:
            during: The period.
            truth: The best action, a number or (n,); -1 if none is defined.
        """
        p = self._index(during)[0]
        self.window[p] = True
        self.truth[:, p] = truth

    def right_after(self, ms: ArrayLike, *, during: str) -> None:
        """Say from which time in the period on the right action is right; before it, holding is.

        Args:
            ms: Time since the onset of the period, a number or (n,).
            during: The period.
        """
        p = self._index(during)[0]
        times = np.broadcast_to(np.asarray(ms, np.float64), (self.n,))
        self.truth_after[:, p] = np.floor(times / self.dt + 0.5).astype(np.int64)

    def allow(self, action: int | str, *, where: Where, during: Names) -> None:
        """Make an action available in some conditions only; elsewhere it counts as holding.

        Args:
            action: Its number or name.
            where: (n,) bool: where it is available.
            during: Names of the periods.
        """
        closed = ~np.broadcast_to(np.asarray(where, bool), (self.n,))
        for p in self._index(during):
            for column in self._columns(action):
                index = int(column if np.ndim(column) == 0 else column[0])
                for array in (self.reward, self.outcome, self.next, self.pays):
                    array[closed, p, index] = array[closed, p, 0]

    def mark_ruled(self) -> None:
        """Say that all periods have their rules, so that `finish` adds none."""
        self._ruled[:] = True

    def finish(self) -> None:
        """Give every period that no rule mentions the task's rule for early responses."""
        windows = np.flatnonzero(self.window)
        last = int(windows.max()) if len(windows) else -1
        early, commit = self._task.early, self._task.commit
        if commit != "first" and not (self.final.any() or self.held.any()):
            raise TaskError(f"{self._task.task_name()}: commit is {commit!r}, but none of its windows can do that.")
        for p in range(len(self._names)):
            if self._ruled[p] or self.window[p] or early == "free":
                continue
            if early == "abort" and p < last:
                self.on("any", during=self._names[p], outcome="abort", then="end")
            elif early == "penalty":
                self.on("any", during=self._names[p], reward=self._task.rewards["abort"])
