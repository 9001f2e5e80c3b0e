"""Economic choice: juice is the reward, and equal offers are both right."""

import numpy as np
import pytest

from neuroparallel.errors import ArgumentError
from neuroparallel.tasks import make_task
from tests.tasks import playing

A, B = 0.22, 0.1


def value(table, offer):
    """What the first or second offer of each trial is worth."""
    is_a = (table["a_first"] == 1) == (offer == 1)
    return np.where(is_a, table["drops_a"] * A, table["drops_b"] * B)


def choosing(offer, **parameters):
    batch = playing.engine(make_task("economic_choice", **parameters), 500)
    return playing.run(batch, playing.in_windows(batch, offer), 6)


@pytest.mark.parametrize("offer", [1, 2])
def test_the_reward_is_the_juice_of_the_chosen_offer(offer):
    table = choosing(offer)
    np.testing.assert_allclose(table["reward"], value(table, offer))
    better = value(table, offer) >= value(table, 3 - offer)
    np.testing.assert_array_equal(table["outcome"] == "correct", better)


def test_always_taking_the_better_offer_earns_the_mean_of_the_better_values():
    table = playing.run(playing.engine("economic_choice", 500), playing.oracle, 6)
    np.testing.assert_allclose(table["reward"], np.maximum(value(table, 1), value(table, 2)))
    # Of the nine offers B is better in 3:1, 4:1, 6:1 and 2:0.
    expected = (A * (1 + 3 + 2 + 1 + 1) + B * (3 + 4 + 6 + 2)) / 9
    spread = table["reward"].std() / len(table) ** 0.5
    assert abs(table["reward"].mean() - expected) < 4 * spread


def test_both_offers_are_right_where_they_are_worth_the_same():
    rewards = {"drop_a": 0.3, "drop_b": 0.1}  # 3 * 0.1 is not 0.3 to the last digit
    for offer in (1, 2):
        table = choosing(offer, offers=((3, 1), (6, 2)), rewards=rewards)
        assert set(table["outcome"]) == {"correct"}


def test_what_is_correct_or_wrong_can_be_paid_on_top():
    plain, more = choosing(1), choosing(1, rewards={"correct": 1.0, "error": -1.0})
    extra = np.where(more["outcome"] == "correct", 1.0, -1.0)
    np.testing.assert_allclose(more["reward"], plain["reward"] + extra)


def test_channels_tell_juice_and_amount_of_either_offer():
    task = make_task("economic_choice", timing={"offer": 1000})
    seen, table = playing.everything(playing.engine(task, 200))
    shown = seen.reshape(200, -1, 7)[:, 20]
    first = table["a_first"] == 1
    np.testing.assert_array_equal(shown[:, 1:5], np.stack([first, ~first, ~first, first], axis=1))
    drops = np.where(first, [table["drops_a"], table["drops_b"]], [table["drops_b"], table["drops_a"]])
    np.testing.assert_allclose(shown[:, 5:], drops.T / 5, rtol=1e-6)


def test_offers_that_are_none_are_refused():
    with pytest.raises(ArgumentError, match="offer"):
        make_task("economic_choice", offers=[(1, -1)])
