"""Accuracy and response time together: the proportional-rate diffusion model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuroparallel.analysis.grouping import grouped
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import FloatArray

# The fit ends where the gradient is shorter, or, where rounding of the likelihood hides the rest, after so many steps.
OPTIONS = {"gtol": 1e-8, "maxiter": 100}
SAME_S = 1e-9  # times that differ by less are equal
SURE = 1e-12  # chances are kept this far from 1, where one contrary choice is infinitely odd
NAMES = ("bound", "sensitivity", "residual_s")


@dataclass(frozen=True)
class DiffusionFit:
    """A diffusion to two bounds whose rate is proportional to the evidence, as it fits best.

    Noise has variance 1 per second. With evidence c it is right with probability ``1 / (1 + exp(-2 A k c))`` and
    responds after ``A / (k c) * tanh(A k c) + t`` seconds on average.

    Attributes:
        bound: A, in ``sqrt(s)``.
        sensitivity: k, per second of that and unit of evidence.
        residual_s: t, what perception and movement take besides.
        log_likelihood: Of the choices (binomial coefficients left out) and the mean times (Gaussian).
        standard_errors: For each of the three.
    """

    bound: float
    sensitivity: float
    residual_s: float
    log_likelihood: float
    standard_errors: dict[str, float]

    def accuracy(self, evidence: npt.ArrayLike) -> FloatArray:
        """Probability of being right at this evidence, float64, of its shape."""
        drive = self.bound * self.sensitivity * np.abs(np.asarray(evidence, dtype=np.float64))
        return _chance(drive)

    def mean_time_s(self, evidence: npt.ArrayLike) -> FloatArray:
        """Mean response time in seconds at this evidence, float64, of its shape."""
        drive = self.bound * self.sensitivity * np.abs(np.asarray(evidence, dtype=np.float64))
        time: FloatArray = self.bound**2 * _tanhc(drive) + self.residual_s
        return time


@checked
def fit_diffusion(
    trials: Trials, evidence: str = "coherence", *, unit: float = 100.0, outcomes: tuple[str, ...] = ("correct",)
) -> DiffusionFit:
    """Fit accuracy and mean response time at each strength of evidence by one diffusion model.

    Trials without an answer do not count.

    Args:
        trials: One stream of a task with two choices and free response times; needs ``correct``, ``outcome``,
            ``response_time_s`` and the column of the evidence.
        evidence: Column with the strength of the evidence, 0 or more.
        unit: How much of that column is one unit of evidence; 100 for percent.
        outcomes: Trials that give the mean times; where there is no evidence, errors are as good as any.

    Returns:
        The best fit.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: There are fewer than two strengths with at least two timed trials each.

    Source:
        Palmer, Huk & Shadlen 2005, J Vis 5:376.
    """
    scored = trials.mask(outcome=("correct", "error"))
    groups = grouped(trials, evidence, scored)
    strength = groups.columns[evidence].astype(np.float64) / unit
    right, count = groups.total(trials["correct"]), groups.count().astype(np.float64)
    timed = np.isfinite(trials["response_time_s"]) & (trials.mask(outcome=outcomes) | (trials[evidence] == 0))
    times = [trials["response_time_s"][rows[timed[rows]]] for rows in groups.members()]
    enough = np.array([len(t) > 1 and float(np.ptp(t)) > SAME_S for t in times], dtype=bool)
    if enough.sum() < 2 or np.unique(strength[enough]).size < 2:
        raise ArgumentError("fit_diffusion needs at least two strengths of evidence with two different times each.")
    times = [t for t, fine in zip(times, enough, strict=True) if fine]
    mean = np.array([t.mean() for t in times])
    error = np.array([t.std(ddof=1) / len(t) ** 0.5 for t in times])
    return _fitted(_Data(strength[enough], right[enough], count[enough], mean, error))


@dataclass(frozen=True, eq=False)
class _Data:
    """Data to fit, (levels,) each."""

    strength: FloatArray
    right: FloatArray
    count: FloatArray
    mean: FloatArray
    error: FloatArray

    def likelihood(self, at: FloatArray) -> float:
        """Log-likelihood of log A, log k and t."""
        chance, time, _, _ = self.model(at)
        choices = self.right * np.log(chance) + (self.count - self.right) * np.log1p(-chance)
        return float(choices.sum() - 0.5 * (((self.mean - time) / self.error) ** 2).sum())

    def model(self, at: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Chance and mean time at each level, and their slopes against the parameters, (levels, 3)."""
        bound, sensitivity = np.exp(at[:2])
        drive = bound * sensitivity * self.strength
        chance = np.clip(_chance(drive), SURE, 1 - SURE)
        rise = 2 * drive * chance * (1 - chance)
        flat = np.zeros_like(drive)
        shape = _tanhc(drive)
        bend = bound**2 * (1 / np.cosh(np.minimum(drive, 300)) ** 2 - shape)  # A^2 x g'(x), with g = tanh(x) / x
        slopes_time = np.stack([2 * bound**2 * shape + bend, bend, np.ones_like(drive)], axis=1)
        return chance, bound**2 * shape + at[2], np.stack([rise, rise, flat], axis=1), slopes_time

    def loss(self, at: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative log-likelihood and its gradient."""
        chance, time, of_chance, of_time = self.model(at)
        slope = of_chance.T @ ((self.right - self.count * chance) / (chance * (1 - chance)))
        return -self.likelihood(at), -(slope + of_time.T @ ((self.mean - time) / self.error**2))

    def information(self, at: FloatArray) -> FloatArray:
        """Return the Fisher information, (3, 3)."""
        chance, _, of_chance, of_time = self.model(at)
        of_choices = (of_chance * (self.count / (chance * (1 - chance)))[:, None]).T @ of_chance
        result: FloatArray = of_choices + (of_time / self.error[:, None] ** 2).T @ of_time
        return result


def _fitted(data: _Data) -> DiffusionFit:
    """Maximise the likelihood from the best of a grid, by Fisher scoring in a trust region."""
    from scipy.optimize import minimize

    starts = [
        np.array([np.log(bound), np.log(drive / bound / data.strength.max()), rest * data.mean.min()])
        for bound in (0.3, 0.5, 0.8, 1.3)
        for drive in (0.3, 1.0, 3.0, 10.0)
        for rest in (0.3, 0.6, 0.9)
    ]
    start = max(starts, key=data.likelihood)
    fit = minimize(data.loss, start, jac=True, hess=data.information, method="trust-exact", options=OPTIONS)
    at = np.asarray(fit.x, np.float64)
    bound, sensitivity = (float(value) for value in np.exp(at[:2]))
    errors = np.sqrt(np.diag(np.linalg.pinv(data.information(at)))) * np.array([bound, sensitivity, 1.0])
    named = dict(zip(NAMES, map(float, errors), strict=True))
    return DiffusionFit(bound, sensitivity, float(at[2]), data.likelihood(at), named)


def _chance(drive: FloatArray) -> FloatArray:
    """Probability of the right bound, given A k c."""
    chance: FloatArray = 1 / (1 + np.exp(-2 * np.minimum(drive, 300)))
    return chance


def _tanhc(drive: FloatArray) -> FloatArray:
    """tanh(x) / x, which is 1 at 0."""
    safe = np.where(drive > 1e-6, drive, 1.0)
    result: FloatArray = np.where(drive > 1e-6, np.tanh(safe) / safe, 1.0)
    return result
