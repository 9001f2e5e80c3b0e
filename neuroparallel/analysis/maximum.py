"""Maximum likelihood for counts of successes under a curve, within bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from neuroparallel.records.table import BoolArray, FloatArray

# Parameters -> the chance at each level, (levels,), and its slopes, (levels, parameters).
Curve: TypeAlias = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

REFINED_STARTS = 5
STEPS = 200
SURE = 1e-12  # chances are kept this far from 0 and 1, where one contrary choice is infinitely odd


@dataclass(frozen=True, eq=False)
class Maximum:
    """The most likely parameters.

    Attributes:
        parameters: float64, (parameters,).
        errors: float64, (parameters,). Standard errors; ``nan`` for a parameter on its bound.
        log_likelihood: Binomial coefficients left out.
    """

    parameters: FloatArray
    errors: FloatArray
    log_likelihood: float


def maximise(
    curve: Curve,
    successes: FloatArray,
    trials: FloatArray,
    starts: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> Maximum:
    """Climb from the best of several starts, by damped Fisher scoring held within bounds.

    Args:
        curve: The model.
        successes: Counts, (levels,).
        trials: Counts, (levels,).
        starts: First guesses, (guesses, parameters).
        low: Lower bounds, (parameters,).
        high: Upper bounds, (parameters,).

    Returns:
        The best maximum found.
    """
    starts = np.clip(starts, low, high)
    first = np.array([_likelihood(curve(start)[0], successes, trials) for start in starts])
    tops = [
        _climbed(curve, successes, trials, starts[i], low, high)
        for i in np.argsort(-first, kind="stable")[:REFINED_STARTS]
    ]
    likelihoods = [_likelihood(curve(top)[0], successes, trials) for top in tops]
    best = int(np.argmax(likelihoods))
    parameters = tops[best]
    errors = _errors(curve, successes, trials, parameters, low, high)
    return Maximum(parameters, errors, likelihoods[best])


def _likelihood(chance: FloatArray, successes: FloatArray, trials: FloatArray) -> float:
    p = np.clip(chance, SURE, 1 - SURE)
    return float(np.sum(successes * np.log(p) + (trials - successes) * np.log1p(-p)))


def _slope_and_information(
    curve: Curve, successes: FloatArray, trials: FloatArray, at: FloatArray
) -> tuple[FloatArray, FloatArray]:
    chance, slopes = curve(at)
    p = np.clip(chance, SURE, 1 - SURE)
    weight = 1 / (p * (1 - p))
    slope = slopes.T @ (weight * (successes - trials * p))
    return slope, (slopes * (trials * weight)[:, None]).T @ slopes


def _free(at: FloatArray, slope: FloatArray, low: FloatArray, high: FloatArray) -> BoolArray:
    """Parameters that are not pressed against a bound."""
    return np.asarray(~((at <= low) & (slope < 0)) & ~((at >= high) & (slope > 0)))


def _climbed(
    curve: Curve,
    successes: FloatArray,
    trials: FloatArray,
    start: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> FloatArray:
    at, damping = start, 1e-3
    height = _likelihood(curve(at)[0], successes, trials)
    for _ in range(STEPS):
        slope, information = _slope_and_information(curve, successes, trials, at)
        free = _free(at, slope, low, high)
        if not free.any() or damping > 1e10:
            break
        inner = information[np.ix_(free, free)]
        scale = np.diag(inner) + 1e-9
        step = np.zeros_like(at)
        step[free] = np.linalg.solve(inner + damping * np.diag(scale), slope[free])
        there = np.clip(at + step, low, high)
        gain = _likelihood(curve(there)[0], successes, trials) - height
        if gain > 0:
            at, height, damping = there, height + gain, max(damping / 10, 1e-9)
        else:
            damping *= 10
        if 0 <= gain < 1e-12 * (1 + abs(height)) and damping < 1:
            break
    return at


def _errors(
    curve: Curve,
    successes: FloatArray,
    trials: FloatArray,
    at: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> FloatArray:
    inside = (at > low + 1e-9) & (at < high - 1e-9)
    errors = np.full(len(at), np.nan)
    _, information = _slope_and_information(curve, successes, trials, at)
    inner = information[np.ix_(inside, inside)]
    if inside.any() and np.linalg.matrix_rank(inner) == len(inner):
        errors[inside] = np.sqrt(np.diag(np.linalg.inv(inner)).clip(min=0))
    return errors
