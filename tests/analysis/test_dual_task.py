"""Two streams side by side: asynchrony, order, the refractory period, additivity, task switching; known answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import neuroparallel as npar
from neuroparallel import analysis
from neuroparallel.errors import ArgumentError, UnknownNameError
from neuroparallel.records import Trials


def dual(soa_ms: Any, one_s: Any, two_s: Any, names: tuple[str, str] = ("tone", "number"), **columns: Any) -> Trials:
    """A table in which a subject does two tasks in each trial, rows shuffled; pairs of columns by stream."""
    n = len(one_s)
    given = {
        "stream": np.repeat(names, n),
        "trial": np.tile(np.arange(n), 2),
        "outcome": np.full(2 * n, "correct"),
        "correct": np.ones(2 * n),
        "onset_s": np.concatenate([10.0 * np.arange(n), 10.0 * np.arange(n) + np.asarray(soa_ms) / 1000]),
        "response_time_s": np.concatenate([one_s, two_s]),
    }
    given |= {name: np.concatenate(values) for name, values in columns.items()}
    order = np.random.default_rng(0).permutation(2 * n)
    first = np.flatnonzero(order == 0)[0]  # a row of the first stream stands first, as in our tables
    order[[0, first]] = order[[first, 0]]
    return Trials({name: np.asarray(values)[order] for name, values in given.items()})


# ---- side by side ----


def test_pairs_have_asynchrony_order_interval_and_grouping():
    trials = dual([0, 50, 300, 100], [0.5, 0.5, 0.5, 0.5], [0.55, 0.9, 0.15, np.nan])
    table = analysis.response_pairs(trials)
    by_trial = {int(trial): row for row, trial in enumerate(table["trial"])}
    order = [by_trial[trial] for trial in range(4)]
    assert table["soa_ms"][order].tolist() == [0, 50, 300, 100]
    np.testing.assert_allclose(table["interval_s"][order], [0.05, 0.45, -0.05, np.nan])
    assert table["leader"][order].tolist() == ["tone", "tone", "number", ""]
    np.testing.assert_array_equal(table["grouped"][order], [1, 0, 1, np.nan])


def test_a_column_of_asynchronies_counts_more_than_the_onsets():
    trials = dual([500, 500], [0.5, 0.5], [0.5, 0.5])
    shifted = Trials({**trials.columns, "soa_ms": np.full(4, 200.0)})
    assert analysis.response_pairs(trials)["soa_ms"].tolist() == [500, 500]
    assert analysis.response_pairs(shifted)["soa_ms"].tolist() == [200, 200]


def test_streams_are_paired_within_subject_session_lane_and_group_trial():
    columns = {
        "subject": np.array(["a", "a", "b", "b", "a", "a"]),
        "stream": np.array(["x", "y", "x", "y", "x", "y"]),
        "lane": np.array([0, 0, 0, 0, 1, 1]),
        "trial": np.array([0, 0, 0, 0, 0, 0]),
        "group_trial": np.array([3, 3, 3, 3, 0, 1]),
        "outcome": np.array(["correct"] * 6),
        "onset_s": np.zeros(6),
        "response_time_s": np.array([0.1, 0.2, 0.3, 0.5, 0.7, 1.0]),
    }
    table = analysis.response_pairs(Trials(columns))
    assert table["subject"].tolist() == ["a", "b"]
    np.testing.assert_allclose(table["interval_s"], [0.1, 0.2])


def test_cancelled_trials_are_in_no_pair():
    trials = dual([0, 0], [0.5, 0.5], [0.5, 0.5])
    outcome = np.where((trials["stream"] == "number") & (trials["trial"] == 1), "cancelled", "correct")
    assert analysis.response_pairs(Trials({**trials.columns, "outcome": outcome}))["trial"].tolist() == [0]


def test_the_two_streams_have_to_be_told_where_there_are_three():
    trials = dual([0], [0.5], [0.5])
    third = Trials.concatenate([trials, Trials({"stream": np.array(["lever"]), "trial": np.array([0]),
                                                "outcome": np.array(["correct"])})])  # fmt: skip
    with pytest.raises(ArgumentError, match="3 streams"):
        analysis.response_pairs(third)
    assert len(analysis.response_pairs(third, "number", "tone")) == 1
    with pytest.raises(UnknownNameError, match="number"):
        analysis.response_pairs(trials, "nmber")
    assert analysis.response_pairs(trials, "number")["interval_s"].tolist() == [0.0]


def three_tasks() -> dict[str, Any]:
    """Two streams whose response times count from windows at different times, one that begins at a drawn time."""
    dots = {"task": "random_dots", "timing": {"fixation": 100, "stimulus": 500, "decision": 400}, "early": "free"}
    tone = {"task": "go_nogo", "timing": {"stimulus": 100, "delay": 100, "decision": 400}, "early": "penalty"}
    late = {**tone, "onset": [0, 100, 300]}
    return {
        "name": "three",
        "dt": 100,
        "subjects": {"rat": {"streams": {"dots": dots, "tone": tone, "late": late}}},
        "groups": {"trial": {"streams": ["dots", "tone", "late"]}},
    }


@pytest.mark.parametrize(("first", "second"), [("dots", "tone"), ("dots", "late"), ("late", "dots")])
def test_the_time_between_two_answers_is_that_between_the_responses_themselves(first, second):
    windows = {"dots": 0.6, "tone": 0.2, "late": 0.2}  # from the onset of the stream
    for agent in ("oracle", "random"):  # which responds at any time, in all windows and outside of them
        trials = npar.simulate(three_tasks(), agent, 300, per_lane=10)
        table = analysis.response_pairs(trials, first, second)
        one, two = (trials.where(stream=name) for name in (first, second))
        answered = [
            part["onset_s"] + windows[name] + part["response_time_s"] for name, part in ((first, one), (second, two))
        ]
        np.testing.assert_allclose(table["interval_s"], answered[1] - answered[0], atol=1e-9)
        np.testing.assert_allclose(table["soa_ms"], 1000 * (two["onset_s"] - one["onset_s"]), atol=1e-9)
        assert np.isfinite(table["interval_s"]).sum() > 50


def test_order_counts_a_tie_as_a_half():
    table = analysis.response_order(dual([0, 0, 0, 100], [0.5] * 4, [0.5, 0.4, 0.8, 0.5]))
    assert table["soa_ms"].tolist() == [0, 100]
    assert table["trials"].tolist() == [3, 1]
    np.testing.assert_allclose(table["in_order"], [0.5, 1.0])
    np.testing.assert_allclose(table["interval_s"], [0.0, 0.1])
    np.testing.assert_allclose(table["grouped"], [1 / 3, 0.0])


# ---- the refractory period ----


def bottleneck(soa: np.ndarray, seed: int, spread: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Response times in s of stages of 100, 225 and 150 ms with one central stage at a time."""
    rng = np.random.default_rng(seed)
    shape = spread**-2
    p1, c1, m1, p2, c2, m2 = (rng.gamma(shape, mean / shape, len(soa)) for mean in (100, 225, 150) * 2)
    return (p1 + c1 + m1) / 1000, (p2 + c2 + m2 + np.maximum(0, p1 + c1 - p2 - soa)) / 1000


def test_the_curve_of_a_bottleneck_falls_by_one_and_is_flat_then():
    soa = np.repeat([0, 50, 100, 150, 300, 500, 800, 1200], 2500)
    found = analysis.prp_curve(dual(soa, *bottleneck(soa, 0)))
    assert abs(found.short.value + 0.99) < 4 * found.short.standard_error
    assert found.short.standard_error < 0.04
    assert abs(found.long.value) < 0.05
    assert abs(found.short_1.value) < 4 * found.short_1.standard_error
    expected = [700, 650, 601, 556, 484, 475, 475, 475]
    for mean, low, value in zip(found.times["mean_2_s"], found.times["low_2_s"], expected, strict=True):
        assert abs(1000 * mean - value) < 1 + 2.3 * 1000 * (mean - low)
    assert found.times["trials"].tolist() == [2500] * 8


def test_slopes_and_intervals_equal_scipys():
    rng = np.random.default_rng(1)
    soa = rng.choice([0, 50, 100, 500], 400)
    times = rng.normal(0.6, 0.1, (2, 400))
    found = analysis.prp_curve(dual(soa, *times), level=0.9)
    inside = soa <= 100
    fit = scipy.stats.linregress(soa[inside] / 1000, times[1][inside])
    np.testing.assert_allclose([found.short.value, found.short.standard_error], [fit.slope, fit.stderr])
    at = times[1][soa == 50]
    low, high = scipy.stats.norm.interval(0.9, at.mean(), at.std(ddof=1) / len(at) ** 0.5)
    row = found.times.where(soa_ms=50)
    np.testing.assert_allclose([row["low_2_s"][0], row["high_2_s"][0]], [low, high])
    assert np.isnan(found.long.value)  # one asynchrony is no slope


def test_only_pairs_in_which_both_were_right_make_the_curve():
    trials = dual([0, 0, 0], [0.5, 0.6, 0.9], [0.7, 0.8, 0.9])
    wrong = (trials["trial"] == 2) & (trials["stream"] == "tone")
    found = analysis.prp_curve(Trials({**trials.columns, "correct": np.where(wrong, 0.0, 1.0)}))
    np.testing.assert_allclose(found.times["mean_1_s"], [0.55])
    np.testing.assert_allclose(found.times["mean_2_s"], [0.75])


# ---- additivity ----


@given(st.floats(0.05, 1.0), st.floats(0.05, 1.0), st.floats(-0.9, 0.9), st.booleans())
def test_the_interaction_is_what_was_put_in(effect_1: float, effect_2: float, share: float, swap: bool):
    hard = np.array([[0, 0, 1, 1], [0, 1, 0, 1]]).repeat(3, axis=1)
    interaction = share * min(effect_1, effect_2)
    later = 1 + effect_1 * hard[0] + effect_2 * hard[1] + interaction * hard[0] * hard[1]
    levels = (1 - hard if swap else hard) * 10.0  # which number means hard is not known beforehand
    found = analysis.additivity(dual(np.zeros(12), later - 0.3, later, difficulty=list(levels)), "difficulty")
    effects = [found.effect_1_s, found.effect_2_s, found.interaction_s]
    np.testing.assert_allclose(effects, [effect_1, effect_2, interaction], atol=1e-9)


@pytest.mark.parametrize("serial", [True, False])
def test_sums_are_additive_and_the_longer_of_two_is_not(serial: bool):
    rng = np.random.default_rng(5)
    n = 6000
    levels = rng.choice([3.2, 51.2], (2, n))
    times = rng.gamma(6, np.where(levels == 3.2, 0.48, 0.10) / 6)
    later = 0.3 + (times.sum(axis=0) if serial else times.max(axis=0))
    found = analysis.additivity(dual(np.zeros(n), 0.3 + times[0], later, coherence=list(levels)))
    if serial:
        assert abs(found.interaction_s) < 4 * found.standard_error_s
    else:
        assert found.interaction_s < -10 * found.standard_error_s
    assert found.standard_error_s < 0.02
    assert len(found.cells) == 4


def test_additivity_needs_two_levels_of_each_that_came_together():
    with pytest.raises(ArgumentError, match="two levels"):
        analysis.additivity(dual([0, 0], [1, 2], [1, 2], coherence=[[1, 1], [1, 2]]))
    with pytest.raises(ArgumentError, match="too few combinations"):
        analysis.additivity(dual([0, 0], [1, 2], [1, 2], coherence=[[1, 2], [1, 2]]))


# ---- switching ----


def switching(n: int = 8000, seed: int = 2) -> Trials:
    """Response times with costs of 0.2 (switch), 0.1 (mixing), 0.05 (incongruent) and 0.03 (both) s."""
    rng = np.random.default_rng(seed)
    mixed, congruent = rng.random(n) < 0.7, rng.random(n) < 0.5
    switch = mixed & (rng.random(n) < 0.5)
    cost = 0.2 * switch + 0.1 * mixed + 0.05 * ~congruent + 0.03 * (switch & ~congruent)
    right = rng.random(n) < 0.95 - 0.1 * switch
    return Trials(
        {
            "switch": np.where(np.arange(n) == 0, np.nan, switch),
            "mixed": mixed,
            "congruent": congruent,
            "response_time_s": rng.normal(0.5 + cost, 0.1) + 0.3 * ~right,
            "correct": right.astype(float),
        }
    )


def test_costs_of_switching_mixing_and_incongruence_are_found():
    table = analysis.switch_cost(switching(), level=0.9999)
    assert table["cost"].tolist() == ["switch", "mixing", "congruency", "switch_by_congruency"]
    # Half the trials are incongruent, which makes a switch 0.015 s dearer; 0.35 of all are switches.
    for low, high, expected in zip(table["low_s"], table["high_s"], [0.215, 0.1, 0.0605, 0.03], strict=True):
        assert low < expected < high
        assert high - low < 0.05
    row = table.where(cost="switch")
    assert row["low"][0] < 0.1 < row["high"][0]


def test_without_their_columns_there_is_no_cost_of_mixing_or_congruency():
    trials = switching(400)
    bare = Trials({name: trials[name] for name in ("switch", "response_time_s", "correct")})
    assert analysis.switch_cost(bare)["cost"].tolist() == ["switch"]
    with pytest.raises(UnknownNameError, match="switch"):
        analysis.switch_cost(trials, switch="swich")
    with pytest.raises(ArgumentError, match="switch needs never occurred"):
        analysis.switch_cost(bare.where(switch=1))


# ---- trade-off ----


def scored(one: float, two: float, n: int = 1000) -> Trials:
    """Two streams that are right in these fractions of their trials."""
    right = np.concatenate([np.arange(n) < round(p * n) for p in (one, two)])
    stream = np.repeat(["dots", "tone"], n)
    outcome = np.where(right, "correct", "error")
    return Trials(
        {"stream": stream, "trial": np.tile(np.arange(n), 2), "outcome": outcome, "correct": right.astype(float)}
    )


def test_who_shares_samples_has_the_curve_of_their_square_roots():
    distance, shares = 1.5, np.linspace(0, 1, 21)
    curve = [scipy.stats.norm.cdf(distance * np.sqrt([share, 1 - share])) for share in shares]
    found = analysis.operating_characteristic(
        {float(share): scored(*point, n=20_000) for share, point in zip(shares, curve, strict=True)}
    )
    np.testing.assert_allclose(found.points["correct_1"], [point[0] for point in curve], atol=1e-4)
    best = curve[-1][0]
    exact = scipy.integrate.trapezoid(*(np.array([(p[i] - 0.5) / (best - 0.5) for p in curve]) for i in (1, 0)))
    assert abs(found.area - exact) < 0.001
    assert 0.6 < found.area < 0.9


@pytest.mark.parametrize(
    ("points", "area"),
    [
        ({0: (0.5, 0.9), 1: (0.8, 0.5)}, 0.5),
        ({0: (0.5, 0.9), 0.5: (0.8, 0.9), 1: (0.8, 0.5)}, 1.0),
        ({0: (0.5, 0.9), 0.5: (0.65, 0.7), 1: (0.8, 0.5)}, 0.5),
        ({0: (0.5, 0.9), 0.5: (0.5, 0.5), 1: (0.8, 0.5)}, 0.0),
    ],
)
def test_the_area_is_one_without_a_cost_and_a_half_on_the_straight_line(points: dict, area: float):
    found = analysis.operating_characteristic({weight: scored(*point) for weight, point in points.items()})
    assert found.points["weight"].tolist() == sorted(points)
    assert found.area == pytest.approx(area)


def test_a_trade_off_needs_tables_and_performance_above_chance():
    with pytest.raises(ArgumentError, match="there is none"):
        analysis.operating_characteristic({})
    with pytest.raises(ArgumentError, match=r"above chance, 0\.6"):
        analysis.operating_characteristic({0: scored(0.9, 0.55)}, chance=(0.5, 0.6))
