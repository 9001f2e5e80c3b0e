"""Random dots: the ceiling of an ideal observer, in closed form, and the numbers of the source."""

import numpy as np
import pytest
from scipy.stats import norm

from neuroparallel.tasks import make_task
from tests.tasks import playing

LEFT, RIGHT = 1, 2
COHERENCES = (3.2, 6.4, 12.8, 25.6)


def ceiling(coherence, ms, sigma):
    """P = Phi(c sqrt(T) / (sqrt 2 sigma)); no time step in it."""
    return norm.cdf(coherence / 100 * ms**0.5 / (2**0.5 * sigma))


def by_side(sums, _now):
    return np.where(sums[:, 1] > sums[:, 2], LEFT, RIGHT)


def dots(stimulus, **parameters):
    timing = {"fixation": 100, "stimulus": stimulus, "decision": 100}
    return make_task("random_dots", coherences=COHERENCES, timing=timing, **parameters)


@pytest.mark.parametrize("dt", [20, 100])
@pytest.mark.parametrize("ms", [200, 400, 800])
@pytest.mark.parametrize("sigma", [1.0, 2**0.5])
def test_an_ideal_observer_meets_the_ceiling(ms, dt, sigma):
    batch = playing.engine(dots(ms, sigma=sigma), 4000, dt)
    table = playing.run(batch, playing.integrator(batch, "stimulus", by_side), 2)
    for coherence in COHERENCES:
        share, n = playing.correct(table.where(coherence=coherence))
        assert playing.near(share, ceiling(coherence, ms, sigma), n)


def test_the_published_table_of_ceilings_is_that_formula():
    assert np.round([ceiling(c, 200, 1) for c in (3.2, 6.4, 12.8, 25.6)], 3).tolist() == [
        0.626, 0.739, 0.900, 0.995,
    ]  # fmt: skip
    assert round(ceiling(6.4, 2000, 1), 4) == 0.9785
    assert round(ceiling(12.8, 400, 2**0.5), 3) == 0.900


def test_without_evidence_nobody_is_better_than_chance():
    task = make_task("random_dots", coherences=(0.0,), timing={"stimulus": 400})
    batch = playing.engine(task, 4000)
    share, n = playing.correct(playing.run(batch, playing.integrator(batch, "stimulus", by_side), 2))
    assert playing.near(share, 0.5, n)


@pytest.mark.parametrize("dt", [20, 100])
def test_no_decoder_of_all_channels_and_steps_exceeds_the_ceiling(dt):
    task = make_task("random_dots", coherences=(12.8,), timing={"stimulus": 200})
    features, table = playing.everything(playing.engine(task, 16_000, dt))
    share, n = playing.decoded(features, table["ground_truth"])
    best = ceiling(12.8, 200, 1)
    assert best - 0.03 < share <= best + 4 * playing.se(best, n)


def test_halving_the_evidence_halves_the_coherence():
    batch = playing.engine(dots(400, evidence=0.5), 4000)
    table = playing.run(batch, playing.integrator(batch, "stimulus", by_side), 2)
    for coherence in COHERENCES:
        share, n = playing.correct(table.where(coherence=coherence))
        assert playing.near(share, ceiling(coherence / 2, 400, 1), n)


def test_evidence_is_one_half_plus_and_minus_half_the_coherence():
    task = make_task("random_dots", coherences=(51.2,), sigma=0.0)
    batch = playing.engine(task, 8)
    seen, table = playing.everything(batch)
    stimulus = seen.reshape(8, -1, 3)[:, 1:21]  # a step of fixation, 20 of motion
    toward = np.where((table["side"] == LEFT)[:, None], stimulus[:, :, 1], stimulus[:, :, 2])
    np.testing.assert_allclose(toward, 0.756, rtol=1e-6)
    np.testing.assert_allclose(stimulus[:, :, 1:].sum(axis=2), 1, rtol=1e-6)


def test_fixation_cue_stays_on_until_the_answer_is_due():
    task = make_task("random_dots", timing={"delay": 300})
    seen, _ = playing.everything(playing.engine(task, 4))
    cue = seen.reshape(4, -1, 3)[:, :, 0]
    assert cue.shape[1] == 1 + 20 + 3 + 1
    assert (cue[:, :-1] == 1).all()
    assert (cue[:, -1] == 0).all()


def test_the_readme_timing_of_2019_can_be_written():
    timing = {"fixation": 200, "stimulus": {"choice": [200, 300, 400]}, "decision": 200}
    batch = playing.engine(make_task("random_dots", timing=timing, evidence=0.5), 64)
    watch = playing.Periods(64)
    playing.run(batch, playing.hold, 20, watch=watch)
    lengths = watch.lengths(20)
    assert set(lengths[0]) == {2}
    assert set(lengths[1]) == {2, 3, 4}
    assert set(lengths[3]) == {2}
