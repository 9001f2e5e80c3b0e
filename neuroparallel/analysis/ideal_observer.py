"""Accuracy of an ideal observer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neuroparallel.errors import ArgumentError
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import FloatArray


@checked
def ideal_accuracy(coherence: npt.ArrayLike, duration_ms: npt.ArrayLike, sigma: npt.ArrayLike = 1.0) -> FloatArray:
    """Return the fraction correct of an observer who integrates all evidence: the ceiling for any subject.

    For two channels of means (1 + c)/2 and (1 - c)/2, with independent Gaussian noise of s.d.
    ``sigma / sqrt(dt)`` in a step of ``dt`` ms: Phi(c sqrt(T) / (sqrt(2) sigma)), for any dt.

    Args:
        coherence: Percent, of any shape; the sign does not matter.
        duration_ms: Time for which the stimulus is seen, ms, at least 0.
        sigma: Noise of a channel, above 0.

    Returns:
        float64 in [0.5, 1], of the shape that the three have together.

    Raises:
        ArgumentError: A duration is negative, or a sigma not above 0.
    """
    from scipy.special import ndtr

    strength = np.abs(np.asarray(coherence, dtype=np.float64)) / 100
    duration = np.asarray(duration_ms, dtype=np.float64)
    noise = np.asarray(sigma, dtype=np.float64)
    if np.any(duration < 0) or np.any(noise <= 0):
        raise ArgumentError("ideal_accuracy: duration_ms is at least 0 and sigma above 0.")
    result: FloatArray = ndtr(strength * np.sqrt(duration) / (np.sqrt(2.0) * noise))
    return result
