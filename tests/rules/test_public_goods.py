"""Public goods: what is given pays all, and the giver less than it costs."""

import itertools

import numpy as np
import pytest

from neuroparallel.agents import simulate
from neuroparallel.errors import NeuroparallelError
from neuroparallel.rules.public_goods import PublicGoods
from neuroparallel.scenario import Scenario
from tests.rules.paying import every, resolved, rule_of

RULE, OPTIONS = rule_of("public_goods")


def test_each_keeps_what_it_does_not_give_and_gets_a_share_of_all_gifts():
    rng = np.random.default_rng(0)
    choices = rng.integers(1, 22, (4, 500))
    pay = resolved(RULE, choices, OPTIONS).pay
    gifts = choices - 1
    np.testing.assert_allclose(pay, 20 - gifts + 0.4 * gifts.sum(axis=0))


def test_to_give_nothing_is_best_whatever_the_others_do_and_to_give_all_is_best_for_all():
    rule = PublicGoods()
    choices = every(3, 3, 3, 3)  # nothing, half, all
    paid = dict(zip(map(tuple, choices.T), resolved(rule, choices).pay.T, strict=True))
    for others in itertools.product((1, 2, 3), repeat=3):
        mine = [paid[(own, *others)][0] for own in (1, 2, 3)]
        assert np.argmax(mine) == 0
    np.testing.assert_allclose(paid[(1, 1, 1, 1)], 20)
    np.testing.assert_allclose(paid[(3, 3, 3, 3)], 32)
    assert max(paid, key=lambda choice: paid[choice].sum()) == (3, 3, 3, 3)


def test_with_a_share_above_one_giving_pays_and_below_a_quarter_nobody_should():
    for share, best in ((1.1, 3), (0.2, 1)):
        choices = np.array([[1, 3]] * 4)
        total = resolved(PublicGoods(share=share), choices, (3,) * 4).pay.sum(axis=0)
        assert [1, 3][int(total.argmax())] == best
    alone = resolved(PublicGoods(share=1.1), [[1, 3], [1, 1], [1, 1], [1, 1]], (3,) * 4).pay[0]
    assert alone[1] > alone[0]


def test_who_makes_no_choice_gives_nothing_and_gets_what_a_miss_pays():
    pay = resolved(PublicGoods(miss=-1), [[0], [3], [3]], (3, 3, 3)).pay[:, 0]
    np.testing.assert_allclose(pay, [-1, 16, 16])


def test_players_in_a_scenario_are_paid_what_the_rule_says():
    trials = simulate("public_goods", "best_response", 300, per_lane=10)
    assert (trials["choice"] == 1).all()
    np.testing.assert_allclose(trials["reward"], 20)
    few = Scenario.load("public_goods").replace(
        **{f"subjects.subject_{i}.streams.play.params.options": 3 for i in range(4)}
    )
    assert (simulate(few, "best_response", 100)["choice"] == 1).all()


@pytest.mark.parametrize("wrong", [{"endowment": 0}, {"share": -0.4}, {"share": "much"}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(NeuroparallelError, match=next(iter(wrong))):
        PublicGoods(**wrong)
