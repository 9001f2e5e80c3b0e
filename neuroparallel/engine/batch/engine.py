"""The batch engine: every lane of a scenario at once, arrays in and arrays out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch.group import BatchGroup
from neuroparallel.engine.batch.infos import Infos
from neuroparallel.engine.batch.recorder import TrialRecorder
from neuroparallel.engine.batch.state_arrays import NO_LANES
from neuroparallel.engine.batch.stream import assembled
from neuroparallel.engine.batch.subject import BatchSubject
from neuroparallel.engine.layout import Layout
from neuroparallel.engine.noise import refill
from neuroparallel.engine.snapshot import check_saved
from neuroparallel.engine.spaces import Spaces
from neuroparallel.engine.trial_lengths import group_steps, memory_steps
from neuroparallel.errors import ArgumentError, UsageError, whole_number
from neuroparallel.records import TrialLog, Trials
from neuroparallel.seeding import integer_bits

__all__ = ["BatchEngine"]

MOST_LANES = 2**24  # more would need tens of gigabytes

Arrays = dict[str, NDArray[Any]]
Step = tuple[Arrays, Arrays, Arrays, Arrays, "dict[str, Infos]"]


class BatchEngine(Spaces[BatchSubject]):
    """Plays many independent lanes of a scenario, one NumPy operation for all of them.

    Lane i equals the scalar engine's lane i bit for bit, whatever the number of lanes. A lane whose session
    ended ignores its next action and shows the first observation of its next session.

    Args:
        layout: The compiled scenario.
        lanes: How many lanes.
        seed: Default seed of `reset`.
        record: How many of the latest trials to keep for `trials`; 0 or False keeps none.
        first_lane: Number of the first lane, where they are not to begin with 0.
    """

    def __init__(
        self, layout: Layout, lanes: int, seed: int = 0, record: int | bool = 1_000_000, first_lane: int = 0
    ) -> None:
        self.layout, self.lanes, self.dt = layout, whole_number(lanes, "lanes", 1, MOST_LANES), layout.dt
        self.scenario: Any = None
        self.np_random_seed: int | Sequence[int] = seed  # in use; a sequence has one per lane
        self._default_seed, self.first_lane = seed, whole_number(first_lane, "lane")
        self.maker: Callable[[Any], BatchEngine] | None = None  # of the same engine over another scenario
        self.ensemble, self.streams = assembled(layout.streams, layout.tables_for(self.lanes), self.lanes)
        self.groups = [BatchGroup(spec, self.streams, self.ensemble, self.dt) for spec in layout.groups]
        self.subjects = [BatchSubject(spec, self.streams, self.groups, self.lanes) for spec in layout.subjects]
        by_subject = [index for subject in layout.subjects for index in subject.streams]
        self._order = [by_subject.index(place) for place in self.ensemble.order]
        self._connect_partners()
        self._speakers = [subject for subject in self.subjects if subject.spec.message is not None]
        self._noisy = [stream for subject in self.subjects for stream in subject.noisy]
        self.possible_agents = [spec.name for spec in layout.subjects]
        self.stream_names = [spec.name for spec in layout.streams]
        self.now = 0
        self.sessions = np.full(self.lanes, -1, np.int64)
        self.session_start = np.zeros(self.lanes, np.int64)
        self.over = np.zeros(self.lanes, bool)
        self.seeds = np.zeros(self.lanes, np.uint64)
        self.lane_ids = np.arange(self.lanes, dtype=np.uint64)
        self._last: Arrays = {}
        self._any_over = False
        self._limited = bool(layout.session_trials or layout.session_steps)
        self._ready = False
        self.recorder = TrialRecorder(layout, self.streams, self.sessions, self.session_start, record)

    def _connect_partners(self) -> None:
        """Connect the group that resolves a partner's trial to those who are shown its choice or reward."""
        for subject in self.subjects:
            subject.connect(self.subjects)
            for view, seen in zip(subject.spec.partner_views, subject.seen, strict=True):
                for group in self.groups:
                    if view.stream in group.spec.streams and not view.live:
                        group.observers.append((view.kind, seen, self.streams[view.stream]))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore from a pickle or a copy."""
        self.__dict__.update(state)
        for stream in self.streams:
            stream.bind()

    def __repr__(self) -> str:
        """Return the name of the scenario and the number of lanes."""
        played = self.scenario.title if self.scenario is not None else ", ".join(self.stream_names)
        return f"{type(self).__name__}({played}, lanes={self.lanes})"

    @property
    def unwrapped(self) -> BatchEngine:
        """The engine itself, as other environments have it."""
        return self

    @property
    def log(self) -> TrialLog:
        """The collector of ended trials."""
        return self.recorder.log

    @property
    def begun(self) -> bool:
        """Whether a session was ever started."""
        return self._ready

    def remake(self, scenario: Any) -> BatchEngine:
        """A new engine with the same options over another scenario."""
        if self.maker is None:
            raise UsageError(
                "this engine was made by hand, from a layout; neuroparallel.batch makes one from a scenario."
            )
        return self.maker(scenario)

    # ---- running --------------------------------------------------------------------------------------------

    def reset(self, seed: int | Sequence[int] | None = None) -> tuple[Arrays, dict[str, Infos]]:
        """Start a new session in every lane.

        Args:
            seed: A whole number: first session of that seed, lane i is lane i. A list, one per lane: lane i is
                lane 0 of the i-th seed. None: the next session of the present seed.

        Returns:
            observations: float32, (lanes, channels), by agent.
            infos: By agent, see `Infos`.
        """
        if seed is not None or not self._ready:
            self._seed(self._default_seed if seed is None else seed)
        self._ready = True
        self._begin(np.arange(self.lanes))
        outcomes = np.zeros((len(self.streams), self.lanes), np.uint8)
        return self._observe(), self._infos(outcomes, [stream.trial for stream in self.streams])

    def _seed(self, seed: int | Sequence[int]) -> None:
        self.np_random_seed = seed
        if isinstance(seed, (list, tuple, np.ndarray)):
            if len(seed) != self.lanes:
                raise ArgumentError(f"{len(seed)} seeds were given for {self.lanes} lanes; give one per lane.")
            self.seeds = np.array([integer_bits(s) for s in seed], np.uint64)
            self.lane_ids = np.zeros(self.lanes, np.uint64)
        else:
            self.seeds = np.full(self.lanes, integer_bits(seed), np.uint64)  # type: ignore[arg-type]
            self.lane_ids = np.arange(self.lanes, dtype=np.uint64) + np.uint64(self.first_lane)
        self.sessions[:] = -1

    def _begin(self, lanes: NDArray[np.int64]) -> None:
        """Begin the next session of some lanes, at this moment."""
        self.sessions[lanes] += 1
        self.session_start[lanes] = self.now
        self.over[lanes] = False
        self._any_over = bool(self.over.any())
        self.recorder.forget_sessions()
        keys = (self.seeds[lanes], self.lane_ids[lanes], self.sessions[lanes].astype(np.uint64))
        for stream in self.streams:
            stream.begin(lanes, *keys)
        for subject in self.subjects:
            subject.forget(lanes)
        for group in self.groups:
            group.begin(lanes, *keys, self.now)
        self.ensemble.start(self.now)

    def restart(self, mask: NDArray[np.bool_]) -> Arrays:
        """Begin the next session of some lanes at once, instead of on their next step.

        Args:
            mask: bool, (lanes,).

        Returns:
            Observations of all lanes, by agent: first ones where the mask is True, repeated ones elsewhere.
        """
        mask = np.asarray(mask)
        if mask.shape != (self.lanes,) or mask.dtype != np.bool_:
            raise ArgumentError(f"restart takes a bool array of shape ({self.lanes},); got {mask.dtype} {mask.shape}.")
        before = self._last
        lanes = mask.nonzero()[0]
        if not lanes.size:
            return _copies(before)
        seen = [stream.noise_state() for stream in self.streams]
        self._begin(lanes)
        fresh = self._observe()
        for stream, past in zip(self.streams, seen, strict=True):
            stream.restore_noise_state(~mask, *past)
        result = {agent: np.where(mask[:, None], fresh[agent], before[agent]) for agent in fresh}
        self._last = _copies(result)
        return result

    def infos(self) -> dict[str, Infos]:
        """Return the infos of the present moment as `reset` would, by agent: no trial has just ended."""
        outcomes = np.zeros((len(self.streams), self.lanes), np.uint8)
        return self._infos(outcomes, [stream.trial.copy() for stream in self.streams])

    def step(self, actions: Mapping[str, Any]) -> Step:
        """Advance every lane by one time step.

        Args:
            actions: Integers by agent: (lanes,), or (lanes, streams) where actions are factored. Of a movement,
                floats (lanes, axes); of several streams with a movement among them, a dict of these by stream.

        Returns:
            observations: float32, (lanes, channels).
            rewards: float64, (lanes,).
            terminations: bool, (lanes,); always False, as sessions are cut, not finished.
            truncations: bool, (lanes,); True where the session ended, for all agents alike.
            infos: See `Infos`.

        Raises:
            ActionError: An action is missing, of a wrong kind or out of range; nothing has changed.
            UsageError: `reset` was not called.
        """
        if not self._ready:
            raise UsageError("step was called before reset; call reset first.")
        chosen = [subject.read(actions) for subject in self.subjects]
        self.now += 1
        was_over = self.over.nonzero()[0] if self._any_over else NO_LANES
        self._act(chosen)
        trials = [stream.trial for stream in self.streams]
        outcomes, truncated = self._resolve()
        if self.recorder.keeps:
            self.recorder.note_responses(trials, self.now)
        if was_over.size:
            self.ensemble.start(self.now)  # a stream is started once at a time
            self._begin(was_over)
            trials = [  # that step was a reset: its infos are those of one
                np.where(self.now == self.session_start, stream.trial, before)
                for stream, before in zip(self.streams, trials, strict=True)
            ]
        for group in self.groups:
            group.start_due(self.now)
        self.ensemble.start(self.now)
        for subject in self.subjects:
            subject.observe_partners()
        rewards = {subject.spec.name: subject.reward() for subject in self.subjects}
        terminations = {agent: np.zeros(self.lanes, bool) for agent in self.possible_agents}
        truncations = {agent: truncated.copy() for agent in self.possible_agents}
        return self._observe(), rewards, terminations, truncations, self._infos(outcomes, trials)

    def _act(self, chosen: list[Any]) -> None:
        """Let all streams read what the subjects do against their present state."""
        parts: list[NDArray[np.int64]] = []
        for subject, choice in zip(self.subjects, chosen, strict=True):
            parts += subject.act(choice, self.now)
        self.ensemble.act(parts[0] if len(parts) == 1 else np.concatenate([parts[i] for i in self._order]), self.now)
        for subject in self._speakers:
            subject.record_answer_messages()

    def _resolve(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Let groups pay and record what ended, end sessions, and start what comes next."""
        outcomes = np.zeros((len(self.streams), self.lanes), np.uint8)
        truncated = np.zeros(self.lanes, bool)
        finished = [group.resolve(self.now) for group in self.groups]
        for number, (group, lanes) in enumerate(zip(self.groups, finished, strict=True)):
            if lanes.size:
                self._record(group, lanes, outcomes)
                if number == 0 and self.layout.session_trials:
                    truncated[lanes] = group.trial[lanes] + 1 >= self.layout.session_trials
        if self.layout.session_steps:  # the last step breaks the trial off
            truncated |= (self.now - self.session_start >= self.layout.session_steps) & ~self.over
        if self._limited and truncated.any():
            self._end(truncated, finished, outcomes)
        for group, lanes in zip(self.groups, finished, strict=True):
            if lanes.size:
                going = lanes[~self.over[lanes]] if self._any_over else lanes
                group.start(going, self.now)
        return outcomes, truncated

    def _end(
        self,
        truncated: NDArray[np.bool_],
        finished: list[NDArray[np.int64]],
        outcomes: NDArray[np.uint8],
    ) -> None:
        self.over |= truncated
        self._any_over = True
        lanes = truncated.nonzero()[0]
        for group, done in zip(self.groups, finished, strict=True):
            running = np.setdiff1d(lanes, done, assume_unique=True)
            if running.size:
                group.cancel(running, self.now)
                self._record(group, running, outcomes)
        for stream in self.streams:
            stream.rest(lanes)

    def _record(self, group: BatchGroup, lanes: NDArray[np.int64], outcomes: NDArray[np.uint8]) -> None:
        for index, who, outcome in self.recorder.note_trials(group, lanes, self.now):
            outcomes[index, who] = outcome

    def _observe(self) -> Arrays:
        refill([(stream.noise, stream.phase, stream.stride) for stream in self._noisy])
        seen: Arrays = {subject.spec.name: subject.observe(self.now) for subject in self.subjects}
        self._last = _copies(seen)
        self.ensemble.tick()
        return seen

    def _infos(self, outcomes: NDArray[np.uint8], trials: list[NDArray[np.int64]]) -> dict[str, Infos]:
        return {subject.spec.name: Infos(subject, outcomes, trials, self.now) for subject in self.subjects}

    # ---- looking --------------------------------------------------------------------------------------------

    def truth(self) -> Arrays:
        """Return the actions that are right at this moment, by agent.

        They are int64, (lanes,) or (lanes, streams); -1 where none is defined. For a movement it is the event that is
        right, the number of the target: the way there is not included.
        """
        return {subject.spec.name: subject.truth(self.now) for subject in self.subjects}

    def trial_steps(self) -> int:
        """The longest possible trial in steps, over all groups."""
        tables = [stream.tables for stream in self.streams]
        onsets = [stream.spec.onset for stream in self.streams]
        return max(group_steps(group.spec, onsets, tables) for group in self.groups)

    def trial_numbers(self) -> Arrays:
        """Numbers of the trials that the present observation belongs to, by agent; int64, (groups, lanes), from 0.

        Streams of an agent that begin their trials together, in a group, share a row.
        """
        return {
            subject.spec.name: np.stack([group.trial for group in self.groups if _takes_part(subject, group)])
            for subject in self.subjects
        }

    def memory_steps(self) -> int:
        """Return how long something has to be remembered until the response, in steps; 0 if nothing has to."""
        return max(memory_steps(stream.tables) for stream in self.streams)

    def trials(self) -> Trials:
        """The table of all trials that have ended so far (the latest ones, if more than are kept)."""
        return self.log.table()

    def pop_tally(self) -> dict[str, NDArray[np.int64]]:
        """Trials by outcome code (7,) for each stream since the last call."""
        return self.recorder.pop_tally()

    def pop_reward(self) -> dict[str, float]:
        """Sum of rewards of each stream since the last call."""
        return self.recorder.pop_reward()

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes, as NumPy arrays and plain values; see `set_state`."""
        return {
            "now": self.now,
            "ready": self._ready,
            "sessions": self.sessions.copy(),
            "session_start": self.session_start.copy(),
            "over": self.over.copy(),
            "seeds": self.seeds.copy(),
            "lane_ids": self.lane_ids.copy(),
            "streams": [stream.state() for stream in self.streams],
            "groups": [group.state() for group in self.groups],
            "subjects": [subject.state() for subject in self.subjects],
            "last": _copies(self._last),
            "log": self.log.state(),
        }

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a state from `state`.

        Raises:
            ArgumentError: It is of another scenario, number of lanes or version; nothing has changed.
        """
        check_saved(saved, self.state())
        self.now, self._ready = saved["now"], saved["ready"]
        for name in ("sessions", "session_start", "over", "seeds", "lane_ids"):
            getattr(self, name)[:] = saved[name]
        self._any_over = bool(self.over.any())
        parts: list[Any] = [*self.streams, *self.groups, *self.subjects]
        for part, state in zip(parts, [*saved["streams"], *saved["groups"], *saved["subjects"]], strict=True):
            part.set_state(state)
        self._last = _copies(saved["last"])
        self.recorder.forget_waiting()
        self.log.set_state(saved["log"])


def _takes_part(subject: BatchSubject, group: BatchGroup) -> bool:
    return not set(subject.spec.streams).isdisjoint(group.spec.streams)


def _copies(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Copies in the same order of memory, so that nobody who writes into the ones changes the others."""
    return {agent: array.copy(order="K") for agent, array in arrays.items()}
