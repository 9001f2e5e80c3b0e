"""Context-dependent decision: what the ideal and the context-blind observer reach, and the go cue."""

import numpy as np
import pytest
from scipy.stats import norm

from neuroparallel.tasks import make_task
from tests.tasks import playing

LEFT, RIGHT = 1, 2
COHERENCES = np.array([5.0, 15.0, 50.0])
MOTION, COLOR, CUE = slice(1, 3), slice(3, 5), slice(5, 7)


def ideal(ms, sigma=1.0):
    return norm.cdf(COHERENCES / 100 * ms**0.5 / (2**0.5 * sigma)).mean()


def blind(ms, sigma=1.0):
    """Adding up motion and color: twice the noise variance, and the other one may point anywhere."""
    asked, other = np.meshgrid(COHERENCES, np.append(COHERENCES, -COHERENCES))
    return norm.cdf((asked + other) / 100 * ms**0.5 / (2 * sigma)).mean()


def left_minus_right(sums):
    return sums[:, 1] - sums[:, 2], sums[:, 3] - sums[:, 4]


def with_context(sums, now):
    motion, color = left_minus_right(sums)
    return np.where(np.where(now[:, 5] == 1, motion, color) > 0, LEFT, RIGHT)


def without_context(sums, _now):
    return np.where(sum(left_minus_right(sums)) > 0, LEFT, RIGHT)


def fixed(stimulus, **parameters):
    timing = {"fixation": 100, "stimulus": stimulus, "delay": 100}
    return make_task("context_decision", timing=timing, **parameters)


@pytest.mark.parametrize("dt", [20, 100])
@pytest.mark.parametrize("ms", [200, 800, 2000])
def test_an_ideal_observer_meets_the_ceiling(ms, dt):
    batch = playing.engine(fixed(ms), 4000, dt)
    table = playing.run(batch, playing.integrator(batch, "stimulus", with_context), 2)
    share, n = playing.correct(table)
    assert playing.near(share, ideal(ms), n)


@pytest.mark.parametrize("ms", [200, 800])
def test_ignoring_the_context_costs_what_theory_says(ms):
    batch = playing.engine(fixed(ms), 4000)
    table = playing.run(batch, playing.integrator(batch, "stimulus", without_context), 2)
    share, n = playing.correct(table)
    assert playing.near(share, blind(ms), n)


def test_the_published_ceilings_are_those_formulas():
    assert round(ideal(750), 3) == 0.944
    assert round(blind(750), 3) == 0.745
    assert round(ideal(750, 2), 3) == 0.871  # the preset of the paper


@pytest.mark.parametrize("dt", [20, 100])
def test_no_decoder_of_all_channels_and_steps_exceeds_the_ceiling(dt):
    batch = playing.engine(fixed(200), 24_000, dt)
    features, table = playing.everything(batch)
    for context in (1, 2):
        kept = table["context"] == context
        share, n = playing.decoded(features[kept], table["ground_truth"][kept])
        assert ideal(200) - 0.1 < share <= ideal(200) + 4 * playing.se(ideal(200), n)


def test_the_decision_has_a_go_cue_and_the_context_is_on_throughout():
    seen, table = playing.everything(playing.engine(fixed(300), 64))
    seen = seen.reshape(64, -1, 7)
    assert (seen[:, :-1, 0] == 1).all()
    assert (seen[:, -1, 0] == 0).all()
    for context in (1, 2):
        shown = seen[table["context"] == context][:, :, CUE]
        assert (shown == np.eye(2)[context - 1]).all()


def test_truth_is_the_side_of_the_asked_dimension():
    table = playing.run(playing.engine("context_decision", 64), playing.hold, 10)
    asked = np.where(table["context"] == 1, table["motion_side"], table["color_side"])
    np.testing.assert_array_equal(table["ground_truth"], asked)
