"""Half a Simon task: the colour calls, the direction does not matter."""

import numpy as np
import pytest

from neuroparallel.errors import NeuroparallelError
from neuroparallel.tasks import make_task
from tests.tasks import playing

RED, GREEN = 1, 2


@pytest.mark.parametrize("side", [1, 2])
def test_only_the_own_colour_is_to_be_pressed_for(side):
    table = playing.run(playing.engine(make_task("simon_go_nogo", side=side), 200), playing.oracle, 4)
    np.testing.assert_array_equal(table["choice"] == 1, table["colour"] == side)
    assert (table["outcome"] == "correct").all()
    assert set(np.unique(table["congruent"])) == {0, 1}


def test_a_congruent_stimulus_points_to_the_side_of_the_colour_that_calls():
    batch = playing.engine(make_task("simon_go_nogo", sigma=0.0), 64)
    seen, table = playing.everything(batch)
    _, red, green, left, right = (seen[:, 5 * 3 + channel] for channel in range(5))  # the first step of the stimulus
    np.testing.assert_array_equal(red, table["colour"] == RED)
    np.testing.assert_array_equal(green, table["colour"] == GREEN)
    np.testing.assert_array_equal(left, np.where(table["congruent"], table["colour"] == RED, table["colour"] == GREEN))
    np.testing.assert_array_equal(right, 1 - left)


def test_there_are_two_seats():
    with pytest.raises(NeuroparallelError, match="side"):
        make_task("simon_go_nogo", side=3)
