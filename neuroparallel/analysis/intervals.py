"""Confidence intervals of fractions and means."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neuroparallel.errors import ArgumentError
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import FloatArray


@checked
def wilson_interval(
    successes: npt.ArrayLike, trials: npt.ArrayLike, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Range in which a true fraction lies, given how often it came out in so many trials.

    Unlike the textbook's interval it stays within [0, 1] and is not empty at 0 and 100 %.

    Args:
        successes: Counts, of any shape.
        trials: Counts, of that shape.
        level: Confidence, in (0, 1).

    Returns:
        Lower and upper bounds, float64, of that shape; ``nan`` where there is no trial.

    Raises:
        ArgumentError: The level is not in (0, 1), or a count is impossible.

    Source:
        Wilson 1927, J Am Stat Assoc 22:209, equation for the interval.
    """
    z2 = reach_of(level) ** 2
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if np.any(k < 0) or np.any(k > n):
        raise ArgumentError("wilson_interval: successes must lie between 0 and the trials.")
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = (k + z2 / 2) / (n + z2)
        half = np.sqrt(z2 * (k * (n - k) / n + z2 / 4)) / (n + z2)
        none = np.where(n > 0, 0.0, np.nan)
    # At 0 and 100 % the bound is exact in algebra; rounding may not push it across.
    low = np.where(k == 0, 0.0, np.clip(middle - half, 0, 1)) + none
    high = np.where(k == n, 1.0, np.clip(middle + half, 0, 1)) + none
    return low, high


def mean_interval(values: npt.ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """Return a mean, and the range in which the true one lies, from its standard error (normal approximation).

    Args:
        values: Any shape, at least one.
        level: Confidence, in (0, 1).

    Returns:
        Mean, lower and upper bound; the bounds are ``nan`` for a single value.

    Raises:
        ArgumentError: The level is not in (0, 1).
    """
    z = reach_of(level)
    x = np.asarray(values, dtype=np.float64).ravel()
    error = float(x.std(ddof=1)) / len(x) ** 0.5 if len(x) > 1 else float("nan")
    return float(x.mean()), float(x.mean()) - z * error, float(x.mean()) + z * error


def reach_of(level: float) -> float:
    """Return the half-width, in standard errors, of an interval with a confidence level in (0, 1).

    Raises:
        ArgumentError: The level is not in (0, 1).
    """
    if not 0 < level < 1:
        raise ArgumentError(f"level: a confidence between 0 and 1; found {level!r}.")
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2))
