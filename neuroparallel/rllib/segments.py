"""Segments of a stretch of steps: a row for every session that a row took part in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.rllib.rollout import ModuleRollout

__all__ = ["Interruptions", "Segments", "gather"]

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Segments:
    """The uninterrupted pieces of a stretch, a row each.

    Attributes:
        rows: int64, (S,). Which row a piece is of.
        starts: int64, (S,). First step.
        ends: int64, (S,). One past the last step.
        cut: bool, (S,). True where the agent's session ended with the piece's last step.
        terminated: bool, (S,). True where, moreover, nothing follows.
    """

    rows: Array
    starts: Array
    ends: Array
    cut: Array
    terminated: Array


class Interruptions:
    """Ends and new starts of the rows of one policy within a stretch.

    Args:
        alive: bool, (rows,). Which rows take part at the start.
        steps: Length of the stretch.
    """

    def __init__(self, alive: Array, steps: int) -> None:
        rows = alive.shape[0]
        self.begins = np.zeros((steps + 1, rows), bool)
        self.begins[0] = alive
        self.cuts = np.zeros((steps, rows), bool)
        self.terminated = np.zeros((steps, rows), bool)

    def segments(self) -> Segments:
        """List the pieces, in order of their first step, then of their row."""
        steps, rows = self.cuts.shape
        ends = np.empty((steps + 1, rows), np.int64)
        ends[steps] = steps
        for t in range(steps - 1, -1, -1):
            ends[t] = np.where(self.cuts[t], t + 1, ends[t + 1])
        starts, where = np.nonzero(self.begins[:steps])
        stops = ends[starts, where]
        return Segments(
            rows=where,
            starts=starts,
            ends=stops,
            cut=self.cuts[stops - 1, where],
            terminated=self.terminated[stops - 1, where],
        )


def gather(
    arrays: dict[str, Array],
    seen: Array,
    closing: Array | None,
    state: dict[str, Array] | None,
    fresh: dict[str, Array],
    segments: Segments,
) -> ModuleRollout:
    """Collect the pieces of time-major notes into rows that are padded with zeros.

    Args:
        arrays: ``actions``, ``logits``, ``logp``, ``rewards`` and ``trial_ends``, each (T, rows, ...).
        seen: (T + 1, rows, channels). Observations; after an interruption, those of the next
            session.
        closing: (T, rows, channels). The last observations of what ended in a step; None if nothing
            did.
        state: Recurrent state at the start of the stretch, (rows, ...) each.
        fresh: Recurrent state at the start of a session, (1, ...) each.
        segments: The pieces.

    Returns:
        A rollout with a row per piece.
    """
    steps = arrays["rewards"].shape[0]
    lengths = segments.ends - segments.starts
    when = np.minimum(segments.starts[:, None] + np.arange(steps + 1), steps)
    who = segments.rows[:, None]
    mask = np.arange(steps) < lengths[:, None]
    padded = {name: _zero(array[np.minimum(when[:, :-1], steps - 1), who], mask) for name, array in arrays.items()}
    observations = _zero(seen[when, who], np.arange(steps + 1) <= lengths[:, None])
    if closing is not None:
        cut = np.flatnonzero(segments.cut)
        observations[cut, lengths[cut]] = closing[segments.ends[cut] - 1, segments.rows[cut]]
    first_state = None
    if state is not None:
        first_state = {key: value[segments.rows] for key, value in state.items()}
        for key, value in first_state.items():
            value[segments.starts > 0] = fresh[key]
    return ModuleRollout(
        observations=observations,
        **padded,
        terminated=segments.terminated,
        lengths=lengths,
        state=first_state,
        features=None,
    )


def _zero(array: Array, mask: Array) -> Array:
    """Overwrite with 0 what is not in the mask."""
    array[~mask] = 0
    return array
