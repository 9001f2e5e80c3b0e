"""Fractions, rates, times and costs: known answers on small tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from neuroparallel import analysis
from neuroparallel.errors import ArgumentError, UnknownNameError
from neuroparallel.records import Trials

CORRECT = {"correct": 1.0, "error": 0.0, "abort": 0.0, "miss": 0.0}


def animal(outcomes: list[str], **columns: Any) -> Trials:
    """A table with nothing of ours but outcome and correct, as read from an animal's file."""
    given = {
        "outcome": np.array(outcomes),
        "correct": np.array([CORRECT.get(o, np.nan) for o in outcomes]),
    }
    return Trials(given | {name: np.asarray(values) for name, values in columns.items()})


@given(st.integers(0, 300), st.integers(1, 300), st.floats(0.5, 0.999))
def test_wilson_intervals_equal_scipys(k: int, n: int, level: float):
    k = min(k, n)
    low, high = analysis.wilson_interval(k, n, level)
    expected = scipy.stats.binomtest(k, n).proportion_ci(level, method="wilson")
    np.testing.assert_allclose([low, high], [expected.low, expected.high], atol=1e-12)


def test_wilson_intervals_of_nothing_are_missing_and_of_nonsense_are_refused():
    assert np.isnan(analysis.wilson_interval([0], [0])[0]).all()
    with pytest.raises(ArgumentError, match="between 0 and the trials"):
        analysis.wilson_interval(3, 2)
    with pytest.raises(ArgumentError, match="confidence"):
        analysis.wilson_interval(1, 2, level=95)


def test_performance_counts_scored_trials_by_condition():
    outcomes = ["correct", "error", "abort", "cancelled", "unscored", "correct"]
    trials = animal(outcomes, coherence=[6.4, 6.4, 6.4, 6.4, 0.0, 12.8])
    table = analysis.performance(trials, "coherence")
    assert table["coherence"].tolist() == [6.4, 12.8]
    assert table["trials"].tolist() == [3, 1]
    np.testing.assert_allclose(table["correct"], [1 / 3, 1])
    assert analysis.performance(trials, "coherence", aborts=False)["correct"][0] == 0.5


def test_performance_over_everything_is_one_row_and_over_nothing_none():
    assert analysis.performance(animal(["correct", "miss"]))["correct"].tolist() == [0.5]
    assert len(analysis.performance(animal(["unscored"]))) == 0


def test_rows_that_lack_a_condition_are_in_no_group():
    trials = animal(["correct"] * 3, side=[1.0, np.nan, 2.0], odour=["a", "b", ""])
    assert analysis.performance(trials, ("side", "odour"))["odour"].tolist() == ["a"]


def test_an_unknown_or_repeated_column_is_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'outcome'"):
        analysis.performance(animal(["correct"]), "outcomes")
    with pytest.raises(ArgumentError, match="each column once"):
        analysis.performance(animal(["correct"]), ("outcome", "outcome"))


def test_a_learning_curve_follows_the_order_in_which_trials_began():
    right = np.repeat([0.0, 1.0, 0.5, 1.0], [10, 10, 0, 20])
    order = np.random.default_rng(0).permutation(40)
    trials = Trials({"onset_s": np.arange(40.0)[order], "correct": right[order], "lane": order % 3})
    curve = analysis.learning_curve(trials, window=10)
    assert curve["trials"].tolist() == [10, 20, 30, 40]
    assert curve["correct"].tolist() == [0, 1, 1, 1]
    assert len(analysis.learning_curve(trials, window=10, stride=1)) == 31
    assert len(analysis.learning_curve(trials, window=41)) == 0
    with pytest.raises(ArgumentError, match="at least 1"):
        analysis.learning_curve(trials, window=0)


def test_a_learning_curve_of_an_empty_table_has_no_rows():
    curve = analysis.learning_curve(animal(["unscored"]), window=1)
    assert (len(curve), "correct" in curve) == (0, True)


def test_trials_to_criterion_counts_to_the_end_of_the_first_good_window():
    right = np.repeat([0.0, 1.0], [12, 20])
    trials = Trials({"stream": np.full(32, "a"), "trial": np.arange(32), "correct": right})
    needed = analysis.trials_to_criterion(trials, 0.9, window=10)
    assert needed["trials"].tolist() == [21]
    assert np.isnan(analysis.trials_to_criterion(trials, 1.0, window=30)["trials"][0])
    with pytest.raises(ArgumentError, match="fraction"):
        analysis.trials_to_criterion(trials, 90)


def test_response_times_are_averaged_by_condition_and_outcome():
    trials = animal(
        ["correct", "correct", "error", "miss", "correct"],
        coherence=[6.4, 6.4, 6.4, 6.4, 12.8],
        response_time_s=[0.4, 0.6, 0.9, np.nan, 0.3],
    )
    table = analysis.chronometric(trials, "coherence")
    np.testing.assert_allclose(table["mean_s"], [0.5, 0.3])
    np.testing.assert_allclose(table["sd_s"], [np.std([0.4, 0.6], ddof=1), np.nan])
    both = analysis.chronometric(trials, ("coherence", "outcome"), outcomes=("correct", "error"))
    assert both["outcome"].tolist() == ["correct", "error", "correct"]


def test_dprime_is_the_difference_of_the_corrected_quantiles():
    d, criterion = analysis.dprime(80, 100, 20, 100)
    z = scipy.stats.norm.ppf
    np.testing.assert_allclose(d, z(80.5 / 101) - z(20.5 / 101))
    np.testing.assert_allclose(criterion, 0, atol=1e-12)
    assert np.isfinite(analysis.dprime([10, 0], 10, [0, 10], 10).dprime).all()


def test_dprime_recovers_the_distance_of_two_gaussians():
    rng = np.random.default_rng(3)
    n, distance, bound = 40_000, 1.5, 1.0
    d, criterion = analysis.dprime(
        np.sum(rng.normal(distance, 1, n) > bound), n, np.sum(rng.normal(0, 1, n) > bound), n
    )
    assert abs(d - distance) < 0.04
    assert abs(criterion - (bound - distance / 2)) < 0.02


def test_sensitivity_and_response_rates_of_a_go_nogo_table():
    trials = animal(
        ["correct", "miss", "correct", "error", "abort", "cancelled"],
        ground_truth=[1, 1, 0, 0, 1, 1],
        choice=[1, -1, 0, 1, 1, 1],
        odour=["go", "go", "nogo", "nogo", "go", "go"],
    )
    row = analysis.sensitivity(trials)
    counts = [row[name].tolist() for name in ("hits", "signal_trials", "false_alarms", "noise_trials")]
    assert counts == [[1], [2], [1], [2]]
    rates = analysis.response_rates(trials, "odour")
    assert rates["rate"].tolist() == [0.5, 0.5]
    assert analysis.response_rates(trials, "odour", action=2)["rate"].tolist() == [0, 0]


def test_there_is_no_sensitivity_where_a_response_is_always_right():
    row = analysis.sensitivity(animal(["correct", "error"], ground_truth=[1, 2], choice=[1, 1]))
    assert row["noise_trials"].tolist() == [0]
    assert np.isnan(row["dprime"]).all()
    assert np.isnan(row["criterion"]).all()


def test_the_cost_of_a_second_task_is_single_minus_dual():
    trials = Trials(
        {
            "subject": np.full(7, "subject_0"),
            "stream": np.array(["dpa", "gng", "dpa", "dpa", "gng", "dpa", "dpa"]),
            "lane": np.array([0, 0, 0, 0, 0, 1, 1]),
            "session": np.zeros(7, int),
            "trial": np.array([0, 0, 1, 2, 2, 0, 3]),
            "outcome": np.array(["error", "correct", "correct", "correct", "cancelled"] + ["correct"] * 2),
            "correct": np.array([0, 1, 1, 1, np.nan, 1, 1]),
        }
    )
    cost = analysis.dual_task_cost(trials)
    assert cost["stream"].tolist() == ["dpa", "gng"]
    assert cost["single_trials"].tolist() == [4, 0]
    assert cost["dual_trials"].tolist() == [1, 1]
    np.testing.assert_array_equal(cost["cost"], [1.0, np.nan])
    assert cost["low"][0] < 1 <= cost["high"][0] + 1e-12


def test_the_cost_can_be_taken_against_trials_of_the_stream_alone():
    n = 400
    stream = np.tile(["dpa", "gng"], n)
    dual = Trials(
        {
            "stream": stream,
            "trial": np.repeat(np.arange(n), 2),
            "outcome": np.full(2 * n, "correct"),
            "correct": np.where(stream == "dpa", np.arange(2 * n) % 4 == 0, 1.0),
        }
    )
    single = Trials({"stream": np.full(n, "dpa"), "correct": np.arange(n) % 10 > 0})
    cost = analysis.dual_task_cost(dual, single)
    np.testing.assert_allclose(cost["cost"][0], 0.4)
    assert cost["low"][0] < 0.4 < cost["high"][0]
    assert np.isnan(cost["cost"][1])


def test_reward_rate_counts_the_time_of_every_lane():
    trials = Trials(
        {
            "lane": np.array([0, 0, 1]),
            "onset_s": np.array([1.0, 5.0, 0.0]),
            "duration_s": np.array([2.0, 1.0, 4.0]),
            "reward": np.array([1.0, 0.5, -0.5]),
        }
    )
    rate = analysis.reward_rate(trials)
    assert rate["time_s"].tolist() == [9.0]
    np.testing.assert_allclose([rate["per_trial"][0], rate["per_s"][0]], [1 / 3, 1 / 9])


def test_win_stay_lose_shift_uses_successive_choices_only():
    trials = Trials(
        {
            "lane": np.array([0, 0, 0, 0, 0, 1]),
            "trial": np.array([0, 1, 2, 3, 5, 6]),
            "choice": np.array([1, 1, 2, -1, 1, 1]),
            "reward": np.array([1.0, 0.0, 1.0, 0.0, 1.0, 1.0]),
        }
    )
    row = analysis.win_stay_lose_shift(trials)
    assert (row["win_stay"][0], row["lose_shift"][0]) == (1, 1)
    assert (row["wins"][0], row["losses"][0]) == (1, 1)
    early = Trials(dict(trials.columns) | {"outcome": np.array(["correct", "abort"] * 3)})
    assert analysis.win_stay_lose_shift(early)["wins"].tolist() == []
    with pytest.raises(ArgumentError, match="'reward' or 'correct'"):
        analysis.win_stay_lose_shift(trials, win="luck")


def test_a_win_stay_lose_shift_player_is_recognised_whatever_the_row_order():
    rng = np.random.default_rng(0)
    choice, reward = [1], rng.integers(0, 2, 500)
    for won in reward[:-1]:
        choice.append(choice[-1] if won else 3 - choice[-1])
    order = rng.permutation(500)
    columns = {"trial": np.arange(500), "choice": np.array(choice), "reward": reward * 1.0}
    row = analysis.win_stay_lose_shift(Trials(columns).select(order))
    assert (row["win_stay"][0], row["lose_shift"][0]) == (1, 1)


# Source: science reference 4.2, three presets.
@pytest.mark.parametrize(
    ("sigma", "duration", "expected"),
    [
        (1, 200, (0.626, 0.739, 0.900, 0.995, 1)),
        (1, 800, (0.739, 0.900, 0.995, 1, 1)),
        (1, 2000, (0.844, 0.9785, 1, 1, 1)),
        (2**0.5, 80, (0.557, 0.613, 0.717, 0.874, 0.989)),
        (2**0.5, 1500, (0.732, 0.892, 0.993, 1, 1)),
    ],
)
def test_the_ideal_observer_of_gaussian_evidence(sigma: float, duration: float, expected: tuple):
    found = analysis.ideal_accuracy([3.2, 6.4, 12.8, 25.6, 51.2], duration, sigma)
    np.testing.assert_allclose(found, expected, atol=6e-4)


def test_without_evidence_the_ideal_observer_guesses():
    assert analysis.ideal_accuracy(0, 500) == 0.5
    assert analysis.ideal_accuracy(-6.4, 500) == analysis.ideal_accuracy(6.4, 500)
    with pytest.raises(ArgumentError, match="sigma above 0"):
        analysis.ideal_accuracy(6.4, 500, 0)


def test_the_ideal_observer_is_what_adding_up_evidence_gives():
    rng, dt, coherence, duration = np.random.default_rng(0), 20, 12.8, 200
    steps = duration // dt
    noise = rng.normal(0, np.sqrt(dt) ** -1, (40_000, steps, 2)).sum(axis=1)
    right = noise[:, 0] - noise[:, 1] + steps * coherence / 100 > 0
    assert abs(right.mean() - analysis.ideal_accuracy(coherence, duration)) < 0.005


def test_public_names_are_sorted_and_differ_from_module_names():
    import pkgutil

    names = analysis.__all__
    assert names == sorted(names)
    assert not {m.name for m in pkgutil.iter_modules(analysis.__path__)} & set(names)
