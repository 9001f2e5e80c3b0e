"""Draws are functions of who draws and what is drawn; these are the values, and how good they are."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroparallel import seeding
from neuroparallel.scenario import Scenario
from neuroparallel.timing import Choice, TruncExp, Uniform
from tests.engine.comparing import engine

WORDS = st.integers(0, 2**64 - 1)


def words(*values):
    return np.array(values, np.uint64)


def normals(phases):
    first, second = np.empty(len(phases), np.float32), np.empty(len(phases), np.float32)
    seeding.normals(phases, first, second)
    return first, second


def test_the_hash_has_its_golden_values():
    assert seeding.mix_int(0) == 0
    assert seeding.mix_int(1) == 0x5692161D100B05E5
    assert seeding.name_bits("condition.side") == 15636232484802859694
    assert seeding.integer_bits(0) == 8493733112532773764
    key = seeding.lane_key(seeding.integer_bits(0), 3, 1, "0")
    assert int(key[0]) == 7818628285532923167


def test_a_trajectory_has_its_golden_values():
    batch = engine(Scenario.load("random_dots"), 2)
    observations, _ = batch.reset(0)
    for _ in range(2):
        observations = batch.step({"subject_0": np.zeros(2, int)})[0]
    np.testing.assert_allclose(observations["subject_0"], GOLDEN_DOTS, rtol=0, atol=2e-6)
    for _ in range(60):
        batch.step(batch.truth())
    sides = batch.trials()["side"].astype(int).tolist()
    assert sides == GOLDEN_SIDES


GOLDEN_DOTS = [
    [1.0, 0.19424951076507568, 0.7982838749885559],
    [1.0, 0.4829998016357422, 0.3432326912879944],
]
GOLDEN_SIDES = [2, 2, 1, 2]


@given(st.lists(WORDS, min_size=1, max_size=50))
def test_scrambling_arrays_and_single_words_agree(values):
    assert seeding.mix(words(*values)).tolist() == [seeding.mix_int(value) for value in values]


@given(st.lists(WORDS, min_size=1, max_size=300), st.integers(0, 20))
def test_a_normal_depends_on_its_word_only(values, skip):
    whole = normals(words(*values))
    part = normals(words(*values[skip:])) if values[skip:] else ([], [])
    assert np.array_equal(whole[0][skip:], part[0])
    assert np.array_equal(whole[1][skip:], part[1])


def test_normals_have_the_moments_and_tails_of_normals():
    from scipy import stats

    n = 2_000_000
    first, second = normals(np.arange(n, dtype=np.uint64) * np.uint64(seeding.GAMMA_INT))
    for z in (first.astype(float), second.astype(float)):
        assert abs(z.mean()) < 4 / n**0.5
        assert abs(z.var() - 1) < 4 * (2 / n) ** 0.5
        assert abs((z**3).mean()) < 4 * (15 / n) ** 0.5
        assert abs((z**4).mean() - 3) < 4 * (96 / n) ** 0.5
        for edge in (2, 3, 4):
            p = 2 * stats.norm.sf(edge)
            assert abs((abs(z) > edge).mean() - p) < 5 * (p / n) ** 0.5
        assert stats.kstest(z[:200_000], "norm").pvalue > 1e-3
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / n**0.5


def test_noise_is_uncorrelated_over_time_lanes_and_channels():
    lanes, steps = 64, 3000
    batch = engine(Scenario.load("random_dots").replace(timing={"stimulus": 100, "fixation": 100_000}), lanes)
    batch.reset(9)
    hold = {"subject_0": np.zeros(lanes, int)}
    z = np.stack([batch.step(hold)[0]["subject_0"][:, 1:] for _ in range(steps - 2001)]) / 0.1
    n = z.shape[0] * lanes
    assert abs(z.mean()) < 4 / (2 * n) ** 0.5
    assert abs(z.var() - 1) < 4 * (1 / n) ** 0.5
    assert abs((z[..., 0] * z[..., 1]).mean()) < 4 / n**0.5
    for lag in (1, 2, 7):
        assert abs((z[lag:] * z[:-lag]).mean()) < 4 / (2 * n) ** 0.5
    for shift in (1, 5):
        assert abs((z * np.roll(z, shift, axis=1)).mean()) < 4 / (2 * n) ** 0.5


@pytest.mark.parametrize(
    "law",
    [Uniform(200, 900), TruncExp(300, 200, 800), Choice(100, 300, 500, weights=(1, 2, 1))],
    ids=lambda law: type(law).__name__,
)
@pytest.mark.parametrize("dt", [10, 20, 100])
def test_drawn_durations_follow_their_law_rounded_half_up(law, dt):
    low, cuts = law.steps(dt)
    n = 200_000
    draws = seeding.mix(np.arange(n, dtype=np.uint64) + np.uint64(12345))
    steps = low + np.searchsorted(cuts, draws, side="right")
    values = np.arange(low, low + len(cuts) + 1)
    edges = np.array([law.cdf((k + 0.5) * dt) for k in values])
    expected = np.diff(np.concatenate([[0.0], edges[:-1], [1.0]]))
    found = np.bincount(steps - low, minlength=len(values)) / n
    assert abs(found - expected).max() < 4 * (0.25 / n) ** 0.5
    assert steps.min() >= np.floor(law.bounds()[0] / dt + 0.5)
    assert steps.max() <= np.floor(law.bounds()[1] / dt + 0.5)


def test_uniform_draws_are_uniform_and_fill_all_their_bits():
    from scipy import stats

    n = 400_000
    u = seeding.uniforms(seeding.mix(np.arange(n, dtype=np.uint64) + np.uint64(99)))
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert len(np.unique(u)) == n
    for power in (8, 24, 40):
        fraction = (u * 2.0**power) % 1
        assert stats.kstest(fraction, "uniform").pvalue > 1e-3
    grid = np.bincount((u * 1000).astype(int), minlength=1000)
    assert stats.chisquare(grid).pvalue > 1e-3


def test_draws_of_different_purposes_lanes_and_trials_are_unrelated():
    keys = seeding.branch_keys(
        np.zeros(4000, np.uint64), np.arange(4000, dtype=np.uint64), np.zeros(4000, np.uint64), "0"
    )
    first, second = (seeding.trial_keys(keys, np.full(4000, trial)) for trial in (0, 1))
    columns = [
        seeding.uniforms(seeding.mix(bits + np.uint64(seeding.name_bits(name))))
        for bits in (first, second)
        for name in ("condition.side", "condition.coherence", "duration.delay")
    ]
    columns.append(np.roll(columns[0], 1))
    related = np.corrcoef(columns) - np.eye(len(columns))
    assert abs(related).max() < 4.5 / 4000**0.5


def test_probabilities_are_not_quantised():
    cuts = seeding.thresholds(np.array([1e-7, 1.0, 1e-12]))
    shares = np.diff(np.concatenate([[0.0], cuts.astype(float), [2.0**64]])) / 2.0**64
    np.testing.assert_allclose(shares, np.array([1e-7, 1.0, 1e-12]) / (1 + 1e-7 + 1e-12), rtol=1e-5, atol=2**-50)


def test_conditions_of_neighbouring_trials_and_lanes_are_independent():
    batch = engine(Scenario.load("go_nogo"), 500)
    batch.reset(3)
    for _ in range(15 * 40):
        batch.step(batch.truth())
    trials = batch.trials()
    go = trials[batch.streams[0].tables.design.names[0]].astype(float).reshape(500, -1)
    go = go - go.mean()
    n = go.size
    assert abs((go[:, 1:] * go[:, :-1]).mean() / go.var()) < 4 / n**0.5
    assert abs((go[1:] * go[:-1]).mean() / go.var()) < 4 / n**0.5


def holding(seed):
    """What 2048 subjects see in 100 steps of holding."""
    batch = engine(Scenario.load("random_dots"), 2048)
    observations, _ = batch.reset(seed)
    seen = [observations["subject_0"]]
    for _ in range(100):
        seen.append(batch.step({"subject_0": np.zeros(2048, int)})[0]["subject_0"])
    return np.array(seen)


def test_engines_in_several_threads_leave_each_other_alone():
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(holding, range(3)))
    for seed, seen in enumerate(together):
        np.testing.assert_array_equal(seen, holding(seed))


@pytest.mark.parametrize("lanes", [1, 5, 700])
def test_how_much_noise_is_made_ahead_changes_nothing(monkeypatch, lanes):
    def seen(words, call):
        monkeypatch.setattr("neuroparallel.engine.noise.AHEAD_WORDS", words)
        monkeypatch.setattr("neuroparallel.engine.noise.CALL_WORDS", call)
        batch = engine(Scenario.load("prp"), lanes)  # whose second stream often is idle
        batch.reset(3)
        rng = np.random.default_rng(0)
        return np.array([batch.step({"subject_0": rng.integers(0, 3, (lanes, 2))})[0]["subject_0"] for _ in range(150)])

    one_by_one = seen(1, 1)
    for words, call in ((64, 1), (16384, 2048), (10**6, 10**5)):
        np.testing.assert_array_equal(seen(words, call), one_by_one)
