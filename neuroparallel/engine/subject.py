"""What a subject sees and does: the columns of its observation and the shape of its action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from neuroparallel.engine.layout import SubjectSpec
from neuroparallel.engine.tables import Tables

__all__ = ["Columns", "action_space", "observation_space", "subject_columns"]


@dataclass(frozen=True)
class Columns:
    """Where each stream's channels stand in the subject's observation.

    Attributes:
        names: Name of every column.
        spans: First column and the one after the last, for each stream.
        plain: Every stream writes all its channels into its own span.
        shared: The common span of streams that share their channels.
        partners: First column of each partner's last choice.
    """

    names: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    plain: bool
    shared: slice
    partners: tuple[int, ...]


def subject_columns(spec: SubjectSpec, tables: Sequence[Tables], streams: Sequence[str]) -> Columns:
    """Lay out a subject's observation; a fused fixation channel comes first, partners' choices last."""
    names: list[str] = []
    spans: list[tuple[int, int]] = []
    fused = spec.fixation != "own" and len(tables) > 1 and spec.observation == "concat"
    if fused:
        names.append("fixation")
    for table, stream in zip(tables, streams, strict=True):
        own = [n for n in table.channels.names if not (fused and n == "fixation")]
        prefix = f"{stream}." if len(tables) > 1 and spec.observation == "concat" else ""
        if spec.observation == "shared" and spans:
            spans.append(spans[0])
            continue
        spans.append((len(names), len(names) + len(own)))
        names.extend(prefix + name for name in own)
    starts = []
    for number, partner in enumerate(spec.partners):
        starts.append(len(names))
        label = "partner" if len(spec.partners) == 1 else f"partner_{number}"
        names.extend(f"{label}.choice_{choice}" for choice in range(1, partner.choices))
    plain = not fused and spec.observation == "concat"
    return Columns(tuple(names), tuple(spans), plain, slice(*spans[0]), tuple(starts))


def observation_space(columns: int) -> gymnasium.spaces.Box:
    """Box, float32, (columns,), unbounded."""
    return gymnasium.spaces.Box(-np.inf, np.inf, (columns,), np.float32)


def action_space(spec: SubjectSpec, tables: Sequence[Tables], streams: Sequence[str]) -> gymnasium.spaces.Space[Any]:
    """What a subject does; ``streams`` are the short names of its streams.

    Returns:
        Of one stream, or a shared action: Discrete, or Box (float32) for a movement. Of several: MultiDiscrete with
        a factor per stream, or Dict by stream name if there is a movement among them.
    """
    spaces = [_stream_space(table) for table in tables]
    if len(tables) == 1 or spec.action == "shared":
        return spaces[0]
    if any(table.movement is not None for table in tables):
        return gymnasium.spaces.Dict(dict(zip(streams, spaces, strict=True)))
    return gymnasium.spaces.MultiDiscrete([table.actions for table in tables])


def _stream_space(table: Tables) -> gymnasium.spaces.Space[Any]:
    if table.movement is None:
        return gymnasium.spaces.Discrete(table.actions)
    return gymnasium.spaces.Box(table.movement.low, table.movement.high, dtype=np.float32)
