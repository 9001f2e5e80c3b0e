"""Signal detection: sensitivity (d') and criterion of each stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neuroparallel.analysis.grouping import STREAM, completed, grouped
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import FloatArray


class Sensitivity(NamedTuple):
    """Sensitivity and bias of a detector.

    Attributes:
        dprime: float64. Distance between noise and signal in standard deviations of the noise.
        criterion: float64. Positive for a subject who responds too rarely, 0 without bias.
    """

    dprime: FloatArray
    criterion: FloatArray


@checked
def dprime(
    hits: npt.ArrayLike,
    signal_trials: npt.ArrayLike,
    false_alarms: npt.ArrayLike,
    noise_trials: npt.ArrayLike,
) -> Sensitivity:
    """Return how well signal is discriminated from noise (d'), and the criterion.

    Half a response is added to each count and one trial to each number of trials, so that rates
    of 0 and 1 stay finite (log-linear correction).

    Args:
        hits: Responses to signal, counts of any shape.
        signal_trials: Trials with a signal.
        false_alarms: Responses to noise.
        noise_trials: Trials without a signal.

    Returns:
        d' and criterion, in that shape.

    Source:
        Hautus 1995, Behav Res Methods 27:46 (the correction).
    """
    from scipy.special import ndtri

    hit = ndtri((np.asarray(hits) + 0.5) / (np.asarray(signal_trials) + 1.0))
    alarm = ndtri((np.asarray(false_alarms) + 0.5) / (np.asarray(noise_trials) + 1.0))
    return Sensitivity(hit - alarm, -(hit + alarm) / 2)


@checked
def sensitivity(trials: Trials, by: str | Sequence[str] = STREAM) -> Table:
    """Sensitivity of each stream that asks whether to respond, as go/no-go or paired odours do.

    A signal is a trial in which a response was right, a response is any choice but hold. Trials
    that ended early, were cancelled or have no defined truth do not count.

    Args:
        trials: Needs ``choice`` and ``ground_truth``.
        by: Columns to divide by.

    Returns:
        A row per group: the columns of ``by``, ``hits``, ``signal_trials``, ``false_alarms``,
        ``noise_trials``, ``dprime`` and ``criterion``; the last two ``nan`` where something is always right, or
        nothing ever is, as then there is nothing to tell.

    Raises:
        UnknownNameError: The table lacks a column.
    """
    counted = (trials["ground_truth"] >= 0) & completed(trials)
    groups = grouped(trials, by, counted)
    signal, responded = trials["ground_truth"] > 0, trials["choice"] > 0
    hits, signals = groups.count(signal & responded), groups.count(signal)
    alarms, noises = groups.count(~signal & responded), groups.count(~signal)
    measure, is_defined = dprime(hits, signals, alarms, noises), (signals > 0) & (noises > 0)
    return Table(
        {
            **groups.columns,
            "hits": hits,
            "signal_trials": signals,
            "false_alarms": alarms,
            "noise_trials": noises,
            "dprime": np.where(is_defined, measure.dprime, np.nan),
            "criterion": np.where(is_defined, measure.criterion, np.nan),
        }
    )
