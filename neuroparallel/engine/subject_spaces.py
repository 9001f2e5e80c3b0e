"""The columns of a subject's observation, the shape of its action, and the keys of its info."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from neuroparallel.engine.layout import GroupSpec, SubjectSpec
from neuroparallel.engine.tables import Tables
from neuroparallel.seeding import name_bits

__all__ = [
    "LOCK",
    "Columns",
    "action_space",
    "describe_factors",
    "factor_names",
    "factor_sizes",
    "info_keys",
    "observation_space",
    "subject_columns",
]

LOCK = np.uint64(name_bits("response_lock"))


@dataclass(frozen=True)
class Columns:
    """Columns of a subject's observation, by stream.

    Attributes:
        names: Name of every column.
        spans: First column and the one after the last, for each stream.
        plain: Every stream writes all its channels into its own span.
        shared: The common span of streams that share their channels.
        partner_views: First column of what is shown of each partner.
        cues: First column of each group's cue.
    """

    names: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    plain: bool
    shared: slice
    partner_views: tuple[int, ...]
    cues: tuple[int, ...]


def subject_columns(
    spec: SubjectSpec, tables: Sequence[Tables], streams: Sequence[str], groups: Sequence[GroupSpec]
) -> Columns:
    """Lay out a subject's observation: a fused fixation cue first, then its streams, cues, and partners last."""
    names: list[str] = []
    spans: list[tuple[int, int]] = []
    apart = spec.observation != "shared"
    fused = spec.fixation != "own" and len(tables) > 1 and apart
    if fused:
        names.append("fixation")
    for table, stream in zip(tables, streams, strict=True):
        own = [n for n in table.channels.names if not (fused and n == "fixation")]
        prefix = f"{stream}." if len(tables) > 1 and apart else ""
        if not apart and spans:
            spans.append(spans[0])
            continue
        spans.append((len(names), len(names) + len(own)))
        names.extend(prefix + name for name in own)
    cues, partner_views = [], []
    for index in spec.cues:
        cues.append(len(names))
        names.extend(f"{groups[index].name}.cue_{number}" for number in range(len(groups[index].mix)))
    for view in spec.partner_views:
        partner_views.append(len(names))
        names.extend(view.channels)
    plain = not fused and apart
    return Columns(tuple(names), tuple(spans), plain, slice(*spans[0]), tuple(partner_views), tuple(cues))


def factor_sizes(spec: SubjectSpec, tables: Sequence[Tables]) -> tuple[int, ...]:
    """The number of actions of each factor: of each stream, or of all together, and of the message behind them."""
    one = len(tables) == 1 or spec.action == "shared"
    sizes = (tables[0].actions,) if one else tuple(table.actions for table in tables)
    return sizes if spec.message is None else (*sizes, spec.message.levels)


def factor_names(spec: SubjectSpec, streams: Sequence[str]) -> tuple[str, ...]:
    """Return the name of each factor of a subject's action: a stream or 'action', then the message."""
    names = ("action",) if len(streams) == 1 or spec.action == "shared" else tuple(streams)
    return names if spec.message is None else (*names, "message")


def describe_factors(names: Sequence[str], sizes: Sequence[int]) -> str:
    """The factors of an action in words: ``first 0 to 2, second 0 to 1, message 0 to 4``."""
    return ", ".join(f"{name} 0 to {size - 1}" for name, size in zip(names, sizes, strict=True))


def observation_space(columns: int) -> gymnasium.spaces.Box:
    """Box, float32, (columns,), unbounded."""
    return gymnasium.spaces.Box(-np.inf, np.inf, (columns,), np.float32)


def action_space(spec: SubjectSpec, tables: Sequence[Tables], streams: Sequence[str]) -> gymnasium.spaces.Space[Any]:
    """Return the action space of a subject; ``streams`` are the short names of its streams.

    Returns:
        Of one stream, or a shared action: Discrete, or Box (float32) for a movement. Of several, or with a message:
        MultiDiscrete with a factor per stream and the message last, or Dict by stream name (and ``"message"``) if
        there is a movement among them.
    """
    sizes = factor_sizes(spec, tables)
    moving = any(table.movement is not None for table in tables)
    if moving and (len(tables) > 1 or spec.message is not None):
        parts = {stream: _stream_space(table) for stream, table in zip(streams, tables, strict=True)}
        if spec.message is not None:
            parts["message"] = gymnasium.spaces.Discrete(spec.message.levels)
        return gymnasium.spaces.Dict(parts)
    return _stream_space(tables[0]) if len(sizes) == 1 else gymnasium.spaces.MultiDiscrete(list(sizes))


def _stream_space(table: Tables) -> gymnasium.spaces.Space[Any]:
    if table.movement is None:
        return gymnasium.spaces.Discrete(table.actions)
    return gymnasium.spaces.Box(table.movement.low, table.movement.high, dtype=np.float32)


def info_keys(streams: Sequence[str]) -> tuple[str, ...]:
    """The keys of an agent's info: its own, then those of each stream if there are several."""
    own = ("trial_end", "outcome", "trial", "ground_truth", "period")
    if len(streams) == 1:
        return own
    return own + tuple(f"{stream}.{key}" for stream in streams for key in own)
