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
from neuroparallel.engine.scalar_stream import ScalarStream
from neuroparallel.engine.subject import action_space, observation_space, subject_columns
from neuroparallel.engine.tables import merged_outcome
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
        self._fixation = np.zeros(1, np.float32)  # the fused cue
        self._known: dict[str, int] | None = None  # the info of steps in which nothing happens
        self._keys = info_keys([s.spec.short for s in self.streams])
        self.forget()

    def meet(self, subjects: Sequence[ScalarSubject], groups: Sequence[Any]) -> None:
        """Get to know the others, whose messages may be seen, and the groups, whose entry of the mix may be."""
        self._partners = subjects
        self._cues = [groups[index] for index in self.spec.cues]

    def forget(self) -> None:
        """Begin a session."""
        self.seen = [deque([0] * s.delay, maxlen=s.delay) if s.live else 0 for s in self.spec.sights]
        self.said, self.locked_until = 0.0, 0

    def act(self, action: Any, now: int) -> None:
        """Hand each stream its part of a checked action."""
        self._known = None
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

    def calm(self, action: Any) -> bool:
        """Whether an action changes nothing, in a period that goes on; it may pay."""
        for stream, part in zip(self.streams, self._parts(action), strict=True):
            if stream.at == stream.count or not (stream.resting or stream.calm[part] is not None):
                return False
        return True

    def collect(self, action: Any) -> float:
        """What an action pays that changes nothing."""
        for stream, part in zip(self.streams, self._parts(action), strict=True):
            lists, row = stream.lists, stream.row
            stream.reward = 0.0 if stream.resting else lists.reward[row][part]
            stream.answered = (lists.period[row], part) if part and not stream.resting else None
            stream.earned += stream.reward
        return self.reward()

    def glance(self, now: int) -> tuple[NDArray[np.float32], dict[str, int]]:
        """What is seen and known in a step in which nothing happens."""
        if self._known is None:
            self._known = self._info([0] * len(self.streams), [stream.trial for stream in self.streams], now)
        return self._assemble(), self._known.copy()

    def reward(self) -> float:
        message = self.spec.message
        if self.single and self.streams[0].spec.weight == 1.0 and message is None:
            return self.streams[0].reward
        total = 0.0
        for stream in self.streams:
            total += stream.spec.weight * stream.reward
        return total if message is None else total - message.cost * self.said

    def observe(self, now: int) -> NDArray[np.float32]:
        for stream in self.streams:
            stream.at_time(now)
        if not self.columns.plain and self.spec.observation != "shared":
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
        parts.extend(_one_hot(group.entry + 1, len(group.spec.mix)) for group in self._cues)
        for sight, seen in zip(self.spec.sights, self.seen, strict=True):
            value = seen[0] if sight.live else seen
            is_choice = sight.kind in ("choice", "action")
            parts.append(_one_hot(value, sight.choices) if is_choice else np.array([value], np.float32))
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
        truth = -1 if self.factored else self._one_truth(now)
        own = [int(merged > 0), merged, trials[0], truth, each[0][-1]]
        return dict(zip(self._keys, [*own, *(value for values in each for value in values)], strict=True))

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        seen = [list(seen) if isinstance(seen, deque) else seen for seen in self.seen]
        told = [stream.told for stream in self.streams]
        return {"seen": seen, "said": self.said, "locked_until": self.locked_until, "told": told}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a saved state."""
        self.forget()
        self._known = None
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
