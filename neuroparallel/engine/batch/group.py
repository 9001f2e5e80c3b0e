"""Groups: streams that are drawn together, started, awaited and resolved together, in all lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch.ensemble import Ensemble
from neuroparallel.engine.batch.state_arrays import NO_LANES
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.coupling import MIX, Coupling, group_conditions, membership
from neuroparallel.engine.layout import GroupSpec, Onset
from neuroparallel.engine.tables import NEVER
from neuroparallel.outcomes import Outcome
from neuroparallel.seeding import Bits, branch_keys, mix, pick, trial_keys

__all__ = ["BatchGroup", "answer_message"]

Integers = NDArray[np.int64]


class BatchGroup:
    """The trial clock that some streams share.

    Args:
        spec: The group.
        streams: All streams of the scenario; the group keeps its own.
        ensemble: These streams together.
        dt: Time step, ms.
    """

    def __init__(self, spec: GroupSpec, streams: list[BatchStream], ensemble: Ensemble, dt: float) -> None:
        self.spec, self.ensemble, self.lanes, self.dt = spec, ensemble, ensemble.lanes, dt
        lanes = ensemble.lanes
        self.streams = {index: streams[index] for index in spec.streams}
        members = [stream.spec for stream in self.streams.values()]
        self.coupling = Coupling(spec, members, dt, lanes)
        self.names = group_conditions(spec, members)
        self.trial = np.full(lanes, -1, np.int64)
        self.key = np.zeros(lanes, np.uint64)
        self.started = np.zeros(lanes, np.int64)
        self.closes = np.full(lanes, NEVER, np.int64)  # the step in which waiting for members ends
        self.limited = bool(spec.deadline or spec.patience)
        self.settles = bool(spec.rule or spec.then)  # whether anything is left to do once all have ended
        self.mixed = bool(spec.mix)
        self.delayed, self.alone = self.coupling.delayed, self.coupling.alone
        self.gaps = self.delayed or self.mixed  # otherwise all begin again, or go on, once the last one is done
        self.takes_part = {index: np.ones(lanes, bool) for index in spec.streams}
        self.onset_at = {index: np.full(lanes, NEVER, np.int64) for index in spec.streams}
        self.begun = {index: np.ones(lanes, bool) for index in spec.streams}  # in the present trial of the group
        self.pending = np.zeros(lanes, np.int64)
        self.resolved = np.zeros(lanes, bool)
        self.entry = np.zeros(lanes, np.int64)
        self._members, self._cuts = membership(spec)
        self.observers: list[tuple[str, NDArray[Any], BatchStream]] = []  # what is shown of a stream, where
        self._followers = [index for index, stream in self.streams.items() if stream.spec.onset.after >= 0]
        for index in self._followers:
            ensemble.watch(self.streams[self.streams[index].spec.onset.after])
        self._late = [place for place, stream in enumerate(members) if stream.onset != Onset()]

    # ---- trials -----------------------------------------------------------------------------------------------------

    def begin(self, lanes: Integers, seeds: Bits, lane_ids: Bits, sessions: Bits, now: int) -> None:
        """Start a session in some lanes: new key, first trial."""
        self.key[lanes] = branch_keys(seeds, lane_ids, sessions, self.spec.branch)
        self.trial[lanes] = -1
        for place in self._late:  # the session before may have been broken off
            self.onset_at[self.spec.streams[place]][lanes] = NEVER
        self.coupling.begin(lanes)
        self.start(lanes, now)
        self.start_due(now)

    def start(self, lanes: Integers, now: int) -> None:
        """Draw who takes part and what they have in common; they begin when the ensemble starts, or are scheduled."""
        if not lanes.size:
            return
        at = self._at(lanes)
        self.trial[at] += 1
        if self.alone:
            self.ensemble.schedule_start(next(iter(self.streams.values())), lanes, {})
            return
        if self.settles:
            self.started[at] = now
            self.resolved[at] = False
        if self.limited:
            self.closes[at] = now + self.spec.deadline if self.spec.deadline else NEVER
        self._draw_mix(lanes)
        if self.coupling.draws:
            present = [members[lanes] if self.mixed else True for members in self.takes_part.values()]
            self.coupling.draw(lanes, self._keys(lanes), self.trial[lanes], present)
        self.pending[at] = 0 if self.mixed else len(self.streams)
        for place, index in enumerate(self.streams):
            part = lanes
            if self.mixed:
                part = lanes[self.takes_part[index][lanes]]
                self.pending[part] += 1
            if place in self._late:
                self._expect(place, index, part, now)
            else:
                self._start(place, index, part)

    def _at(self, lanes: Integers) -> Any:
        """How to index some lanes: all of them as a slice, which costs a tenth."""
        return slice(None) if len(lanes) == self.lanes else lanes

    def _keys(self, lanes: Integers) -> Bits:
        return trial_keys(self.key[lanes], self.trial[lanes])

    def _draw_mix(self, lanes: Integers) -> None:
        if not self.mixed:
            return
        entry = pick(self._cuts, mix(trial_keys(self.key[lanes], self.trial[lanes] // self.spec.block) + MIX))
        self.entry[lanes] = entry
        for column, index in enumerate(self.spec.streams):
            self.takes_part[index][lanes] = self._members[entry, column]

    def _expect(self, place: int, index: int, lanes: Integers, now: int) -> None:
        """Note when a stream is to begin that need not begin at once; `wake` starts it."""
        onset, at = self.streams[index].spec.onset, self._at(lanes)
        self.begun[index][at] = False
        if onset.after >= 0:
            self.onset_at[index][at] = NEVER
            return
        self.onset_at[index][at] = now + self._delay(index, at)

    def _delay(self, index: int, at: Any) -> Any:
        """Steps from the start of the trial, or from the end of the period that is waited for, to a stream's onset."""
        onset = self.streams[index].spec.onset
        return onset.steps if onset.law is None else self.coupling.onset_steps[self.spec.streams.index(index)][at]

    def _start(self, place: int, index: int, lanes: Integers) -> None:
        if not lanes.size:
            return
        if place in self._late:
            self.onset_at[index][lanes] = NEVER
            self.begun[index][lanes] = True
        self.ensemble.schedule_start(self.streams[index], lanes, self.coupling.given(place, lanes))

    def values(self, lanes: Integers) -> dict[str, NDArray[Any]]:
        """The conditions that all streams of the group share, (n,) each."""
        known = {"group_trial": self.trial, "mix": self.entry, **self.coupling.values}
        if len(lanes) == self.lanes:
            return {name: known[name].copy() for name in self.names}
        return {name: known[name].take(lanes) for name in self.names}

    def start_due(self, now: int) -> None:
        """Start the streams whose onset has come."""
        for place in self._late:
            index = self.spec.streams[place]
            self._start(place, index, (self.onset_at[index] == now).nonzero()[0])

    # ---- their end --------------------------------------------------------------------------------------------------

    def resolve(self, now: int) -> Integers:
        """Take note of streams that ended; returns the lanes in which all have, after paying what is due."""
        if self.alone:
            ended = next(iter(self.streams.values())).ended
            self._show(ended)
            return ended
        for index in self._followers:
            self._schedule(index, self.streams[index], now)
        over = [stream for stream in self.streams.values() if stream.ended.size]
        for stream in over:
            self._count_ended(stream.place, stream.ended, now)
        done = self._let_wait(over) if over else []
        if self.limited or self.spec.abort_all:
            done.append(self._cut_short(now))
        lanes = self._together([lanes for lanes in done if lanes.size])
        return self._settle(lanes, now) if lanes.size else lanes

    def _let_wait(self, streams: Sequence[BatchStream]) -> list[Integers]:
        """Let streams rest where others are waited for; returns the lanes in which each was the last to end."""
        waiting, last = {}, []
        for stream in streams:
            awaits = self.pending.take(stream.ended) > 0
            last.append(stream.ended.take(np.logical_not(awaits).nonzero()[0]))
            waiting[stream.place] = stream.ended if self.gaps else stream.ended.take(awaits.nonzero()[0])
        self.ensemble.wait(self.ensemble.cells(waiting))
        return last

    def _together(self, parts: list[Integers]) -> Integers:
        """All lanes that are in any of the parts, in order."""
        if len(parts) < 2:
            return parts[0] if parts else NO_LANES
        either = np.zeros(self.lanes, bool)
        for lanes in parts:
            either[lanes] = True
        return either.nonzero()[0]

    def _schedule(self, index: int, stream: BatchStream, now: int) -> None:
        """Set the onset of a stream that waits for the end of another's period: the first in the group's trial."""
        onset = stream.spec.onset
        left = self.streams[onset.after].left_period
        if left is None:
            return
        lanes, periods = left
        awaits = ~self.begun[index][lanes] & (self.onset_at[index][lanes] == NEVER)
        lanes = lanes[awaits & (periods == onset.period)]
        if self.mixed:
            lanes = lanes[self.takes_part[index][lanes]]
        self.onset_at[index][lanes] = now + self._delay(index, lanes)

    def _count_ended(self, index: int, ended: Integers, now: int) -> None:
        self.pending[self._at(ended)] -= 1
        if self.spec.patience:
            self.closes[ended] = np.minimum(self.closes[ended], now + self.spec.patience)
        self._cancel_waiting(index, ended, now)

    def _cancel_waiting(self, ended: int, lanes: Integers, now: int) -> None:
        """A stream whose cue can no longer come is cancelled."""
        for index in self._followers:
            if self.streams[index].spec.onset.after != ended:
                continue
            waiting = ~self.begun[index][lanes] & (self.onset_at[index][lanes] == NEVER)
            lost = lanes[waiting & self.takes_part[index][lanes]]
            if lost.size:
                self._never_begin(index, lost, now)
                self.pending[lost] -= 1
                self._cancel_waiting(index, lost, now)

    def _never_begin(self, index: int, lanes: Integers, now: int) -> None:
        """Cancel trials before they began: they are drawn, so that records and memory know them, but not shown."""
        stream, place = self.streams[index], list(self.streams).index(index)
        self._start(place, index, lanes)
        self.ensemble.start(now)
        stream.cancel(lanes)

    def _cut_short(self, now: int) -> Integers:
        """End the trial for all where time is up, or where one member aborted and that ends it for all."""
        cut = self.closes == now
        if self.spec.abort_all:
            for stream in self.streams.values():
                cut[stream.ended[stream.outcome[stream.ended] == Outcome.ABORT]] = True
        lanes: Integers = (cut & (self.pending > 0) & ~self.resolved).nonzero()[0]
        if lanes.size:
            self.cancel(lanes, now)
        return lanes

    def cancel(self, lanes: Integers, now: int) -> None:
        """End from outside what is running or waiting in some lanes."""
        self.pending[lanes] = 0
        for index, stream in self.streams.items():
            self.onset_at[index][lanes] = NEVER
            waiting = lanes[~self.begun[index][lanes] & self.takes_part[index][lanes]]
            if waiting.size:
                self._never_begin(index, waiting, now)
            stream.cancel(lanes)

    # ---- what depends on several answers ----------------------------------------------------------------------------

    def _settle(self, done: Integers, now: int) -> Integers:
        """Pay once per trial, and send members on to a further period; returns the lanes in which all is over."""
        if not self.settles:
            self._show(done)
            return done
        fresh = done[~self.resolved[done]]
        if not fresh.size:
            return done
        self.resolved[fresh] = True
        again = self._pay(fresh)
        self._show(fresh)
        if not self.spec.then:
            return done
        going = fresh[again]
        return np.setdiff1d(done, np.setdiff1d(going, self._resume(going, now)))

    def _pay(self, lanes: Integers) -> NDArray[np.bool_]:
        """Pay the members by the rule; returns in which of the lanes they go on, bool (n,)."""
        if self.spec.rule is None:
            return np.ones(len(lanes), bool)
        streams = list(self.streams.values())
        part = np.stack([self.takes_part[index][lanes] for index in self.streams])
        pay, again = self.coupling.resolve(
            lanes,
            self._keys(lanes),
            self.trial[lanes],
            np.where(part, np.stack([self._choice(stream, lanes) for stream in streams]), 0),
            np.where(part, np.stack([stream.outcome[lanes] for stream in streams]), 0).astype(np.uint8),
            np.where(part, np.stack([self._time(stream, lanes) for stream in streams]), np.nan),
            np.where(part, np.stack([answer_message(stream, lanes) for stream in streams]), 0.0),
            tuple(stream.values(lanes) for stream in streams),
        )
        for stream, took_part, paid in zip(streams, part, pay, strict=True):
            stream.pay(lanes, np.where(took_part, paid, 0.0))
        return again

    @staticmethod
    def _choice(stream: BatchStream, lanes: Integers) -> Integers:
        """What was chosen in time; 0 for a miss, and for an early response, which is no choice."""
        choice = np.where(stream.outcome[lanes] == Outcome.ABORT, 0, stream.choice[lanes])
        return np.maximum(choice, 0)

    def _time(self, stream: BatchStream, lanes: Integers) -> NDArray[np.float64]:
        """When it was, in ms from the start of the group's trial; nan if nothing was chosen."""
        response = stream.response[lanes]
        steps = stream.clock_at[lanes] + response - self.started[lanes]
        return np.where(response >= 0, steps * self.dt, np.nan)

    def _show(self, lanes: Integers) -> None:
        """Show the last choice, reward or message of members to their observers from now on."""
        shown = {
            "choice": self._choice,
            "reward": lambda stream, lanes: stream.earned[lanes],
            "answer_message": answer_message,
        }
        if lanes.size:
            for kind, seen, stream in self.observers:
                seen[lanes] = shown[kind](stream, lanes)

    def _resume(self, lanes: Integers, now: int) -> Integers:
        """Send the members on to a further period; returns lanes in which all are over at once."""
        for (index, stream), period in zip(self.streams.items(), self.spec.then, strict=True):
            part = lanes[self.takes_part[index][lanes]]
            self.pending[part] += 1
            if part.size:
                self.pending[stream.resume(part, period, now)] -= 1
        over: Integers = lanes[self.pending[lanes] == 0]
        return over

    # ---- saving -----------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        saved: dict[str, Any] = {name: getattr(self, name).copy() for name in _ARRAYS}
        for name in _BY_STREAM:
            saved[name] = {index: array.copy() for index, array in getattr(self, name).items()}
        saved["coupling"] = self.coupling.state()
        return saved

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a saved state."""
        for name in _ARRAYS:
            getattr(self, name)[:] = saved[name]
        for name in _BY_STREAM:
            for index, array in saved[name].items():
                getattr(self, name)[index][:] = array
        self.coupling.set_state(saved["coupling"])


def answer_message(stream: BatchStream, lanes: Integers) -> NDArray[np.float64]:
    """Return the messages sent with the answers of trials, float64 (n,); 0 without one, and of cancelled trials."""
    if stream.answer_message is None:
        return np.zeros(len(lanes))
    return np.where(stream.outcome[lanes] == Outcome.CANCELLED, 0.0, stream.answer_message[lanes])


_ARRAYS = ("trial", "key", "started", "closes", "pending", "resolved", "entry")
_BY_STREAM = ("takes_part", "onset_at", "begun")
