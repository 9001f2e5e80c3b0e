"""Distance of the players of a game from an equilibrium."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import BoolArray, FloatArray
from neuroparallel.records.trials import Trials

__all__ = ["distance_to_equilibrium"]


@checked
def distance_to_equilibrium(trials: Trials, equilibria: Sequence[Mapping[str, Any]]) -> float:
    """Measure how far choices are from those of the nearest equilibrium.

    The distance of one player is the total variation distance: the share of its choices that would have to be others.
    That of a game is the largest one among its players.

    Args:
        trials: Trials of a game. Those without a choice (choice 0) count as choices of no option of the equilibrium.
        equilibria: One or more. Each names streams: ``subject.stream``, or ``stream`` for all streams of that name
            taken together. For each it gives the probabilities of the choices 1, 2, ..., of which the last ones may be
            left out if they are 0; or a column and for each of its values such probabilities, as in
            ``{"worker.play": {"cost": {0.1: [0.9, 0.1], 0.9: [0.1, 0.9]}}}``; their distance is the mean.

    Returns:
        0 at an equilibrium, up to 1.

    Raises:
        ArgumentError: There is no such stream or column, no equilibrium, or no trial.

    Example:
        >>> import neuroparallel as npar
        >>> trials = npar.simulate("prisoners_dilemma", "blind", 100)  # both always cooperate
        >>> npar.analysis.distance_to_equilibrium(trials, [{"play": [0, 1]}])
        1.0
    """
    if not equilibria:
        raise ArgumentError("distance_to_equilibrium: there is no equilibrium to compare with.")
    return min(
        max(_distance(trials, _rows(trials, name), there) for name, there in equilibrium.items())
        for equilibrium in equilibria
    )


def _rows(trials: Trials, name: str) -> BoolArray:
    """Return the rows of a stream, or of all streams of a name."""
    full = np.char.add(np.char.add(trials["subject"].astype(str), "."), trials["stream"].astype(str))
    rows = np.asarray((full == name) | (trials["stream"] == name))
    if not rows.any():
        known = sorted({*full.tolist(), *trials["stream"].astype(str).tolist()})
        raise ArgumentError(f"equilibrium: there is no trial of a stream {name!r}.{nearest(name, known)}")
    return rows


def _distance(trials: Trials, rows: BoolArray, there: Any) -> float:
    choices = trials["choice"]
    if not isinstance(there, Mapping):
        return _variation(choices[rows], np.asarray(there, dtype=np.float64))
    (column, levels), *more = there.items()
    if more or column not in trials.columns:
        raise ArgumentError(f"equilibrium: give one column of the trial table; found {', '.join(map(str, there))}.")
    distances = []
    for level, odds in levels.items():
        here = rows & np.isclose(trials[column].astype(np.float64), float(level))
        if here.any():
            distances.append(_variation(choices[here], np.asarray(odds, dtype=np.float64)))
    if not distances:
        raise ArgumentError(f"equilibrium: {column} is never any of {', '.join(map(str, levels))}.")
    return float(np.mean(distances))


def _variation(choices: Any, odds: FloatArray) -> float:
    shares = np.bincount(np.maximum(choices, 0).astype(np.int64), minlength=len(odds) + 1) / len(choices)
    there = np.zeros(len(shares))
    there[1 : len(odds) + 1] = odds
    return float(np.abs(shares - there).sum() / 2)
