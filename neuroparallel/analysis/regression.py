"""Regression of binary choices on many regressors by penalised maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from neuroparallel.records.table import FloatArray

Link: TypeAlias = Literal["logit", "probit"]
LINKS = ("logit", "probit")

# The fit ends where the gradient is shorter, or, where rounding of the likelihood hides the rest, after so many steps.
OPTIONS = {"gtol": 1e-8, "maxiter": 100}
LOG_ROOT_TAU = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True, eq=False)
class Regression:
    """Weights under which the choices are most likely.

    Attributes:
        weights: float64, (regressors,).
        covariance: float64, (regressors, regressors). Of the weights, from the curvature at the best fit.
        log_likelihood: Log-likelihood of the choices, without the penalty.
    """

    weights: FloatArray
    covariance: FloatArray
    log_likelihood: float


def regress(matrix: FloatArray, chosen: FloatArray, *, link: Link = "logit", ridge: float = 1e-3) -> Regression:
    """Fit the weights of the regressors by Fisher scoring in a trust region.

    Args:
        matrix: float64, (trials, regressors), linearly independent but for the penalty.
        chosen: 1 for the positive choice, 0 for the negative one, (trials,).
        link: ``"logit"``: the logarithm of the odds is a sum of the regressors; ``"probit"``: Gaussian noise is
            added to that sum.
        ridge: Penalty on half the square of each weight, above 0; it keeps weights finite where choices are certain.

    Returns:
        The best fit.
    """
    from scipy.optimize import minimize

    signed = np.where(chosen > 0, 1.0, -1.0)[:, None] * matrix  # the probability of each choice is F(signed @ weights)
    penalty = ridge * np.eye(matrix.shape[1])

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        log_probability, slope = _log_probability(signed @ weights, link)
        value = -float(log_probability.sum()) + ridge * float(weights @ weights) / 2
        return value, ridge * weights - signed.T @ slope

    def information(weights: FloatArray) -> FloatArray:
        """Return the expected curvature of the loss; F'^2 / (F (1 - F)) of each trial weighs its regressors."""
        sums = signed @ weights
        weight = _log_probability(sums, link)[1] * _log_probability(-sums, link)[1]
        result: FloatArray = (signed * weight[:, None]).T @ signed + penalty
        return result

    start = np.zeros(matrix.shape[1])
    found = minimize(loss, start, jac=True, hess=information, method="trust-exact", options=OPTIONS)
    weights: FloatArray = np.asarray(found.x, np.float64)
    log_likelihood = float(_log_probability(signed @ weights, link)[0].sum())
    return Regression(weights, np.linalg.inv(information(weights)).astype(np.float64), log_likelihood)


def _log_probability(sums: FloatArray, link: Link) -> tuple[FloatArray, FloatArray]:
    """Return the logarithm of the link's distribution function F at ``sums``, and its derivative F' / F."""
    from scipy.special import expit, log_expit, log_ndtr

    if link == "logit":
        return log_expit(sums), expit(-sums)
    logarithm = log_ndtr(sums)
    return logarithm, np.exp(-(sums**2) / 2 - LOG_ROOT_TAU - logarithm)
