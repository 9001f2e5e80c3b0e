"""Two-step: transitions, walks, what the all-knowing earn, and how model-free and model-based subjects stay."""

import numpy as np
import pytest

from neuroparallel.errors import NeuroparallelError
from neuroparallel.tasks import make_task
from tests.tasks import playing
from tests.tasks.playing import AGENT

# Two steps per trial, so that thousands of trials pass quickly.
QUICK = {"fixation": 0, "first": 100, "state_1": 100, "state_2": 100, "reward": 0, "omission": 0}
ARMS = ("1_1", "1_2", "2_1", "2_2")


def quick(lanes, **parameters):
    return playing.engine(make_task("two_step", timing=QUICK, **parameters), lanes)


def by_lane(table, column, trials):
    """A column as (lanes, trials)."""
    order = np.lexsort((table["trial"], table["lane"]))
    return np.asarray(table[column])[order].reshape(-1, trials)


@pytest.mark.parametrize("common", [0.7, 0.8])
def test_the_first_action_commonly_leads_to_the_first_state(common):
    table = playing.run(quick(256, common=common), playing.uniform(), 50)
    reached = table["state"] > 0
    expected = np.where(table["common"], table["first_choice"], 3 - table["first_choice"])
    assert (table["state"] == expected)[reached].all()
    assert playing.near(table["common"].mean(), common, len(table))
    assert reached.sum() > 1000


def test_chances_walk_within_their_bounds_by_gaussian_steps():
    table = playing.run(quick(512), playing.oracle, 60)
    for arm in ARMS:
        chance = by_lane(table, f"chance_{arm}", 60)
        assert chance.min() >= 0.25
        assert chance.max() <= 0.75
        inner = (chance[:, :-1] > 0.35) & (chance[:, :-1] < 0.65)  # far from where it is reflected
        steps = np.diff(chance, axis=1)[inner]
        assert abs(steps.std() / 0.025 - 1) < 4 / (2 * steps.size) ** 0.5
        assert abs(steps.mean()) < 4 * 0.025 / steps.size**0.5
        for when in (0, 59):  # uniform at the start, and reflection keeps it so
            assert abs(chance[:, when].mean() - 0.5) < 4 * 0.5 / (12 * 512) ** 0.5
            assert abs(chance[:, when].std() - 0.5 / 12**0.5) < 0.02
    first = [by_lane(table, f"chance_{arm}", 60)[:, 30] for arm in ARMS]
    assert abs(np.corrcoef(first)[np.triu_indices(4, 1)]).max() < 4.5 / 512**0.5


def test_arms_are_rewarded_with_their_chances():
    table = playing.run(quick(512), playing.oracle, 40)
    for arm in ARMS:
        rest = table[f"bait_{arm}"].astype(float) - table[f"chance_{arm}"]
        assert abs(rest.mean()) < 4 * 0.5 / len(table) ** 0.5
    arm = 2 * (table["state"] - 1) + table["choice"] - 1
    bait = np.choose(arm.astype(int), [table[f"bait_{name}"] for name in ARMS])
    assert (table["reward"] == bait).all()


def test_states_swap_with_their_hazard_in_the_variant_of_wang():
    task = make_task("two_step", "neurogym")
    table = playing.run(playing.engine(task, 256), playing.uniform(), 100)
    chances = {arm: by_lane(table, f"chance_{arm}", 100) for arm in ARMS}
    assert set(np.unique(chances["1_1"])) == {0.1, 0.9}
    np.testing.assert_array_equal(chances["1_1"], chances["1_2"])
    np.testing.assert_allclose(chances["1_1"] + chances["2_1"], 1)
    np.testing.assert_array_equal(table["bait_2_1"], table["bait_2_2"])
    swaps = np.diff(chances["1_1"], axis=1) != 0
    assert playing.near(swaps.mean(), 0.025, swaps.size)
    assert playing.near((chances["1_1"][:, 0] == 0.9).mean(), 0.5, 256)


def test_the_reward_comes_after_the_second_state_was_seen():
    batch = playing.engine("two_step", 64)
    state = [batch.channel_names(AGENT).index(f"state_{s}") for s in (1, 2)]
    paid = batch.channel_names(AGENT).index("reward")
    observations, _ = batch.reset(0)
    for _ in range(200):
        before = observations[AGENT].copy()
        observations, rewards, _, _, _ = batch.step({AGENT: np.maximum(batch.truth()[AGENT], 0)})
        won = rewards[AGENT] > 0
        assert (before[won][:, state].sum(axis=1) == 1).all()
        assert (observations[AGENT][won][:, paid] == 1).all()  # and the cue follows at once
    assert won.shape == (64,)


def slow_all_knowing(sessions, trials, seed):
    """Reward per trial of a subject that knows all chances, in plain Python."""
    rng, total = np.random.default_rng(seed), []
    for _ in range(sessions):
        chance, earned = rng.uniform(0.25, 0.75, (2, 2)), 0
        for _ in range(trials):
            best = chance.max(axis=1)
            wanted = int(best[1] > best[0])
            state = wanted if rng.random() < 0.7 else 1 - wanted
            earned += rng.random() < best[state]
            chance = chance + rng.normal(0, 0.025, (2, 2))
            chance = np.where(chance > 0.75, 1.5 - chance, np.where(chance < 0.25, 0.5 - chance, chance))
        total.append(earned / trials)
    return np.mean(total), np.std(total) / sessions**0.5


def test_the_all_knowing_earn_what_a_slow_reference_earns_and_the_random_one_half():
    table = playing.run(quick(1024), playing.oracle, 50)
    by_session = by_lane(table, "reward", 50).mean(axis=1)
    mean, error = slow_all_knowing(400, 50, 0)
    spread = np.hypot(error, by_session.std() / 32)
    assert abs(by_session.mean() - mean) < 4 * spread
    # Four uniform chances: 0.7 E[best of four] + 0.3 E[best of the worse state].
    assert abs(by_session.mean() - (0.7 * 0.65 + 0.3 * 31 / 60)) < 4 * by_session.std() / 32
    guess = playing.run(quick(1024), random_choices(), 50)
    assert abs(guess["reward"].mean() - 0.5) < 4 * 0.5 / len(guess) ** 0.5


@pytest.mark.parametrize(("common", "expected"), [(0.8, 0.8 * 0.9 + 0.2 * 0.1)])
def test_the_all_knowing_earn_074_in_the_variant_of_wang(common, expected):
    table = playing.run(playing.engine(make_task("two_step", "neurogym"), 512), playing.oracle, 100)
    assert playing.near(table["reward"].mean(), expected, len(table))


def random_choices(seed=0):
    rng = np.random.default_rng(seed)
    return lambda batch, _o, _i: {AGENT: rng.integers(1, 3, batch.lanes)}


class Learner:
    """Softmax at both stages over learnt values; the first by what paid, or by the map."""

    def __init__(self, batch, model, alpha=0.5, beta=5.0, seed=0):
        n = batch.lanes
        self.batch, self.model, self.alpha, self.beta = batch, model, alpha, beta
        self.rng, self.lanes = np.random.default_rng(seed), np.arange(n)
        self.first, self.second = np.zeros((n, 2)), np.zeros((n, 2, 2))
        self.paid = np.zeros(n)
        self.columns = [batch.channel_names(AGENT).index(name) for name in ("state_1", "state_2")]
        self.last = self.state = None

    def pick(self, values):
        p = 1 / (1 + np.exp(-self.beta * (values[:, 1] - values[:, 0])))
        return (self.rng.random(len(p)) < p).astype(int)

    def __call__(self, _batch, observations, _infos):
        shown = observations[AGENT][:, self.columns]
        if shown.any():
            self.state = shown.argmax(axis=1)
            self.choice = self.pick(self.second[self.lanes, self.state])
            return {AGENT: self.choice + 1}
        if self.last is not None:
            self.learn(self.batch.streams[0].reward)
        self.last = self.pick(self.first)
        return {AGENT: self.last + 1}

    def learn(self, reward):
        at = (self.lanes, self.state, self.choice)
        self.second[at] += self.alpha * (reward - self.second[at])
        if self.model:
            best = self.second.max(axis=2)
            self.first = np.stack([best @ (0.7, 0.3), best @ (0.3, 0.7)], axis=1)
        else:  # the eligibility of the first choice is 1
            at = (self.lanes, self.last)
            self.first[at] += self.alpha * (reward - self.first[at])


# Stay probabilities after common and rare, rewarded and unrewarded trials, and reward per trial, of simulations
# of Daw et al. 2011 with alpha 0.5 and beta 5.
EXPECTED = {
    "free": {(1, 1): 0.910, (1, 0): 0.903, (0, 1): 0.569, (0, 0): 0.585, "reward": 0.529},
    "based": {(1, 1): 0.660, (1, 0): 0.445, (0, 1): 0.448, (0, 0): 0.657, "reward": 0.527},
}


@pytest.mark.parametrize("kind", ["free", "based"])
def test_subjects_with_and_without_a_model_stay_as_published(kind):
    batch = quick(400)
    table = playing.run(batch, Learner(batch, kind == "based"), 200)
    choice, common = by_lane(table, "first_choice", 200), by_lane(table, "common", 200)
    won = by_lane(table, "reward", 200) > 0
    stay = choice[:, 1:] == choice[:, :-1]
    for reward in (1, 0):
        for same in (1, 0):
            here = (won[:, :-1] == reward) & (common[:, :-1] == same)
            assert abs(stay[here].mean() - EXPECTED[kind][reward, same]) < 0.025
    assert abs(won.mean() - EXPECTED[kind]["reward"]) < 0.012


def test_a_trial_is_correct_only_if_both_choices_were_the_best():
    table = playing.run(quick(256), random_choices(), 20)
    better = np.where(table["state"] == 1, table["better_1"], table["better_2"])
    both = (table["first_choice"] == table["better_first"]) & (table["choice"] == better)
    assert (table["outcome"] == np.where(both, "correct", "error")).all()
    assert (table["ground_truth"] == table["better_first"]).all()


@pytest.mark.parametrize("wrong", [{"walk": "jump"}, {"common": 2}, {"bounds": (0.7, 0.3)}, {"drift": 1}])
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(NeuroparallelError):
        make_task("two_step", **wrong)
