"""Performance operating characteristic: the trade-off between two tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neuroparallel.analysis.accuracy import performance
from neuroparallel.analysis.response_pairing import pairs_of
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import FloatArray


@dataclass(frozen=True, eq=False)
class OperatingCharacteristic:
    """Performance in one task against performance in the other, as the weight moves from one to the other.

    Attributes:
        points: A row per weight: ``weight``, and for both streams the fraction correct with its interval:
            ``correct_1``, ``low_1``, ``high_1``, ``correct_2``, ``low_2``, ``high_2``.
        area: Share of the rectangle between chance and the best performance in either task that lies below the
            curve: 1 if nothing has to be given up, 1/2 on the straight line between doing the one and doing the other.
    """

    points: Table
    area: float


@checked
def operating_characteristic(
    tables: Mapping[float, Trials],
    first: str | None = None,
    second: str | None = None,
    *,
    chance: float | tuple[float, float] = 0.5,
    level: float = 0.95,
) -> OperatingCharacteristic:
    """Return the performance operating characteristic of two tasks.

    Args:
        tables: Trials of two streams by the weight that the first of them had, in reward or otherwise. The curve is
            complete if the weights go from all to nothing.
        first: Name of the one stream; None: the two streams of the tables, in order of appearance.
        second: Name of the other.
        chance: Fraction correct of a guesser, in [0, 1); or one for each stream.
        level: Confidence of the intervals, in (0, 1).

    Returns:
        The points by increasing weight, and the area below the curve through them.

    Raises:
        UnknownNameError: A table lacks a column, or there is no such stream.
        ArgumentError: There is no table, the streams were not named, or no performance is above chance.

    Source:
        Norman & Bobrow 1975, Cogn Psychol 7:44; Sperling & Melchner 1978, Science 202:315.
    """
    if not tables:
        raise ArgumentError("operating_characteristic needs a table of trials for each weight; there is none.")
    rows = []
    for weight in sorted(tables):
        trials = tables[weight]
        streams = pairs_of(trials, first, second).names
        one, two = (performance(trials.where(stream=name), (), level=level) for name in streams)
        rows.append([float(weight), *(float(part[n][0]) for part in (one, two) for n in ("correct", "low", "high"))])
    names = ("weight", *(f"{name}_{place}" for place in (1, 2) for name in ("correct", "low", "high")))
    points = Table(dict(zip(names, np.array(rows).T, strict=True)))
    guess_1, guess_2 = chance if isinstance(chance, tuple) else (chance, chance)
    return OperatingCharacteristic(
        points, _area(_gained(points["correct_1"], guess_1), _gained(points["correct_2"], guess_2))
    )


def _gained(correct: FloatArray, chance: float) -> FloatArray:
    """Performance from 0 at chance to 1 at its best."""
    best = float(correct.max())
    if best <= chance:
        raise ArgumentError(f"operating_characteristic: no performance is above chance, {chance:g}.")
    gained: FloatArray = np.clip((correct - chance) / (best - chance), 0, 1)
    return gained


def _area(one: FloatArray, two: FloatArray) -> float:
    """Area below the points in the unit square, closed by level lines to its sides; the trapezoid rule."""
    order = np.lexsort((-two, one))
    x = np.concatenate([[0.0], one[order], [1.0]])
    y = np.concatenate([[two[order][0]], two[order], [two[order][-1]]])
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())
