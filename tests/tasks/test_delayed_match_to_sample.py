"""Delayed match to sample: codes, chances, and that a memory is needed."""

import numpy as np
import pytest

from neuroparallel.errors import ArgumentError
from neuroparallel.tasks import make_task
from tests.tasks import playing


def nearest_item(seen):
    return seen.argmax(axis=1) + 1


@pytest.mark.parametrize("code", ["ring", "items"])
@pytest.mark.parametrize("items", [2, 3, 8])
def test_each_item_is_shown_on_its_own_channel(code, items):
    task = make_task("delayed_match_to_sample", items=items, code=code, sigma=0.0)
    seen, table = playing.everything(playing.engine(task, 300))
    seen = seen.reshape(300, -1, 1 + items)
    np.testing.assert_array_equal(nearest_item(seen[:, 3, 1:]), table["sample"])
    np.testing.assert_array_equal(nearest_item(seen[:, 18, 1:]), table["test"])
    assert (seen[:, 8:18, 1:] == 0).all()  # the delay
    right = np.where(table["sample"] == table["test"], 1, 2)
    np.testing.assert_array_equal(table["ground_truth"], right)


def test_ring_channels_are_tuned_as_one_half_plus_half_the_cosine():
    task = make_task("delayed_match_to_sample", items=4, sigma=0.0)
    seen, table = playing.everything(playing.engine(task, 100))
    shown = seen.reshape(100, -1, 5)[table["sample"] == 1, 3, 1:]
    np.testing.assert_allclose(shown, np.broadcast_to([1, 0.5, 0, 0.5], shown.shape), atol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_matches_come_as_often_as_asked(share):
    task = make_task("delayed_match_to_sample", items=4, match_probability=share)
    table = playing.run(playing.engine(task, 400), playing.hold, 10)
    matches = table["sample"] == table["test"]
    assert playing.near(matches.mean(), share, len(table))
    others = (table["test"] - table["sample"])[~matches] % 4
    for shift in (1, 2, 3) if share < 1 else ():
        assert playing.near((others == shift).mean(), 1 / 3, len(others))


def test_the_test_alone_says_nothing():
    task = make_task("delayed_match_to_sample", sigma=0.0)
    batch = playing.engine(task, 4000)
    table = playing.run(batch, playing.integrator(batch, "test", lambda s, _: np.where(s[:, 1] > s[:, 2], 1, 2)), 2)
    share, n = playing.correct(table)
    assert playing.near(share, 0.5, n)


def test_comparing_sample_and_test_is_always_right_without_noise():
    task = make_task("delayed_match_to_sample", sigma=0.0)
    batch = playing.engine(task, 500)

    def same(sums, _now):  # both on one channel, or one on each
        return np.where(abs(sums[:, 1] - sums[:, 2]) > 1, 1, 2)

    table = playing.run(batch, playing.integrator(batch, ("sample", "test"), same), 4)
    assert playing.correct(table)[0] == 1


@pytest.mark.parametrize("wrong", [{"items": 1}, {"code": "rings"}, {"match_probability": 1.5}], ids=str)
def test_impossible_items_are_refused(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        make_task("delayed_match_to_sample", **wrong)
