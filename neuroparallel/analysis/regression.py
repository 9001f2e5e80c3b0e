"""Regression of two-valued choices on many regressors, by penalised maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from neuroparallel.analysis.normal import cumulative_normal, normal_density
from neuroparallel.records.table import FloatArray

Link: TypeAlias = Literal["logit", "probit"]
LINKS = ("logit", "probit")

STEPS = 100
# Beyond these sums of regressors a choice is as good as certain, and its slope too small to divide by.
_SURE = {"logit": 30.0, "probit": 7.0}


@dataclass(frozen=True, eq=False)
class Regression:
    """Weights under which the choices are most likely.

    Attributes:
        weights: float64, (regressors,).
        covariance: float64, (regressors, regressors). Of the weights, from the curvature at the best fit.
        log_likelihood: Of the choices, without the penalty.
    """

    weights: FloatArray
    covariance: FloatArray
    log_likelihood: float


def regress(matrix: FloatArray, chosen: FloatArray, *, link: Link = "logit", ridge: float = 1e-3) -> Regression:
    """Find the weights of the regressors by Fisher scoring with halved steps where a full one leads down.

    Args:
        matrix: float64, (trials, regressors), linearly independent but for the penalty.
        chosen: 1 for the positive choice, 0 for the negative one, (trials,).
        link: ``"logit"``: the logarithm of the odds is a sum of the regressors; ``"probit"``: Gaussian noise is
            added to that sum.
        ridge: Penalty on half the square of each weight, above 0; it keeps weights finite where choices are certain.

    Returns:
        The best fit.
    """
    weights = np.zeros(matrix.shape[1])
    height = -np.inf
    information = ridge * np.eye(len(weights))
    for _ in range(STEPS):
        sums = (matrix @ weights).clip(-_SURE[link], _SURE[link])
        chance, slope = _curve(sums, link)
        spread = chance * (1 - chance)
        gradient = matrix.T @ (slope * (chosen - chance) / spread) - ridge * weights
        information = (matrix * (slope**2 / spread)[:, None]).T @ matrix + ridge * np.eye(len(weights))
        step = np.linalg.solve(information, gradient)
        height = _height(matrix, chosen, weights, link, ridge)
        size = 1.0
        while size > 1e-6 and _height(matrix, chosen, weights + size * step, link, ridge) < height:
            size /= 2
        weights = weights + size * step
        if float(gradient @ step) < 1e-9:  # twice what is left to gain
            break
    penalty = ridge * float(weights @ weights) / 2
    final = _height(matrix, chosen, weights, link, ridge) + penalty
    covariance: FloatArray = np.linalg.inv(information).astype(np.float64)
    return Regression(weights, covariance, final)


def _curve(sums: FloatArray, link: Link) -> tuple[FloatArray, FloatArray]:
    """Chance of the positive choice, and how steeply it rises."""
    if link == "probit":
        return cumulative_normal(sums), normal_density(sums)
    chance = 1 / (1 + np.exp(-sums))
    return chance, chance * (1 - chance)


def _height(matrix: FloatArray, chosen: FloatArray, weights: FloatArray, link: Link, ridge: float) -> float:
    """Logarithm of the likelihood, less the penalty."""
    sums = (matrix @ weights).clip(-_SURE[link], _SURE[link])
    mine, _ = _curve(np.where(chosen > 0, sums, -sums), link)
    return float(np.log(mine).sum() - ridge * (weights @ weights) / 2)
