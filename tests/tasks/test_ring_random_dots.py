"""Random dots with many directions: evidence, difficulty over their number, and the ideal observer."""

import numpy as np
import pytest

from neuroparallel.engine.tables import Tables
from neuroparallel.errors import NeuroparallelError
from neuroparallel.tasks import make_task
from tests.tasks import playing
from tests.wrappers.sequences import modified


def means(**options):
    """What is shown in the stimulus, float32 (directions, coherences, channels)."""
    task = make_task("ring_random_dots", coherences=(0.0, 40.0), **options)
    tables = Tables(task, 100.0)
    rows = np.arange(tables.slots) * tables.rows_per_slot + 1
    return tables.mean[1:, rows].T.reshape(task.choices, 2, task.choices)


def test_ring_is_tuned_and_items_are_not():
    ring = means(choices=4)
    np.testing.assert_allclose(ring[0, 1], [0.7, 0.5, 0.3, 0.5], atol=1e-6)
    np.testing.assert_allclose(ring[:, 0], 0.5)
    items = means(choices=3, code="items")
    np.testing.assert_allclose(items[1, 1], [0.3, 0.7, 0.3], atol=1e-6)


def test_two_items_are_the_two_channels_of_random_dots():
    tables = Tables(make_task("random_dots", coherences=(40.0,)), 100.0)
    np.testing.assert_allclose(means(choices=2, code="items")[0, 1], tables.mean[1:, 1])


def test_coherences_grow_with_the_number_of_directions():
    for n, factor in ((2, 1.239), (16, 5.079)):
        level = means(choices=n, code="items", level=True, evidence=0.1)
        plain = means(choices=n, code="items", evidence=0.1)
        assert (level[0, 1, 0] - 0.5) / (plain[0, 1, 0] - 0.5) == pytest.approx(factor, abs=2e-3)


def test_difficulty_stays_about_level():
    """Right in 500 ms of evidence at the same nominal coherence, whatever the number of items."""
    shares = []
    for n in (2, 4, 8, 16):
        task = make_task("ring_random_dots", "paper", choices=n, coherences=(25.6,), timing={"stimulus": 300})
        batch = playing.engine(task, 512, dt=100)
        observer = playing.integrator(batch, "stimulus", lambda sums, _: sums[:, 1:].argmax(axis=1) + 1)
        shares.append(playing.correct(playing.run(batch, observer, 8))[0])
    assert np.ptp(shares) < 0.15
    assert min(shares) > 0.6


def test_evidence_follows_the_number_that_can_be_right():
    entry = {"variable_choices": {"counts": [2, 8], "block": 2}}
    batch = playing.engine(modified("ring_random_dots", entry, params={"level": True, "coherences": [10]}), 64)
    batch.reset(0)
    stream = batch.streams[0]
    for _ in range(2):
        batch.step({"subject_0": np.zeros(64, int)})
    count, direction = stream.conditions["alternatives"], stream.conditions["direction"]
    assert (direction <= count).all()
    shown = stream.mean[direction, np.arange(64)] - 0.5
    factors = np.where(count == 2, 1.8467 * np.log(2) - 0.041, 1.8467 * np.log(8) - 0.041)
    np.testing.assert_allclose(shown, 0.05 * factors, rtol=1e-5)


def test_directions_that_cannot_be_right_may_be_blank():
    entry = {"variable_choices": {"counts": [2, 4], "block": 2}}
    params = {"choices": 5, "code": "items", "blank": True, "coherences": [10]}
    batch = playing.engine(modified("ring_random_dots", entry, params=params), 64)
    batch.reset(0)
    stream = batch.streams[0]
    for _ in range(2):
        batch.step({"subject_0": np.zeros(64, int)})
    shown = np.stack([stream.mean[k, np.arange(64)] for k in range(1, 6)], axis=1)
    np.testing.assert_array_equal((shown != 0).sum(axis=1), stream.conditions["alternatives"])
    assert set(stream.conditions["alternatives"]) == {2, 4}
    assert (means(choices=4, blank=True)[0, 1] != 0).all()  # all can be right


@pytest.mark.parametrize("options", [{"choices": 1}, {"choices": 65}, {"code": "rings"}])
def test_parameters_that_make_no_sense(options):
    with pytest.raises(NeuroparallelError):
        make_task("ring_random_dots", **options)
