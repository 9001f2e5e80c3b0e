"""Channels and periods of an agent's streams."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from neuroparallel.wrappers._signal.signal import AgentState

__all__ = ["evidence_rows", "period_keys", "spans"]


def evidence_rows(part: AgentState, stream: str, always: Sequence[str]) -> list[int]:
    """Return the rows of the channels of a stream (``"first."``), without the groups of channels in ``always``."""
    own = [(row, name[len(stream) :]) for row, name in enumerate(part.names) if name.startswith(stream)]
    return [row for row, name in own if name not in always and name.rpartition("_")[0] not in always]


def period_keys(scenario: Any, part: AgentState) -> dict[str, tuple[str, int]]:
    """Return the info key and the number of each period by name (``"first.stimulus"`` with several streams)."""
    found = {}
    for name, stream in scenario.stream_items():
        subject, _, short = name.partition(".")
        head = f"{short}." if len(part.streams) > 1 else ""
        if part.agent in (subject, name):
            for number, period in enumerate(stream.make().timing):
                found[f"{head}{period}"] = f"{head}period", number
    return found


def spans(rows: list[int]) -> list[slice]:
    """Return runs of neighbouring rows as slices."""
    if not rows:
        return []
    ends = [at for at, (a, b) in enumerate(pairwise(rows), 1) if b != a + 1]
    return [slice(rows[a], rows[b - 1] + 1) for a, b in pairwise([0, *ends, len(rows)])]
