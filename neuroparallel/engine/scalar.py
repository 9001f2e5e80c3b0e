"""The scalar engine: one lane of a scenario in plain Python. What it does is what a scenario means."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch import info_keys, stream_info
from neuroparallel.engine.group import MIX, group_conditions, membership
from neuroparallel.engine.layout import GroupSpec, Layout, SubjectSpec
from neuroparallel.engine.scalar_stream import ScalarStream
from neuroparallel.engine.stream import NEVER
from neuroparallel.engine.subject import action_space, observation_space, subject_columns
from neuroparallel.engine.tables import Tables, merged_outcome
from neuroparallel.errors import ArgumentError, UsageError, whole_number
from neuroparallel.outcomes import Outcome
from neuroparallel.records import TrialLog, Trials
from neuroparallel.seeding import GAMMA_INT, integer_bits, lane_key, mix_int

__all__ = ["ScalarEngine"]

_FIELDS = (  # of the trial table, in the order in which they are noted
    *("session", "trial", "onset_step", "end_step", "outcome", "choice"),
    *("ground_truth", "reward", "response_steps"),
)

Action = Any  # an int, or a sequence of them where actions are factored; of a movement, float32 (axes,)
Infos = dict[str, dict[str, int]]
Observations = dict[str, NDArray[np.float32]]


class ScalarEngine:
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
        self.streams = [ScalarStream(spec, Tables(spec.task, layout.dt, 1)) for spec in layout.streams]
        self.groups = [ScalarGroup(spec, self.streams) for spec in layout.groups]
        self.subjects = [ScalarSubject(spec, self.streams) for spec in layout.subjects]
        for subject in self.subjects:
            for number, partner in enumerate(subject.spec.partners):
                for group in self.groups:
                    if partner.stream in group.spec.streams:
                        group.partners.append((subject, number, self.streams[partner.stream]))
        self.possible_agents = [spec.name for spec in layout.subjects]
        plain = all(s.single and not s.spec.partners and s.streams[0].spec.weight == 1.0 for s in self.subjects)
        self._moving = any(stream.moving for stream in self.streams)  # then no step is a short one
        plain = plain and not self._moving
        alone = all(group.alone is not None for group in self.groups)
        self._lone = [(s.spec.name, s.streams[0]) for s in self.subjects] if plain and alone else []
        self._only = self._lone[0] if len(self._lone) == 1 else None
        self._wake_at = -1  # when the next stream begins; until a full step has looked, there may be one any time
        self.now = self.session_start = 0
        self.session, self._seed_bits, self._lane_bits = -1, 0, 0
        self.over, self._ready = False, False
        self._rows: list[list[tuple[Any, ...]]] = [[] for _ in self.streams]
        self._answers: list[list[tuple[Any, ...]]] = [[] for _ in self.streams]
        self._keeps = 1_000_000 if record is True else int(record)
        self._log = TrialLog(
            [stream_info(layout, index, stream.tables) for index, stream in enumerate(self.streams)],
            layout.dt,
            capacity=max(1, self._keeps),
        )

    def _subject(self, agent: str) -> ScalarSubject:
        if agent not in self.possible_agents:
            raise ArgumentError(f"there is no agent {agent!r}; the agents are {', '.join(self.possible_agents)}.")
        return self.subjects[self.possible_agents.index(agent)]

    def observation_space(self, agent: str) -> gymnasium.spaces.Box:
        """The observations of an agent: Box, float32, (channels,), unbounded (noise is Gaussian)."""
        return self._subject(agent).observation_space

    def action_space(self, agent: str) -> gymnasium.spaces.Space[Any]:
        """The actions of an agent, as of `neuroparallel.engine.batch.BatchEngine.action_space`."""
        return self._subject(agent).action_space

    def channel_names(self, agent: str) -> tuple[str, ...]:
        """The name of every column of an agent's observation."""
        return self._subject(agent).columns.names

    # ---- running ----

    def reset(self, seed: int | None = None) -> tuple[Observations, Infos]:
        """Start a new session: the first of a seed, or the next one of the present seed if none is given.

        Returns:
            observations: float32, (channels,), by agent.
            infos: Whole numbers by agent and key, as of `neuroparallel.engine.batch.Infos`.
        """
        if seed is not None or not self._ready:
            self._seed_bits = integer_bits(self._default_seed if seed is None else seed)
            self._lane_bits = self.lane
            self.session = -1
        self._ready = True
        self._begin()
        return self._observe(), self._infos([0] * len(self.streams), [s.trial for s in self.streams])

    def _begin(self) -> None:
        self.session += 1
        self.session_start, self.over = self.now, False
        self._wake_at = -1  # the next step is a full one, which looks anew at what the short ones know
        for stream in self.streams:
            stream.begin(self._seed_bits, self._lane_bits, self.session)
        for subject in self.subjects:
            subject.seen = [0] * len(subject.spec.partners)
        for group in self.groups:
            group.begin(self._seed_bits, self._lane_bits, self.session, self.now)
            group.wake(self.now)

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
        if self._only is not None:
            name, stream = self._only
            at = stream.at
            if at < stream.count:
                reward = stream.calm[actions[name]]
                if reward is not None:  # nothing happens but time passing
                    stream.at = at + 1
                    stream.earned += reward
                    self.now += 1
                    return {name: stream.chunk[at]}, {name: reward}, False, {name: stream.info.copy()}
            if self._ready and not self.over:
                return self._step_only(name, stream, actions[name])
        elif self._all_calm(actions):
            return self._calm_step(actions)
        if not self._ready or self.over:
            raise UsageError("step was called before reset, or after the session had ended; call reset first.")
        self.now += 1
        for subject in self.subjects:
            subject.act(actions[subject.spec.name], self.now)
        return self._conclude()

    def _conclude(self) -> tuple[Observations, dict[str, float], bool, Infos]:
        """The rest of a step after acting: resolve, start, observe."""
        trials = [stream.trial for stream in self.streams]
        outcomes = self._resolve()
        if self._keeps:
            self._note_responses(trials)
        rewards = {subject.spec.name: subject.reward() for subject in self.subjects}
        self._wake_at = min((group.next_onset() for group in self.groups if group.delayed), default=NEVER)
        return self._observe(), rewards, self.over, self._infos(outcomes, trials)

    def _step_only(
        self, name: str, stream: ScalarStream, action: int
    ) -> tuple[Observations, dict[str, float], bool, Infos]:
        """A step of a scenario of one stream: short, as long as the trial goes on."""
        self.now = now = self.now + 1
        stream.act(action, now)
        if stream.ended:
            return self._conclude()
        if stream.answered is not None and self._keeps:
            self._note_responses([stream.trial])
        stream.at_time(now)
        observation, info = stream.observe(), stream.info.copy()
        if stream.lists.late[stream.row]:
            info["ground_truth"] = stream.truth(now)
        return {name: observation}, {name: stream.reward}, False, {name: info}

    def _all_calm(self, actions: Mapping[str, Action]) -> bool:
        """Whether nothing will happen in this step but time passing."""
        if self.over or not self._ready or self._moving or self._wake_at <= self.now + 1:
            return False
        return all(subject.calm(actions[subject.spec.name]) for subject in self.subjects)

    def _calm_step(self, actions: Mapping[str, Action]) -> tuple[Observations, dict[str, float], bool, Infos]:
        """A step in which nothing happens but time passing: most of them, so it is kept short."""
        self.now += 1
        observations, rewards, infos = {}, {}, {}
        for subject in self.subjects:
            name = subject.spec.name
            rewards[name] = subject.collect(actions[name])
            observations[name], infos[name] = subject.glance(self.now)
        return observations, rewards, False, infos

    def _resolve(self) -> list[int]:
        outcomes = [0] * len(self.streams)
        finished = [group.resolve(self.now) for group in self.groups]
        for group, done in zip(self.groups, finished, strict=True):
            if done:
                self._record(group, outcomes)
        if finished[0]:
            self.over = self._session_over()
        if self.over:
            for group, done in zip(self.groups, finished, strict=True):
                if not done:
                    group.cancel(self.now)
                    self._record(group, outcomes)
            for stream in self.streams:
                stream.rest()
        else:
            for group, done in zip(self.groups, finished, strict=True):
                if done:
                    group.start(self.now)
                group.wake(self.now)
        return outcomes

    def _session_over(self) -> bool:
        trials, steps = self.layout.session_trials, self.layout.session_steps
        return bool(trials and self.groups[0].trial + 1 >= trials) or bool(
            steps and self.now - self.session_start >= steps
        )

    def _record(self, group: ScalarGroup, outcomes: list[int]) -> None:
        for index in group.spec.streams:
            if not group.takes_part[index]:
                continue
            stream = self.streams[index]
            stream.close()
            outcomes[index] = stream.outcome
            if self._keeps:
                conditions = [*stream.values().values(), *group.values()]
                self._rows[index].append(
                    (
                        self.session,
                        stream.trial,
                        stream.onset - self.session_start,
                        self.now - self.session_start,
                        stream.outcome,
                        stream.choice,
                        stream.lists.answer[stream.slot],
                        stream.earned,
                        stream.response,
                        *(value[0] for value in conditions),
                    )
                )
                if len(self._rows[index]) >= 4096:
                    self._flush()

    def _note_responses(self, trials: list[int]) -> None:
        """Note the actions of this step that changed the course of a trial."""
        for index, stream in enumerate(self.streams):
            if stream.answered is not None:
                time = self.now - self.session_start
                self._answers[index].append((self.session, trials[index], *stream.answered, time, stream.reward))

    def _flush(self) -> None:
        """Hand the trials and responses noted so far to the log, as arrays."""
        for index, rows in enumerate(self._answers):
            if rows:
                keys = ("session", "trial", "period", "action", "step", "reward")
                fields = dict(zip(keys, map(np.array, zip(*rows, strict=True)), strict=True))
                self._log.add_responses(index, lane=np.full(len(rows), self.lane), **fields)
                rows.clear()
        for index, rows in enumerate(self._rows):
            if rows:
                columns = [np.array(column) for column in zip(*rows, strict=True)]
                conditions = dict(zip(self._log.streams[index].conditions, columns[len(_FIELDS) :], strict=True))
                fields = dict(zip(_FIELDS, columns, strict=False))
                self._log.add(index, lane=np.full(len(rows), self.lane), conditions=conditions, **fields)
                rows.clear()

    def _observe(self) -> Observations:
        return {subject.spec.name: subject.observe(self.now) for subject in self.subjects}

    def _infos(self, outcomes: list[int], trials: list[int]) -> Infos:
        return {subject.spec.name: subject.info(outcomes, trials, self.now) for subject in self.subjects}

    # ---- looking ----

    def truth(self) -> dict[str, Any]:
        """The actions that are right at this moment, by agent; -1: none defined."""
        return {subject.spec.name: subject.truth(self.now) for subject in self.subjects}

    def trials(self) -> Trials:
        """The table of all trials that have ended so far."""
        self._flush()
        return self._log.table()

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes; see `set_state`."""
        self._flush()
        names = ("now", "session_start", "session", "_seed_bits", "_lane_bits", "over", "_ready")
        return {name: getattr(self, name) for name in names} | {
            "streams": [stream.state() for stream in self.streams],
            "groups": [group.state() for group in self.groups],
            "seen": [list(subject.seen) for subject in self.subjects],
            "log": self._log.state(),
        }

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a state from `state`, taken of an engine of the same scenario."""
        for name in (
            "now",
            "session_start",
            "session",
            "_seed_bits",
            "_lane_bits",
            "over",
            "_ready",
        ):
            setattr(self, name, saved[name])
        self._wake_at = -1
        parts: list[Any] = [*self.streams, *self.groups]
        for part, state in zip(parts, [*saved["streams"], *saved["groups"]], strict=True):
            part.set_state(state)
        for subject, seen in zip(self.subjects, saved["seen"], strict=True):
            subject.seen = list(seen)
        for rows in [*self._rows, *self._answers]:
            rows.clear()
        self._log.set_state(saved["log"])


class ScalarGroup:
    """The trial clock that some streams share, in one lane."""

    def __init__(self, spec: GroupSpec, streams: list[ScalarStream]) -> None:
        self.spec = spec
        self.streams = {index: streams[index] for index in spec.streams}
        self.trial, self.key, self.pending, self.resolved, self.entry = -1, 0, 0, False, 0
        self.takes_part = dict.fromkeys(spec.streams, True)
        self.onset_at = dict.fromkeys(spec.streams, NEVER)
        self.begun = dict.fromkeys(spec.streams, True)  # in the present trial of the group
        self.partners: list[tuple[ScalarSubject, int, ScalarStream]] = []
        members, cuts = membership(spec)
        self._members, self._cuts = members.tolist(), cuts.tolist()
        self.delayed = any(s.spec.onset.steps or s.spec.onset.after >= 0 for s in self.streams.values())
        single = len(spec.streams) == 1 and not spec.mix and not self.delayed and spec.game is None
        self.alone = streams[spec.streams[0]] if single else None
        for stream in self.streams.values():
            if stream.spec.onset.after >= 0:
                self.streams[stream.spec.onset.after].watched = True

    def begin(self, seed: int, lane: int, session: int, now: int) -> None:
        self.key = int(lane_key(seed, lane, session, self.spec.branch)[0])
        self.trial = -1
        self.start(now)

    def start(self, now: int) -> None:
        """Draw who takes part, and start or schedule them."""
        self.trial += 1
        if self.alone is not None:
            self.alone.start(now)
            return
        if self.spec.mix:
            word = mix_int(mix_int(self.key + (self.trial + 1) * GAMMA_INT) + int(MIX))
            self.entry = bisect_right(self._cuts, word)
            self.takes_part = dict(zip(self.spec.streams, self._members[self.entry], strict=True))
        self.resolved, self.pending = False, 0
        for index, stream in self.streams.items():
            self.onset_at[index], self.begun[index] = NEVER, False
            if not self.takes_part[index]:
                continue
            self.pending += 1
            onset = stream.spec.onset
            if onset.after < 0 and not onset.steps:
                stream.start(now)
                self.begun[index] = True
            elif onset.after < 0:
                self.onset_at[index] = now + onset.steps

    def values(self) -> list[NDArray[np.int64]]:
        """The conditions that all streams of the group share, arrays of length 1."""
        known = {"group_trial": self.trial, "mix": self.entry}
        return [np.array([known[name]]) for name in group_conditions(self.spec)]

    def wake(self, now: int) -> None:
        """Start the streams whose onset has come."""
        if self.delayed:
            for index, stream in self.streams.items():
                if self.onset_at[index] == now:
                    self.onset_at[index] = NEVER
                    stream.start(now)
                    self.begun[index] = True

    def next_onset(self) -> int:
        """When the next scheduled stream begins."""
        return min(self.onset_at.values())

    def resolve(self, now: int) -> bool:
        """Take note of streams that ended; True once all have, after paying what is due."""
        if self.alone is not None:
            if self.alone.ended and self.partners:
                self._show_choices()
            return self.alone.ended
        if not self._count_ended(now):
            return False
        if self.spec.game is None:
            self._show_choices()
        elif not self.resolved:
            self._pay()
            self.resolved = True
            return not self.spec.then or self._resume(now)
        return True

    def _count_ended(self, now: int) -> bool:
        """Note streams that ended in this step; True if that was the last one."""
        if self.delayed:
            self._schedule(now)
        any_ended = False
        for index, stream in self.streams.items():
            if stream.ended:
                any_ended = True
                self.pending -= 1
                self._cancel_waiting(index, now)
        return any_ended and not self.pending

    def _resume(self, now: int) -> bool:
        """Send all members on to a further period; True if that is over at once."""
        self.pending = len(self.streams)
        for stream, period in zip(self.streams.values(), self.spec.then, strict=True):
            self.pending -= stream.resume(period, now)
        return not self.pending

    def _schedule(self, now: int) -> None:
        for index, stream in self.streams.items():
            onset = stream.spec.onset
            if onset.after >= 0 and self.takes_part[index]:
                source = self.streams[onset.after]
                if source.left == onset.period:
                    self.onset_at[index] = now + onset.steps
        for stream in self.streams.values():
            stream.left = -1

    def _cancel_waiting(self, ended: int, now: int) -> None:
        for index, stream in self.streams.items():
            waits = stream.spec.onset.after == ended and self.takes_part[index]
            if waits and not self.begun[index] and self.onset_at[index] == NEVER:
                self._never_begin(index, now)
                self.pending -= 1
                self._cancel_waiting(index, now)

    def _never_begin(self, index: int, now: int) -> None:
        """Cancel a trial before it began: it is drawn, so that records and memory know it, but not shown."""
        stream = self.streams[index]
        stream.start(now)
        stream.rest()
        stream.outcome = int(Outcome.CANCELLED)
        self.begun[index] = True

    def _pay(self) -> None:
        game = self.spec.game
        assert game is not None
        choices = [self._choice(self.streams[index]) - 1 for index in game.streams]
        row = 0
        for choice, n in zip(choices, game.choices, strict=True):
            row = row * n + choice
        for player, index in enumerate(game.streams):
            paid = game.payoffs[row][player] if min(choices) >= 0 else game.missing
            self.streams[index].reward += paid
            self.streams[index].earned += paid
        self._show_choices()

    def _show_choices(self) -> None:
        """Let those who see a member's last choice see it from now on."""
        for subject, number, stream in self.partners:
            subject.seen[number] = self._choice(stream)

    @staticmethod
    def _choice(stream: ScalarStream) -> int:
        """What was chosen in time; 0 for a miss, and for an early response, which is no choice."""
        return 0 if stream.outcome == Outcome.ABORT else max(stream.choice, 0)

    def cancel(self, now: int) -> None:
        """End what is running or waiting from outside."""
        for index, stream in self.streams.items():
            self.onset_at[index] = NEVER
            if self.takes_part[index] and not self.begun[index]:
                self._never_begin(index, now)
            stream.cancel()

    def state(self) -> dict[str, Any]:
        return {
            "trial": self.trial,
            "key": self.key,
            "pending": self.pending,
            "resolved": self.resolved,
            "entry": self.entry,
            "takes_part": dict(self.takes_part),
            "onset_at": dict(self.onset_at),
            "begun": dict(self.begun),
        }

    def set_state(self, saved: Mapping[str, Any]) -> None:
        for name in ("trial", "key", "pending", "resolved", "entry"):
            setattr(self, name, saved[name])
        self.takes_part, self.onset_at = dict(saved["takes_part"]), dict(saved["onset_at"])
        self.begun = dict(saved["begun"])


class ScalarSubject:
    """What one subject sees and does, in one lane."""

    def __init__(self, spec: SubjectSpec, streams: list[ScalarStream]) -> None:
        self.spec = spec
        self.indices = list(spec.streams)
        self.streams = [streams[index] for index in spec.streams]
        tables = [stream.tables for stream in self.streams]
        self.columns = subject_columns(spec, tables, [s.spec.short for s in self.streams])
        self.observation_space = observation_space(len(self.columns.names))
        self.action_space = action_space(spec, tables, [s.spec.short for s in self.streams])
        self.single = len(self.streams) == 1
        self.factored = not self.single and spec.action == "factored"
        self.seen = [0] * len(spec.partners)
        self._fixation = np.zeros(1, np.float32)  # the fused cue
        self._known: dict[str, int] | None = None  # the info of steps in which nothing happens
        self._keys = info_keys([s.spec.short for s in self.streams])

    def act(self, action: Any, now: int) -> None:
        self._known = None
        for stream, part in zip(self.streams, self._parts(action), strict=True):
            stream.act(part, now)

    def _parts(self, action: Any) -> Sequence[Any]:
        """What the action means for each stream; a shared one goes to open windows, or to all if none is open."""
        if self.single:
            return (action,)
        if self.factored:
            if isinstance(action, Mapping):
                return [action[stream.spec.short] for stream in self.streams]
            chosen: Sequence[int] = action
            return chosen
        windows = [stream.lists.window[stream.row] for stream in self.streams]
        if not any(windows):
            return [action] * len(windows)
        return [action if window else 0 for window in windows]

    def calm(self, action: Any) -> bool:
        """Whether an action changes nothing, in a period that goes on; it may pay."""
        for stream, part in zip(self.streams, self._parts(action), strict=True):
            if stream.at == stream.count or not (stream.resting or stream.calm[part] is not None):
                return False
        return True

    def collect(self, action: Any) -> float:
        """What an action pays that changes nothing."""
        for stream, part in zip(self.streams, self._parts(action), strict=True):
            stream.reward = 0.0 if stream.resting else stream.lists.reward[stream.row][part]
            stream.earned += stream.reward
        return self.reward()

    def glance(self, now: int) -> tuple[NDArray[np.float32], dict[str, int]]:
        """What is seen and known in a step in which nothing happens."""
        if self._known is None:
            self._known = self._info([0] * len(self.streams), [stream.trial for stream in self.streams], now)
        return self._assemble(), self._known.copy()

    def reward(self) -> float:
        if self.single and self.streams[0].spec.weight == 1.0:
            return self.streams[0].reward
        total = 0.0
        for stream in self.streams:
            total += stream.spec.weight * stream.reward
        return total

    def observe(self, now: int) -> NDArray[np.float32]:
        for stream in self.streams:
            stream.at_time(now)
        if not self.columns.plain and self.spec.observation == "concat":
            self._fixation = self._fuse()
        return self._assemble()

    def _assemble(self) -> NDArray[np.float32]:
        """Put together what the streams show and the partners' last choices; a fresh float32 (channels,)."""
        if self.spec.observation == "shared":
            mean = self.streams[0].shown().copy()
            for stream in self.streams[1:]:
                mean += stream.shown()
                stream.tick()
            parts = [self.streams[0].observe_from(mean)]
        else:
            parts = [stream.observe() for stream in self.streams]
            if not self.columns.plain:
                parts = [self._fixation, *map(self._without_fixation, parts, self.streams)]
        for seen, partner in zip(self.seen, self.spec.partners, strict=True):
            shown = np.zeros(partner.choices - 1, np.float32)
            if seen:
                shown[seen - 1] = 1.0
            parts.append(shown)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    @staticmethod
    def _without_fixation(seen: NDArray[np.float32], stream: ScalarStream) -> NDArray[np.float32]:
        at = stream.tables.channels["fixation"].start
        return seen[1:] if at == 0 else np.delete(seen, at)

    def _fuse(self) -> NDArray[np.float32]:
        """The fused fixation cue: what any, or all, of the streams ask for; an idle stream asks for nothing."""
        shown = [stream.shown()[stream.tables.channels["fixation"].start] for stream in self.streams if not stream.idle]
        if not shown:
            return np.zeros(1, np.float32)
        if self.spec.fixation == "all":
            asked = min(shown) if len(shown) == len(self.streams) else min(*shown, np.float32(1.0))
        else:
            asked = max(shown) if len(shown) == len(self.streams) else max(*shown, np.float32(0.0))
        return np.array([asked], np.float32)

    def truth(self, now: int) -> Any:
        truths = [stream.truth(now) for stream in self.streams]
        if self.single:
            return truths[0]
        if self.factored:
            return truths
        for truth, stream in zip(truths, self.streams, strict=True):
            if stream.window_open():
                return truth
        return 0

    def info(self, outcomes: list[int], trials: list[int], now: int) -> dict[str, int]:
        return self._info([outcomes[i] for i in self.indices], [trials[i] for i in self.indices], now)

    def _info(self, codes: list[int], trials: list[int], now: int) -> dict[str, int]:
        """The info of the subject, and if it has several streams of each of them."""
        each = [
            [int(code > 0), code, trial, stream.truth(now), stream.lists.period[stream.row]]
            for code, trial, stream in zip(codes, trials, self.streams, strict=True)
        ]
        if self.single:
            return dict(zip(self._keys, each[0], strict=True))
        merged = int(merged_outcome(np.array(codes)[:, None])[0]) if any(codes) else 0
        truth = -1 if self.factored else self.truth(now)
        own = [int(merged > 0), merged, trials[0], truth, each[0][-1]]
        return dict(zip(self._keys, [*own, *(value for values in each for value in values)], strict=True))
