"""Several subjects side by side: known answers on choices that were made up."""

from __future__ import annotations

import numpy as np
import pytest

from neuroparallel import analysis
from neuroparallel.agents import MemoryOne, simulate
from neuroparallel.errors import ArgumentError, UnknownNameError
from neuroparallel.records import Trials

PENNIES = [[[1, 0], [0, 1]], [[0, 1], [1, 0]]]
DILEMMA = [[[4, 4], [1, 6]], [[6, 1], [2, 2]]]


def meeting(*choices, rewards=None, shuffle=True, **columns):
    """A table of some players' choices, one lane, rows in no order."""
    players, rounds = len(choices), len(choices[0])
    paid = np.zeros((players, rounds)) if rewards is None else np.asarray(rewards, float)
    table = {
        "subject": np.repeat([f"monkey_{number}" for number in range(players)], rounds),
        "stream": np.full(players * rounds, "play"),
        "trial": np.tile(np.arange(rounds), players),
        "choice": np.concatenate(choices).astype(int),
        "reward": paid.ravel(),
        **{name: np.tile(values, players) for name, values in columns.items()},
    }
    trials = Trials({name: np.asarray(values) for name, values in table.items()})
    if not shuffle:
        return trials
    kept = np.concatenate([[0], 1 + np.random.default_rng(0).permutation(len(trials) - 1)])  # monkey_0 comes first
    return trials.select(kept)


def coins(n, p=0.5, seed=0):
    return np.where(np.random.default_rng(seed).random(n) < p, 1, 2)


# ---- side by side ----


def test_rounds_are_matched_by_number_lane_and_session_and_incomplete_ones_left_out():
    trials = meeting([1, 2, 1, 2], [1, 2, 2, 1], lane=[0, 0, 1, 1])
    assert analysis.coordination_rate(trials)["rate"].tolist() == [0.5]
    by_lane = analysis.coordination_rate(trials, by="lane")
    assert by_lane["rate"].tolist() == [1, 0]
    gone = trials.select(~((trials["subject"] == "monkey_1") & (trials["trial"] == 3)))
    assert analysis.coordination_rate(gone)["rounds"].tolist() == [3]


def test_the_trial_number_of_the_group_matches_streams_that_skip_trials():
    trials = meeting([1, 2], [1, 2])
    columns = dict(trials.columns) | {"group_trial": trials["trial"]}
    columns["trial"] = columns["trial"] + 5 * (columns["subject"] == "monkey_1")
    assert analysis.coordination_rate(Trials(columns))["rounds"].tolist() == [2]


def test_players_are_named_by_subject_or_stream_in_any_order():
    trials = meeting([1, 1, 1, 1], [1, 1, 2, 2], [2, 2, 2, 2])
    rates = [
        analysis.coordination_rate(trials, players)["rate"][0]
        for players in (["monkey_0", "monkey_1"], ["monkey_2.play", "monkey_1"], ["monkey_0", "monkey_2"])
    ]
    assert rates == [0.5, 0.5, 0]


@pytest.mark.parametrize(
    ("players", "error", "says"),
    [
        (["monkey_0", "monkey_9"], UnknownNameError, "monkey_9"),
        (["monkey_0"], ArgumentError, "two or more"),
        (["monkey_0", "monkey_0"], None, None),
    ],
)
def test_players_that_are_not_there_are_refused(players, error, says):
    trials = meeting([1, 2], [1, 1])
    if error is None:
        assert analysis.coordination_rate(trials, players)["rate"].tolist() == [1]
        return
    with pytest.raises(error, match=says):
        analysis.coordination_rate(trials, players)


def test_a_subject_with_two_streams_has_to_say_which():
    trials = simulate("dual_random_dots", "oracle", 10)
    with pytest.raises(UnknownNameError, match=r"subject_0\.first, subject_0\.second"):
        analysis.coordination_rate(trials, ["subject_0", "subject_0.second"])
    assert analysis.coordination_rate(trials)["rounds"].tolist() == [10]


def test_shares_of_choices_add_up_to_one_and_say_what_each_earned():
    rewards = [[1, 3, 0, 5, 0], [0, 0, 0, 0, 2]]
    table = analysis.choice_shares(meeting([1, 1, 2, 2, 0], [1, 1, 1, -1, 2], rewards=rewards))
    rows = list(zip(*(table[name].tolist() for name in ("subject", "choice", "share", "reward")), strict=True))
    mine = [("monkey_0", 0, 0.2, 0.0), ("monkey_0", 1, 0.4, 2.0), ("monkey_0", 2, 0.4, 2.5)]
    assert rows == [*mine, ("monkey_1", 0, 0.2, 0.0), ("monkey_1", 1, 0.6, 0.0), ("monkey_1", 2, 0.2, 2.0)]
    assert ((table["low"] < table["share"]) & (table["share"] < table["high"])).all()
    whole = analysis.choice_shares(meeting([1, 1, 2, 2], [1, 1, 1, 2]), ())
    assert whole["share"].tolist() == [5 / 8, 3 / 8]


# ---- coordination and turns ----


def test_coordination_is_compared_with_that_of_independent_players():
    one, other = coins(40_000, 0.8, 1), coins(40_000, 0.3, 2)
    row = analysis.coordination_rate(meeting(one, other))
    assert abs(row["chance"][0] - (0.8 * 0.3 + 0.2 * 0.7)) < 0.01
    assert row["low"][0] < row["chance"][0] < row["high"][0]
    same = analysis.coordination_rate(meeting(one, one))
    assert same["rate"][0] == 1
    assert abs(same["chance"][0] - (0.64 + 0.04)) < 0.01


def test_all_different_is_another_kind_of_coordination():
    rng = np.random.default_rng(0)
    chose = rng.integers(1, 4, (3, 30_000))
    row = analysis.coordination_rate(meeting(*chose), on="different")
    assert abs(row["chance"][0] - 6 / 27) < 0.01
    assert abs(row["rate"][0] - 6 / 27) < 0.01
    assert analysis.coordination_rate(meeting([1, 2, 3], [2, 3, 1], [3, 1, 2]), on="different")["rate"][0] == 1


def test_rounds_without_a_choice_of_one_do_not_count():
    row = analysis.coordination_rate(meeting([1, 0, -1, 1], [1, 1, 1, 2]))
    assert (row["rounds"][0], row["rate"][0]) == (2, 0.5)


@pytest.mark.parametrize(
    ("ahead", "index", "first"),
    [([1, -1] * 50, 1, 0.5), ([1] * 100, -1, 1), ([1, 1, -1, -1] * 25, -1 / 99, 0.5), ([-1, 0] * 50, np.nan, 0)],
)
def test_the_index_of_turns_is_1_for_alternation_and_minus_1_for_dominance(ahead, index, first):
    ahead = np.array(ahead)
    row = analysis.turn_taking(meeting(np.ones(100), np.ones(100), rewards=[ahead, np.zeros(100)]))
    np.testing.assert_allclose([row["index"][0], row["first"][0]], [index, first])


def test_who_wins_at_random_takes_no_turns():
    ahead = np.random.default_rng(0).choice([-1, 1], 20_000)
    row = analysis.turn_taking(meeting(coins(20_000), coins(20_000), rewards=[ahead, 0 * ahead]))
    assert abs(row["index"][0]) < 4 / np.sqrt(20_000)


def test_turns_do_not_reach_over_the_end_of_a_session():
    row = analysis.turn_taking(
        meeting(np.ones(4), np.ones(4), rewards=[[1, 0, 1, 0], [0, 1, 0, 1]], session=[0, 0, 1, 1])
    )
    assert row["pairs"].tolist() == [2]


# ---- information ----


def test_the_choices_of_one_who_copies_tell_one_bit():
    one = coins(2000)
    row = analysis.mutual_information(meeting(one, 3 - one))
    assert abs(row["bits"][0] - 1) < 0.01
    three = np.tile([1, 2, 3], 400)
    assert abs(analysis.mutual_information(meeting(three, three))["bits"][0] - np.log2(3)) < 0.01


def test_a_noisy_copy_tells_the_capacity_of_its_channel():
    one, flip = coins(40_000), np.random.default_rng(9).random(40_000) < 0.1
    row = analysis.mutual_information(meeting(one, np.where(flip, 3 - one, one)))
    assert abs(row["bits"][0] - (1 + 0.1 * np.log2(0.1) + 0.9 * np.log2(0.9))) < 0.02


def test_independent_choices_tell_nothing_once_the_bias_is_taken_away():
    n, repeats = 60, 400
    rng = np.random.default_rng(0)
    one, other = rng.integers(1, 4, (2, n * repeats))
    rows = analysis.mutual_information(meeting(one, other, lane=np.repeat(np.arange(repeats), n)), by="lane")
    spread = rows["bits"].std() / np.sqrt(repeats)
    assert abs(rows["bits"].mean()) < 4 * spread
    bias = (3 - 1) ** 2 / (2 * n * np.log(2))
    assert abs(rows["uncorrected"].mean() - bias) < 4 * spread


def test_entropy_flows_from_the_one_who_is_followed():
    one = coins(4000)
    other = np.concatenate([[1], one[:-1]])
    flows = analysis.transfer_entropy(meeting(one, other))
    assert flows["source"].tolist() == ["monkey_0.play", "monkey_1.play"]
    assert flows["target"].tolist() == ["monkey_1.play", "monkey_0.play"]
    np.testing.assert_allclose(flows["bits"], [1, 0], atol=0.01)
    assert flows["rounds"].tolist() == [3999, 3999]


def test_two_who_go_through_the_same_cycle_tell_each_other_nothing_new():
    cycle = np.tile([1, 2, 3], 300)
    assert np.abs(analysis.transfer_entropy(meeting(cycle, cycle))["bits"]).max() < 0.01


def test_the_bias_of_transfer_entropy_is_taken_away():
    n, repeats = 100, 300
    one, other = np.random.default_rng(1).integers(1, 3, (2, n * repeats))
    lanes = np.repeat(np.arange(repeats), n)
    flows = analysis.transfer_entropy(meeting(one, other, lane=lanes), by="lane")
    spread = flows["bits"].std() / np.sqrt(len(flows))
    assert flows["rounds"].tolist() == [n - 1] * (2 * repeats)
    assert abs(flows["bits"].mean()) < 4 * spread
    assert flows["uncorrected"].mean() > 10 * spread


# ---- strategies ----


def test_memory_one_finds_the_vector_that_was_played():
    vector = (0.9, 0.2, 0.6, 0.3)
    agents = {"subject_0": MemoryOne(vector), "subject_1": MemoryOne([0.5] * 4)}
    table = analysis.memory_one(simulate("prisoners_dilemma", agents, 20_000))
    mine = table.where(player="subject_0.play")
    assert list(zip(mine["own"].tolist(), mine["other"].tolist(), strict=True)) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    for found, p, n in zip(mine["probability"], vector, mine["rounds"], strict=True):
        assert abs(found - p) < 4 * np.sqrt(p * (1 - p) / n)
    assert (np.abs(table.where(player="subject_1.play")["probability"] - 0.5) < 0.05).all()
    inside = [(low < p < high) for low, p, high in zip(mine["low"], vector, mine["high"], strict=True)]
    assert sum(inside) >= 3


def test_memory_one_counts_directly_successive_rounds_only():
    table = analysis.memory_one(meeting([1, 1, 0, 2, 2], [1, 2, 1, 1, 1]), ["monkey_1", "monkey_0"])
    rows = [tuple(row[1:5]) for row in zip(*(table[name] for name in table.columns), strict=True)]
    assert rows == [(1, 1, 1, 0.0), (1, 2, 1, 1.0), (1, 1, 1, 1.0), (2, 1, 1, 0.0)]
    by_block = analysis.memory_one(meeting([1, 1, 2], [1, 1, 1], block=[0, 0, 1]), by="block", choice=2)
    assert by_block.where(player="monkey_0.play")["probability"].tolist() == [0, 1]


# ---- welfare ----


def test_welfare_is_the_sum_and_fairness_how_it_is_divided():
    rewards = np.array([[1.0, 1, 1, 1], [1, 1, 1, 1]])
    chose = np.ones((2, 4))
    row = analysis.social_welfare(meeting(*chose, rewards=rewards))
    assert [row[name][0] for name in ("total", "least", "most", "min_max", "gini")] == [2, 1, 1, 1, 0]
    row = analysis.social_welfare(meeting(*chose, rewards=rewards * [[1], [0]]))
    assert [row[name][0] for name in ("total", "min_max", "gini")] == [1, 0, 0.5]
    row = analysis.social_welfare(meeting(*np.ones((4, 2)), rewards=[[3, 5], [1, 1], [1, 1], [2, 2]]))
    np.testing.assert_allclose(row["gini"][0], (2 * (3 + 3 + 2 + 0 + 1 + 1)) / (2 * 4 * 8))
    lost = analysis.social_welfare(meeting(*chose, rewards=rewards * [[1], [-1]]))
    assert np.isnan([lost["gini"][0], lost["min_max"][0]]).all()


def test_taking_turns_is_fair_over_a_lane_and_dominance_only_over_many():
    rewards = np.array([[1.0, 0, 1, 1], [0, 1, 0, 0]])
    rows = analysis.social_welfare(meeting(*np.ones((2, 4)), rewards=rewards, lane=[0, 0, 1, 1]), by="lane")
    assert rows["gini"].tolist() == [0, 0.5]


def test_nobody_gains_in_an_equilibrium_and_a_bias_is_worth_what_it_is_away_from_it():
    one, other = np.divmod(np.arange(100), 2)
    fair = analysis.exploitability(meeting(one % 2 + 1, other + 1), PENNIES)
    assert fair["gain"].tolist() == [0, 0]
    biased = np.repeat([1, 2], [70, 30])
    rows = analysis.exploitability(meeting(biased, np.tile([1, 2], 50)), PENNIES)
    assert rows["player"].tolist() == ["monkey_0.play", "monkey_1.play"]
    np.testing.assert_allclose(rows["gain"], [0, 0.2])
    np.testing.assert_allclose(rows["best"], [0.5, 0.7])
    np.testing.assert_allclose(analysis.exploitability(meeting([1, 1], [1, 1]), DILEMMA)["gain"], [2, 2])
    np.testing.assert_allclose(analysis.exploitability(meeting([2, 2], [2, 2]), DILEMMA)["gain"], [0, 0])


def test_a_habit_is_found_out_only_by_one_who_looks_back():
    other = coins(4000, seed=3)
    copies = np.concatenate([[1], other[:-1]])  # the matcher takes what the other had
    trials = meeting(copies, other)
    assert analysis.exploitability(trials, PENNIES)["gain"].max() < 0.05
    back = analysis.exploitability(trials, PENNIES, look_back=True)
    assert abs(back["gain"][1] - 0.5) < 0.03
    assert back["gain"][0] < 0.05
    assert back["rounds"].tolist() == [3999, 3999]


@pytest.mark.parametrize(
    "payoffs", [[[1, 0], [0, 1]], np.zeros((2, 2, 3)), np.zeros((2, 2, 2, 3)), np.zeros((1, 2, 2))]
)
def test_a_table_that_does_not_fit_is_refused(payoffs):
    with pytest.raises(ArgumentError, match="payoffs"):
        analysis.exploitability(meeting([1, 2], [1, 2]), payoffs)


@pytest.mark.parametrize(
    "function",
    [
        analysis.coordination_rate,
        analysis.turn_taking,
        analysis.mutual_information,
        analysis.transfer_entropy,
        analysis.memory_one,
        analysis.social_welfare,
        lambda trials: analysis.exploitability(trials, PENNIES),
    ],
)
def test_where_nobody_chose_there_is_nothing_to_tell(function):
    table = function(meeting([0, 0], [0, 0]))
    assert len(table) <= 1
    with pytest.raises(ArgumentError, match="compared"):
        function(meeting([1, 2], shuffle=False))


def test_words_that_mean_nothing_are_refused():
    with pytest.raises(ArgumentError, match="different"):
        analysis.coordination_rate(meeting([1], [1]), on="equal")
