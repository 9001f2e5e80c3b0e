"""The diffusion model and the two-step task's stay probabilities: known answers."""

from __future__ import annotations

import numpy as np
import pytest

from neuroparallel import analysis
from neuroparallel.errors import ArgumentError, UnknownNameError
from neuroparallel.records import Trials

COHERENCES = np.array([0, 3.2, 6.4, 12.8, 25.6, 51.2])
MONKEYS = {"first": (0.635, 14.34, 0.381), "second": (0.755, 12.91, 0.286), "both": (0.706, 13.44, 0.327)}


def exact(bound: float, sensitivity: float, residual: float, n: int = 20_000) -> Trials:
    """A table with just the accuracies and mean times of the model; times spread evenly by 0.1 s around the mean."""
    parts = []
    for coherence in COHERENCES:
        drive = bound * sensitivity * coherence / 100
        chance = 1 / (1 + np.exp(-2 * drive))
        time = bound**2 * (np.tanh(drive) / drive if drive else 1.0) + residual
        right = np.arange(n) < round(chance * n)
        spread = np.where(np.arange(n) % 2, 0.1, -0.1)
        parts.append(
            Trials(
                {
                    "coherence": np.full(n, coherence),
                    "correct": right.astype(float),
                    "outcome": np.where(right, "correct", "error"),
                    "response_time_s": time + spread,
                }
            )
        )
    return Trials.concatenate(parts)


@pytest.mark.parametrize("parameters", [*MONKEYS.values(), (1.5, 3.0, 0.1), (0.3, 40.0, 0.6)])
def test_the_fit_finds_the_parameters_of_a_table_that_follows_the_model(parameters: tuple[float, float, float]):
    fit = analysis.fit_diffusion(exact(*parameters))
    found = [fit.bound, fit.sensitivity, fit.residual_s]
    np.testing.assert_allclose(found, parameters, rtol=0.005, atol=0.003)
    assert all(
        0 < error < 0.05 * max(value, 1) for error, value in zip(fit.standard_errors.values(), found, strict=True)
    )


def test_the_model_predicts_the_table_of_two_monkeys():
    fit = analysis.DiffusionFit(*MONKEYS["both"], log_likelihood=0.0, standard_errors={})
    # Source: science reference 4.1, fit to Roitman & Shadlen 2002.
    np.testing.assert_allclose(fit.accuracy(COHERENCES / 100), [0.5, 0.647, 0.771, 0.919, 0.992, 1.0], atol=0.001)
    np.testing.assert_allclose(
        fit.mean_time_s(COHERENCES / 100), [0.826, 0.811, 0.772, 0.671, 0.529, 0.429], atol=0.001
    )


def test_standard_errors_are_those_of_the_spread_over_tables():
    rng = np.random.default_rng(0)
    whole = exact(*MONKEYS["both"], n=2000)
    fits = []
    for _ in range(60):
        rows = rng.integers(0, len(whole), len(whole))
        fits.append(analysis.fit_diffusion(whole.select(rows)))
    for name in ("bound", "sensitivity", "residual_s"):
        spread = np.std([getattr(fit, name) for fit in fits])
        told = np.mean([fit.standard_errors[name] for fit in fits])
        assert 0.6 < told / spread < 1.6


def test_the_diffusion_needs_times_at_two_strengths():
    trials = exact(*MONKEYS["both"], n=100)
    with pytest.raises(ArgumentError, match="two strengths"):
        analysis.fit_diffusion(trials.where(coherence=6.4))
    same = Trials({**trials.columns, "response_time_s": np.full(len(trials), 0.1)})
    with pytest.raises(ArgumentError, match="different times"):
        analysis.fit_diffusion(same)
    with pytest.raises(UnknownNameError, match="coherence"):
        analysis.fit_diffusion(trials, "coherences")


# ---- two-step ----


def two_step(stay: dict[tuple[bool, bool], float], n: int = 4000, seed: int = 0) -> Trials:
    """First choices that are repeated as often as asked for, by reward and transition."""
    rng = np.random.default_rng(seed)
    rewarded, common = rng.random(n) < 0.5, rng.random(n) < 0.7
    repeat = rng.random(n) < np.array([stay[bool(r), bool(c)] for r, c in zip(rewarded, common, strict=True)])
    choice = 1 + np.cumsum(np.append(0, ~repeat[:-1])) % 2
    return Trials({"trial": np.arange(n), "first_choice": choice, "common": common, "reward": rewarded * 1.0})


STAYS = {(True, True): 0.8, (True, False): 0.6, (False, True): 0.5, (False, False): 0.7}


def test_stay_probabilities_and_effects_are_what_was_put_in():
    found = analysis.stay_probabilities(two_step(STAYS), level=0.9999)
    for rewarded, common, low, high in zip(
        *(found.stay[n] for n in ("rewarded", "common", "low", "high")), strict=True
    ):
        assert low < STAYS[bool(rewarded), bool(common)] < high
    assert found.stay["trials"].sum() == 3999
    for name, expected in (("reward", 0.1), ("transition", 0.0), ("interaction", 0.4)):
        assert abs(getattr(found, name) - expected) < 4 * found.standard_errors[name]
    assert found.standard_errors["reward"] < 0.02


def test_trials_without_both_choices_make_no_pair():
    trials = two_step(STAYS, 400)
    state = np.where(np.arange(400) % 10 == 5, 0, 1)
    found = analysis.stay_probabilities(Trials({**trials.columns, "state": state}))
    assert found.stay["trials"].sum() == 399 - 80


def test_all_four_kinds_of_trial_are_needed():
    with pytest.raises(ArgumentError, match="2 of the four"):
        analysis.stay_probabilities(two_step(STAYS).where(common=True))


def test_the_inhibition_function_counts_by_delay():
    trials = Trials(
        {
            "stop": np.array([True] * 5 + [False]),
            "stop_delay_ms": np.array([100, 100, 200, 200, 200, 200.0]),
            "response_time_s": np.array([np.nan, 0.4, 0.3, 0.5, 0.9, 0.4]),
            "outcome": np.array(["correct", "error", "error", "error", "abort", "correct"]),
        }
    )
    table = analysis.inhibition_function(trials)
    assert table["stop_delay_ms"].tolist() == [100, 200]
    assert table["trials"].tolist() == [2, 2]
    np.testing.assert_allclose(table["responded"], [0.5, 1.0])
    np.testing.assert_allclose(table["mean_s"], [0.4, 0.4])
