"""One look at a time: samples are split between streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from neuroparallel.errors import nearest, one_of
from neuroparallel.wrappers._signal import AgentState, AgentStep, Signal, evidence_rows, spans

_SHOWN = ("zeros", "last")

__all__ = ["ShareAttention"]


class ShareAttention(Signal):
    """Split the samples that a subject gets between its streams: in every step it looks at one of them only.

    Samples are allotted without replacement: of any n steps in a row, a stream of two gets n s samples, rounded down
    or up, at the share s. Where in this order a session begins is random, so each step has the probability s. A
    stream is then judged as well as a single task with evidence smaller by the root of s: accuracy Phi(d' sqrt(s)).
    (Independent draws would let the number of samples vary from trial to trial, which costs accuracy.) The channels
    of the other streams are zero, so that adding up what is seen stays the right thing to do (with ``"last"`` they
    show the sample that was seen last, which must not be counted twice).

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv, of ours, in which some subject has
            several streams with channels of their own (``observation: concat``).
        shares: How often each stream is looked at, in proportion; None: all alike.
        unattended: What the other streams show: ``"zeros"`` or ``"last"``.
        always: Groups of channels that always pass: cues that say what to do when, not samples.

    Raises:
        ArgumentError: The environment is of another kind, no subject has several streams with channels of their own,
            or there is no such stream.

    Source:
        Bonnel & Miller 1994, Percept Psychophys 55:162 (sample-size model of divided attention).
    """

    def __init__(
        self,
        env: Any,
        shares: Mapping[str, float] | None = None,
        unattended: Literal["zeros", "last"] = "zeros",
        always: Sequence[str] = ("fixation",),
    ) -> None:
        one_of(unattended, _SHOWN, "ShareAttention: unattended")
        self.shares, self.last, self.always = shares, unattended == "last", tuple(always)
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """Find the rows of each stream, and its share of the samples."""
        rows = {stream[:-1]: evidence_rows(me, stream, self.always) for stream in me.streams if stream}
        if not any(
            len(part.streams) > 1 and evidence_rows(part, part.streams[0], self.always) for part in self.parts.values()
        ):
            raise self.error(f"{me.agent} has no streams with channels of their own to look at in turn.")
        if len(rows) < 2:
            return
        for name, share in (self.shares or {}).items():
            if name not in rows or not share >= 0:
                raise self.error(f"{me.agent} cannot look at {name!r} with share {share!r}.{nearest(str(name), rows)}")
        shares = np.array([1.0 if self.shares is None else self.shares.get(name, 0.0) for name in rows])
        if not shares.sum() > 0:
            raise self.error(f"the shares are {self.shares!r}; one must be above 0.")
        me.data = me.draw("attention", len(rows) - 1), shares / shares.sum(), [spans(own) for own in rows.values()]
        me.keep("credit", len(rows), np.float64)  # samples that each stream is owed
        me.keep("begun", 1, bool)
        if self.last:
            me.keep("last", me.end)
        me.bound(np.minimum(me.box.low, 0), np.maximum(me.box.high, 0))

    def observe(self, me: AgentState, now: AgentStep) -> None:
        """Hide the streams that are not looked at in this step."""
        if me.data is None:
            return
        draws, shares, streams = me.data
        attended = _allot(me.memory["credit"], me.memory["begun"], shares, draws.words())
        for number, own in enumerate(streams):
            for span in own:
                if self.last:
                    last = me.memory["last"][span]
                    np.copyto(now.out[span], last, where=attended != number)
                    last[:] = now.out[span]
                else:  # half the time of a copy in some places
                    np.multiply(now.out[span], attended == number, out=now.out[span])


def _allot(credit: Any, begun: Any, shares: Any, words: Any) -> Any:
    """Return which stream has this step's sample: the one that is owed most."""
    start = (words >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1  # uniform from -1 to 1: P(attended) = share
    np.copyto(credit[:-1], start, where=~begun[0])
    begun[0] = True
    for own, share in zip(range(len(shares)), shares, strict=True):
        credit[own] += share
    attended = np.argmax(credit, axis=0)
    for own in range(len(shares)):
        credit[own] -= attended == own
    return attended
