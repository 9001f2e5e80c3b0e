"""Two patches by themselves; who gets what is tested with the rule."""

import numpy as np
import pytest

from neuroparallel.errors import NeuroparallelError
from neuroparallel.tasks import make_task
from tests.tasks import playing


def test_the_stocks_are_shown_as_shares_of_the_capacity():
    seen, table = playing.everything(playing.engine(make_task("patch_choice", capacity=5), 128))
    for step in range(4):
        np.testing.assert_allclose(seen[:, 3 * step + 1], table["stock_1"] / 5, atol=1e-6)
        np.testing.assert_allclose(seen[:, 3 * step + 2], table["stock_2"] / 5, atol=1e-6)
    assert set(np.unique(table["stock_1"])) == set(range(6))


def test_a_choice_alone_is_neither_right_nor_wrong_and_pays_nothing():
    batch = playing.engine("patch_choice", 16)
    table = playing.run(batch, playing.in_windows(batch, 2), 3)
    assert (table["outcome"] == "unscored").all()
    assert (table["reward"] == 0).all()


@pytest.mark.parametrize("capacity", [0, 31])
def test_a_patch_holds_some_items_but_not_too_many(capacity):
    with pytest.raises(NeuroparallelError, match="capacity"):
        make_task("patch_choice", capacity=capacity)
