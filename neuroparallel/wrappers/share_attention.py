"""One look at a time: samples are split between streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from neuroparallel.errors import nearest, one_of
from neuroparallel.seeding import thresholds
from neuroparallel.wrappers._forms import wrapper
from neuroparallel.wrappers._signal import Moment, Part, Signal

_SHOWN = ("zeros", "last")

__all__ = ["ShareAttention", "share_attention_v0"]


@wrapper
class ShareAttention(Signal):
    """Split the samples that a subject gets between its streams: in every step it looks at one of them only.

    Which one is drawn anew in every step, with given shares. A stream that has the share s of the samples is then
    judged as well as a single task with evidence smaller by the root of s: accuracy Phi(d' sqrt(s)). Of the others
    the channels are zero, so that adding up what is seen stays the right thing to do (with ``"last"`` they show the
    sample that was seen last, which must not be counted twice).

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

    def fit(self, me: Part) -> None:
        """The rows of each stream, and the cuts that say which of them a random word means."""
        rows = {stream[:-1]: self._rows(me, stream) for stream in me.streams if stream}
        if not any(len(part.streams) > 1 and self._rows(part, part.streams[0]) for part in self.parts.values()):
            raise self.refuse(f"{me.agent} has no streams with channels of their own to look at in turn.")
        if len(rows) < 2:
            return
        for name, share in (self.shares or {}).items():
            if name not in rows or not share >= 0:
                raise self.refuse(f"{me.agent} cannot look at {name!r} with share {share!r}.{nearest(str(name), rows)}")
        shares = np.array([1.0 if self.shares is None else self.shares.get(name, 0.0) for name in rows])
        if not shares.sum() > 0:
            raise self.refuse(f"the shares are {self.shares!r}; one must be above 0.")
        me.own = me.draw("attention", 1), thresholds(shares), [_spans(own) for own in rows.values()]
        if self.last:
            me.keep("last", me.end)
        me.bound(np.minimum(me.box.low, 0), np.maximum(me.box.high, 0))

    def _rows(self, part: Part, stream: str) -> list[int]:
        own = [(row, name[len(stream) :]) for row, name in enumerate(part.names) if name.startswith(stream)]
        return [row for row, name in own if name not in self.always and name.rpartition("_")[0] not in self.always]

    def see(self, me: Part, now: Moment) -> None:
        """Hide the streams that are not looked at in this step."""
        if me.own is None:
            return
        draws, cuts, streams = me.own
        word = draws.words()[0]
        attended = sum(word >= cut for cut in cuts)
        for number, spans in enumerate(streams):
            for span in spans:
                if self.last:
                    last = me.memory["last"][span]
                    np.copyto(now.out[span], last, where=attended != number)
                    last[:] = now.out[span]
                else:  # half the time of a copy in some places
                    np.multiply(now.out[span], attended == number, out=now.out[span])


def _spans(rows: list[int]) -> list[slice]:
    """Runs of neighbouring rows."""
    if not rows:
        return []
    ends = [at for at, (a, b) in enumerate(pairwise(rows), 1) if b != a + 1]
    return [slice(rows[a], rows[b - 1] + 1) for a, b in pairwise([0, *ends, len(rows)])]


def share_attention_v0(
    env: Any,
    shares: Mapping[str, float] | None = None,
    unattended: Literal["zeros", "last"] = "zeros",
    always: Sequence[str] = ("fixation",),
) -> Any:
    """Split the samples that a subject gets between its streams; see `ShareAttention`."""
    return ShareAttention(env, shares, unattended, always)
