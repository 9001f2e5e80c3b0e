"""Go/no-go: withholding is scored as an answer, and every outcome pays its own amount."""

import numpy as np
import pytest

from neuroparallel.tasks import make_task
from tests.tasks import playing


def test_holding_is_right_in_all_nogo_trials():
    table = playing.run(playing.engine("go_nogo", 2000), playing.hold, 4)
    share, n = playing.correct(table)
    assert playing.near(share, 0.5, n)
    np.testing.assert_array_equal(table["outcome"] == "correct", table["go"] == 0)


def test_the_four_answers_pay_what_is_asked():
    rewards = {"correct": 2.0, "withheld": 0.5, "miss": -3.0, "error": -4.0}
    task = make_task("go_nogo", rewards=rewards)
    held = playing.run(playing.engine(task, 200), playing.hold, 4)
    np.testing.assert_array_equal(held["reward"], np.where(held["go"] == 1, -3.0, 0.5))
    batch = playing.engine(task, 200)
    licked = playing.run(batch, playing.in_windows(batch, 1), 4)
    np.testing.assert_array_equal(licked["reward"], np.where(licked["go"] == 1, 2.0, -4.0))


def test_the_odour_alone_is_enough():
    batch = playing.engine("go_nogo", 2000)
    subject = playing.integrator(batch, "stimulus", lambda s, _: (s[:, 2] > s[:, 1]).astype(int))
    assert playing.correct(playing.run(batch, subject, 4))[0] == 1


@pytest.mark.parametrize("share", [0.2, 0.75])
def test_go_trials_come_as_often_as_asked(share):
    task = make_task("go_nogo", go_probability=share)
    table = playing.run(playing.engine(task, 1000), playing.hold, 4)
    assert playing.near(table["go"].mean(), share, len(table))


def test_neurogym_numbers_pay_as_the_reference():
    task = make_task("go_nogo", "neurogym")
    batch = playing.engine(task, 2000)
    table = playing.run(batch, playing.in_windows(batch, 1), 4)
    assert set(table["reward"]) == {1.0, -0.5}
    assert task.sigma == 0
    assert [task.timing[p] for p in ("stimulus", "delay", "decision")] == [500, 500, 500]
