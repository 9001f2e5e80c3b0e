"""The standard normal distribution, elementwise, from Python's own mathematics."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from neuroparallel.records.table import FloatArray

_ERFC = np.frompyfunc(math.erfc, 1, 1)
_QUANTILE = np.frompyfunc(NormalDist().inv_cdf, 1, 1)


def cumulative_normal(x: npt.ArrayLike) -> FloatArray:
    """Chance that a standard normal draw is at most ``x``; exact in both tails.

    Args:
        x: Numbers, of any shape.

    Returns:
        float64 in [0, 1], of that shape.
    """
    # erfc and not erf: 1 + erf(x) loses every digit in the lower tail.
    return np.asarray(_ERFC(-np.asarray(x, dtype=np.float64) / math.sqrt(2)), np.float64) / 2


def normal_density(x: npt.ArrayLike) -> FloatArray:
    """Density of the standard normal distribution at ``x``, of any shape."""
    values = np.asarray(x, dtype=np.float64)
    return np.asarray(np.exp(-(values**2) / 2) / math.sqrt(2 * math.pi), np.float64)


def normal_quantile(probability: npt.ArrayLike) -> FloatArray:
    """The number that a standard normal draw falls below with this chance, in (0, 1)."""
    return np.asarray(_QUANTILE(np.asarray(probability, dtype=np.float64)), np.float64)
