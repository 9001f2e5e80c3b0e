"""Groups in one lane: streams that are drawn, started, awaited and resolved together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.coupling import MIX, Coupling, membership
from neuroparallel.engine.layout import GroupSpec, Onset
from neuroparallel.engine.scalar.stream import ScalarStream
from neuroparallel.engine.scalar.subject import ScalarSubject
from neuroparallel.engine.tables import NEVER
from neuroparallel.outcomes import Outcome
from neuroparallel.seeding import GAMMA_INT, lane_key, mix_int

__all__ = ["ScalarGroup", "answer_message"]

LANE = np.zeros(1, np.int64)  # the one lane, for what takes arrays


class ScalarGroup:
    """The trial clock that some streams share, in one lane."""

    def __init__(self, spec: GroupSpec, streams: list[ScalarStream], dt: float) -> None:
        self.spec, self.dt = spec, dt
        self.streams = {index: streams[index] for index in spec.streams}
        specs = [stream.spec for stream in self.streams.values()]
        self.coupling = Coupling(spec, specs, dt, 1)
        self.trial, self.key, self.started, self.pending, self.resolved, self.entry = -1, 0, 0, 0, False, 0
        self.closes = NEVER  # the step in which waiting for members ends
        self.takes_part = dict.fromkeys(spec.streams, True)
        self.onset_at = dict.fromkeys(spec.streams, NEVER)
        self.begun = dict.fromkeys(spec.streams, True)  # in the present trial of the group
        self.observers: list[tuple[str, ScalarSubject, int, ScalarStream]] = []  # what is shown of a stream, where
        members, cuts = membership(spec)
        self._members, self._cuts = members.tolist(), cuts.tolist()
        self.delayed = self.coupling.delayed
        self.alone = streams[spec.streams[0]] if self.coupling.alone else None
        for stream in self.streams.values():
            if stream.spec.onset.after >= 0:
                self.streams[stream.spec.onset.after].watched = True

    # ---- trials ----

    def begin(self, seed: int, lane: int, session: int, now: int) -> None:
        self.key = int(lane_key(seed, lane, session, self.spec.branch)[0])
        self.trial = -1
        self.coupling.begin(LANE)
        self.start(now)

    def start(self, now: int) -> None:
        """Draw who takes part and what they have in common, and start or schedule them."""
        self.trial += 1
        if self.alone is not None:
            self.alone.start(now)
            return
        self.started, self.resolved, self.pending = now, False, 0
        self.closes = now + self.spec.deadline if self.spec.deadline else NEVER
        if self.spec.mix:
            word = mix_int(self._trial_key(self.trial // self.spec.block) + int(MIX))
            self.entry = bisect_right(self._cuts, word)
            self.takes_part = dict(zip(self.spec.streams, self._members[self.entry], strict=True))
        if self.coupling.draws:
            self.coupling.draw(LANE, self._keys(), np.array([self.trial]), list(self.takes_part.values()))
        for place, (index, stream) in enumerate(self.streams.items()):
            self.onset_at[index], self.begun[index] = NEVER, False
            if not self.takes_part[index]:
                continue
            self.pending += 1
            onset = stream.spec.onset
            if onset.after >= 0:
                continue
            steps = self._delay(place, onset)
            self.onset_at[index] = now + steps
            if not steps:
                self._start(place, index, now)

    def _delay(self, place: int, onset: Onset) -> int:
        """Steps from the start of the trial, or from the end of the period that is waited for, to a stream's onset."""
        return onset.steps if onset.law is None else int(self.coupling.onset_steps[place][0])

    def _trial_key(self, trial: int) -> int:
        return mix_int(self.key + (trial + 1) * GAMMA_INT)

    def _keys(self) -> NDArray[np.uint64]:
        return np.array([self._trial_key(self.trial)], np.uint64)

    def _start(self, place: int, index: int, now: int) -> None:
        self.onset_at[index], self.begun[index] = NEVER, True
        self.streams[index].start(now, self.coupling.given(place, LANE) if self.coupling.draws else {})

    def values(self) -> dict[str, Any]:
        """Return the conditions that all streams of the group share."""
        drawn = {name: array[0] for name, array in self.coupling.values.items()}
        return {"group_trial": self.trial, "mix": self.entry} | drawn

    def start_due(self, now: int) -> None:
        """Start the streams whose onset has come."""
        if self.delayed:
            for place, index in enumerate(self.streams):
                if self.onset_at[index] == now:
                    self._start(place, index, now)

    def next_due(self) -> int:
        """Return the step in which the next stream begins or waiting ends, unless something happens before."""
        closes = NEVER if self.resolved else self.closes
        return min(closes, *self.onset_at.values()) if self.delayed else closes

    # ---- their end ----

    def resolve(self, now: int) -> bool:
        """Process streams that ended in this step; returns True once all have ended and the rule has paid."""
        if self.alone is not None:
            if self.alone.ended:
                self._show()
            return self.alone.ended
        ended = self._count_ended(now)
        return (self._cut_short(now) or ended) and not self.pending and self._settle(now)

    def _count_ended(self, now: int) -> bool:
        """Count streams that ended in this step; returns whether there are any."""
        if self.delayed:
            self._schedule(now)
        any_ended = False
        for index, stream in self.streams.items():
            if stream.ended:
                any_ended = True
                self.pending -= 1
                if self.spec.patience:
                    self.closes = min(self.closes, now + self.spec.patience)
                if self.delayed:
                    self._cancel_waiting(index, now)
        return any_ended

    def _schedule(self, now: int) -> None:
        for place, (index, stream) in enumerate(self.streams.items()):
            onset = stream.spec.onset
            waits = onset.after >= 0 and self.takes_part[index] and not self.begun[index]
            if waits and self.onset_at[index] == NEVER and self.streams[onset.after].left_period == onset.period:
                self.onset_at[index] = now + self._delay(place, onset)
        for stream in self.streams.values():
            stream.left_period = -1

    def _cancel_waiting(self, ended: int, now: int) -> None:
        for index, stream in self.streams.items():
            waits = stream.spec.onset.after == ended and self.takes_part[index]
            if waits and not self.begun[index] and self.onset_at[index] == NEVER:
                self._never_begin(index, now)
                self.pending -= 1
                self._cancel_waiting(index, now)

    def _never_begin(self, index: int, now: int) -> None:
        """Cancel a trial before it began: it is drawn, so that records and memory know it, but not shown."""
        self._start(list(self.streams).index(index), index, now)
        self.streams[index].cancel(now)

    def _cut_short(self, now: int) -> bool:
        """End the trial for all if time is up, or if one member aborted and that ends it for all."""
        late = self.closes == now
        aborted = self.spec.abort_all and any(s.ended and s.outcome == Outcome.ABORT for s in self.streams.values())
        if not (late or aborted) or not self.pending or self.resolved:
            return False
        self.cancel(now)
        return True

    def cancel(self, now: int) -> None:
        """End from outside what is running or waiting."""
        self.pending = 0
        for index, stream in self.streams.items():
            self.onset_at[index] = NEVER
            if self.takes_part[index] and not self.begun[index]:
                self._never_begin(index, now)
            stream.cancel(now)

    # ---- what depends on several answers ----

    def _settle(self, now: int) -> bool:
        """Pay once per trial, and send members on to a further period; True if all is over."""
        if self.resolved:
            return True
        self.resolved = True
        again = self._pay()
        self._show()
        return not (again and self.spec.then) or self._resume(now)

    def _pay(self) -> bool:
        """Pay the members by the rule; returns whether they go on."""
        if self.spec.rule is None:
            return True
        streams, part = list(self.streams.values()), list(self.takes_part.values())
        answers = [
            (self._choice(stream), stream.outcome, self._time(stream), answer_message(stream))
            if took_part
            else (0, 0, np.nan, 0.0)
            for stream, took_part in zip(streams, part, strict=True)
        ]
        choice, outcome, time, message = (np.array(column)[:, None] for column in zip(*answers, strict=True))
        given = tuple(stream.values() for stream in streams)
        pay, again = self.coupling.resolve(
            LANE, self._keys(), np.array([self.trial]), choice, outcome.astype(np.uint8), time, message, given
        )
        for stream, took_part, paid in zip(streams, part, pay[:, 0].tolist(), strict=True):
            if took_part:
                stream.pay(paid)
        return bool(again[0])

    @staticmethod
    def _choice(stream: ScalarStream) -> int:
        """Return the choice; 0 for a miss, and for an early response, which is not a choice."""
        return 0 if stream.outcome == Outcome.ABORT else max(stream.choice, 0)

    def _time(self, stream: ScalarStream) -> float:
        """Return the time of the choice, in ms from the start of the group's trial; nan without a choice."""
        return (stream.clock_at + stream.response - self.started) * self.dt if stream.response >= 0 else np.nan

    def _show(self) -> None:
        """Show the last choice, reward or message of members to their observers from now on."""
        for kind, subject, number, stream in self.observers:
            shown = {"choice": self._choice, "reward": lambda stream: stream.earned, "answer_message": answer_message}
            subject.seen[number] = shown[kind](stream)

    def _resume(self, now: int) -> bool:
        """Send the members on to a further period; True if that is over at once."""
        for (index, stream), period in zip(self.streams.items(), self.spec.then, strict=True):
            if self.takes_part[index]:
                self.pending += 1 - stream.resume(period, now)
        return not self.pending

    # ---- saving ----

    def state(self) -> dict[str, Any]:
        saved: dict[str, Any] = {name: getattr(self, name) for name in _COUNTERS}
        return saved | {name: dict(getattr(self, name)) for name in _BY_STREAM} | {"coupling": self.coupling.state()}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        for name in _COUNTERS:
            setattr(self, name, saved[name])
        for name in _BY_STREAM:
            setattr(self, name, dict(saved[name]))
        self.coupling.set_state(saved["coupling"])


def answer_message(stream: ScalarStream) -> float:
    """Return the message sent with the answer of a trial; 0 without one, and if the trial was cancelled."""
    return 0.0 if stream.answer_message is None or stream.outcome == Outcome.CANCELLED else stream.answer_message


_COUNTERS = ("trial", "key", "started", "closes", "pending", "resolved", "entry")
_BY_STREAM = ("takes_part", "onset_at", "begun")
