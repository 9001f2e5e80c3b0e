"""Groups: streams that are drawn together, started, awaited and resolved together, in all lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.layout import Game, GroupSpec
from neuroparallel.engine.stream import NEVER, NO_LANES, BatchStream
from neuroparallel.outcomes import Outcome
from neuroparallel.seeding import Bits, branch_keys, mix, name_bits, pick, thresholds, trial_keys

__all__ = ["BatchGroup", "group_conditions", "membership", "payoff_row"]

MIX = np.uint64(name_bits("group.mix"))


def membership(spec: GroupSpec) -> tuple[NDArray[np.bool_], Bits]:
    """Which streams take part in each entry of a mix, bool (entries, streams), and the cuts to draw one."""
    entries = spec.mix or ((spec.streams, 1.0),)
    table = np.array([[index in members for index in spec.streams] for members, _ in entries])
    return table, thresholds(np.array([weight for _, weight in entries]))


def group_conditions(spec: GroupSpec) -> tuple[str, ...]:
    """Columns of the trial table that all streams of a group share: its trial number, and the entry of its mix."""
    names = ("group_trial",) if len(spec.streams) > 1 else ()
    return (*names, "mix") if spec.mix else names


def payoff_row(game: Game, choices: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Find the row of the pay-off table for choices 0..n-1 of each player; negative choices have no meaning."""
    row = np.zeros(len(choices[0]), np.int64)
    for choice, n in zip(choices, game.choices, strict=True):
        row = row * n + choice
    return row


class BatchGroup:
    """The trial clock that some streams share.

    Args:
        spec: The group.
        streams: All streams of the scenario; the group keeps its own.
        lanes: Number of lanes.
    """

    def __init__(self, spec: GroupSpec, streams: list[BatchStream], lanes: int) -> None:
        self.spec, self.lanes = spec, lanes
        self.streams = {index: streams[index] for index in spec.streams}
        self.trial = np.full(lanes, -1, np.int64)
        self.key = np.zeros(lanes, np.uint64)
        self.mixed = bool(spec.mix)
        onsets = [stream.spec.onset for stream in self.streams.values()]
        self.delayed = any(onset.steps or onset.after >= 0 for onset in onsets)
        self.alone = len(spec.streams) == 1 and not self.mixed and not self.delayed and spec.game is None
        self.takes_part = {index: np.ones(lanes, bool) for index in spec.streams}
        self.onset_at = {index: np.full(lanes, NEVER, np.int64) for index in spec.streams}
        self.begun = {index: np.ones(lanes, bool) for index in spec.streams}  # in the present trial of the group
        self.pending = np.zeros(lanes, np.int64)
        self.resolved = np.zeros(lanes, bool)
        self.entry = np.zeros(lanes, np.int64)
        self._members, self._cuts = membership(spec)
        self._payoffs = np.array(spec.game.payoffs) if spec.game else np.zeros((0, 0))
        self.partners: list[tuple[NDArray[np.int64], BatchStream]] = []  # where last choices are shown
        for stream in self.streams.values():
            if stream.spec.onset.after >= 0:
                self.streams[stream.spec.onset.after].watched = True

    def begin(self, lanes: NDArray[np.int64], seeds: Bits, lane_ids: Bits, sessions: Bits, now: int) -> None:
        """Start a session in some lanes: new key, first trial."""
        self.key[lanes] = branch_keys(seeds, lane_ids, sessions, self.spec.branch)
        self.trial[lanes] = -1
        self.start(lanes, now)

    def start(self, lanes: NDArray[np.int64], now: int) -> None:
        """Draw who takes part, and start or schedule them."""
        if not lanes.size:
            return
        self.trial[lanes] += 1
        if self.alone:
            next(iter(self.streams.values())).start(lanes, now)
            return
        self._draw_mix(lanes)
        self.resolved[lanes] = False
        self.pending[lanes] = 0
        for index, stream in self.streams.items():
            part = lanes[self.takes_part[index][lanes]] if self.mixed else lanes
            self.pending[part] += 1
            onset = stream.spec.onset
            self.onset_at[index][lanes] = NEVER
            self.begun[index][lanes] = False
            if onset.after < 0 and onset.steps == 0:
                if part.size:
                    stream.start(part, now)
                    self.begun[index][part] = True
            elif onset.after < 0:
                self.onset_at[index][part] = now + onset.steps

    def _draw_mix(self, lanes: NDArray[np.int64]) -> None:
        if not self.mixed:
            return
        words = mix(trial_keys(self.key[lanes], self.trial[lanes]) + MIX)
        entry = pick(self._cuts, words)
        self.entry[lanes] = entry
        for column, index in enumerate(self.spec.streams):
            self.takes_part[index][lanes] = self._members[entry, column]

    def values(self, lanes: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """The conditions that all streams of the group share, (n,) each."""
        known = {"group_trial": self.trial, "mix": self.entry}
        return {name: known[name][lanes] for name in group_conditions(self.spec)}

    def wake(self, now: int) -> None:
        """Start the streams whose onset has come."""
        if not self.delayed:
            return
        for index, stream in self.streams.items():
            at = self.onset_at[index]
            lanes = (at == now).nonzero()[0]
            if lanes.size:
                at[lanes] = NEVER
                stream.start(lanes, now)
                self.begun[index][lanes] = True

    def resolve(self, now: int) -> NDArray[np.int64]:
        """Take note of streams that ended; returns the lanes in which all have, after paying what is due."""
        if self.alone:
            ended = next(iter(self.streams.values())).ended
            self._show_choices(ended)
            return ended
        touched = []
        for index, stream in self.streams.items():
            self._schedule(index, stream, now)
        for index, stream in self.streams.items():
            if stream.ended.size:
                self.pending[stream.ended] -= 1
                touched.append(stream.ended)
                self._cancel_waiting(index, stream.ended, now)
        if not touched:
            return NO_LANES
        lanes = np.unique(np.concatenate(touched)) if len(touched) > 1 else touched[0]
        done: NDArray[np.int64] = lanes[self.pending[lanes] == 0]
        if self.spec.game is None:
            self._show_choices(done)
            return done
        return self._play(self.spec.game, done, now)

    def _schedule(self, index: int, stream: BatchStream, now: int) -> None:
        """Set the onset of a stream that waits for the end of another's period."""
        onset = stream.spec.onset
        if onset.after < 0:
            return
        left = self.streams[onset.after].left
        if left is None:
            return
        lanes, periods = left
        lanes = lanes[periods == onset.period]
        if self.mixed:
            lanes = lanes[self.takes_part[index][lanes]]
        self.onset_at[index][lanes] = now + onset.steps

    def _cancel_waiting(self, ended: int, lanes: NDArray[np.int64], now: int) -> None:
        """A stream whose cue can no longer come is cancelled."""
        for index, stream in self.streams.items():
            if stream.spec.onset.after != ended:
                continue
            waiting = ~self.begun[index][lanes] & (self.onset_at[index][lanes] == NEVER)
            lost = lanes[waiting & self.takes_part[index][lanes]]
            if lost.size:
                self._never_begin(index, lost, now)
                self.pending[lost] -= 1
                self._cancel_waiting(index, lost, now)

    def _never_begin(self, index: int, lanes: NDArray[np.int64], now: int) -> None:
        """Cancel trials before they began: they are drawn, so that records and memory know them, but not shown."""
        stream = self.streams[index]
        stream.start(lanes, now)
        stream.rest(lanes)
        stream.outcome[lanes] = Outcome.CANCELLED
        self.begun[index][lanes] = True

    def _play(self, game: Game, done: NDArray[np.int64], now: int) -> NDArray[np.int64]:
        fresh = done[~self.resolved[done]]
        if fresh.size:
            self._pay(game, fresh)
            self.resolved[fresh] = True
            if self.spec.then:
                over = self._resume(fresh, now)
                done = np.setdiff1d(done, np.setdiff1d(fresh, over))
        return done

    def _pay(self, game: Game, lanes: NDArray[np.int64]) -> None:
        choices = [self._choice(self.streams[index], lanes) - 1 for index in game.streams]
        all_chose = np.logical_and.reduce([choice >= 0 for choice in choices])
        row = np.where(all_chose, payoff_row(game, choices), 0)
        for player, index in enumerate(game.streams):
            paid = np.where(all_chose, self._payoffs[row, player], game.missing)
            stream = self.streams[index]
            stream.reward[lanes] += paid
            stream.earned[lanes] += paid
        self._show_choices(lanes)

    def _show_choices(self, lanes: NDArray[np.int64]) -> None:
        """Let those who see a member's last choice see it from now on."""
        if lanes.size:
            for seen, stream in self.partners:
                seen[lanes] = self._choice(stream, lanes)

    @staticmethod
    def _choice(stream: BatchStream, lanes: NDArray[np.int64]) -> NDArray[np.int64]:
        """What was chosen in time; 0 for a miss, and for an early response, which is no choice."""
        choice = np.where(stream.outcome[lanes] == Outcome.ABORT, 0, stream.choice[lanes])
        return np.maximum(choice, 0)

    def _resume(self, lanes: NDArray[np.int64], now: int) -> NDArray[np.int64]:
        """Send all members on to a further period; returns lanes in which all are over at once."""
        self.pending[lanes] = len(self.streams)
        for (_, stream), period in zip(self.streams.items(), self.spec.then, strict=True):
            self.pending[stream.resume(lanes, period, now)] -= 1
        over: NDArray[np.int64] = lanes[self.pending[lanes] == 0]
        return over

    def cancel(self, lanes: NDArray[np.int64], now: int) -> None:
        """End what is running or waiting in some lanes from outside."""
        for index, stream in self.streams.items():
            self.onset_at[index][lanes] = NEVER
            waiting = lanes[~self.begun[index][lanes] & self.takes_part[index][lanes]]
            if waiting.size:
                self._never_begin(index, waiting, now)
            running = lanes[~stream.idle[lanes] & (stream.outcome[lanes] == 0)]
            stream.outcome[running] = Outcome.CANCELLED
            stream.ended = NO_LANES

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes."""
        return {
            "trial": self.trial.copy(),
            "key": self.key.copy(),
            "takes_part": {index: array.copy() for index, array in self.takes_part.items()},
            "onset_at": {index: array.copy() for index, array in self.onset_at.items()},
            "begun": {index: array.copy() for index, array in self.begun.items()},
            "pending": self.pending.copy(),
            "resolved": self.resolved.copy(),
            "entry": self.entry.copy(),
        }

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a saved state."""
        for name in ("trial", "key", "pending", "resolved", "entry"):
            getattr(self, name)[:] = saved[name]
        for name in ("takes_part", "onset_at", "begun"):
            for index, array in saved[name].items():
                getattr(self, name)[index][:] = array
