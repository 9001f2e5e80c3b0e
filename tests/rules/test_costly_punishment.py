"""Public goods with punishment: by hand, by backward induction, and with one who punishes what it sees."""

import numpy as np
import pytest

from neuroparallel.errors import NeuroparallelError
from neuroparallel.rules.costly_punishment import CostlyPunishment
from neuroparallel.scenario import Scenario
from tests.rules.paying import resolved, rule_of
from tests.tasks import playing

RULE, OPTIONS = rule_of("public_goods_punishment")
NAMES = [f"subject_{number}" for number in range(4)]
CHOICE = 1  # period


def paid(gifts, punished=(1, 1, 1, 1)):
    """What each member gets for gifts of 0 to 4 quarters of all it has, and choices whom to punish; (4,)."""
    choices = [[1 + gift] for gift in gifts] + [[choice] for choice in punished]
    pay = resolved(RULE, choices, OPTIONS).pay[:, 0]
    return pay[:4] + pay[4:]


def test_the_pool_is_shared_and_punishing_costs_one_and_takes_three():
    np.testing.assert_allclose(paid((4, 4, 4, 4)), 32)
    np.testing.assert_allclose(paid((0, 4, 4, 4)), [44, 24, 24, 24])
    # 1 and 2 punish 0, who is the first of the others for both; 0 punishes 3, the last one; 3 punishes nobody
    np.testing.assert_allclose(paid((0, 4, 4, 4), (4, 2, 2, 1)), [44 - 5 - 30, 24 - 5, 24 - 5, 24 - 15])
    for punisher in range(4):
        for place, other in enumerate([member for member in range(4) if member != punisher]):
            choices = np.ones(4, int)
            choices[punisher] = 2 + place
            expected = np.full(4, 20.0)
            expected[punisher], expected[other] = 15, 5
            np.testing.assert_allclose(paid((0, 0, 0, 0), choices), expected)


def test_who_counts_own_earnings_never_punishes_and_so_gives_nothing():
    rng = np.random.default_rng(0)
    for _ in range(50):
        gifts, choices = rng.integers(0, 5, 4), rng.integers(1, 5, 4)
        mine = [paid(gifts, [choice, *choices[1:]])[0] for choice in (1, 2, 3, 4)]
        assert np.argmax(mine) == 0
        others = [paid([gift, *gifts[1:]])[0] for gift in range(5)]
        assert np.argmax(others) == 0


def test_where_the_smallest_gift_is_punished_to_give_all_is_best():
    earned = [paid((gift, 4, 4, 4), (1, 2 if gift < 4 else 1, 1, 1))[0] for gift in range(5)]
    assert np.argmax(earned) == 4
    np.testing.assert_allclose([earned[0], earned[4]], [29, 32])
    mild = CostlyPunishment(points=3.9)  # 3.9 * 3 is less than the 12 that are gained by keeping all
    kept = resolved(mild, [[1], [5], [5], [5], [1], [2], [1], [1]], OPTIONS).pay[:, 0]
    assert kept[0] + kept[4] > 32


def test_who_makes_no_choice_punishes_nobody_and_can_be_punished():
    pay = resolved(RULE, [[0], [5], [5], [5], [0], [2], [0], [0]], OPTIONS).pay[:, 0]
    np.testing.assert_allclose(pay, [0, 24, 24, 24, -15, -5, 0, 0])


def test_all_see_what_was_given_before_they_punish():
    """Gifts at random at random times; subject_1 then punishes whoever gave least, as it was shown."""
    batch, rng = playing.engine(Scenario.load("public_goods_punishment"), 200), np.random.default_rng(0)
    names = batch.channel_names("subject_1")
    shown = [names.index(f"partner_{other}.action_1") for other in (0, 2, 4)]  # 1, 3 and 5 are who they punish

    def act(batch, observations, infos):
        giving, punishing = (np.asarray(infos["subject_1"][f"{s}.period"]) == CHOICE for s in ("give", "punish"))
        actions = {}
        for name in NAMES:
            gift = np.where(giving & (rng.random(200) < 0.6), rng.integers(1, 6, 200), 0)
            actions[name] = np.stack([gift, np.zeros(200, int)], axis=1)
        gifts = np.stack([observations["subject_1"][:, at : at + 5] @ np.arange(1, 6) for at in shown])
        actions["subject_1"][:, 1] = np.where(punishing, 2 + gifts.argmin(axis=0), 0)
        return actions

    table = playing.run(batch, act, 10)
    side = {}
    for name in NAMES:
        for stream in ("give", "punish"):
            mine = table.where(subject=name, stream=stream)
            side[name, stream] = mine.select(np.lexsort((mine["trial"], mine["lane"])))
    gifts = np.stack([side[name, "give"]["choice"] for name in NAMES])
    victim = np.array([0, 2, 3])[np.maximum(gifts[[0, 2, 3]], 0).argmin(axis=0)]
    np.testing.assert_array_equal(side["subject_1", "punish"]["choice"], 2 + np.searchsorted([0, 2, 3], victim))
    np.testing.assert_allclose(side["subject_1", "punish"]["reward"], -5)
    for number in (0, 2, 3):
        np.testing.assert_allclose(side[NAMES[number], "punish"]["reward"], np.where(victim == number, -15, 0))
    assert (gifts <= 0).any()
    assert len(set(victim)) == 3


@pytest.mark.parametrize("wrong", [{"points": -1}, {"factor": -2}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(NeuroparallelError, match=next(iter(wrong))):
        CostlyPunishment(**wrong)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("subjects.subject_2.streams.punish.params", {"options": 5}),
        ("groups.game.streams", [f"{name}.give" for name in NAMES[:3]] + [f"{name}.punish" for name in NAMES]),
    ],
)
def test_members_who_do_not_fit_are_refused(key, value):
    with pytest.raises(NeuroparallelError, match="and then as many that punish"):
        Scenario.load("public_goods_punishment").replace(**{key: value})
