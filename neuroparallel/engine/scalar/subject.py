"""What one subject sees and does, in one lane."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuroparallel.engine.layout import GroupSpec, SubjectSpec
from neuroparallel.engine.scalar.stream import ScalarStream
from neuroparallel.engine.subject_spaces import LOCK, action_space, info_keys, observation_space, subject_columns
from neuroparallel.engine.table_lists import FORESIGHT
from neuroparallel.engine.tables import NEVER, weightiest_outcome
from neuroparallel.seeding import mix_int

__all__ = ["ScalarSubject"]


class ScalarSubject:
    """What one subject sees and does, in one lane."""

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
        # Whether every step has to be looked at, because partners act or speak or responses lock.
        self.attends = bool(spec.lock or spec.message or any(view.live for view in spec.partner_views))
        # Whether it does, sees and earns what its only stream does, and nothing else.
        moves = any(stream.moving for stream in self.streams)
        self.plain = self._pays_as_is and not (moves or self.attends or spec.partner_views or spec.cues)
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
        self._told = [
            (stream, index, *each) for stream, index, each in zip(self.streams, self.indices, own, strict=True)
        ]
        self.rows: Iterator[NDArray[np.float32]] = iter(())  # the observations to come, painted up to the step `until`
        self.until = 0
        self._first = -FORESIGHT  # when the first one of the canvas was seen
        self._parts_of_canvas: list[Any] = []  # by stream, if each has a part of its own
        self.forget()

    def connect(self, subjects: Sequence[ScalarSubject], groups: Sequence[Any]) -> None:
        """Get to know the others, whose messages may be seen, and the groups, whose entry of the mix may be."""
        self._partners = subjects
        self._cues = [groups[index] for index in self.spec.cues]

    def forget(self) -> None:
        """Begin a session."""
        self._first, self.until = -FORESIGHT, 0
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
        """What the action means for each stream; a shared one goes to open windows, or to all if none is open."""
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
        """Note what partners do right now, which is seen after its latency; once per step."""
        for view, seen in zip(self.spec.partner_views, self.seen, strict=True):
            if view.kind == "action":
                seen.append(self._all_streams[view.stream].current_choice)
            elif view.kind == "message":
                seen.append(self._partners[view.subject].message)

    def reward(self) -> float:
        """What is paid for the step: a weighted sum."""
        if self._pays_as_is:
            return self.streams[0].reward
        total = 0.0
        for stream, weight in self._weights:
            total += weight * stream.reward
        message = self.spec.message
        return total if message is None else total - message.cost * self.message

    def observe(self, now: int) -> NDArray[np.float32]:
        """What is seen, a fresh float32 (channels,); until something happens the coming steps are painted as well."""
        at = now - self._first
        if not 0 < at < FORESIGHT:
            self._take_canvas(now)
            at = 0
        until = now + 1 if self.attends else NEVER
        if self._shared:
            until = min(until, self._paint_shared(at, now))
        else:
            for stream, part, besides in self._parts_of_canvas:
                if stream.painted <= now:
                    seen = stream.picture(FORESIGHT - at, now)
                    part[at : at + len(seen)] = seen if besides is None else seen[:, besides]
                due = min(stream.painted, stream.end)
                if due < until:
                    until = due
        self.until = until
        if self._others:
            self._paint_others(self._canvas[at : at + until - now], now)
        return next(self.rows)

    def _take_canvas(self, now: int) -> None:
        """Allocate the observations from now on, on which nothing is painted yet."""
        shape = (FORESIGHT, len(self.columns.names) + self.room)
        self._canvas, self._first = np.zeros(shape, np.float32), now
        self.rows = iter(self._canvas)
        spans = [self._canvas[:, start:stop] for start, stop in self.columns.spans]
        self._parts_of_canvas = list(zip(self.streams, spans, self._besides, strict=True))
        for stream in self.streams:
            stream.painted = now

    def _paint_shared(self, at: int, now: int) -> int:
        """Paint the one view of streams that share their channels: their means add up, and the noise is that of one."""
        mean = self.streams[0].shown(now).copy()
        for stream in self.streams[1:]:
            mean += stream.shown(now)
        until = min([now + FORESIGHT - at, *[stream.steady(now) for stream in self.streams]])
        seen = self.streams[0].around(np.tile(mean, (until - now, 1)), now)
        self._canvas[at : at + until - now, self.columns.shared] = seen
        return until

    def _paint_others(self, canvas: NDArray[np.float32], now: int) -> None:
        """Paint what is no stream's: the fused fixation cue, the cues of groups, and what is seen of partners."""
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
        """What is known of a step in which trials may have ended, with outcomes and trial numbers of all streams."""
        info = self.tell(now)
        codes = []
        for _, index, trial_end, outcome, trial, _, _ in self._told:
            code = outcomes[index]
            codes.append(code)
            info[trial_end], info[outcome], info[trial] = code > 0, code, trials[index]
        if not self.single:
            whole = weightiest_outcome(codes)
            info["trial_end"], info["outcome"], info["trial"] = whole > 0, whole, trials[self.indices[0]]
        return info

    def tell(self, now: int) -> dict[str, int]:
        """What is known of a step in which no trial has ended or begun, and of those to come; a fresh dictionary."""
        known = self.known
        for stream, _, _, _, trial, truth, period in self._told:
            known[trial], known[truth], known[period] = stream.trial, stream.truth(now), stream.row.period
        if not self.single:
            main = self.streams[0]
            known["trial"], known["period"] = main.trial, main.row.period
            known["ground_truth"] = -1 if self.factored else self._one_truth(now)
        return known.copy()

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        seen = [list(seen) if isinstance(seen, deque) else seen for seen in self.seen]
        told = [stream.answer_message for stream in self.streams]
        return {"seen": seen, "said": self.message, "locked_until": self.locked_until, "told": told, "room": self.room}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a saved state."""
        self.forget()
        for number, past in enumerate(saved["seen"]):
            if isinstance(past, list):
                self.seen[number].extend(past)
            else:
                self.seen[number] = past
        self.message, self.locked_until, self.room = saved["said"], saved["locked_until"], saved["room"]
        for stream, told in zip(self.streams, saved["told"], strict=True):
            stream.answer_message = told


def _one_hot(choice: int, choices: int) -> NDArray[np.float32]:
    """One channel for each choice; 0 is none."""
    shown = np.zeros(choices, np.float32)
    if choice:
        shown[choice - 1] = 1.0
    return shown
