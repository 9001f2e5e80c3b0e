"""The scalar engine: one lane of a scenario in plain Python. It is the specification of what a scenario means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.layout import Layout
from neuroparallel.engine.scalar.group import ScalarGroup
from neuroparallel.engine.scalar.recorder import TrialRecorder
from neuroparallel.engine.scalar.stream import ScalarStream
from neuroparallel.engine.scalar.subject import ScalarSubject
from neuroparallel.engine.snapshot import check_saved
from neuroparallel.engine.spaces import Spaces
from neuroparallel.engine.tables import NEVER
from neuroparallel.errors import UsageError, whole_number
from neuroparallel.records import Trials
from neuroparallel.seeding import integer_bits

__all__ = ["Infos", "Observations", "ScalarEngine", "Step"]

_SAVED = ("now", "session_start", "session", "_seed_bits", "_lane_bits", "over", "_ready")

Action = Any  # an int, or a sequence of them where actions are factored; of a movement, float32 (axes,)
Infos = dict[str, dict[str, int]]
Observations = dict[str, NDArray[np.float32]]
Step = tuple[Observations, dict[str, float], bool, Infos]


class ScalarEngine(Spaces[ScalarSubject]):
    """Plays one lane of a scenario.

    `neuroparallel.engine.scalar.preview.PreviewEngine` plays the same trials faster.

    Args:
        layout: The compiled scenario.
        seed: Default seed of `reset`.
        lane: Number of the lane; lane i equals lane i of every batch.
        record: Number of the latest trials to keep for `trials`; 0 or False keeps none.
    """

    stream_class: ClassVar[type[ScalarStream]] = ScalarStream
    subject_class: ClassVar[type[ScalarSubject]] = ScalarSubject

    def __init__(self, layout: Layout, seed: int = 0, lane: int = 0, record: int | bool = True) -> None:
        self.layout, self.lane, self.dt = layout, whole_number(lane, "lane"), layout.dt
        self._default_seed = seed
        self.streams = [self.stream_class(*pair) for pair in zip(layout.streams, layout.tables_for(1), strict=True)]
        self.groups = [ScalarGroup(spec, self.streams, layout.dt) for spec in layout.groups]
        self.subjects = [self.subject_class(spec, self.streams, layout.groups) for spec in layout.subjects]
        self._connect_partners()
        self.possible_agents = [spec.name for spec in layout.subjects]
        self.now = self.session_start = 0
        self._ends_at = NEVER  # the step that ends the session, if it is counted in steps
        self.session, self._seed_bits, self._lane_bits = -1, 0, 0
        self.over, self._ready = False, False
        self.recorder = TrialRecorder(layout, self.streams, self.lane, record)

    def _connect_partners(self) -> None:
        """Connect the group that resolves a partner's trial to those who are shown its choice or reward."""
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
            room: Number of zeros behind each observation of an agent in this session.

        Returns:
            observations: float32, (channels,), by agent.
            infos: Whole numbers by agent and key, as of `neuroparallel.engine.batch.infos.Infos`.
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
        return observations, {subject.name: subject.present_info(self.now) for subject in self.subjects}

    def _begin(self) -> None:
        """Begin the next session in this step."""
        self.session += 1
        self.session_start, self.over = self.now, False
        self._set_session()
        for stream in self.streams:
            stream.begin(self._seed_bits, self._lane_bits, self.session, self.now)
        for subject in self.subjects:
            subject.forget()
        for group in self.groups:
            group.begin(self._seed_bits, self._lane_bits, self.session, self.now)

    def _set_session(self) -> None:
        """Set what follows from the session's number and first step."""
        steps = self.layout.session_steps
        self._ends_at = self.session_start + steps if steps else NEVER
        self.recorder.begin(self.session, self.session_start)

    def step(self, actions: Mapping[str, Action]) -> Step:
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
        self._check_running()
        self.now += 1
        trials = [stream.trial for stream in self.streams]
        self._act(actions)
        outcomes, finished = self._resolve()
        self._start(finished)
        return self._observe(outcomes, trials)

    def _check_running(self) -> None:
        if not self._ready or self.over:
            raise UsageError("step was called before reset, or after the session had ended; call reset first.")

    def _act(self, actions: Mapping[str, Action]) -> None:
        """Let every stream read its action against the present state."""
        for subject in self.subjects:
            subject.act(actions[subject.name], self.now)

    def _resolve(self) -> tuple[list[int], list[ScalarGroup]]:
        """Let groups pay and record the trials that ended, and end the session.

        Returns:
            outcomes: Outcome code of each stream's trial if it ended in this step, else 0.
            finished: Groups whose trials ended.
        """
        outcomes = [0] * len(self.streams)
        finished = [group for group in self.groups if group.resolve(self.now)]
        for group in finished:
            self._record(group, outcomes)
        self.over = self._session_over(self.groups[0] in finished)
        if self.over:
            self._end_session(finished, outcomes)
        if self.recorder.keeps:
            self.recorder.note_responses(self.now)
        return outcomes, finished

    def _session_over(self, finished: bool) -> bool:
        """Whether the session ends now: after its last trial, or in its last step, which breaks the trial off."""
        trials = self.layout.session_trials
        return bool(finished and trials and self.groups[0].trial + 1 >= trials) or self.now >= self._ends_at

    def _end_session(self, finished: Sequence[ScalarGroup], outcomes: list[int]) -> None:
        for group in self.groups:
            if group not in finished:
                group.cancel(self.now)
                self._record(group, outcomes)
        for stream in self.streams:
            stream.rest(self.now)

    def _record(self, group: ScalarGroup, outcomes: list[int]) -> None:
        for index, outcome in self.recorder.note_trials(group, self.now):
            outcomes[index] = outcome

    def _start(self, finished: Sequence[ScalarGroup]) -> None:
        """Start the next trials of groups that have finished, and the streams whose onset has come."""
        if self.over:
            return
        for group in finished:
            group.start(self.now)
        for group in self.groups:
            group.start_due(self.now)

    def _observe(self, outcomes: list[int], trials: list[int]) -> Step:
        """Return what the subjects observe, their rewards, whether the session is over, and their infos."""
        for subject in self.subjects:
            subject.observe_partners()
        observations, rewards, infos = {}, {}, {}
        for subject in self.subjects:
            observations[subject.name] = subject.observe(self.now)
            rewards[subject.name] = subject.reward()
            infos[subject.name] = subject.info(outcomes, trials, self.now)
        return observations, rewards, self.over, infos

    # ---- looking ----

    def truth(self) -> dict[str, Any]:
        """Return the actions that are right at this moment, by agent; -1: none defined."""
        return {subject.name: subject.truth(self.now) for subject in self.subjects}

    def trials(self) -> Trials:
        """Return the table of all trials that have ended so far."""
        return self.recorder.log.table()

    def state(self) -> dict[str, Any]:
        """Return a copy of everything that changes; see `set_state`."""
        return {name: getattr(self, name) for name in _SAVED} | {
            "streams": [stream.state() for stream in self.streams],
            "groups": [group.state() for group in self.groups],
            "subjects": [subject.state() for subject in self.subjects],
            "log": self.recorder.log.state(),
        }

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a state from `state`.

        Raises:
            ArgumentError: It is of another scenario or version; nothing has changed.
        """
        check_saved(saved, self.state())
        for name in _SAVED:
            setattr(self, name, saved[name])
        self._set_session()
        parts: list[Any] = [*self.streams, *self.groups]
        for part, state in zip(parts, [*saved["streams"], *saved["groups"]], strict=True):
            part.set_state(state)
        for subject, state in zip(self.subjects, saved["subjects"], strict=True):
            subject.set_state(state)
        self.recorder.forget_waiting()
        self.recorder.log.set_state(saved["log"])
