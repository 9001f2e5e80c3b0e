"""The scalar engine: one lane of a scenario in plain Python. What it does is what a scenario means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.layout import Layout
from neuroparallel.engine.record_columns import ANSWER, MESSAGE, stream_info
from neuroparallel.engine.scalar.group import ScalarGroup, answer_message
from neuroparallel.engine.scalar.stream import ScalarStream
from neuroparallel.engine.scalar.subject import ScalarSubject
from neuroparallel.engine.snapshot import check_saved
from neuroparallel.engine.spaces import Spaces
from neuroparallel.engine.tables import NEVER
from neuroparallel.errors import UsageError, whole_number
from neuroparallel.records import TrialLog, Trials
from neuroparallel.seeding import integer_bits

__all__ = ["ScalarEngine"]

# What is noted of a trial and of a response, packed: tuples by the hundred thousand would keep the garbage collector
# busy, and would have to be taken apart to become columns.
_TRIAL = np.dtype(
    [
        (name, np.float64 if name == "reward" else np.int64)
        for name in (
            *("session", "trial", "onset_step", "end_step", "outcome", "choice", "slot", "reward", "clock_step"),
            "response_steps",
        )
    ]
)
_RESPONSE = np.dtype(
    [
        (name, np.float64 if name == "reward" else np.int64)
        for name in ("session", "trial", "period", "action", "step", "reward")
    ]
)
_pack_trial, _pack_response = Struct("=7qd2q").pack, Struct("=5qd").pack
_FULL = 4096  # trials, or four times as many responses, are handed to the log together

_SAVED = ("now", "session_start", "session", "_seed_bits", "_lane_bits", "over", "_ready")

Action = Any  # an int, or a sequence of them where actions are factored; of a movement, float32 (axes,)
Infos = dict[str, dict[str, int]]
Observations = dict[str, NDArray[np.float32]]


class ScalarEngine(Spaces[ScalarSubject]):
    """Plays one lane of a scenario.

    Args:
        layout: The compiled scenario.
        seed: Default seed of `reset`.
        lane: Which lane to be; lane i equals lane i of every batch.
        record: How many of the latest trials to keep for `trials`; 0 or False keeps none.
    """

    def __init__(self, layout: Layout, seed: int = 0, lane: int = 0, record: int | bool = True) -> None:
        self.layout, self.lane, self.dt = layout, whole_number(lane, "lane"), layout.dt
        self._default_seed = seed
        self.streams = [ScalarStream(*pair) for pair in zip(layout.streams, layout.tables_for(1), strict=True)]
        self.groups = [ScalarGroup(spec, self.streams, layout.dt) for spec in layout.groups]
        self.subjects = [ScalarSubject(spec, self.streams, layout.groups) for spec in layout.subjects]
        self._connect_partners()
        self.possible_agents = [spec.name for spec in layout.subjects]
        self._attends = any(subject.attends for subject in self.subjects)
        first, alone = self.subjects[0], all(group.alone is not None for group in self.groups)
        lone = len(self.subjects) == 1 and first.plain and alone
        self._only = (first.name, first, first.streams[0]) if lone else None  # one subject with one stream, for itself
        self._timed = [group for group in self.groups if group.alone is None]
        self._wake_at = 0  # when a group starts a stream or ends a trial; until it has looked, that may be any time
        self._until = 0  # up to this step nothing happens by itself
        self._calm: tuple[str, ScalarStream, list[float | None], Any, dict[str, int], Any] | None = None  # see `step`
        self.now = self.session_start = 0
        self._ends_at = NEVER  # the step that ends the session, if it is counted in steps
        self.session, self._seed_bits, self._lane_bits = -1, 0, 0
        self.over, self._ready = False, False
        self._rows = [bytearray() for _ in self.streams]
        self._values: list[list[Sequence[Any]]] = [[] for _ in self.streams]  # conditions that no table of slots has
        self._answers = [bytearray() for _ in self.streams]
        self._noting = list(zip(self.streams, self._answers, strict=True))
        self._keeps = 1_000_000 if record is True else int(record)
        self._log = TrialLog(
            [stream_info(layout, index, stream.tables) for index, stream in enumerate(self.streams)],
            layout.dt,
            capacity=max(1, self._keeps),
        )

    def _connect_partners(self) -> None:
        """Let the group that resolves a partner's trial tell its choice or reward to those who see it."""
        for subject in self.subjects:
            subject.connect(self.subjects, self.groups)
            for number, view in enumerate(subject.spec.partner_views):
                for group in self.groups:
                    if view.stream in group.spec.streams and not view.live:
                        group.observers.append((view.kind, subject, number, self.streams[view.stream]))

    # ---- running ----

    def reset(self, seed: int | None = None, room: Mapping[str, int] | None = None) -> tuple[Observations, Infos]:
        """Start a new session: the first of a seed, or the next one of the present seed if none is given.

        Args:
            seed: A whole number, or None.
            room: How many columns of zeros stand behind each observation of an agent in this session.

        Returns:
            observations: float32, (channels,), by agent.
            infos: Whole numbers by agent and key, as of `neuroparallel.engine.batch.engine.Infos`.
        """
        if seed is not None or not self._ready:
            self._seed_bits = integer_bits(self._default_seed if seed is None else seed)
            self._lane_bits = self.lane
            self.session = -1
        self._ready = True
        for subject in self.subjects:
            subject.room = (room or {}).get(subject.name, 0)
        self._begin()
        observations = {subject.name: subject.observe(self.now) for subject in self.subjects}
        return observations, {subject.name: subject.tell(self.now) for subject in self.subjects}

    def _begin(self) -> None:
        self.session += 1
        self.session_start, self.over = self.now, False
        self._look_ahead()
        for stream in self.streams:
            stream.begin(self._seed_bits, self._lane_bits, self.session, self.now)
        for subject in self.subjects:
            subject.forget()
        for group in self.groups:
            group.begin(self._seed_bits, self._lane_bits, self.session, self.now)
            group.start_due(self.now)

    def _look_ahead(self) -> None:
        """Note when the session ends; everything else may happen at any time until it is looked at."""
        self._wake_at = self._until = 0
        steps = self.layout.session_steps
        self._ends_at = self.session_start + steps if steps else NEVER

    def step(self, actions: Mapping[str, Action]) -> tuple[Observations, dict[str, float], bool, Infos]:
        """Advance by one time step: act, resolve, start, observe.

        Args:
            actions: By agent, already checked: an action, or one for each stream where they are factored (by name
                where one of them is a movement).

        Returns:
            observations: float32, (channels,), by agent.
            rewards: By agent.
            ended: Whether the session has ended, for all agents.
            infos: Whole numbers by agent and key.

        Raises:
            UsageError: `reset` was not called, or the session is over.
        """
        now = self.now + 1
        if self._calm is not None and now < self._until:
            name, stream, pays, rows, known, noted = self._calm
            action = actions[name]
            reward = pays[action]
            if reward is not None:  # nothing happens but time passing: most steps, so it is kept short
                self.now = now
                stream.earned += reward
                if action and noted is not None:
                    answers, session, trial, period = noted
                    answers += _pack_response(session, trial, period, action, now - self.session_start, reward)
                return {name: next(rows)}, {name: reward}, False, {name: known.copy()}
        if not self._ready or self.over:
            raise UsageError("step was called before reset, or after the session had ended; call reset first.")
        self.now = now
        if self._only is not None:
            return self._step_only(*self._only, actions[self._only[0]])
        calm = now < self._until
        for subject in self.subjects:
            if subject.act(actions[subject.name], now):
                calm = False
        return self._pass() if calm else self._conclude()

    def _pass(self) -> tuple[Observations, dict[str, float], bool, Infos]:
        """The rest of a step in which nothing happened but time passing."""
        if self._keeps:
            time = self.now - self.session_start
            for stream, answers in self._noting:
                answered = stream.answered
                if answered is not None:
                    answers += _pack_response(self.session, stream.trial, *answered, time, stream.reward)
        observations, rewards, infos = {}, {}, {}
        for subject in self.subjects:
            name = subject.name
            observations[name], rewards[name] = next(subject.rows), subject.reward()
            infos[name] = subject.known.copy()
        return observations, rewards, False, infos

    def _step_only(
        self, name: str, subject: ScalarSubject, stream: ScalarStream, action: int
    ) -> tuple[Observations, dict[str, float], bool, Infos]:
        """A step of a scenario of one stream."""
        now, trial = self.now, stream.trial
        stream.act(action, now)
        outcomes = self._resolve() if stream.ended or now >= self._ends_at else None
        if stream.answered is not None and self._keeps:
            self._note_responses([trial])
        seen = subject.observe(now)
        self._until = 0 if self.over else min(subject.until, self._ends_at)
        noted = (self._answers[0], self.session, stream.trial, stream.row.period) if self._keeps else None
        self._calm = name, stream, stream.row.uneventful, subject.rows, subject.known, noted
        info = subject.tell(now) if outcomes is None else subject.info(outcomes, [trial], now)
        return {name: seen}, {name: stream.reward}, self.over, {name: info}

    def _conclude(self) -> tuple[Observations, dict[str, float], bool, Infos]:
        """The rest of a step after acting: resolve, start, observe, and know until when nothing happens by itself."""
        now, trials = self.now, [stream.trial for stream in self.streams]
        stirred = [stream for stream in self.streams if stream.ended or stream.left_period >= 0]
        outcomes = self._resolve() if stirred or now >= self._wake_at else None
        if self._keeps:
            self._note_responses(trials)
        if self._attends:
            for subject in self.subjects:
                subject.observe_partners()
        observations, rewards, infos, until = {}, {}, {}, self._wake_at
        for subject in self.subjects:
            name = subject.name
            observations[name], rewards[name] = subject.observe(now), subject.reward()
            infos[name] = subject.tell(now) if outcomes is None else subject.info(outcomes, trials, now)
            if subject.until < until:
                until = subject.until
        self._until = 0 if self.over else until
        return observations, rewards, self.over, infos

    def _resolve(self) -> list[int]:
        outcomes = [0] * len(self.streams)
        finished = [group for group in self.groups if group.resolve(self.now)]
        for group in finished:
            self._record(group, outcomes)
        self.over = self._session_over(self.groups[0] in finished)
        if self.over:
            for group in self.groups:
                if group not in finished:
                    group.cancel(self.now)
                    self._record(group, outcomes)
            for stream in self.streams:
                stream.rest(self.now)
            return outcomes
        for group in finished:
            group.start(self.now)
        self._wake_at = self._ends_at
        for group in self._timed:
            self._wake_at = min(self._wake_at, group.start_due(self.now))
        return outcomes

    def _session_over(self, finished: bool) -> bool:
        """Whether the session ends now: after its last trial, or in its last step, which breaks the trial off."""
        trials = self.layout.session_trials
        return bool(finished and trials and self.groups[0].trial + 1 >= trials) or self.now >= self._ends_at

    def _record(self, group: ScalarGroup, outcomes: list[int]) -> None:
        for index in group.spec.streams:
            if not group.takes_part[index]:
                continue
            stream = self.streams[index]
            stream.close()
            outcomes[index] = stream.outcome
            if self._keeps:
                rows, start = self._rows[index], self.session_start
                rows += _pack_trial(
                    self.session,
                    stream.trial,
                    stream.onset - start,
                    self.now - start,
                    stream.outcome,
                    stream.choice,
                    stream.slot,
                    stream.earned,
                    stream.clock_at - start,
                    stream.response,
                )
                values = self._conditions(index, group)
                if values:
                    self._values[index].append(values)
                if len(rows) >= _FULL * _TRIAL.itemsize or len(self._answers[index]) >= 4 * _FULL * _RESPONSE.itemsize:
                    self._flush()

    def _conditions(self, index: int, group: ScalarGroup) -> Sequence[Any]:
        """What its slot does not say of a stream's present trial: its conditions, in the order of the trial table."""
        stream = self.streams[index]
        own = stream.condition_row() if stream.keeps_values else ()
        shared = self._log.streams[index].conditions[len(stream.tables.recorded) :]
        answer = (stream.tables.answer[stream.slot],) if stream.tables.lazy else ()
        if not shared:
            return (*answer, *own) if answer else own
        known = {MESSAGE: answer_message(stream)} | group.values()
        return [*answer, *own, *(known[name] for name in shared)]

    def _note_responses(self, trials: list[int]) -> None:
        """Note what was done in this step, where it was anything but holding."""
        for index, stream in enumerate(self.streams):
            if stream.answered is not None:
                time = self.now - self.session_start
                self._answers[index] += _pack_response(
                    self.session, trials[index], *stream.answered, time, stream.reward
                )

    def _flush(self) -> None:
        """Hand the trials and responses noted so far to the log, as arrays."""
        for index, answers in enumerate(self._answers):
            if answers:
                fields = _columns(answers, _RESPONSE)
                self._log.add_responses(index, lane=np.full(len(fields["trial"]), self.lane), **fields)
                answers.clear()
        for index, rows in enumerate(self._rows):
            if rows:
                fields, conditions = _columns(rows, _TRIAL), self._flushed_conditions(index)
                slot = fields.pop("slot")
                grid = self.streams[index].tables.grid if not self.streams[index].keeps_values else {}
                conditions = {name: column.take(slot) for name, column in grid.items()} | conditions
                answer = conditions.pop(ANSWER, None)
                if answer is None:
                    answer = self.streams[index].tables.answer.take(slot)
                lane = np.full(len(slot), self.lane)
                self._log.add(index, lane=lane, ground_truth=answer, conditions=conditions, **fields)
                rows.clear()

    def _flushed_conditions(self, index: int) -> dict[str, NDArray[Any]]:
        """The conditions noted so far that do not follow from a slot, as columns."""
        values, stream = self._values[index], self.streams[index]
        if not values:
            return {}
        names = self._log.streams[index].conditions
        names = names if stream.keeps_values else names[len(stream.tables.recorded) :]
        if stream.tables.lazy:
            names = (ANSWER, *names)
        columns = {name: np.array(column) for name, column in zip(names, zip(*values, strict=True), strict=True)}
        values.clear()
        return columns

    # ---- looking ----

    def truth(self) -> dict[str, Any]:
        """The actions that are right at this moment, by agent; -1: none defined."""
        return {subject.name: subject.truth(self.now) for subject in self.subjects}

    def trials(self) -> Trials:
        """The table of all trials that have ended so far."""
        self._flush()
        return self._log.table()

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes; see `set_state`."""
        self._flush()
        return {name: getattr(self, name) for name in _SAVED} | {
            "streams": [stream.state() for stream in self.streams],
            "groups": [group.state() for group in self.groups],
            "subjects": [subject.state() for subject in self.subjects],
            "log": self._log.state(),
        }

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a state from `state`.

        Raises:
            ArgumentError: It is of another scenario or version; nothing has changed.
        """
        check_saved(saved, self.state())
        for name in _SAVED:
            setattr(self, name, saved[name])
        self._look_ahead()
        parts: list[Any] = [*self.streams, *self.groups]
        for part, state in zip(parts, [*saved["streams"], *saved["groups"]], strict=True):
            part.set_state(state)
        for subject, state in zip(self.subjects, saved["subjects"], strict=True):
            subject.set_state(state)
        noted: list[Any] = [*self._rows, *self._answers, *self._values]
        for rows in noted:
            rows.clear()
        self._log.set_state(saved["log"])


def _columns(packed: bytearray, kind: np.dtype[Any]) -> dict[str, NDArray[Any]]:
    """The fields of packed rows, an array for each."""
    rows = np.frombuffer(bytes(packed), kind)
    return {name: rows[name].copy() for name in kind.names or ()}
