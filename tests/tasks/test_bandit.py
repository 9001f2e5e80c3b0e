"""Bandit: chances, reversals, and the most that can be earned without knowing them."""

import functools

import numpy as np
import pytest

from neuroparallel.errors import NeuroparallelError
from neuroparallel.tasks import make_task
from tests.tasks import playing
from tests.tasks.playing import AGENT

QUICK = {"fixation": 0, "choice": 100, "reward": 0, "omission": 0}  # a trial per step


def quick(lanes, **parameters):
    return playing.engine(make_task("bandit", timing=QUICK, **parameters), lanes)


def by_lane(table, column, trials):
    order = np.lexsort((table["trial"], table["lane"]))
    return np.asarray(table[column])[order].reshape(-1, trials)


def test_arms_are_rewarded_with_their_chances_and_pay_at_once():
    table = playing.run(quick(512, arms=3), playing.uniform(), 30)
    for arm in (1, 2, 3):
        rest = table[f"bait_{arm}"].astype(float) - table[f"chance_{arm}"]
        assert abs(rest.mean()) < 4 * 0.5 / len(table) ** 0.5
    chosen = table["choice"] > 0
    bait = np.choose(table["choice"], [0, *(table[f"bait_{arm}"] for arm in (1, 2, 3))])
    assert (table["reward"] == bait).all()
    best = np.stack([table[f"chance_{arm}"] for arm in (1, 2, 3)]).argmax(0) + 1
    assert ((table["outcome"] == "correct") == (table["choice"] == best))[chosen].all()
    assert (table["outcome"][~chosen] == "miss").all()


def test_chances_are_drawn_for_each_session_and_stay():
    table = playing.run(quick(1024), playing.oracle, 10)
    chance = by_lane(table, "chance_1", 10)
    assert (np.diff(chance, axis=1) == 0).all()
    assert abs(chance[:, 0].mean() - 0.5) < 4 / (12 * 1024) ** 0.5
    assert abs(table["reward"].mean() - 2 / 3) < 4 * 0.3 / 1024**0.5  # the better of two uniform ones


def test_chances_drift_within_their_bounds():
    task = make_task("bandit", "restless", timing=QUICK)
    table = playing.run(playing.engine(task, 256), playing.oracle, 50)
    for arm in range(1, 5):
        chance = by_lane(table, f"chance_{arm}", 50)
        assert chance.min() >= 0.25
        assert chance.max() <= 0.75
        inner = (chance[:, :-1] > 0.35) & (chance[:, :-1] < 0.65)
        steps = np.diff(chance, axis=1)[inner]
        assert abs(steps.std() / 0.025 - 1) < 4 / (2 * steps.size) ** 0.5


@pytest.mark.parametrize(("arms", "chances"), [(2, (0.8, 0.2)), (3, (0.1, 0.5, 0.9))])
def test_chances_move_on_by_one_arm_with_the_hazard_of_a_reversal(arms, chances):
    batch = quick(256, arms=arms, chances=chances, change="reverse", hazard=0.05)
    table = playing.run(batch, playing.uniform(), 60)
    lanes = np.stack([by_lane(table, f"chance_{arm}", 60) for arm in range(1, arms + 1)], axis=2)
    np.testing.assert_array_equal(lanes[:, 0], np.tile(chances, (256, 1)))
    before, after = lanes[:, :-1], lanes[:, 1:]
    moved = (before != after).any(axis=2)
    assert (np.where(moved[..., None], np.roll(before, 1, axis=2), before) == after).all()
    assert playing.near(moved.mean(), 0.05, moved.size)


def test_where_all_arms_are_the_same_any_choice_is_correct():
    task = make_task("bandit", "neurogym")
    table = playing.run(playing.engine(task, 64), lambda b, _o, _i: {AGENT: np.full(64, 2)}, 10)
    assert (table["outcome"] == "correct").all()
    assert playing.near(table["reward"].mean(), 0.5, len(table))


@functools.cache
def best_total(left, won_1, lost_1, won_2, lost_2):
    """Expected total reward of the best policy with so many trials left, and the arm that earns it."""
    if not left:
        return 0.0, 1
    values = []
    for arm, (won, lost) in enumerate(((won_1, lost_1), (won_2, lost_2))):
        p = (won + 1) / (won + lost + 2)
        win = [won_1, lost_1, won_2, lost_2]
        lose = list(win)
        win[2 * arm] += 1
        lose[2 * arm + 1] += 1
        values.append(p * (1 + best_total(left - 1, *win)[0]) + (1 - p) * best_total(left - 1, *lose)[0])
    return max(values), int(values[1] > values[0]) + 1


@pytest.mark.parametrize(("trials", "total"), [(1, 0.5), (2, 1.0833), (3, 1.6667), (10, 6.0218)])
def test_the_bound_on_the_total_reward_is_the_published_one(trials, total):
    assert best_total(trials, 0, 0, 0, 0)[0] == pytest.approx(total, abs=5e-5)


def test_the_best_policy_meets_the_bound_and_does_not_exceed_it():
    lanes, trials = 4096, 10
    batch = quick(lanes)
    counts = np.zeros((lanes, 4), int)
    choices = np.zeros(lanes, int)

    def subject(_batch, _observations, infos):
        trial = int(batch.streams[0].trial[0])
        if trial:
            won = batch.streams[0].reward > 0
            counts[np.arange(lanes), 2 * (choices - 1) + ~won] += 1
        patterns, where = np.unique(counts, axis=0, return_inverse=True)
        left = trials - trial
        best = np.array([best_total(left, *map(int, row))[1] for row in patterns])
        choices[:] = best[where.ravel()]
        return {AGENT: choices.copy()}

    total = by_lane(playing.run(batch, subject, trials), "reward", trials).sum(axis=1)
    assert abs(total.mean() - best_total(trials, 0, 0, 0, 0)[0]) < 4 * total.std() / lanes**0.5


class Filter:
    """Knows the two chances and the hazard, and infers which arm is the good one at present."""

    def __init__(self, batch, hazard, good=0.8):
        self.stream, self.hazard, self.good = batch.streams[0], hazard, good
        self.belief = np.ones(batch.lanes)  # that it is the first arm
        self.choice = None

    def __call__(self, _batch, _observations, _infos):
        if self.choice is not None:
            won, first = self.stream.reward > 0, self.choice == 1
            likely = np.where(won == first, self.good, 1 - self.good)
            belief = self.belief * likely
            belief = belief / (belief + (1 - self.belief) * (1 - likely))
            self.belief = belief * (1 - self.hazard) + (1 - belief) * self.hazard
        self.choice = np.where(self.belief >= 0.5, 1, 2)
        return {AGENT: self.choice}


@pytest.mark.parametrize(("hazard", "rate"), [(0.01, 0.766), (0.1, 0.661)])
def test_an_ideal_observer_of_reversals_earns_the_published_rate(hazard, rate):
    batch = quick(512, chances=(0.8, 0.2), change="reverse", hazard=hazard)
    table = playing.run(batch, Filter(batch, hazard), 400)
    late = table.select(table["trial"] >= 100)
    by_session = by_lane(late, "reward", 300).mean(axis=1)
    assert abs(by_session.mean() - rate) < 4 * by_session.std() / 512**0.5 + 0.0006


@pytest.mark.parametrize(
    "wrong",
    [{"arms": 1}, {"arms": 3, "chances": (0.5, 0.5)}, {"change": "jump"}, {"chances": (0.5, 2.0)}, {"bounds": (1, 0)}],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(NeuroparallelError):
        make_task("bandit", **wrong)


@pytest.mark.parametrize(
    ("arms", "chances"), [(2, (0.5, 0.5)), (3, (0.6, 0.6, 0.2)), (4, (0.1, 0.7, 0.3, 0.7)), (5, (0.4,) * 5)]
)
@pytest.mark.parametrize("change", ["fixed", "reverse"])
def test_of_equally_good_arms_any_is_right(arms, chances, change):
    table = playing.run(quick(256, arms=arms, chances=chances, change=change, hazard=0.2), playing.uniform(), 30)
    chance = np.stack([table[f"chance_{arm}"] for arm in range(1, arms + 1)])
    chosen = np.flatnonzero(table["choice"] > 0)
    best = chance[table["choice"][chosen] - 1, chosen] == chance[:, chosen].max(axis=0)
    np.testing.assert_array_equal(table["outcome"][chosen] == "correct", best)
    ties = (chance == chance.max(axis=0)).sum(axis=0)[0]
    assert playing.near(best.mean(), ties / arms, len(best))  # what a blind agent earns
    bait = np.choose(table["choice"], [0, *(table[f"bait_{arm}"] for arm in range(1, arms + 1))])
    assert (table["reward"] == bait).all()
    truth = table["ground_truth"]
    assert (chance[np.maximum(truth, 1) - 1, np.arange(len(table))] == chance.max(axis=0)).all()
