"""The psychometric fit: against scipy's optimiser, and against what made the data."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

import neuroparallel as npar
from neuroparallel import analysis
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Trials

LEVELS = np.array([-51.2, -25.6, -12.8, -6.4, -3.2, 0, 3.2, 6.4, 12.8, 25.6, 51.2])
TRUE = {"bias": 2.0, "spread": 9.0, "lapse_low": 0.04, "lapse_high": 0.07}


def simulated(seed: int, per_level: int = 400) -> tuple[np.ndarray, np.ndarray]:
    curve = analysis.PsychometricFit(**TRUE, log_likelihood=0.0)
    chosen = np.random.default_rng(seed).binomial(per_level, curve.predict(LEVELS))
    return chosen, np.full(len(LEVELS), per_level)


def best_of_scipy(chosen: np.ndarray, trials: np.ndarray, lapses: str) -> float:
    def loss(parameters: np.ndarray) -> float:
        low = parameters[2] if lapses != "none" else 0.0
        high = {"none": 0.0, "equal": low, "both": parameters[-1]}[lapses]
        rise = scipy.stats.norm.cdf((LEVELS - parameters[0]) / np.exp(parameters[1]))
        p = np.clip(low + (1 - low - high) * rise, 1e-12, 1 - 1e-12)
        return -float(np.sum(chosen * np.log(p) + (trials - chosen) * np.log1p(-p)))

    count = {"none": 2, "equal": 3, "both": 4}[lapses]
    bounds = [(-150, 150), (np.log(0.1), np.log(1000)), (0, 0.25), (0, 0.25)][:count]
    best = np.inf
    for spread in (3, 10, 30):
        for lapse in (0.01, 0.1):
            start = [0, np.log(spread), lapse, lapse][:count]
            options = {"maxiter": 4000, "xatol": 1e-7, "fatol": 1e-9}
            found = scipy.optimize.minimize(loss, start, bounds=bounds, method="Nelder-Mead", options=options)
            best = min(best, found.fun)
    return -best


@pytest.mark.parametrize("lapses", ["none", "equal", "both"])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("per_level", [20, 400])
def test_no_optimiser_finds_a_likelier_curve(lapses: str, seed: int, per_level: int):
    chosen, trials = simulated(seed, per_level)
    fit = analysis.fit_psychometric(LEVELS, chosen, trials, lapses=lapses)
    assert fit.log_likelihood >= best_of_scipy(chosen, trials, lapses) - 1e-5


def test_intervals_cover_the_truth_as_often_as_they_say():
    covered = dict.fromkeys(TRUE, 0)
    runs = 100
    for seed in range(runs):
        interval = analysis.fit_psychometric(LEVELS, *simulated(seed)).interval(0.95)
        for name, true in TRUE.items():
            covered[name] += interval[name][0] <= true <= interval[name][1]
    # 95 of 100 expected; below 88 has a chance of 0.2 % per parameter.
    assert min(covered.values()) >= 88, covered


def test_a_subject_who_never_errs_gets_the_steepest_curve_and_no_lapses():
    fit = analysis.fit_psychometric([-2, -1, 1, 2], [0, 0, 9, 9], [9, 9, 9, 9])
    assert fit.predict([-1, 1])[0] < 1e-3 < 1 - 1e-3 < fit.predict([-1, 1])[1]
    assert fit.lapse_low == pytest.approx(0, abs=1e-6)
    assert fit.lapse_high == pytest.approx(0, abs=1e-6)


def test_a_subject_who_ignores_the_evidence_gets_a_flat_curve():
    fit = analysis.fit_psychometric(LEVELS, np.full(11, 50), np.full(11, 100))
    assert np.abs(fit.predict(LEVELS) - 0.5).max() < 0.05


def test_parameters_that_were_not_fitted_have_no_error():
    fit = analysis.fit_psychometric(LEVELS, *simulated(0), lapses="none")
    assert (fit.lapse_low, fit.lapse_high) == (0, 0)
    assert np.isnan([fit.standard_errors["lapse_low"], fit.standard_errors["lapse_high"]]).all()
    equal = analysis.fit_psychometric(LEVELS, *simulated(0), lapses="equal")
    assert equal.lapse_low == equal.lapse_high
    assert equal.standard_errors["lapse_low"] == equal.standard_errors["lapse_high"] > 0


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([0, 1], [0, 3], [2, 2]), {}, "between 0 and trials"),
        (([0, 0], [1, 1], [2, 2]), {}, "two levels"),
        (([0, 1], [1], [2, 2]), {}, "one length"),
        (([0, 1], [1, 1], [2, 2]), {"lapses": "some"}, "'none', 'equal' or 'both'"),
        (([0, 1], [1, 1], [2, 2]), {"max_lapse": 0.7}, "max_lapse"),
    ],
)
def test_impossible_data_and_options_are_refused(arguments, options, message):
    with pytest.raises(ArgumentError, match=message):
        analysis.fit_psychometric(*arguments, **options)


def test_trials_are_counted_by_signed_evidence():
    trials = Trials(
        {
            "side": np.array([1, 2, 1, 2, 2, 1]),
            "coherence": np.array([0.0, 0.0, 6.4, 6.4, 6.4, 6.4]),
            "choice": np.array([1, 2, 1, 2, -1, 2]),
            "outcome": np.array(["correct"] * 4 + ["miss", "abort"]),
        }
    )
    found = analysis.psychometric(trials, lapses="none")
    assert found.counts["evidence"].tolist() == [-6.4, 0.0, 6.4]
    assert found.counts["trials"].tolist() == [1, 2, 1]
    assert found.counts["chosen"].tolist() == [0, 1, 1]
    assert found.fit is not None
    assert analysis.psychometric(trials.where(coherence=0.0)).fit is None
    assert analysis.signed_evidence(trials, side=None).tolist() == [0, 0, 6.4, 6.4, 6.4, 6.4]


def test_who_takes_the_sure_reward_has_chosen_neither_side():
    trials = npar.simulate("post_decision_wager", npar.agents.IdealObserver("reward"), trials=4000, seed=3)
    assert (trials["choice"] == 3).any()
    counts = analysis.psychometric(trials).counts
    assert counts["trials"].sum() == np.isin(trials["choice"], (1, 2)).sum()
    swapped = analysis.psychometric(trials, choices=(2, 1)).counts
    assert (swapped["chosen"] + counts["chosen"]).tolist() == counts["trials"].tolist()


def test_the_threshold_of_the_ideal_observer_comes_back_from_its_choices():
    rng, n, duration = np.random.default_rng(0), 20_000, 400
    side, coherence = rng.integers(1, 3, n), rng.choice([0.0, 3.2, 6.4, 12.8, 25.6], n)
    right = rng.random(n) < analysis.ideal_accuracy(coherence, duration)
    trials = Trials({"side": side, "coherence": coherence, "choice": np.where(right, side, 3 - side)})
    fit = analysis.psychometric(trials, lapses="none").fit
    assert fit is not None
    expected = 100 * np.sqrt(2 / duration)  # sigma 1: Phi(x / spread) with this spread
    assert abs(fit.spread - expected) < 4 * fit.standard_errors["spread"]
    assert abs(fit.bias) < 4 * fit.standard_errors["bias"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"'coherence' is to hold numbers, but none of these trials has one. Valid: .*tilt"),
        ({"evidence": "stream"}, r"'stream' is to hold numbers, but that is text"),
        ({"evidence": "tilt", "positive": "right"}, r"positive is 'right'; the column 'side' has 1, 2"),
    ],
)
def test_evidence_that_is_not_there_is_no_empty_curve(options, message):
    columns = {
        "choice": [1, 2],
        "side": [1, 2],
        "tilt": [0.1, 0.2],
        "coherence": [np.nan, np.nan],
        "stream": ["a", "a"],
    }
    trials = Trials({name: np.array(values) for name, values in columns.items()})
    with pytest.raises(ArgumentError, match=message):
        analysis.psychometric(trials, **options)


def test_evidence_for_a_missing_side_is_missing():
    trials = Trials({"side": np.array([1.0, 2.0, np.nan]), "coherence": np.array([5.0, 5.0, 5.0])})
    np.testing.assert_array_equal(analysis.signed_evidence(trials), [-5, 5, np.nan])


def test_evidence_is_found_by_what_the_task_declares():
    dots = npar.simulate("random_dots", trials=300)
    np.testing.assert_array_equal(
        analysis.signed_evidence(dots), analysis.signed_evidence(dots, "coherence", "side", 2)
    )
    reactions = npar.simulate("choice_reaction", trials=50)
    np.testing.assert_array_equal(
        analysis.signed_evidence(reactions), analysis.signed_evidence(reactions, "coherence", "target", 2)
    )
    both = npar.simulate("context_decision", trials=400)
    motion, color = both["context"] == 1, both["context"] == 2
    expected = np.full(len(both), np.nan)
    for mine, name in ((motion, "motion"), (color, "color")):
        expected[mine] = analysis.signed_evidence(both, f"{name}_coherence", f"{name}_side")[mine]
    assert motion.any()
    assert color.any()
    np.testing.assert_array_equal(analysis.signed_evidence(both), expected)
    counts = analysis.psychometric(both).counts  # the oracle follows the attended modality only
    np.testing.assert_array_equal(counts["chosen"], np.where(counts["evidence"] > 0, counts["trials"], 0))
