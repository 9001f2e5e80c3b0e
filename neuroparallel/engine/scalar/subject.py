"""A subject in one lane: its observation, actions, reward and truth."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuroparallel.engine.layout import GroupSpec, SubjectSpec
from neuroparallel.engine.scalar.stream import ScalarStream
from neuroparallel.engine.subject_spaces import LOCK, action_space, info_keys, observation_space, subject_columns
from neuroparallel.engine.tables import weightiest_outcome
from neuroparallel.seeding import mix_int

__all__ = ["ScalarSubject"]


class ScalarSubject:
    """One subject in one lane: its observation, actions, reward and truth."""

    def __init__(self, spec: SubjectSpec, streams: list[ScalarStream], groups: Sequence[GroupSpec]) -> None:
        self.spec, self.name = spec, spec.name
        self.indices = list(spec.streams)
        self.streams = [streams[index] for index in spec.streams]
        tables = [stream.tables for stream in self.streams]
        self.columns = subject_columns(spec, tables, [s.spec.short for s in self.streams], groups)
        self.observation_space = observation_space(len(self.columns.names))
        self.action_space = action_space(spec, tables, [s.spec.short for s in self.streams])
        self._by_name = isinstance(self.action_space, spaces.Dict)
        self.single = len(self.streams) == 1
        self.factored = not self.single and spec.action == "factored"
        self._direct = self.single and spec.message is None and not spec.lock  # an action is that of the stream
        self._listed = self.factored and not self._by_name  # an action is a list with a part for every stream
        self._weights = [(stream, stream.spec.weight) for stream in self.streams]
        self._pays_as_is = self.single and self.streams[0].spec.weight == 1.0 and spec.message is None
        self.room = 0  # columns of zeros behind each observation, for others to fill
        self.seen: list[Any] = []
        self.message, self.locked_until = 0.0, 0
        if spec.message is not None:
            for stream in self.streams:
                stream.answer_message = 0.0
        self._all_streams = streams
        self._cues: Sequence[Any] = ()
        self._partners: Sequence[ScalarSubject] = ()
        self._shared = spec.observation == "shared"
        self._fused = not (self.columns.plain or self._shared)
        self._cue_at = [table.channels["fixation"].start if self._fused else 0 for table in tables]
        # Which of its channels each stream shows besides a fixation cue that is fused; None: all.
        widths = [np.arange(table.channels.width) for table in tables]
        self._besides = [w[w != at] if self._fused else None for w, at in zip(widths, self._cue_at, strict=True)]
        self._others = bool(self._fused or spec.cues or spec.partner_views)
        keys = info_keys([s.spec.short for s in self.streams])
        # The info of steps in which nothing happens.
        self.known: dict[str, int] = {key: False if key.endswith("trial_end") else 0 for key in keys}
        own = zip(*[iter(keys if self.single else keys[5:])] * 5, strict=True)  # five keys for every stream
        self._stream_keys = [
            (stream, index, *each) for stream, index, each in zip(self.streams, self.indices, own, strict=True)
        ]
        self.forget()

    def connect(self, subjects: Sequence[ScalarSubject], groups: Sequence[Any]) -> None:
        """Connect the subject to others and to groups, whose messages and entry of the mix it may be shown."""
        self._partners = subjects
        self._cues = [groups[index] for index in self.spec.cues]

    def forget(self) -> None:
        """Begin a session."""
        self.seen = [deque([0] * s.delay, maxlen=s.delay) if s.live else 0 for s in self.spec.partner_views]
        self.message, self.locked_until = 0.0, 0

    def act(self, action: Any, now: int) -> bool:
        """Hand each stream its part of a checked action; whether that did anything but pay."""
        if self._direct:
            return self.streams[0].act(action, now)
        if self.spec.message is not None:
            action = self._say(action)
        parts = action if self._listed else self._parts(action)
        if self.spec.lock:
            parts = self._unlocked(parts, now)
        happened = False
        for stream, part in zip(self.streams, parts, strict=True):
            if stream.act(part, now):
                happened = True
        return happened

    def _say(self, action: Any) -> Any:
        """Take the message off an action; what is left is for the streams."""
        assert self.spec.message is not None
        level = action["message"] if self._by_name else action[-1]
        self.message = level / (self.spec.message.levels - 1)
        for stream in self.streams:
            stream.message = self.message
        if self._by_name:
            return action
        return action[:-1] if self.factored else action[0]

    def _parts(self, action: Any) -> Sequence[Any]:
        """Return the action of each stream; a shared one goes to open windows, or to all if none is open."""
        if self._by_name:
            return [action[stream.spec.short] for stream in self.streams]
        if self.single:
            return (action,)
        windows = [stream.row.window for stream in self.streams]
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

    def observe_partners(self) -> None:
        """Record what partners do in this step, which is shown after its latency; call once per step."""
        for view, seen in zip(self.spec.partner_views, self.seen, strict=True):
            if view.kind == "action":
                seen.append(self._all_streams[view.stream].current_choice)
            elif view.kind == "message":
                seen.append(self._partners[view.subject].message)

    def reward(self) -> float:
        """Return the reward of the step: a weighted sum over streams."""
        if self._pays_as_is:
            return self.streams[0].reward
        total = 0.0
        for stream, weight in self._weights:
            total += weight * stream.reward
        message = self.spec.message
        return total if message is None else total - message.cost * self.message

    def observe(self, now: int) -> NDArray[np.float32]:
        """Return the observation of this step, float32 (channels,), fresh; call once per step."""
        seen = np.zeros(len(self.columns.names) + self.room, np.float32)
        if self._shared:  # means add up, and the noise is that of one stream
            seen[self.columns.shared] = self.streams[0].add_noise(self._shared_mean(now)[None], now)[0]
        else:
            for stream, (start, stop), besides in zip(self.streams, self.columns.spans, self._besides, strict=True):
                shown = stream.observe(now)
                seen[start:stop] = shown if besides is None else shown[besides]
        if self._others:
            self._paint_others(seen[None], now)
        return seen

    def _shared_mean(self, now: int) -> NDArray[np.float32]:
        """Return the sum of what the streams show on their common channels, float32 (channels,)."""
        mean = self.streams[0].shown(now).copy()
        for stream in self.streams[1:]:
            mean += stream.shown(now)
        return mean

    def _paint_others(self, canvas: NDArray[np.float32], now: int) -> None:
        """Write the fused fixation cue, the cues of groups and the partner views into (steps, channels)."""
        columns = self.columns
        if self._fused:
            canvas[:, 0] = self._fuse(now)
        for group, start in zip(self._cues, columns.cues, strict=True):
            canvas[:, start : start + len(group.spec.mix)] = _one_hot(group.entry + 1, len(group.spec.mix))
        for view, seen, start in zip(self.spec.partner_views, self.seen, columns.partner_views, strict=True):
            value = seen[0] if view.live else seen
            if view.kind in ("choice", "action"):
                canvas[:, start : start + view.choices] = _one_hot(value, view.choices)
            else:
                canvas[:, start] = value

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
        """Return the info of a step in which trials may have ended, given outcomes and trial numbers of all streams."""
        info = self.present_info(now)
        codes = []
        for _, index, trial_end, outcome, trial, _, _ in self._stream_keys:
            code = outcomes[index]
            codes.append(code)
            info[trial_end], info[outcome], info[trial] = code > 0, code, trials[index]
        if not self.single:
            whole = weightiest_outcome(codes)
            info["trial_end"], info["outcome"], info["trial"] = whole > 0, whole, trials[self.indices[0]]
        return info

    def present_info(self, now: int) -> dict[str, int]:
        """Return the info of a step in which no trial has ended or begun, a fresh dictionary."""
        known = self.known
        for stream, _, _, _, trial, truth, period in self._stream_keys:
            known[trial], known[truth], known[period] = stream.trial, stream.truth(now), stream.row.period
        if not self.single:
            main = self.streams[0]
            known["trial"], known["period"] = main.trial, main.row.period
            known["ground_truth"] = -1 if self.factored else self._one_truth(now)
        return known.copy()

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        seen = [list(seen) if isinstance(seen, deque) else seen for seen in self.seen]
        messages = [stream.answer_message for stream in self.streams]
        return {
            "seen": seen,
            "message": self.message,
            "locked_until": self.locked_until,
            "answer_messages": messages,
            "room": self.room,
        }

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a saved state."""
        self.forget()
        for number, past in enumerate(saved["seen"]):
            if isinstance(past, list):
                self.seen[number].extend(past)
            else:
                self.seen[number] = past
        self.message, self.locked_until, self.room = saved["message"], saved["locked_until"], saved["room"]
        for stream, message in zip(self.streams, saved["answer_messages"], strict=True):
            stream.answer_message = message


def _one_hot(choice: int, choices: int) -> NDArray[np.float32]:
    """One channel for each choice; 0 is none."""
    shown = np.zeros(choices, np.float32)
    if choice:
        shown[choice - 1] = 1.0
    return shown
