"""Players of games: what memory-one strategies do to each other, and where best responses lead."""

import numpy as np
import pytest

from neuroparallel.agents import BestResponse, MemoryOne, Predictor, simulate
from neuroparallel.errors import ArgumentError
from neuroparallel.scenario import Scenario
from neuroparallel.tasks import make_task

ONE, OTHER = "subject_0", "subject_1"
COOPERATE, DEFECT = 1, 2


def sides(trials, names=(ONE, OTHER)):
    """Choices of both players, (2, lanes, trials)."""
    lanes = trials["lane"].max() + 1
    return np.stack([trials.where(subject=name)["choice"].reshape(lanes, -1) for name in names])


def duel(one, other, trials=400, per_lane=20, what="prisoners_dilemma", **options):
    return sides(simulate(what, {ONE: one, OTHER: other}, trials, per_lane=per_lane, **options))


# ---- memory one ----


def test_tit_for_tat_begins_by_cooperating_and_does_what_the_other_did():
    tit, other = duel("memory_one", MemoryOne([0.5] * 4))
    assert (tit[:, 0] == COOPERATE).all()
    assert (other == DEFECT).any()
    assert (tit[:, 1:] == other[:, :-1]).all()


@pytest.mark.parametrize(
    ("strategy", "after"),
    [
        ("tit_for_tat", {(1, 1): 1, (1, 2): 2, (2, 1): 1, (2, 2): 2}),
        ("win_stay_lose_shift", {(1, 1): 1, (1, 2): 2, (2, 1): 2, (2, 2): 1}),
        ("always_cooperate", {(1, 1): 1, (1, 2): 1}),
        ("always_defect", {(2, 1): 2, (2, 2): 2}),
    ],
)
def test_named_strategies_do_what_their_name_says(strategy, after):
    me, other = duel(MemoryOne(strategy), MemoryOne([0.5] * 4), 1000)
    found = {}
    for before, now in zip(zip(me[:, :-1].flat, other[:, :-1].flat, strict=True), me[:, 1:].flat, strict=True):
        found.setdefault(before, set()).add(now)
    assert found == {joint: {choice} for joint, choice in after.items()}


@pytest.mark.parametrize("vector", [(0.9, 0.2, 0.6, 0.3), (1.0, 1 / 3, 1.0, 1 / 3)])
def test_a_vector_is_what_is_played_after_each_joint_outcome(vector):
    me, other = duel(MemoryOne("generous" if vector[0] == 1 else vector), MemoryOne([0.5] * 4), 20_000, 200)
    state = 2 * (me[:, :-1] - 1) + (other[:, :-1] - 1)
    for number, p in enumerate(vector):
        again = me[:, 1:][state == number] == COOPERATE
        assert len(again) > 500
        assert abs(again.mean() - p) < 4 * np.sqrt(p * (1 - p) / len(again)) + 1e-12


def test_who_sees_nobody_plays_every_trial_as_the_first():
    hidden = Scenario.load("prisoners_dilemma").replace(**{"subjects.subject_0.sees": []})
    me, _ = duel(MemoryOne("tit_for_tat"), MemoryOne("always_defect"), what=hidden)
    assert (me == COOPERATE).all()
    me, _ = duel(MemoryOne((0, 0, 0, 0), first=0.25), MemoryOne("always_defect"), 4000, what=hidden)
    assert abs((me == COOPERATE).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 4000)


def test_a_new_session_begins_with_the_first_move():
    me, other = duel("memory_one", MemoryOne("always_defect"), session={"trials": 4})
    assert (other == DEFECT).all()
    assert (me.reshape(-1, 4) == [COOPERATE, DEFECT, DEFECT, DEFECT]).all()


def test_after_a_trial_without_a_choice_memory_one_begins_anew():
    me, other = duel("memory_one", "hold", 40)
    assert (me == COOPERATE).all()
    assert (other == 0).all()


@pytest.mark.parametrize("strategy", ["titfortat", (0.5, 0.5), (0.5, 0.5, 0.5, 1.5), (0.5, 0.5, 0.5, np.nan)])
def test_what_is_no_strategy_is_refused(strategy):
    with pytest.raises(ArgumentError, match="tit_for_tat"):
        MemoryOne(strategy)
    with pytest.raises(ArgumentError, match="first"):
        MemoryOne(first=2)


# ---- best responses ----


@pytest.mark.parametrize("wait", [0, 100, 200, 300])
def test_who_sees_the_other_move_follows_once_there_was_time_to_see_it(wait):
    scenario = Scenario.load("bach_or_stravinsky").replace(**{"subjects.subject_1.streams.play.onset": wait})
    leader, follower = duel(MemoryOne([0.5] * 4), "best_response", 2000, what=scenario)
    together = (leader == follower).mean()
    if wait >= 200:  # the latency
        assert together == 1
    else:
        assert abs(together - 0.5) < 4 * 0.5 / np.sqrt(2000)


def test_the_best_response_to_one_who_always_does_the_same_is_found_at_once():
    for stubborn, answer in (("always_cooperate", DEFECT), ("always_defect", COOPERATE)):
        me, _ = duel("best_response", MemoryOne(stubborn), what="chicken")
        assert (me[:, 1:] == answer).all()


def test_to_defect_is_the_best_response_to_whatever():
    me, other = duel("best_response", "best_response")
    assert (me == DEFECT).all()
    assert (other == DEFECT).all()


def test_a_best_response_counts_what_it_sees_and_beats_a_biased_opponent():
    biased = MemoryOne([0.7] * 4, first=0.7)
    agents = {"matcher": "best_response", "mismatcher": biased}
    for what, share in (("matching_pennies", 1.0), (hiding("matching_pennies", "matcher"), 0.5)):
        chose = sides(simulate(what, agents, 4000), ("matcher", "mismatcher"))
        assert abs((chose[0, :, 50:] == 1).mean() - share) < 4 * 0.5 / np.sqrt(2000)


def hiding(name, subject):
    return Scenario.load(name).replace(**{f"subjects.{subject}.sees": []})


def test_fictitious_play_of_rock_paper_scissors_takes_each_in_a_third():
    chose = duel("best_response", "best_response", 15_000, 750, what="rock_paper_scissors")
    for option in (1, 2, 3):
        assert abs((chose == option).mean() - 1 / 3) < 0.02


def test_smoothed_choices_are_in_proportion_to_the_exponential_of_what_they_pay():
    agents = {"subject_0": BestResponse(smoothed=0.5), "subject_1": "hold"}  # nothing to learn from: .5 each
    for payoffs, p in (([[1, 1], [0, 2]], 0.5), ([[1, 1], [0, 0]], 1 / (1 + np.exp(-2)))):
        table = [[[pay, 0] for pay in row] for row in payoffs]
        scenario = Scenario.load("prisoners_dilemma").replace(**{"groups.game.game.payoffs": table})
        first = (simulate(scenario, agents, 10_000).where(subject=ONE)["choice"] == 1).mean()
        assert abs(first - p) < 4 * np.sqrt(p * (1 - p) / 10_000)


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ArgumentError, match="smoothed"):
        BestResponse(smoothed=-1)
    with pytest.raises(ArgumentError, match="prior"):
        BestResponse(prior=0)


# ---- the computer of matching pennies ----

SEATS = [("mismatcher", "matcher", False), ("matcher", "mismatcher", True)]


@pytest.mark.parametrize(("seat", "other", "match"), SEATS)
@pytest.mark.parametrize(
    ("subject", "earned"),
    [(MemoryOne([0.5] * 4), (0.5, 0.5, 0.5)), (MemoryOne([0.7] * 4), (0.5, 0.42, 0.415)), ("wsls", (0.5, 0.5, 0.095))],
    ids=["random", "biased", "wsls"],
)
def test_on_either_seat_the_computer_wins_as_much_as_in_the_task(seat, other, match, subject, earned):
    for algorithm, expected in enumerate(earned):  # in 200 trials; in 4,000 a winner that stays is left with .004
        agents = {seat: Predictor(algorithm, match=match), other: subject}
        reward = simulate("matching_pennies", agents, 16_000, per_lane=200).where(subject=other)["reward"]
        assert abs(reward.mean() - expected) < 4.5 * 0.5 / 16_000**0.5
        if subject == "wsls":
            task = simulate(make_task("matching_pennies", algorithm=algorithm), "wsls", 16_000, per_lane=200)["reward"]
            assert abs(reward.mean() - task.mean()) < 4.5 * (0.5 / 16_000) ** 0.5


def test_the_computer_counts_no_trial_in_which_somebody_chose_nothing():
    """Who chooses in the first trial only tells it one thing; it goes on tossing its coin."""
    agent = Predictor(1, at_least=1, significance=0.99)
    simulate("matching_pennies", {"mismatcher": agent, "matcher": "hold"}, 40, per_lane=40)
    assert set(agent._memory["mismatcher.play"]["completed"]) == {0}
    simulate("matching_pennies", {"mismatcher": agent, "matcher": MemoryOne([0.0] * 4, first=0)}, 40, per_lane=40)
    assert set(agent._memory["mismatcher.play"]["completed"]) == {39}  # the last one has just ended
    assert set(agent._expected["mismatcher.play"]) == {1.0}


def test_the_computer_may_be_met_on_a_seat_of_the_file():
    seat = {"agent": "predictor", "algorithm": 2}
    scenario = Scenario.load("matching_pennies").replace(**{"subjects.mismatcher.played_by": seat})
    assert simulate(scenario, {"matcher": "wsls"}, 4_000, per_lane=200).where(subject="matcher")["reward"].mean() < 0.2


@pytest.mark.parametrize("wrong", [{"algorithm": 3}, {"significance": 0}, {"at_least": 0}])
def test_a_computer_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ArgumentError, match="predictor"):
        Predictor(**wrong)
