"""The stop-signal reaction time, on a race whose true value is known."""

from __future__ import annotations

import numpy as np
import pytest

from neuroparallel import analysis
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Trials


def race(seed: int, trials: int = 6000, omissions: float = 0.0) -> Trials:
    """An independent race of go and stop; the delay follows a staircase of 50 ms.

    Go times are ex-Gaussian (350, 60, 120) ms and stopping takes 200 +- 30 ms.
    Source: science reference 1g.
    """
    rng = np.random.default_rng(seed)
    stop = rng.random(trials) < 0.25
    go_ms = rng.normal(350, 60, trials) + rng.exponential(120, trials)
    stop_ms = rng.normal(200, 30, trials)
    omitted = rng.random(trials) < omissions
    delay, delays, responded = 200.0, np.full(trials, np.nan), np.ones(trials, bool)
    for i in np.flatnonzero(stop):
        delays[i] = delay
        responded[i] = go_ms[i] < delay + stop_ms[i]
        delay = max(delay - 50, 50) if responded[i] else delay + 50
    responded &= ~omitted
    times = np.where(responded, go_ms / 1000, np.nan)
    outcome = np.where(responded != stop, "correct", "error")
    return Trials({"stop": stop, "stop_delay_ms": delays, "response_time_s": times, "outcome": outcome})


@pytest.mark.parametrize("seed", range(5))
def test_the_integration_method_finds_the_true_time_within_15_ms(seed: int):
    found = analysis.stop_signal_reaction_time(race(seed))
    assert abs(found.ssrt_s - 0.200) < 0.015
    assert abs(found.p_respond - 0.5) < 0.03
    assert abs(found.mean_delay_s - 0.250) < 0.02
    assert abs(found.go_mean_s - 0.469) < 0.01
    assert abs(found.failed_stop_mean_s - 0.387) < 0.02
    assert found.reliable


def test_replacing_omissions_lowers_the_bias_that_they_bring():
    trials = race(0, 20_000, omissions=0.1)
    with_omissions = analysis.stop_signal_reaction_time(trials, max_response_time_s=1.25)
    assert abs(with_omissions.ssrt_s - 0.200) < 0.03
    went = trials.where(stop=False)
    answered = went["response_time_s"][np.isfinite(went["response_time_s"])]
    stopped = trials.where(stop=True)
    naive = analysis.integrate_stop_signal(answered, stopped["response_time_s"], stopped["stop_delay_ms"] / 1000)
    assert abs(with_omissions.ssrt_s - 0.2) < abs(naive.ssrt_s - 0.2)


def test_few_or_lopsided_stop_trials_are_called_unreliable():
    assert not analysis.integrate_stop_signal([0.4, 0.5], [np.nan, 0.3], [0.2, 0.2]).reliable
    always = analysis.integrate_stop_signal(np.full(200, 0.4), np.full(100, 0.3), np.full(100, 0.2))
    assert (always.p_respond, always.reliable) == (1.0, False)
    never = analysis.integrate_stop_signal(np.full(200, 0.4), np.full(100, np.nan), np.full(100, 0.2))
    assert np.isnan(never.failed_stop_mean_s)


def test_it_needs_go_and_stop_trials_and_a_delay_for_each():
    with pytest.raises(ArgumentError, match="found 0 and 1"):
        analysis.integrate_stop_signal([np.nan], [0.3], [0.2])
    with pytest.raises(ArgumentError, match="found 1 and 0"):
        analysis.integrate_stop_signal([0.4], [], [])
    with pytest.raises(ArgumentError, match="needs the delay"):
        analysis.integrate_stop_signal([0.4], [0.3], [np.nan])
