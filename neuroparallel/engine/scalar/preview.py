"""The scalar engine made fast by lookahead: the same trials, observations, rewards and records.

Most steps of a trial only pass time. So the observations of the coming steps are written ahead, up to the step in which
something happens by itself, and a step in which no action has an effect hands out the next one. `ScalarEngine` is the
engine without lookahead; a test plays every scenario with both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.layout import GroupSpec, Layout, StreamSpec, SubjectSpec
from neuroparallel.engine.scalar.engine import Action, ScalarEngine, Step
from neuroparallel.engine.scalar.group import ScalarGroup
from neuroparallel.engine.scalar.recorder import pack_response
from neuroparallel.engine.scalar.stream import ScalarStream
from neuroparallel.engine.scalar.subject import ScalarSubject
from neuroparallel.engine.table_lists import Row
from neuroparallel.engine.tables import NEVER, Tables
from neuroparallel.task.trial import DRAWN

__all__ = ["PreviewEngine"]

LOOKAHEAD = 256  # steps that are written ahead at most


class PreviewStream(ScalarStream):
    """A stream that shows its coming steps."""

    def __init__(self, spec: StreamSpec, tables: Tables) -> None:
        super().__init__(spec, tables)
        cue = tables.channels["fixation"].start if "fixation" in tables.channels else -1
        # Whether the observation of every step has to be made in that step.
        self._one_by_one = self._observes or bool(tables.summed) or cue in tables.drifting
        self.previewed = 0  # up to this step, observations are written

    def begin(self, seed: int, lane: int, session: int, now: int) -> None:
        super().begin(seed, lane, session, now)
        self.previewed = now

    def _event(self, now: int, target: int, outcome: int, chosen: int, priced: bool) -> None:
        previewed = self.previewed
        expected = now == self.end and target == self.row.events[self.tables.actions][0]
        super()._event(now, target, outcome, chosen, priced)
        if expected:  # what follows has been written already
            self.previewed = previewed

    def _move(self, number: int, now: int) -> None:
        super()._move(number, now)
        self.previewed = now

    def add_noise(self, means: NDArray[np.float32], now: int) -> NDArray[np.float32]:
        seen = super().add_noise(means, now)
        self.previewed = now + len(seen)
        return seen

    def steady(self, now: int) -> int:
        """Return the step up to which means and truth stay the same if nothing is done."""
        return now + 1 if self.changing or self._one_by_one or self.row.truth_after else self.end

    def preview(self, most: int, now: int) -> NDArray[np.float32]:
        """Return what is observed from now on while nothing is done, as far as it is known.

        Args:
            most: Number of steps at most.
            now: The present step.

        Returns:
            float32, (steps, channels).
        """
        row = self.row
        if (self._one_by_one or row.truth_after) and not row.idle:
            means = self._changed(1, now)
        elif self.changing:
            means = self._changed(min(most, self.end - now), now)
        elif 0 <= row.steps <= LOOKAHEAD and not self.tables.lazy:
            begun = row.steps - (self.end - now)
            means = self._course(row)[begun : begun + most]
        else:
            means = row.means(min(most, self.end - now))
        return self.add_noise(means, now)

    def _course(self, row: Row) -> NDArray[np.float32]:
        """Return what is shown from the beginning of a row on while nothing is done, float32 (steps, channels).

        It goes on through the periods that follow, up to the end of the trial or to one whose duration is drawn.
        """
        if row.course is None:
            course, steps, at = [], 0, row
            while at.steps != DRAWN and steps < LOOKAHEAD:
                course.append(np.tile(at.mean, (min(at.steps, LOOKAHEAD), 1)))
                steps += at.steps
                after = at.events[self.tables.actions][0]
                if after < 0:
                    break
                at = self.lists.rows[after]
            row.course = np.concatenate(course)
        return row.course

    def set_state(self, saved: dict[str, Any]) -> None:
        super().set_state(saved)
        self.previewed = 0


class PreviewSubject(ScalarSubject):
    """A subject whose coming observations are written ahead, into an array called the canvas."""

    def __init__(self, spec: SubjectSpec, streams: list[ScalarStream], groups: Sequence[GroupSpec]) -> None:
        super().__init__(spec, streams, groups)
        # Whether every step has to be observed by itself, because partners act or speak or responses lock.
        self._attends = bool(spec.lock or spec.message or any(view.live for view in spec.partner_views))
        # Whether it does, observes and earns what its only stream does, and nothing else.
        moves = any(stream.moving for stream in self.streams)
        self.plain = self._pays_as_is and not (moves or self._attends or spec.partner_views or spec.cues)
        self.upcoming: Iterator[NDArray[np.float32]] = iter(
            ()
        )  # the coming observations, written up to the step `until`
        self._parts_of_canvas: list[Any] = []  # by stream, if each has a part of its own

    def forget(self) -> None:
        super().forget()
        self._first, self.until = -LOOKAHEAD, 0  # when the first observation of the canvas is due

    def observe(self, now: int) -> NDArray[np.float32]:
        at = now - self._first
        if not 0 < at < LOOKAHEAD:
            self._take_canvas(now)
            at = 0
        until = now + 1 if self._attends else NEVER
        if self._shared:
            until = min(until, self._preview_shared(at, now))
        else:
            for stream, part, besides in self._parts_of_canvas:
                if stream.previewed <= now:
                    seen = stream.preview(LOOKAHEAD - at, now)
                    part[at : at + len(seen)] = seen if besides is None else seen[:, besides]
                due = min(stream.previewed, stream.end)
                if due < until:
                    until = due
        self.until = until
        if self._others:
            self._paint_others(self._canvas[at : at + until - now], now)
        return next(self.upcoming)

    def _take_canvas(self, now: int) -> None:
        """Allocate the observations from now on, all zeros."""
        shape = (LOOKAHEAD, len(self.columns.names) + self.room)
        self._canvas, self._first = np.zeros(shape, np.float32), now
        self.upcoming = iter(self._canvas)
        spans = [self._canvas[:, start:stop] for start, stop in self.columns.spans]
        self._parts_of_canvas = list(zip(self.streams, spans, self._besides, strict=True))
        for stream in cast(list[PreviewStream], self.streams):
            stream.previewed = now

    def _preview_shared(self, at: int, now: int) -> int:
        """Write the coming observations of streams that share their channels; returns up to which step."""
        streams = cast(list[PreviewStream], self.streams)
        until = min([now + LOOKAHEAD - at, *[stream.steady(now) for stream in streams]])
        seen = streams[0].add_noise(np.tile(self._shared_mean(now), (until - now, 1)), now)
        self._canvas[at : at + until - now, self.columns.shared] = seen
        return until


class PreviewEngine(ScalarEngine):
    """Plays one lane of a scenario as `ScalarEngine` does, with lookahead."""

    stream_class = PreviewStream
    subject_class = PreviewSubject

    def __init__(self, layout: Layout, seed: int = 0, lane: int = 0, record: int | bool = True) -> None:
        super().__init__(layout, seed, lane, record)
        self._previews = cast(list[PreviewSubject], self.subjects)
        first, alone = self._previews[0], all(group.alone is not None for group in self.groups)
        lone = len(self.subjects) == 1 and first.plain and alone
        self._only = (first.name, first, self.streams[0]) if lone else None  # one subject with one stream
        self._timed = [group for group in self.groups if group.alone is None]
        self._nothing_ended = [0] * len(self.streams)
        self._due_at = 0  # when a group starts a stream or ends a trial; 0 if that is not known
        self._until = 0  # up to this step nothing happens by itself
        # Of the one stream, in such steps: agent, stream, rewards by action, observations, info, where to record.
        self._uneventful: tuple[str, ScalarStream, list[float | None], Any, dict[str, int], Any] | None = None

    def _set_session(self) -> None:
        super()._set_session()
        self._due_at = self._until = 0

    def step(self, actions: Mapping[str, Action]) -> Step:
        now = self.now + 1
        if self._uneventful is not None and now < self._until:
            name, stream, rewards, upcoming, known, record = self._uneventful
            action = actions[name]
            reward = rewards[action]
            if reward is not None:  # nothing happens but time passing: most steps, so it is kept short
                self.now = now
                stream.earned += reward
                if action and record is not None:
                    responses, session, trial, period = record
                    responses += pack_response(session, trial, period, action, now - self.session_start, reward)
                return {name: next(upcoming)}, {name: reward}, False, {name: known.copy()}
        self._check_running()
        self.now = now
        if self._only is not None:
            return self._step_only(*self._only, actions[self._only[0]])
        uneventful = now < self._until
        for subject in self.subjects:
            if subject.act(actions[subject.name], now):
                uneventful = False
        return self._pass_time() if uneventful else self._conclude()

    def _pass_time(self) -> Step:
        """Return the results of a step in which nothing happened but time passing."""
        if self.recorder.keeps:
            self.recorder.note_responses(self.now)
        observations, rewards, infos = {}, {}, {}
        for subject in self._previews:
            name = subject.name
            observations[name], rewards[name] = next(subject.upcoming), subject.reward()
            infos[name] = subject.known.copy()
        return observations, rewards, False, infos

    def _conclude(self) -> Step:
        """Finish a step after acting: resolve, start, observe, and find out until when nothing happens by itself."""
        trials = [stream.trial for stream in self.streams]
        concerned = [stream for stream in self.streams if stream.ended or stream.left_period >= 0]
        if concerned or self.now >= self._due_at:
            outcomes, finished = self._resolve()
            self._start(finished)
        else:  # no group has anything to do
            outcomes = self._nothing_ended
            if self.recorder.keeps:
                self.recorder.note_responses(self.now)
        result = self._observe(outcomes, trials)
        self._until = 0 if self.over else min(self._due_at, *[subject.until for subject in self._previews])
        return result

    def _start(self, finished: Sequence[ScalarGroup]) -> None:
        super()._start(finished)
        self._due_at = self._ends_at
        for group in self._timed:
            self._due_at = min(self._due_at, group.next_due())

    def _step_only(self, name: str, subject: PreviewSubject, stream: ScalarStream, action: int) -> Step:
        """Return the results of a step of a scenario of one stream."""
        now, trials = self.now, [stream.trial]
        stream.act(action, now)
        outcomes = None
        if stream.ended or now >= self._ends_at:
            outcomes, finished = self._resolve()
            self._start(finished)
        elif stream.answered is not None and self.recorder.keeps:
            self.recorder.note_responses(now)
        seen = subject.observe(now)
        self._until = 0 if self.over else min(subject.until, self._ends_at)
        keeps = self.recorder.keeps
        record = (self.recorder.responses[0], self.session, stream.trial, stream.row.period) if keeps else None
        self._uneventful = name, stream, stream.row.uneventful, subject.upcoming, subject.known, record
        info = subject.present_info(now) if outcomes is None else subject.info(outcomes, trials, now)
        return {name: seen}, {name: stream.reward}, self.over, {name: info}
