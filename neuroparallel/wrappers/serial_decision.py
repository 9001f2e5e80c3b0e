"""A central bottleneck: one decision at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from neuroparallel.errors import nearest
from neuroparallel.wrappers._signal import AgentState, AgentStep, Signal, evidence_rows, period_keys

__all__ = ["SerialDecision"]


class SerialDecision(Signal):
    """Impose a central bottleneck on a subject with several streams: it decides on one of them at a time.

    The evidence of a stream reaches the subject after a perceptual latency, which runs for all streams at once. From
    then on the decision on this stream is in progress, until the subject responds to it (an action other than 0) or
    its trial ends. Evidence of other streams that arrives meanwhile is kept, and the subject sees zeros instead. When
    the decision is over, the stream that has waited longest is next (of several, the one that the scenario names
    first). Its evidence is shown from its beginning, and lags behind for the rest of the trial. So the second
    response time is ``max(P2, P1 + C1 - SOA) + C2``: to prolong the second decision (C2) costs the same at every
    asynchrony, and what prolongs its perception (P2) is absorbed while the first decision is made.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv, of ours, in which some subject has
            several streams with channels of their own (``observation: concat``) and MultiDiscrete actions.
        perception: Perceptual latency, ms, a multiple of dt; or one for each stream, by its name (others: 0).
        evidence: Name of the period that brings the evidence; or one for each stream, by its name.
        memory: How long evidence is kept, ms: what has waited longer is lost. A multiple of dt, above ``perception``.
        always: Groups of channels that always pass at once: cues that say what to do when, not evidence.

    Raises:
        ArgumentError: The environment is of another kind, no subject has several streams with channels and responses
            of their own, or an option is not allowed.

    Source:
        Pashler 1994, Psychol Bull 116:220 (bottleneck and locus of slack); Kang et al. 2021, eLife 10:e63721
        (evidence is acquired in parallel, kept, and used serially).
    """

    def __init__(
        self,
        env: Any,
        perception: float | Mapping[str, float] = 0.0,
        evidence: str | Mapping[str, str] = "stimulus",
        memory: float = 3000.0,
        always: Sequence[str] = ("fixation",),
    ) -> None:
        self.perception, self.evidence, self.memory, self.always = perception, evidence, memory, tuple(always)
        self.dt = float(getattr(env, "dt", 1.0))
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """Find the evidence of each stream: its channels, the period that brings it, and its latency."""
        if not any(self._has_streams(part) for part in self.parts.values()):
            raise self.error(
                f"{me.agent} has no streams with channels and responses of their own to decide on in turn."
            )
        if not self._has_streams(me):
            return
        evidence, latency = self._read(me)
        depth = self._steps(self.memory, "memory") + 1
        if max(latency) >= depth - 1:
            raise self.error(f"memory is {self.memory!r} ms; it must be above the perceptual latency.")
        column = (-1, *(1 for _ in me.shape))
        me.data = (
            me.keys("period"),
            me.keys("trial_end"),
            np.array(evidence).reshape(column),
            np.arange(1, len(latency) + 1).reshape(column),
            np.array(latency).reshape(column),
            [evidence_rows(me, stream, self.always) for stream in me.streams],
            depth,
        )
        count = len(latency)
        for name, rows in (("owner", 1), ("at", 1), ("arrives", count), ("age", count), ("lag", count)):
            me.keep(name, rows, np.int64)
        me.keep("waits", count, bool)
        me.keep("shown", count, bool)
        for number, own in enumerate(me.data[5]):
            me.keep(f"kept.{number}", len(own) * depth)
        me.bound(np.minimum(me.box.low, 0), np.maximum(me.box.high, 0))

    def _read(self, me: AgentState) -> tuple[list[int], list[int]]:
        """The number of the period that brings the evidence of each stream, and its latency in steps."""
        names = [stream[:-1] for stream in me.streams]
        for option in (self.perception, self.evidence):
            for name in option if isinstance(option, Mapping) else ():
                if name not in names:
                    raise self.error(f"{me.agent} has no stream {name!r}.{nearest(str(name), names)}")
        known, evidence = period_keys(self.env.scenario, me), []
        for name in names:
            period = f"{name}.{_of(self.evidence, name, 'stimulus')}"
            if period not in known:
                raise self.error(f"there is no period {period!r}.{nearest(period, known)}")
            evidence.append(known[period][1])
        return evidence, [self._steps(_of(self.perception, name, 0.0), "perception") for name in names]

    def _has_streams(self, part: AgentState) -> bool:
        factored = isinstance(part.inner, spaces.MultiDiscrete) and not np.any(part.inner.start)
        return factored and len(part.streams) > 1 and all(evidence_rows(part, s, self.always) for s in part.streams)

    def _steps(self, time: float, name: str) -> int:
        steps = float(time) / self.dt
        if not 0 <= steps < 2**31 or steps != round(steps):
            raise self.error(f"{name} is {time!r}; it is a multiple of dt = {self.dt:g} ms, 0 or more.")
        return int(steps)

    def act(self, me: AgentState, now: AgentStep) -> None:
        """A response is the end of the decision on its stream."""
        if me.data is None:
            return
        numbers, owner = me.data[3], me.memory["owner"]
        silent = np.asarray(now.action)[: len(numbers)] == 0
        owner *= (silent | (owner != numbers)).all(axis=0)
        me.memory["waits"] &= silent
        me.memory["arrives"] *= silent

    def observe(self, me: AgentState, now: AgentStep) -> None:
        """Show the evidence of the stream that is decided on, late by how long it has waited; keep the others'."""
        if me.data is None:
            return
        waits, lag = self._next(me, now)
        *_, latency, streams, depth = me.data
        at = me.memory["at"].reshape(-1)
        lanes = np.arange(len(at))
        for number, rows in enumerate(streams):
            kept = me.memory[f"kept.{number}"].reshape(len(rows), depth, -1)
            kept[:, at, lanes] = now.out[rows].reshape(len(rows), -1)
            seen = kept[:, (at - (latency[number] + lag[number]).reshape(-1)) % depth, lanes]
            now.out[rows] = np.where(waits[number], 0, seen.reshape(now.out[rows].shape))
        at[:] = (at + 1) % depth

    @staticmethod
    def _next(me: AgentState, now: AgentStep) -> tuple[Any, Any]:
        """Let the next decision begin; which streams wait, and how many steps each has waited in this trial."""
        period_of, end_of, evidence, numbers, latency, _, depth = me.data
        owner, arrives, age, lag = (me.memory[name] for name in ("owner", "arrives", "age", "lag"))
        waits, shown = me.memory["waits"], me.memory["shown"]
        ended = np.array([now.info[key] for key in end_of]) != 0
        present = np.array([now.info[key] for key in period_of]) == evidence
        owner *= (~ended | (owner != numbers)).all(axis=0)
        lag *= ~ended
        arrives *= ~ended
        np.copyto(arrives, latency + 1, where=present & (ended | ~shown))
        shown[:] = present
        waits[:] = (waits & ~ended) | (arrives == 1)
        arrives -= arrives > 0
        age[:] = (age + 1) * waits
        np.copyto(owner, age.argmax(axis=0) + 1, where=(owner == 0) & waits.any(axis=0))
        waits &= owner != numbers
        lag[:] = np.minimum(lag + waits, depth - 1 - latency)
        return waits, lag


def _of(option: Any, stream: str, default: Any) -> Any:
    return option.get(stream, default) if isinstance(option, Mapping) else option
