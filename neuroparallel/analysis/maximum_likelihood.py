"""Maximum-likelihood fit of a curve to counts of successes, within bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from neuroparallel.records.table import FloatArray

# Parameters -> the probability of success at each level, (levels,), and its slopes, (levels, parameters).
Curve: TypeAlias = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

REFINED_STARTS = 5
OPTIONS = {"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-7}
SURE = 1e-12  # probabilities are kept this far from 0 and 1, so that no logarithm is infinite


@dataclass(frozen=True, eq=False)
class Maximum:
    """The most likely parameters.

    Attributes:
        parameters: float64, (parameters,).
        errors: float64, (parameters,). Standard errors; ``nan`` for a parameter on its bound.
        log_likelihood: Log-likelihood without binomial coefficients.
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
    """Maximise the likelihood from the best of several starts with L-BFGS-B.

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
    from scipy.optimize import minimize

    span = high - low  # the optimiser works in fractions of it, so that all parameters are of one size

    def loss(fractions: FloatArray) -> tuple[float, FloatArray]:
        probability, slopes = curve(low + fractions * span)
        p = np.clip(probability, SURE, 1 - SURE)
        slope = slopes.T @ ((successes - trials * p) / (p * (1 - p)))
        return -_likelihood(p, successes, trials), -slope * span

    starts = np.clip(starts, low, high)
    first = np.array([_likelihood(curve(start)[0], successes, trials) for start in starts])
    fits = [
        minimize(loss, (starts[i] - low) / span, jac=True, bounds=[(0, 1)] * len(span), options=OPTIONS)
        for i in np.argsort(-first, kind="stable")[:REFINED_STARTS]
    ]
    best = min(fits, key=lambda fit: float(fit.fun))
    parameters = np.clip(low + np.asarray(best.x, np.float64) * span, low, high)
    errors = _errors(curve, successes, trials, parameters, low, high)
    return Maximum(parameters, errors, -float(best.fun))


def _likelihood(probability: FloatArray, successes: FloatArray, trials: FloatArray) -> float:
    p = np.clip(probability, SURE, 1 - SURE)
    return float(np.sum(successes * np.log(p) + (trials - successes) * np.log1p(-p)))


def _errors(
    curve: Curve,
    successes: FloatArray,
    trials: FloatArray,
    at: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> FloatArray:
    """Return standard errors from the Fisher information; ``nan`` on a bound."""
    inside = (at > low + 1e-9) & (at < high - 1e-9)
    errors = np.full(len(at), np.nan)
    probability, slopes = curve(at)
    p = np.clip(probability, SURE, 1 - SURE)
    information = (slopes * (trials / (p * (1 - p)))[:, None]).T @ slopes
    inner = information[np.ix_(inside, inside)]
    if inside.any() and np.linalg.matrix_rank(inner) == len(inner):
        errors[inside] = np.sqrt(np.diag(np.linalg.inv(inner)).clip(min=0))
    return errors
