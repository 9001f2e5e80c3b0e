"""What one subject sees and does, in one lane."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch_subject import LOCK
from neuroparallel.engine.infos import info_keys
from neuroparallel.engine.layout import GroupSpec, SubjectSpec
from neuroparallel.engine.scalar_stream import NOTHING, ScalarStream
from neuroparallel.engine.subject import action_space, observation_space, subject_columns
from neuroparallel.engine.tables import weightiest_outcome
from neuroparallel.seeding import mix_int

__all__ = ["ScalarSubject"]


class ScalarSubject:
    """What one subject sees and does, in one lane."""

    def __init__(self, spec: SubjectSpec, streams: list[ScalarStream], groups: Sequence[GroupSpec]) -> None:
        self.spec = spec
        self.indices = list(spec.streams)
        self.streams = [streams[index] for index in spec.streams]
        tables = [stream.tables for stream in self.streams]
        self.columns = subject_columns(spec, tables, [s.spec.short for s in self.streams], groups)
        self.observation_space = observation_space(len(self.columns.names))
        self.action_space = action_space(spec, tables, [s.spec.short for s in self.streams])
        self.single = len(self.streams) == 1
        self.factored = not self.single and spec.action == "factored"
        # Whether every step has to be looked at, because partners act or speak or responses lock.
        self.attends = bool(spec.lock or spec.message or any(sight.live for sight in spec.sights))
        self.seen: list[Any] = []
        self.said, self.locked_until = 0.0, 0
        if spec.message is not None:
            for stream in self.streams:
                stream.told = 0.0
        self._all_streams = streams
        self._cues: Sequence[Any] = ()
        self._partners: Sequence[ScalarSubject] = ()
        self._shared = spec.observation == "shared"
        self._fused = not (self.columns.plain or self._shared)
        self._cue_at = [table.channels["fixation"].start if self._fused else 0 for table in tables]
        # Which of its channels each stream shows: all, or all but a fixation cue that is fused.
        self._shown: list[Any] = [
            [channel for channel in range(table.channels.width) if channel != at] if self._fused else slice(None)
            for table, at in zip(tables, self._cue_at, strict=True)
        ]
        self._bare = self.single and not (self.attends or spec.sights or spec.cues)  # a stream's view and nothing else
        self.known: dict[str, int] = {}  # the info of steps in which nothing happens
        self.chunk = NOTHING  # observations of such steps to come
        self.at = self.count = 0  # the next of them, and how many there are
        self._calms: list[list[float | None]] = []  # by stream: what actions pay that change nothing else
        self._keys = info_keys([s.spec.short for s in self.streams])
        self.forget()

    def meet(self, subjects: Sequence[ScalarSubject], groups: Sequence[Any]) -> None:
        """Get to know the others, whose messages may be seen, and the groups, whose entry of the mix may be."""
        self._partners = subjects
        self._cues = [groups[index] for index in self.spec.cues]

    def forget(self) -> None:
        """Begin a session."""
        self.chunk, self.at, self.count = NOTHING, 0, 0
        self.seen = [deque([0] * s.delay, maxlen=s.delay) if s.live else 0 for s in self.spec.sights]
        self.said, self.locked_until = 0.0, 0

    def act(self, action: Any, now: int) -> None:
        """Hand each stream its part of a checked action."""
        self.catch_up()
        parts = self._parts(self._say(action) if self.spec.message is not None else action)
        if self.spec.lock:
            parts = self._unlocked(parts, now)
        for stream, part in zip(self.streams, parts, strict=True):
            undecided = not stream.outcome
            stream.act(part, now)
            if stream.told is not None and undecided and stream.outcome:
                stream.told = self.said

    def _say(self, action: Any) -> Any:
        """Take the message off an action; what is left is for the streams."""
        assert self.spec.message is not None
        level = action["message"] if isinstance(action, Mapping) else action[-1]
        self.said = level / (self.spec.message.levels - 1)
        if isinstance(action, Mapping):
            return action
        return action[:-1] if self.factored else action[0]

    def _parts(self, action: Any) -> Sequence[Any]:
        """What the action means for each stream; a shared one goes to open windows, or to all if none is open."""
        if isinstance(action, Mapping):
            return [action[stream.spec.short] for stream in self.streams]
        if self.single:
            return (action,)
        if self.factored:
            chosen: Sequence[int] = action
            return chosen
        windows = [stream.lists.window[stream.row] for stream in self.streams]
        if not any(windows) or self.spec.routing == "both":
            return [action] * len(windows)
        if self.spec.routing == "main_first":
            windows = [number == windows.index(True) for number in range(len(windows))]
        return [action if window else 0 for window in windows]

    def _unlocked(self, parts: Sequence[int], now: int) -> Sequence[int]:
        """Hold back what falls into the time after a response, and all but one of several responses at once."""
        if now < self.locked_until:
            return [0] * len(parts)
        responding = [
            place for place, (part, s) in enumerate(zip(parts, self.streams, strict=True)) if part and s.window_open()
        ]
        if not responding:
            return parts
        self.locked_until = now + self.spec.lock
        first = min(responding, key=lambda place: mix_int(self.streams[place].trial_key + int(LOCK)))
        return [0 if place in responding and place != first else part for place, part in enumerate(parts)]

    def look(self) -> None:
        """Note what partners do right now, which is seen after its latency; once per step."""
        for sight, seen in zip(self.spec.sights, self.seen, strict=True):
            if sight.kind == "action":
                seen.append(self._all_streams[sight.stream].standing)
            elif sight.kind == "message":
                seen.append(self._partners[sight.subject].said)

    def catch_up(self) -> None:
        """Tell the streams how much of what was made in advance has been shown, and drop the rest."""
        for stream in self.streams:
            stream.at += self.at
        self.at = self.count = 0

    def pays(self, action: Any) -> list[float | None] | None:
        """What an action pays that changes nothing, by stream; None if it does, or if a period is over."""
        if self.at == self.count:
            return None
        paid = [calm[part] for calm, part in zip(self._calms, self._parts(action), strict=True)]
        return None if None in paid else paid

    def collect(self, paid: Sequence[Any]) -> float:
        """Take note of what `pays` said; returns the reward."""
        for stream, amount in zip(self.streams, paid, strict=True):
            stream.reward = amount
            stream.earned += amount
        return self.reward()

    def note(self, action: Any) -> None:
        """Take note of what was done in a step in which nothing happens."""
        for stream, part in zip(self.streams, self._parts(action), strict=True):
            stream.answered = (stream.lists.period[stream.row], part) if part and not stream.resting else None

    def reward(self) -> float:
        message = self.spec.message
        if self.single and self.streams[0].spec.weight == 1.0 and message is None:
            return self.streams[0].reward
        total = 0.0
        for stream in self.streams:
            total += stream.spec.weight * stream.reward
        return total if message is None else total - message.cost * self.said

    def observe(self, now: int) -> NDArray[np.float32]:
        """What is seen, a fresh float32 (channels,); until something happens the coming steps are made as well."""
        if self._shared:
            only: NDArray[np.float32] = self._assemble(1, now)[0]
            return only
        if self._bare:
            stream = self.streams[0]
            self.at, self.count = 1, stream.prepare(now)
            self.chunk = stream.chunk[stream.at :]
        else:
            count = min([stream.prepare(now) for stream in self.streams])
            self.at, self.count = 1, 1 if self.attends else count
            self.chunk = self._assemble(self.count, now)
        self._calms = [stream.calm for stream in self.streams]
        first: NDArray[np.float32] = self.chunk[0]
        return first

    def _assemble(self, count: int, now: int) -> NDArray[np.float32]:
        """Put together what is seen of streams, cues and partners in some steps; float32 (count, channels)."""
        columns = self.columns
        out = np.empty((count, len(columns.names)), np.float32)
        if self._shared:
            out[:, columns.shared] = self._added_up(now)
        else:
            for stream, (start, stop), shown in zip(self.streams, columns.spans, self._shown, strict=True):
                out[:, start:stop] = stream.chunk[stream.at : stream.at + count, shown]
        if self._fused:
            out[:, 0] = self._fuse(now)
        for group, start in zip(self._cues, columns.cues, strict=True):
            out[:, start : start + len(group.spec.mix)] = _one_hot(group.entry + 1, len(group.spec.mix))
        for sight, seen, start in zip(self.spec.sights, self.seen, columns.sights, strict=True):
            value = seen[0] if sight.live else seen
            if sight.kind in ("choice", "action"):
                out[:, start : start + sight.choices] = _one_hot(value, sight.choices)
            else:
                out[:, start] = value
        return out

    def _added_up(self, now: int) -> NDArray[np.float32]:
        """The one observation of streams that share their channels; each step is made for itself."""
        mean = self.streams[0].shown(now).copy()
        for stream in self.streams[1:]:
            mean += stream.shown(now)
            stream.tick()
        return self.streams[0].observe_from(mean)

    def _fuse(self, now: int) -> float:
        """The fused fixation cue: what any, or all, of the streams ask for; an idle stream asks for nothing."""
        pairs = zip(self.streams, self._cue_at, strict=True)
        asked = [float(stream.shown(now)[at]) for stream, at in pairs if not stream.idle]
        if not asked:
            return 0.0
        some_idle = len(asked) < len(self.streams)
        if self.spec.fixation == "all":
            return min(*asked, 1.0) if some_idle else min(asked)
        return max(*asked, 0.0) if some_idle else max(asked)

    def truth(self, now: int) -> Any:
        """The action that is right; -1 where none is defined, as for a message."""
        message = [] if self.spec.message is None else [-1]
        if self.factored:
            return [*(stream.truth(now) for stream in self.streams), *message]
        truth = self._one_truth(now)
        return [truth, *message] if message else truth

    def _one_truth(self, now: int) -> int:
        if self.single:
            return self.streams[0].truth(now)
        return next((stream.truth(now) for stream in self.streams if stream.window_open()), 0)

    def info(self, outcomes: list[int], trials: list[int], now: int) -> dict[str, int]:
        """What is known of a step, with the outcomes and trial numbers of all streams in it."""
        info = self.tell(now)
        codes = [outcomes[index] for index in self.indices]
        whole = weightiest_outcome(codes)
        info["trial_end"], info["outcome"], info["trial"] = int(whole > 0), whole, trials[self.indices[0]]
        if not self.single:
            for stream, index, code in zip(self.streams, self.indices, codes, strict=True):
                short = stream.spec.short
                info[f"{short}.trial_end"], info[f"{short}.outcome"] = int(code > 0), code
                info[f"{short}.trial"] = trials[index]
        return info

    def tell(self, now: int) -> dict[str, int]:
        """What is known of a step in which no trial has ended or begun, and of those to come; a fresh dictionary."""
        if self.single:
            stream = self.streams[0]
            self.known = {
                "trial_end": 0,
                "outcome": 0,
                "trial": stream.trial,
                "ground_truth": stream.truth(now),
                "period": stream.lists.period[stream.row],
            }
            return self.known.copy()
        values: list[int] = []
        for stream in self.streams:
            values += (0, 0, stream.trial, stream.truth(now), stream.lists.period[stream.row])
        truth = -1 if self.factored else self._one_truth(now)
        self.known = dict(zip(self._keys, [0, 0, values[2], truth, values[4], *values], strict=True))
        return self.known.copy()

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        seen = [list(seen) if isinstance(seen, deque) else seen for seen in self.seen]
        told = [stream.told for stream in self.streams]
        return {"seen": seen, "said": self.said, "locked_until": self.locked_until, "told": told}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a saved state."""
        self.forget()
        for number, past in enumerate(saved["seen"]):
            if isinstance(past, list):
                self.seen[number].extend(past)
            else:
                self.seen[number] = past
        self.said, self.locked_until = saved["said"], saved["locked_until"]
        for stream, told in zip(self.streams, saved["told"], strict=True):
            stream.told = told


def _one_hot(choice: int, choices: int) -> NDArray[np.float32]:
    """One channel for each choice; 0 is none."""
    shown = np.zeros(choices, np.float32)
    if choice:
        shown[choice - 1] = 1.0
    return shown
