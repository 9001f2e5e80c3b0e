"""A lever by itself; what two of them make of it is tested with the rule."""

import numpy as np
import pytest

from neuroparallel.tasks import make_task
from tests.tasks import playing


def test_a_pull_ends_the_trial_and_pays_nothing_by_itself():
    batch = playing.engine("lever_pull", 32)
    table = playing.run(batch, playing.in_windows(batch, 1), 3)
    assert (table["outcome"] == "unscored").all()
    assert (table["reward"] == 0).all()
    np.testing.assert_allclose(table["duration_s"], 0.4)  # 300 ms locked, and a step


@pytest.mark.parametrize("early", ["free", "abort"])
def test_pulls_do_nothing_while_the_lever_is_locked_unless_asked_to(early):
    batch = playing.engine(make_task("lever_pull", early=early), 16)
    table = playing.run(batch, lambda b, _o, _i: {playing.AGENT: np.ones(16, int)}, 2)
    assert set(table["outcome"]) == {"unscored" if early == "free" else "abort"}


def test_who_does_not_pull_misses():
    table = playing.run(playing.engine("lever_pull", 4), playing.hold, 2)
    assert (table["outcome"] == "miss").all()
    np.testing.assert_allclose(table["duration_s"], 5.3)
