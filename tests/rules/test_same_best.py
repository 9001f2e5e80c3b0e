"""The same better arm for all: how long it lasts, and what watching another one is worth."""

import numpy as np
import pytest
from scipy import stats

from neuroparallel.errors import NeuroparallelError
from neuroparallel.scenario import Scenario
from tests.engine.comparing import engine

PLAYERS = ("first", "second")
CHOICE, REWARD, OMISSION = 1, 2, 3  # periods


def scenario(sees=None, hazard=0.0, trials=20):
    value = Scenario.load("observational_learning").dump()
    for me, other in (PLAYERS, PLAYERS[::-1]):
        value["subjects"][me]["sees"] = {other: sees} if sees else {}
    value["groups"]["pair"]["rule"] = {"same_best": {"hazard": hazard}}
    value["session"] = {"trials": trials}
    return Scenario.load(value)


class Bayes:
    """Knows the two chances, counts what speaks for the first arm, and takes the likelier one."""

    def __init__(self, batch, me, rng, trust):
        self.batch, self.me, self.rng, self.trust = batch, me, rng, trust
        self.stream = batch.streams[PLAYERS.index(me)]
        self.for_first = np.zeros(batch.lanes)
        self.last = np.zeros(batch.lanes, int)
        names = batch.channel_names(me)
        self.columns = {name.split(".")[1]: i for i, name in enumerate(names) if name.startswith("partner.")}

    def act(self, seen, info):
        period = np.asarray(info["period"])
        self.for_first[(self.stream.trial == 0) & (period == 0)] = 0
        arm = np.where(self.last == 1, 1, -1)
        self.for_first += np.where(period == REWARD, arm, np.where(period == OMISSION, -arm, 0))
        self.for_first += np.where(info["trial_end"], self.watched(seen), 0)
        guess = np.where(self.for_first == 0, self.rng.integers(1, 3, len(arm)), np.where(self.for_first > 0, 1, 2))
        self.last = np.where(period == CHOICE, guess, self.last)
        return np.where(period == CHOICE, guess, 0)

    def watched(self, seen):
        """What the partner's last trial says: as much as one's own, or so much if only its choice is seen."""
        if not self.columns:
            return 0
        arm = seen[:, self.columns["choice_1"]].astype(int) - seen[:, self.columns["choice_2"]].astype(int)
        return arm * np.where(seen[:, self.columns["reward"]] > 0, 1, -1) if self.trust is None else arm * self.trust


def learn(sees, trust=None, lanes=3000):
    """Accuracy of both by trial; (trials,)."""
    batch, rng = engine(scenario(sees), lanes), np.random.default_rng(0)
    players = {name: Bayes(batch, name, rng, trust) for name in PLAYERS}
    observations, infos = batch.reset(0)
    for _ in range(20 * 5 - 5):
        actions = {name: player.act(observations[name], infos[name]) for name, player in players.items()}
        observations, _, _, _, infos = batch.step(actions)
    table = batch.trials()
    return np.array([table["correct"][table["trial"] == trial].mean() for trial in range(16)]), 2 * lanes


def right_after(data):
    """How often the majority of so many observations, each right with .8, is right; ties are guessed."""
    more = stats.binom.sf(data // 2, data, 0.8)
    return more + 0.5 * stats.binom.pmf(data // 2, data, 0.8) * (data % 2 == 0)


def test_with_outcomes_in_view_a_bayesian_has_exactly_twice_the_data():
    accuracy, n = {}, 0
    for name, sees in (("alone", None), ("outcome", {"choice": True, "reward": True})):
        accuracy[name], n = learn(sees)
    trial = np.arange(16)
    for name, data in (("alone", trial), ("outcome", 2 * trial)):
        expected = right_after(data)
        # The two watch the same data, so their answers are not independent: count each pair once.
        error = np.sqrt(np.maximum(expected * (1 - expected), 0.01) / (n / 2))
        assert (abs(accuracy[name] - expected) < 4.5 * error).all()


def test_seeing_choices_helps_and_seeing_outcomes_helps_more():
    alone, action, outcome = (
        learn(sees, trust)[0][2:8].mean()
        for sees, trust in ((None, None), ({"choice": True}, 0.5), ({"choice": True, "reward": True}, None))
    )
    assert alone + 0.005 < action < outcome - 0.005


@pytest.mark.parametrize("hazard", [0.0, 0.2, 1.0])
def test_the_better_arm_is_the_same_for_both_and_changes_with_its_hazard_only(hazard):
    batch = engine(scenario(hazard=hazard, trials=30), 200)
    batch.reset(0)
    for _ in range(30 * 5 + 5):
        batch.step({name: np.zeros(200, int) for name in PLAYERS})
    best = np.zeros((2, 200, 30), int)
    for number, name in enumerate(PLAYERS):
        mine = batch.trials().where(subject=name, session=0)
        best[number, mine["lane"], mine["trial"]] = mine["best"]
    np.testing.assert_array_equal(best[0], best[1])
    changes = np.diff(best[0], axis=1) != 0
    assert abs(changes.mean() - hazard) <= 4.5 * (hazard * (1 - hazard) / changes.size) ** 0.5
    assert abs((best[0, :, 0] == 1).mean() - 0.5) < 4.5 * 0.5 / 200**0.5


def test_a_task_without_a_better_arm_is_refused():
    value = scenario().dump()
    value["subjects"]["second"]["streams"]["arms"] = {"task": "random_dots"}
    with pytest.raises(NeuroparallelError, match="random_dots has no condition best"):
        Scenario.load(value)
    with pytest.raises(NeuroparallelError, match="hazard"):
        scenario(hazard=1.5)
