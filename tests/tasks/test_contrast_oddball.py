"""Two intervals, one with more contrast: how well the best subject compares them."""

import numpy as np
import pytest
from scipy import stats

from neuroparallel.agents import simulate
from neuroparallel.errors import ArgumentError
from neuroparallel.tasks import make_task
from tests.tasks import playing


@pytest.mark.parametrize("sigma", [2.0, 5.0])
def test_the_best_subject_is_right_as_often_as_the_formula_says(sigma):
    table = simulate(make_task("contrast_oddball", sigma=sigma), "ideal_observer", 20_000)
    for contrast in (1.5, 3.5, 7.0, 15.0):
        mine = table.where(contrast=contrast)
        expected = stats.norm.cdf(contrast / 10 / (sigma * (2 / 100) ** 0.5))
        assert playing.near(mine["correct"].mean(), expected, len(mine), 4.5)


@pytest.mark.parametrize("baseline", [0.0, -1.0])
def test_a_baseline_is_above_0(baseline):
    with pytest.raises(ArgumentError, match=r"baseline is .*above 0"):
        make_task("contrast_oddball", baseline=baseline)


def test_the_target_adds_its_contrast_to_the_baseline_in_its_interval_only():
    task = make_task("contrast_oddball", sigma=0.0, contrasts=[5.0])
    batch = playing.engine(task, 64)
    seen, table = playing.everything(batch)
    first, second = seen[:, 2 * 2 + 1], seen[:, 5 * 2 + 1]  # steps of two channels: 200 ms, 100, 200, 100
    np.testing.assert_allclose(first, np.where(table["interval"] == 1, 1.5, 1.0), atol=1e-6)
    np.testing.assert_allclose(second, np.where(table["interval"] == 2, 1.5, 1.0), atol=1e-6)
    assert seen[:, 1::2].sum(axis=1) == pytest.approx(np.full(64, 2.5), abs=1e-5)
