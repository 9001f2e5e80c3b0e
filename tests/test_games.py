"""Games: equilibria of the shipped pay-off tables, and what players reach and earn when they are played."""

import itertools

import nashpy
import numpy as np
import pytest

from neuroparallel.agents import BestResponse, MemoryOne, simulate
from neuroparallel.scenario import Scenario, list_scenarios

SOCIAL = [name for name in list_scenarios() if {"game", "multi_subject"} <= set(Scenario.load(name).tags)]
TABLES = [name for name in SOCIAL if any(group.game for group in Scenario.load(name).groups.values())]


def table(name):
    """Each player's pay, float64 (players, choices, choices), as the scenario has it."""
    (group,) = Scenario.load(name).groups.values()
    return np.moveaxis(np.array(group.game.payoffs, float), -1, 0)


def equilibria(name):
    """All equilibria: how likely each player's first choice is."""
    found = nashpy.Game(*table(name)).support_enumeration()
    return sorted((round(float(one[0]), 9), round(float(other[0]), 9)) for one, other in found)


def undecided():
    """Makes every choice with the same probability."""
    return MemoryOne([0.5] * 4)


def columns(trials, name):
    """A column of every player, (players, trials), players in order of appearance, trials in the same order."""
    subjects = list(dict.fromkeys(trials["subject"].tolist()))
    return np.stack([trials.where(subject=subject)[name] for subject in subjects])


# ---- the tables ----

KNOWN = {
    "bach_or_stravinsky": [(0, 0), (0.75, 0.25), (1, 1)],  # P(favourite of subject_0)
    "chicken": [(0, 1), (0.5, 0.5), (1, 0)],  # P(yield)
    "matching_pennies": [(0.5, 0.5)],
    "prisoners_dilemma": [(0, 0)],  # P(cooperate)
    "rock_paper_scissors": [(round(1 / 3, 9), round(1 / 3, 9))],
    "stag_hunt": [(0, 0), (round(2 / 3, 9), round(2 / 3, 9)), (1, 1)],  # P(stag)
}


@pytest.mark.parametrize("name", TABLES)
def test_the_equilibria_of_every_table_are_known(name):
    assert equilibria(name) == KNOWN[name]


def test_rock_paper_and_scissors_are_alike():
    ((one, other),) = nashpy.Game(*table("rock_paper_scissors")).support_enumeration()
    np.testing.assert_allclose([one, other], 1 / 3)


def test_the_dilemma_is_one_and_patience_of_a_half_keeps_cooperation_up():
    pay = table("prisoners_dilemma")[0]
    (reward, sucker), (temptation, punishment) = pay
    assert temptation > reward > punishment > sucker
    assert 2 * reward > temptation + sucker
    assert (temptation - reward) / (temptation - punishment) == 0.5
    for patience, sign in ((0.49, -1), (0.51, 1)):
        cooperate = reward / (1 - patience)
        defect = temptation + patience * punishment / (1 - patience)
        assert np.sign(cooperate - defect) == sign


def test_hare_is_the_safer_choice_and_stag_the_better_one():
    pay = table("stag_hunt")[0]
    assert pay[1].mean() > pay[0].mean()
    assert pay[0, 0] == pay.max()


@pytest.mark.parametrize(
    "name", ["chicken", "matching_pennies", "prisoners_dilemma", "rock_paper_scissors", "stag_hunt"]
)
def test_in_a_symmetric_game_it_does_not_matter_who_is_who(name):
    one, other = table(name)
    if name == "matching_pennies":  # symmetric but for who wants them to match
        other = other[::-1]
    np.testing.assert_array_equal(one, other.T)


def test_bach_and_stravinsky_mixed_pays_less_than_either_of_them():
    one, other = table("bach_or_stravinsky")
    mixed = np.array([0.75, 0.25]), np.array([0.25, 0.75])
    np.testing.assert_allclose([mixed[0] @ one @ mixed[1], mixed[0] @ other @ mixed[1]], 2.5)
    assert min(one[0, 0], one[1, 1], other[0, 0], other[1, 1]) > 2.5
    classic = nashpy.Game([[2, 0], [0, 1]], [[1, 0], [0, 2]])
    _, _, (row, column) = classic.support_enumeration()
    np.testing.assert_allclose([row[0], column[0], *classic[row, column]], [2 / 3, 1 / 3, 2 / 3, 2 / 3])


@pytest.mark.parametrize("name", ["matching_pennies", "rock_paper_scissors"])
def test_what_one_wins_the_other_loses_in_every_trial(name):
    paid = columns(simulate(name, undecided(), 2000), "reward")
    assert len(np.unique(paid[0])) > 1
    assert len(np.unique(paid.sum(axis=0))) == 1
    values = table(name)
    (total,) = np.unique(values.sum(axis=0))
    zero_sum = Scenario.load(name).replace(
        **{"groups.game.game.payoffs": np.moveaxis(values - total / 2, 0, -1).tolist()}
    )
    trials = simulate(zero_sum, "random", 2000)
    played = (columns(trials, "outcome") == "unscored").all(axis=0)
    assert (columns(trials, "reward").sum(axis=0)[played] == 0).all()


# ---- played ----


@pytest.mark.parametrize("name", TABLES)
def test_what_is_paid_is_what_the_table_says(name):
    trials = simulate(name, undecided(), 500)
    one, other = columns(trials, "choice") - 1
    np.testing.assert_array_equal(columns(trials, "reward"), table(name)[:, one, other])
    assert len(set(zip(one.tolist(), other.tolist(), strict=True))) >= 4


@pytest.mark.parametrize("name", TABLES)
def test_nobody_gains_by_staying_away(name):
    one, other = table(name)
    (group,) = Scenario.load(name).groups.values()
    assert min(one.min(axis=1).max(), other.min(axis=0).max()) >= group.game.miss


@pytest.mark.parametrize("name", SOCIAL)
def test_visibility_changes_no_payoff(name):
    scenario = Scenario.load(name)
    hidden = scenario.replace(**{f"subjects.{subject}.sees": [] for subject in scenario.subjects})
    seen, unseen = (simulate(what, "random", 300) for what in (scenario, hidden))
    for column in ("choice", "reward", "outcome", "onset_s"):
        np.testing.assert_array_equal(seen[column], unseen[column])


@pytest.mark.parametrize(("start", "end"), [(0.6, 0.0), (0.74, 1.0)])
def test_stag_hunters_settle_on_the_side_of_two_thirds_from_which_they_come(start, end):
    """Replicator dynamics: in every round the shares grow with what the choices earned in the engine."""
    assert abs(replicated("stag_hunt", start, 40) - end) < 0.02


def test_hawks_and_doves_are_half_of_a_population_each():
    assert abs(replicated("chicken", 0.15, 60) - 0.5) < 0.03


def replicated(name, share, rounds, pairs=2000, rate=0.2):
    """The share of first choices after some rounds in which pairs met at random and earned what they earned."""
    for seed in range(rounds):
        trials = simulate(name, MemoryOne([share] * 4, first=share), pairs, seed=seed, per_lane=1, lanes=pairs)
        first = trials["choice"] == 1
        if first.all() or not first.any():
            return float(first.mean())
        gain = trials["reward"][first].mean() - trials["reward"][~first].mean()
        share = min(max(share + rate * share * (1 - share) * gain, 0.0), 1.0)
    return share


# ---- more than two ----


def three(payoffs, **changes):
    names = [f"subject_{number}" for number in range(3)]
    choices = np.shape(payoffs)[:-1]
    return Scenario.load(
        {
            "name": "three",
            "dt": 100,
            "subjects": {
                name: {
                    "sees": [other for other in names if other != name],
                    "streams": {"play": {"task": "game_choice", "params": {"options": options}}},
                }
                for name, options in zip(names, choices, strict=True)
            },
            "groups": {
                "game": {
                    "streams": [f"{name}.play" for name in names],
                    "game": {"payoffs": np.asarray(payoffs).tolist(), "miss": -1},
                    "then": "feedback",
                }
            },
        }
    )


def test_a_game_of_three_pays_its_own_table():
    payoffs = np.random.default_rng(1).integers(-9, 10, (2, 3, 4, 3))
    agents = {f"subject_{number}": BestResponse(smoothed=1e6) for number in range(3)}  # any choice as likely
    trials = simulate(three(payoffs), agents, 2000)
    chose = columns(trials, "choice") - 1
    np.testing.assert_array_equal(columns(trials, "reward"), payoffs[tuple(chose)].T)
    assert len(np.unique(chose, axis=1).T) == 24


def test_in_a_game_of_three_one_who_does_not_choose_costs_all():
    agents = {"subject_0": undecided(), "subject_1": "hold", "subject_2": undecided()}
    assert (simulate(three(np.zeros((2, 2, 2, 3))), agents, 100)["reward"] == -1).all()


def test_best_responses_in_a_game_of_three_find_an_equilibrium():
    """Who is alone with a choice gets 1: one of two always is, and then nobody gains by another choice."""
    payoffs = np.zeros((2, 2, 2, 3))
    for chose in itertools.product((0, 1), repeat=3):
        for player in range(3):
            payoffs[(*chose, player)] = float(sum(other == chose[player] for other in chose) == 1)
    trials = simulate(three(payoffs), "best_response", 4000, per_lane=200)
    paid = columns(trials.select(trials["trial"] >= 100), "reward").sum(axis=0)
    assert paid.mean() > 0.99
