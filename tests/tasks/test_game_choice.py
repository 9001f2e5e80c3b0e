"""A player's side of a game, by itself; what a group makes of it is tested in test_groups."""

import numpy as np
import pytest

from neuroparallel.errors import NeuroparallelError
from neuroparallel.tasks import make_task
from tests.tasks import playing


def test_a_choice_alone_is_neither_right_nor_wrong_and_pays_nothing():
    batch = playing.engine("game_choice", 64)
    table = playing.run(batch, playing.in_windows(batch, 2), 3)
    assert (table["outcome"] == "unscored").all()
    assert np.isnan(table["correct"]).all()
    assert (table["reward"] == 0).all()
    assert (table["choice"] == 2).all()


def test_no_choice_is_a_miss_and_an_early_one_an_abort():
    assert (playing.run(playing.engine("game_choice", 16), playing.hold, 2)["outcome"] == "miss").all()
    early = playing.run(playing.engine("game_choice", 16), lambda b, _o, _i: {playing.AGENT: np.ones(16, int)}, 2)
    assert (early["outcome"] == "abort").all()


@pytest.mark.parametrize("options", [2, 3, 5])
def test_there_are_as_many_options_as_asked_for(options):
    batch = playing.engine(make_task("game_choice", options=options), 4)
    assert batch.action_space(playing.AGENT).n == options + 1


def test_fewer_than_two_options_are_refused():
    with pytest.raises(NeuroparallelError, match="options"):
        make_task("game_choice", options=1)
