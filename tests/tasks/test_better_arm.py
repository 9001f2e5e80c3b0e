"""Two arms of which one is better: how often they pay."""

import numpy as np
import pytest

from neuroparallel.errors import NeuroparallelError
from neuroparallel.tasks import make_task
from tests.tasks import playing


@pytest.mark.parametrize(("good", "bad"), [(0.8, 0.2), (1.0, 0.4)])
def test_each_arm_pays_with_its_own_chance(good, bad):
    batch = playing.engine(make_task("better_arm", good=good, bad=bad), 1000)
    table = playing.run(batch, playing.in_windows(batch, 1), 6)
    for best, chance in ((1, good), (2, bad)):
        mine = table.where(best=best)
        assert playing.near(mine["reward"].mean(), chance, len(mine), 4.5)
        assert (mine["correct"] == (best == 1)).all()
    assert playing.near((table["best"] == 1).mean(), 0.5, len(table), 4.5)


def test_whether_it_paid_is_shown_after_the_choice():
    batch = playing.engine("better_arm", 64)
    periods = {1: set(), 0: set()}

    def watch(_observations, infos):
        for lane in range(64):
            if infos[playing.AGENT]["period"][lane] in (2, 3):
                periods[int(batch.streams[0].earned[lane])].add(int(infos[playing.AGENT]["period"][lane]))

    playing.run(batch, playing.in_windows(batch, 2), 3, watch=watch)
    assert periods == {1: {2}, 0: {3}}
    assert np.isin(batch.trials()["reward"], [0, 1]).all()


@pytest.mark.parametrize(("good", "bad"), [(0.2, 0.8), (0.5, 0.5), (1.2, 0.1), (0.5, -0.1)])
def test_chances_are_probabilities_and_the_good_arm_is_better(good, bad):
    with pytest.raises(NeuroparallelError, match="good"):
        make_task("better_arm", good=good, bad=bad)
