"""Delayed comparison: what one vibration alone tells, and the ceiling of comparing both."""

import numpy as np
import pytest
from scipy.stats import norm

from neuroparallel.errors import ArgumentError
from neuroparallel.tasks import make_task
from tests.tasks import playing

PAIRS = ((18, 10), (22, 14), (26, 18), (30, 22), (34, 26))


def first_vibration_only(ms=500):
    """The best guess from a noiseless first vibration: it lies above or below the middle."""

    def choose(sums, now):
        return np.where(sums[:, 1] > 0.75 * 5, 1, 2)

    return choose


def test_first_vibration_alone_gives_seven_trials_of_ten():
    batch = playing.engine(make_task("delayed_comparison", sigma=0.0), 4000)
    table = playing.run(batch, playing.integrator(batch, "stimulus_1", first_vibration_only()), 2)
    share, n = playing.correct(table)
    assert playing.near(share, 0.7, n)


@pytest.mark.parametrize("dt", [20, 100])
def test_no_decoder_exceeds_the_comparison_of_both(dt):
    task = make_task("delayed_comparison", sigma=3.0, timing={"delay": 200})
    features, table = playing.everything(playing.engine(task, 12_000, dt))
    # Pairs are 8 Hz apart, 1/6 of the channel's range; each vibration has noise sigma / sqrt(T).
    best = norm.cdf((8 / 24 / 2) * 500**0.5 / (2**0.5 * 3.0))
    share, n = playing.decoded(features, table["ground_truth"])
    assert best - 0.03 < share <= best + 4 * playing.se(best, n)


def test_default_noise_allows_99_percent():
    batch = playing.engine("delayed_comparison", 4000)
    sums = [playing.integrator(batch, period, lambda s, _: s[:, 1]) for period in ("stimulus_1", "stimulus_2")]

    def compare(engine, observations, infos):
        first, second = (s(engine, observations, infos)[playing.AGENT] for s in sums)
        return {playing.AGENT: np.where(second == 0, 0, np.where(first > second, 1, 2)).astype(int)}

    share, n = playing.correct(playing.run(batch, compare, 2))
    assert playing.near(share, norm.cdf((1 / 6) * 500**0.5 / 2**0.5), n)
    assert share > 0.99


def test_frequencies_lie_between_one_half_and_one():
    seen, table = playing.everything(playing.engine(make_task("delayed_comparison", sigma=0.0), 200))
    seen = seen.reshape(200, -1, 2)
    for frequency, step in ((table["f1"], 5), (table["f2"], 20)):
        np.testing.assert_allclose(seen[:, step, 1], (1 + (frequency - 10) / 24) / 2, rtol=1e-6)


def test_fixation_cue_has_no_noise():
    seen, _ = playing.everything(playing.engine("delayed_comparison", 200))
    cue = seen.reshape(200, -1, 2)[:, :, 0]
    assert (cue[:, :-1] == 1).all()
    assert (cue[:, -1] == 0).all()


def test_pairs_come_in_both_orders_and_the_faster_one_is_right():
    table = playing.run(playing.engine("delayed_comparison", 64), playing.hold, 20)
    shown = set(zip(table["f1"].tolist(), table["f2"].tolist(), strict=True))
    assert shown == {*PAIRS, *((b, a) for a, b in PAIRS)}
    faster = np.where(table["f1"] > table["f2"], 1, 2)
    np.testing.assert_array_equal(table["ground_truth"], faster)


def test_equal_frequencies_are_refused():
    with pytest.raises(ArgumentError, match="different"):
        make_task("delayed_comparison", pairs=[(10, 10)])
