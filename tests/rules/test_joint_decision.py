"""The most confident decides: by hand, and by the laws of weighted confidence sharing through the engine."""

import numpy as np
import pytest
from scipy import stats

from neuroparallel.agents import simulate
from neuroparallel.analysis import fit_psychometric
from neuroparallel.errors import NeuroparallelError
from neuroparallel.scenario import Scenario
from tests.engine.comparing import engine

FINE = 401  # levels: so many that ties do not matter
CONTRAST = 7.0
# s_min / s_max -> sensitivity of the pair over that of its better member (closed forms)
SHARED = {1.0: 2**0.5, 0.6: 1.6 / 2**0.5, 0.5: 1.5 / 2**0.5, 2**0.5 - 1: 1.0}


def observers(ratio, levels=FINE):
    """Two observers of one contrast, the second by so much less sensitive; without levels they cannot speak."""
    value = Scenario.load("joint_perception").dump()
    for name, sigma in (("a", 4.0), ("b", 4.0 / ratio)):
        subject = value["subjects"][name]
        subject["streams"]["look"]["params"] |= {"sigma": sigma, "contrasts": [CONTRAST]}
        subject.pop("sees")
        subject.pop("message")
        if levels:
            subject["message"] = {"levels": levels}
    return Scenario.load(value)


def sensitivity(rate):
    """d' per percent of contrast from a share of right answers."""
    return stats.norm.ppf(rate) / CONTRAST


@pytest.mark.parametrize("ratio", SHARED)
def test_sensitivities_of_two_who_share_confidence_add_up_over_root_two(ratio):
    trials = simulate(observers(ratio), "confidence_sharer", 70_000, per_lane=100)
    a, b = (trials.where(subject=name) for name in "ab")
    pair = a["joint_correct"].mean()
    error = (pair * (1 - pair) / len(a)) ** 0.5 / stats.norm.pdf(stats.norm.ppf(pair)) / CONTRAST
    one = 0.1 * CONTRAST / (4.0 * (2 / 100) ** 0.5) / CONTRAST  # contrast in units of the baseline over its noise
    assert abs(sensitivity(a["correct"].mean()) - one) < 4.5 * error
    assert abs(sensitivity(b["correct"].mean()) - one * ratio) < 4.5 * error
    assert abs(sensitivity(pair) - one * SHARED[ratio]) < 4.5 * error
    if ratio < 1:  # sharing the signals themselves would be better
        assert abs(sensitivity(pair) - one * SHARED[ratio]) < abs(sensitivity(pair) - one * (1 + ratio**2) ** 0.5)


@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_without_messages_the_decision_is_a_coin_flip(ratio):
    trials = simulate(observers(ratio, levels=0), "confidence_sharer", 40_000, per_lane=100)
    a, b = (trials.where(subject=name) for name in "ab")
    expected = (a["correct"].mean() + b["correct"].mean()) / 2
    assert abs(a["joint_correct"].mean() - expected) < 5 * 0.5 / len(a) ** 0.5
    assert abs((a["decider"] == 1).mean() - 0.5) < 5 * 0.5 / len(a) ** 0.5


def slope(table, choice, evidence, side):
    """Slope of the psychometric function, 1 / spread."""
    x = np.where(table[side] == 2, table[evidence], -table[evidence])
    levels, place = np.unique(x, return_inverse=True)
    fit = fit_psychometric(levels, np.bincount(place[table[choice] == 2], minlength=len(levels)), np.bincount(place))
    return 1 / fit.spread


@pytest.mark.parametrize(
    ("name", "keys", "least"),
    [
        ("joint_perception", ("contrast", "interval"), 0.95),
        ("joint_random_dots", ("coherence", "side"), 0.93),
    ],
)
def test_the_levels_of_the_shipped_scenarios_cost_little(name, keys, least):
    trials = simulate(name, "confidence_sharer", 40_000, per_lane=100)
    one, two = (trials.where(subject=who) for who in dict.fromkeys(trials["subject"]))
    alone = slope(one, "choice", *keys) + slope(two, "choice", *keys)
    assert least < slope(one, "joint_choice", *keys) / (alone / 2**0.5) < 1.05


def test_both_are_paid_by_the_answer_of_the_more_confident_and_ties_are_broken_by_lot():
    batch, rng = engine(Scenario.load("joint_random_dots"), 256), np.random.default_rng(0)
    _, infos = batch.reset(0)
    for _ in range(120):
        actions = {}
        for name in ("left", "right"):
            window = np.asarray(infos[name]["period"]) == 3
            answers = rng.integers(0, 3, 256)
            actions[name] = np.stack([np.where(window, answers, 0), rng.integers(0, 3, 256)], axis=1)
        _, _, _, _, infos = batch.step(actions)
    left, right = (batch.trials().where(subject=name) for name in ("left", "right"))
    order = [np.lexsort((side["group_trial"], side["lane"])) for side in (left, right)]
    left, right = left.select(order[0]), right.select(order[1])
    np.testing.assert_array_equal(left["side"], right["side"])
    np.testing.assert_array_equal(left["coherence"], right["coherence"])
    said = np.array([left["message"], right["message"]])
    choice, decider = np.array([left["choice"], right["choice"]]), left["decider"].astype(int)
    incomplete = (choice <= 0).any(axis=0)
    np.testing.assert_array_equal(decider == 0, incomplete)
    tie = (said[0] == said[1]) & ~incomplete
    clear = (said[0] != said[1]) & ~incomplete
    np.testing.assert_array_equal(decider[clear], said.argmax(axis=0)[clear] + 1)
    assert abs((decider[tie] == 1).mean() - 0.5) < 5 * 0.5 / tie.sum() ** 0.5
    joint = np.where(incomplete, 0, choice[np.maximum(decider - 1, 0), np.arange(len(decider))])
    np.testing.assert_array_equal(left["joint_choice"], joint)
    for side in (left, right):
        np.testing.assert_array_equal(side["reward"], joint == side["side"])
        np.testing.assert_array_equal(side["joint_correct"], joint == side["side"])


def test_members_who_decide_between_different_things_are_refused():
    value = Scenario.load("joint_random_dots").dump()
    value["subjects"]["right"]["streams"]["dots"] = {"task": "go_nogo"}
    value["groups"]["pair"]["yoked"] = []
    with pytest.raises(NeuroparallelError, match="different things"):
        Scenario.load(value)
    value = Scenario.load("joint_random_dots").dump()
    value["groups"]["pair"] |= {"streams": ["left.dots"], "yoked": []}
    with pytest.raises(NeuroparallelError, match="2 or more streams"):
        Scenario.load(value)
