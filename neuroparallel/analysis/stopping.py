"""Response inhibition: the stop-signal reaction time and the inhibition function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuroparallel.analysis.grouping import completed, grouped
from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked

# Source: Verbruggen et al. 2019, eLife 8:e46323 (bounds and number of trials for an estimate).
TRUSTED_RANGE = (0.25, 0.75)
TRUSTED_STOP_TRIALS = 50


@dataclass(frozen=True)
class StopSignalEstimate:
    """The stop-signal reaction time and what it was computed from; times in seconds.

    Attributes:
        ssrt_s: Time that stopping takes.
        p_respond: Fraction of stop trials with a response, in [0, 1].
        mean_delay_s: Mean delay of the stop signal.
        go_mean_s: Mean response time in go trials.
        failed_stop_mean_s: Mean response time in stop trials with a response; ``nan`` if none.
        go_trials: Their number, omissions included.
        stop_trials: Their number.
        reliable: At least 50 stop trials, ``p_respond`` in [0.25, 0.75], and failed stops faster
            than go responses, as the race of the two assumes.
    """

    ssrt_s: float
    p_respond: float
    mean_delay_s: float
    go_mean_s: float
    failed_stop_mean_s: float
    go_trials: int
    stop_trials: int
    reliable: bool


@checked
def stop_signal_reaction_time(
    trials: Trials,
    *,
    stop: str = "stop",
    delay: str = "stop_delay_ms",
    max_response_time_s: float | None = None,
) -> StopSignalEstimate:
    """Estimate the stop-signal reaction time (SSRT) by the integration method.

    Trials that ended early or were cancelled do not count; a response time runs from the go
    signal.

    Args:
        trials: One stream of a stop-signal task.
        stop: Column that is true, or above 0, in stop trials.
        delay: Column with the delay of the stop signal after the go signal, ms.
        max_response_time_s: Time allowed for a response, which stands for go trials without one.
            None: the longest response time seen.

    Returns:
        The estimate and what it was computed from.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: There is no go trial, or no stop trial.
    """
    counted = completed(trials)
    is_stop = np.nan_to_num(trials[stop].astype(np.float64)) > 0
    went, stopped = counted & ~is_stop, counted & is_stop
    times = trials["response_time_s"]
    return integrate_stop_signal(
        times[went],
        times[stopped],
        trials[delay][stopped].astype(np.float64) / 1000,
        max_response_time_s=max_response_time_s,
    )


@checked
def inhibition_function(
    trials: Trials, *, stop: str = "stop", delay: str = "stop_delay_ms", level: float = 0.95
) -> Table:
    """Return the probability of responding despite the stop signal, by its delay.

    Trials that ended early or were cancelled do not count.

    Args:
        trials: One stream of a stop-signal task.
        stop: Column that is true, or above 0, in stop trials.
        delay: Column with the delay of the stop signal after the go signal, ms.
        level: Confidence of the interval, in (0, 1).

    Returns:
        A row per delay: the column ``delay``, ``trials``, ``responded`` (fraction in [0, 1]) with ``low`` and
        ``high``, and ``mean_s``, the mean response time of those that could not be stopped; ``nan`` if there is none.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: The level is not in (0, 1).

    Source:
        Logan & Cowan 1984, Psychol Rev 91:295.
    """
    stopping = completed(trials) & (np.nan_to_num(trials[stop].astype(np.float64)) > 0)
    groups = grouped(trials, delay, stopping)
    responded = np.isfinite(trials["response_time_s"])
    count, failed = groups.count(), groups.count(responded)
    low, high = wilson_interval(failed, count, level)
    total = groups.total(trials["response_time_s"])
    mean = np.full(len(count), np.nan)
    np.divide(total, failed, out=mean, where=failed > 0)
    columns = {**groups.columns, "trials": count, "responded": failed / count, "low": low, "high": high}
    return Table({**columns, "mean_s": mean})


@checked
def integrate_stop_signal(
    go_times_s: npt.ArrayLike,
    stop_times_s: npt.ArrayLike,
    delays_s: npt.ArrayLike,
    *,
    max_response_time_s: float | None = None,
) -> StopSignalEstimate:
    """Stop-signal reaction time from response times and delays.

    Stopping ends, on average, at the quantile of the go response times that the subject still
    beats in stop trials; the mean delay is when it began.

    Args:
        go_times_s: Response times in go trials, seconds; ``nan`` for an omission.
        stop_times_s: Response times in stop trials; ``nan`` where the response was stopped.
        delays_s: Delay of the stop signal in each stop trial, seconds.
        max_response_time_s: Replaces omissions; None: the longest response time seen.

    Returns:
        The estimate and what it was computed from.

    Raises:
        ArgumentError: There is no go response, or no stop trial, or a delay is missing.

    Source:
        Verbruggen et al. 2019, eLife 8:e46323, integration with replacement of go omissions.
    """
    go = np.asarray(go_times_s, dtype=np.float64)
    stop = np.asarray(stop_times_s, dtype=np.float64)
    delays = np.asarray(delays_s, dtype=np.float64)
    if not np.isfinite(go).any() or not len(stop):
        raise ArgumentError(
            "The stop-signal reaction time needs go trials with a response, and stop trials; "
            f"found {int(np.isfinite(go).sum())} and {len(stop)}."
        )
    if len(delays) != len(stop) or not np.isfinite(delays).all():
        raise ArgumentError("Every stop trial needs the delay of its stop signal.")
    responded = np.isfinite(stop)
    p_respond = float(responded.mean())
    slowest = float(np.nanmax(go)) if max_response_time_s is None else max_response_time_s
    filled = np.sort(np.where(np.isfinite(go), go, slowest))
    rank = int(np.clip(np.ceil(p_respond * len(filled)), 1, len(filled))) - 1
    go_mean = float(np.nanmean(go))
    failed_mean = float(stop[responded].mean()) if responded.any() else float("nan")
    return StopSignalEstimate(
        ssrt_s=float(filled[rank] - delays.mean()),
        p_respond=p_respond,
        mean_delay_s=float(delays.mean()),
        go_mean_s=go_mean,
        failed_stop_mean_s=failed_mean,
        go_trials=len(go),
        stop_trials=len(stop),
        reliable=TRUSTED_RANGE[0] <= p_respond <= TRUSTED_RANGE[1]
        and len(stop) >= TRUSTED_STOP_TRIALS
        and failed_mean < go_mean,
    )
