"""A subject in all lanes: its observation, actions, reward and truth."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuroparallel.engine.batch.group import BatchGroup
from neuroparallel.engine.batch.partner_view import DelayedView, paint_choice
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.layout import SubjectSpec
from neuroparallel.engine.movements import read_movements
from neuroparallel.engine.subject_spaces import (
    LOCK,
    action_space,
    describe_factors,
    factor_names,
    factor_sizes,
    info_keys,
    observation_space,
    subject_columns,
)
from neuroparallel.errors import ActionError
from neuroparallel.seeding import mix

__all__ = ["BatchSubject"]

Integers = NDArray[np.int64]


class BatchSubject:
    """One subject in all lanes: its observation, actions, reward and truth.

    Args:
        spec: The subject.
        streams: All streams of the scenario; the subject keeps its own.
        groups: All groups of the scenario.
        lanes: Number of lanes.
    """

    def __init__(self, spec: SubjectSpec, streams: list[BatchStream], groups: list[BatchGroup], lanes: int) -> None:
        self.spec, self.lanes = spec, lanes
        self.streams = [streams[index] for index in spec.streams]
        heard = self.streams[:1] if spec.observation == "shared" else self.streams
        self.noisy = [stream for stream in heard if stream.noise.pairs]
        self.indices = list(spec.streams)
        tables = [stream.tables for stream in self.streams]
        self.shorts = [stream.spec.short for stream in self.streams]
        self.info_keys = info_keys(self.shorts)
        self.columns = subject_columns(spec, tables, self.shorts, [group.spec for group in groups])
        self.names = self.columns.names
        self.observation_space = observation_space(len(self.names))
        self.action_space = action_space(spec, tables, self.shorts)
        self.sizes = np.array(factor_sizes(spec, tables))
        self._smallest = self.sizes.min()
        self.factors = len(self.sizes) if len(self.sizes) > 1 else 0
        self.factored = len(self.streams) > 1 and spec.action == "factored"
        self.moving = any(t.movement is not None for t in tables)
        self.seen: list[Any] = [
            DelayedView(view, lanes)
            if view.live
            else np.zeros(lanes, np.int64 if view.kind == "choice" else np.float64)
            for view in spec.partner_views
        ]
        self.message = np.zeros(lanes)  # sent in this step, 0 to 1
        self.locked_until = np.zeros(lanes, np.int64)
        if spec.message is not None:
            for stream in self.streams:
                stream.answer_message = np.zeros(lanes)
        self._undecided: list[NDArray[np.bool_]] = []
        self._cues = [groups[index] for index in spec.cues]
        self._partners: list[BatchSubject] = []
        for view in spec.partner_views:
            if view.kind == "action":
                streams[view.stream].tracks_choice = True
        self._all_streams = streams

    def connect(self, subjects: Sequence[BatchSubject]) -> None:
        """Connect the subject to the others, whose messages may be shown to it."""
        self._partners = list(subjects)

    # ---- acting -----------------------------------------------------------------------------------------------------

    def read(self, actions: Mapping[str, Any]) -> Any:
        """Check the subject's actions; int64, (lanes,) or (factors, lanes), or as `read_movements` has it."""
        name = self.spec.name
        try:
            given = actions[name]
        except (KeyError, TypeError, IndexError):
            raise ActionError(f"{name}: there is no action for this agent; give one for every agent.") from None
        if self.moving:
            return read_movements(name, self.action_space, given, self.lanes)
        array = np.asarray(given)
        if array.dtype.kind not in "iu" or array.shape != (
            (self.lanes, self.factors) if self.factors else (self.lanes,)
        ):
            raise ActionError(
                f"{name}: actions are {array.dtype} of shape {array.shape}; they must be {self._legal()}."
            )
        rows: Integers = np.ascontiguousarray(array.T, np.int64)  # a row for each factor
        unsigned = rows.view(np.uint64)  # in which a negative number is a very large one
        if unsigned.max() >= self._smallest and (unsigned.max(axis=-1) >= self.sizes).any():
            lane = int(np.argwhere((array < 0) | (array >= (self.sizes if self.factors else self.sizes[0])))[0][0])
            raise ActionError(f"{name}: lane {lane} has action {array[lane].tolist()}; they must be {self._legal()}.")
        return rows

    def _legal(self) -> str:
        if not self.factors:
            return f"integers of shape {(self.lanes,)}, 0 to {self.sizes[0] - 1}"
        factors = describe_factors(factor_names(self.spec, self.shorts), self.sizes.tolist())
        return f"integers of shape {(self.lanes, self.factors)}: {factors}"

    def act(self, actions: Any, now: int) -> list[Integers]:
        """Hand each stream its part of an action that `read` has checked; returns what it comes to, (lanes,) each."""
        if self.spec.message is not None:
            actions = self._say(actions)
            self._undecided = [stream.outcome == 0 for stream in self.streams]
        parts = self._parts(actions)
        if self.spec.lock:
            parts = self._unlocked(parts, now)
        return [stream.read(part, now) for stream, part in zip(self.streams, parts, strict=True)]

    def record_answer_messages(self) -> None:
        """Record the messages that were sent with the answers of this step, after these were resolved."""
        for stream, undecided in zip(self.streams, self._undecided, strict=True):
            assert stream.answer_message is not None
            np.copyto(stream.answer_message, self.message, where=undecided & (stream.outcome > 0))

    def _say(self, actions: Any) -> Any:
        """Take the message off an action; what is left is for the streams."""
        message = self.spec.message
        assert message is not None
        level = actions["message"] if self.moving else actions[-1]
        self.message = level / (message.levels - 1)
        if self.moving:
            return actions
        return actions[:-1] if self.factored else actions[0]

    def _parts(self, actions: Any) -> list[NDArray[Any]]:
        """Return the action of each stream."""
        if isinstance(actions, dict):
            return [actions[short] for short in self.shorts]
        if self.factored:
            return list(actions)
        if len(self.streams) == 1 or self.spec.routing == "both":
            return [actions] * len(self.streams)
        windows = [stream.window_open() for stream in self.streams]
        nowhere = ~np.logical_or.reduce(windows)
        if self.spec.routing == "main_first":
            windows = [window & ~np.logical_or.reduce(windows[:i] or [nowhere]) for i, window in enumerate(windows)]
        return [np.where(window | nowhere, actions, 0) for window in windows]

    def _unlocked(self, parts: list[NDArray[Any]], now: int) -> list[NDArray[Any]]:
        """Hold back what falls into the time after a response, and all but one of several responses at once."""
        free = now >= self.locked_until
        parts = [np.where(free, part, 0) for part in parts]
        responds = np.stack([(part > 0) & s.window_open() for part, s in zip(parts, self.streams, strict=True)])
        if (responds.sum(axis=0) > 1).any():
            order = np.stack([mix(stream.trial_key + LOCK) for stream in self.streams])  # a tie is broken by lot
            first = np.where(responds, order, np.uint64(2**64 - 1)).argmin(axis=0)
            for place in range(len(parts)):
                parts[place] = np.where(responds[place] & (first != place), 0, parts[place])
        self.locked_until = np.where(responds.any(axis=0), now + self.spec.lock, self.locked_until)
        return parts

    def compose(self, choices: Sequence[NDArray[Any]]) -> Any:
        """The action that tells each stream its choice and says nothing to others, as the engine takes it.

        Args:
            choices: For each stream int64, (lanes,), or of a movement float32, (lanes, axes). Of a shared action, the
                first open window gets its choice.
        """
        parts = list(choices)
        if not self.factored and len(parts) > 1:
            action = np.zeros(self.lanes, np.int64)
            for choice, stream in reversed(list(zip(choices, self.streams, strict=True))):
                action = np.where(stream.window_open(), choice, action)
            parts = [action]
        names = list(self.shorts)
        if self.spec.message is not None:
            parts.append(np.zeros(self.lanes, np.int64))
            names.append("message")
        if isinstance(self.action_space, spaces.Dict):
            return dict(zip(names, parts, strict=True))
        return np.stack(parts, axis=1) if self.factors else parts[0]

    def reward(self) -> NDArray[np.float64]:
        """Return the reward of the step, float64 (lanes,): a weighted sum over streams."""
        if len(self.streams) == 1 and self.streams[0].spec.weight == 1.0:
            total = self.streams[0].reward.copy()
        else:
            total = functools.reduce(np.add, self._paid())
        message = self.spec.message
        return total if message is None else total - message.cost * self.message

    def _paid(self) -> list[NDArray[np.float64]]:
        return [
            stream.reward if stream.spec.weight == 1.0 else stream.spec.weight * stream.reward
            for stream in self.streams
        ]

    # ---- seeing -----------------------------------------------------------------------------------------------------

    def observe_partners(self) -> None:
        """Record what partners do in this step, which is shown after its latency; call once per step."""
        for view, seen in zip(self.spec.partner_views, self.seen, strict=True):
            if view.kind == "action":
                seen.push(self._all_streams[view.stream].current_choice)
            elif view.kind == "message":
                seen.push(self._partners[view.subject].message)

    def observe(self, now: int) -> NDArray[np.float32]:
        """(lanes, channels) float32: a transposed view of channel-major memory."""
        out = np.empty((len(self.names), self.lanes), np.float32)
        columns = self.columns
        if columns.plain:
            for stream, (start, stop) in zip(self.streams, columns.spans, strict=True):
                stream.observe(out[start:stop], now)
        elif self.spec.observation == "shared":
            part = out[columns.shared]
            np.copyto(part, self.streams[0].shown(now))
            for stream in self.streams[1:]:
                part += stream.shown(now)
            self.streams[0].add_noise(part)
        else:
            self._fused(out, now)
        if columns.cues or columns.partner_views:
            self._paint_others(out)
        return out.T

    def _paint_others(self, out: NDArray[np.float32]) -> None:
        """Write what is no stream's: the cues of groups, and what is seen of partners."""
        for group, start in zip(self._cues, self.columns.cues, strict=True):
            paint_choice(out[start : start + len(group.spec.mix)], group.entry + 1)
        for view, seen, start in zip(self.spec.partner_views, self.seen, self.columns.partner_views, strict=True):
            value = seen.now if view.live else seen
            part = out[start : start + len(view.channels)]
            if view.kind in ("choice", "action"):
                paint_choice(part, value)
            else:
                part[0] = value

    def _fused(self, out: NDArray[np.float32], now: int) -> None:
        """Write what all streams show, and one fixation cue for what any or all of them ask for."""
        cues: list[NDArray[np.float32]] = []
        for stream, (start, stop) in reversed(list(zip(self.streams, self.columns.spans, strict=True))):
            at = stream.tables.channels["fixation"].start
            if at == 0:  # its cue falls on a row that is written later: on that of a stream before it, or the fused one
                stream.observe(out[start - 1 : stop], now)
            else:
                part = np.empty((stop - start + 1, self.lanes), np.float32)
                stream.observe(part, now)
                out[start:stop] = np.delete(part, at, axis=0)
            cues.insert(0, stream.latest[at])
        if self.spec.fixation == "all":
            self._all_ask(cues, out[0])
        else:
            np.copyto(out[0], functools.reduce(np.maximum, cues))  # an idle stream shows 0

    def _all_ask(self, cues: list[NDArray[np.float32]], out: NDArray[np.float32]) -> None:
        """Write what all streams that are not idle ask for; 0 where all are."""
        idle = [stream.idle for stream in self.streams]
        np.copyto(out, functools.reduce(np.minimum, [cue + rests for cue, rests in zip(cues, idle, strict=True)]))
        out[functools.reduce(np.logical_and, idle)] = 0.0

    def truth(self, now: int) -> NDArray[np.int64]:
        """The action that is right, int64 (lanes,) or (lanes, factors); -1 where none is defined, as for a message."""
        truths = [stream.truth(now) for stream in self.streams]
        if not self.factored and len(truths) > 1:
            windows = [stream.window_open() for stream in self.streams]
            result = np.zeros(self.lanes, np.int64)
            for truth, window in reversed(list(zip(truths, windows, strict=True))):
                result = np.where(window, truth, result)
            truths = [result]
        if self.spec.message is not None:
            truths.append(np.full(self.lanes, -1))
        return np.stack(truths, axis=1) if len(truths) > 1 else truths[0]

    # ---- sessions and saving ----------------------------------------------------------------------------------------

    def forget(self, lanes: Integers) -> None:
        """Begin a session in some lanes."""
        self.message[lanes] = 0.0
        self.locked_until[lanes] = 0
        for seen in self.seen:
            if isinstance(seen, DelayedView):
                seen.forget(lanes)
            else:
                seen[lanes] = 0

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        seen = [seen.state() if isinstance(seen, DelayedView) else seen.copy() for seen in self.seen]
        messages = [None if stream.answer_message is None else stream.answer_message.copy() for stream in self.streams]
        return {
            "seen": seen,
            "message": self.message.copy(),
            "locked_until": self.locked_until.copy(),
            "answer_messages": messages,
        }

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a saved state."""
        self.message, self.locked_until = saved["message"].copy(), saved["locked_until"].copy()
        for stream, message in zip(self.streams, saved["answer_messages"], strict=True):
            stream.answer_message = None if message is None else message.copy()
        for seen, past in zip(self.seen, saved["seen"], strict=True):
            if isinstance(seen, DelayedView):
                seen.set_state(past)
            else:
                seen[:] = past
