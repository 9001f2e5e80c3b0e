"""Groups in one lane: streams that are drawn, started, awaited and resolved together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.group import MIX, group_conditions, membership
from neuroparallel.engine.layout import GroupSpec
from neuroparallel.engine.scalar_stream import ScalarStream
from neuroparallel.engine.scalar_subject import ScalarSubject
from neuroparallel.engine.stream import NEVER
from neuroparallel.outcomes import Outcome
from neuroparallel.seeding import GAMMA_INT, lane_key, mix_int

__all__ = ["ScalarGroup"]


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
