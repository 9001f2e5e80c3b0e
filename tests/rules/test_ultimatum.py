"""Ultimatum: an offer that is refused pays nobody."""

import numpy as np
import pytest

from neuroparallel.agents import BestResponse, MemoryOne, simulate
from neuroparallel.environments import batch
from neuroparallel.errors import NeuroparallelError
from neuroparallel.rules.ultimatum import Ultimatum
from neuroparallel.scenario import Scenario
from tests.rules.paying import every, resolved, rule_of
from tests.tasks import playing

RULE, OPTIONS = rule_of("ultimatum")
ACCEPT, REFUSE = 1, 2


def test_the_pie_is_divided_as_offered_or_lost():
    offered, answer = every(*OPTIONS)
    pay = resolved(RULE, [offered, answer], OPTIONS).pay
    np.testing.assert_array_equal(pay[0], np.where(answer == ACCEPT, 11 - offered, 0))
    np.testing.assert_array_equal(pay[1], np.where(answer == ACCEPT, offered - 1, 0))


def test_backward_induction_leaves_the_smallest_offer_above_nothing_or_nothing():
    offered, answer = every(*OPTIONS)
    pay = resolved(RULE, [offered, answer], OPTIONS).pay.reshape(2, *OPTIONS)
    accepts = pay[1, :, 0] > pay[1, :, 1]
    assert accepts.tolist() == [False] + [True] * 10  # who is offered nothing does not care
    if_refused = np.where(accepts, pay[0, :, 0], pay[0, :, 1])
    assert if_refused.argmax() == 1
    assert pay[0, :, 0].argmax() == 0  # if nothing is accepted too


def test_without_an_offer_or_an_answer_nobody_gets_anything():
    assert (resolved(RULE, [[0, 5, 0], [1, 0, 0]], OPTIONS).pay == 0).all()


def test_the_responder_answers_after_the_offer_and_knows_it():
    trials = simulate("ultimatum", {"proposer": BestResponse(smoothed=1e9), "responder": "best_response"}, 2000)
    offers, answers = (trials.where(subject=name) for name in ("proposer", "responder"))
    assert (answers["onset_s"] > offers["onset_s"] + offers["response_time_s"]).all()
    assert (answers["choice"][offers["choice"] > 1] == ACCEPT).all()
    nothing = answers["choice"][offers["choice"] == 1]
    assert abs((nothing == ACCEPT).mean() - 0.5) < 4 * 0.5 / np.sqrt(len(nothing))
    np.testing.assert_array_equal(offers["reward"] + answers["reward"], np.where(answers["choice"] == ACCEPT, 10, 0))


def test_proposer_and_responder_see_the_last_answer_and_the_present_offer():
    names = batch("ultimatum", lanes=1)
    assert "partner.choice_2" in names.channel_names("proposer")
    assert "partner.action_11" in names.channel_names("responder")


def test_an_offer_that_was_never_made_cannot_be_accepted():
    trials = simulate("ultimatum", {"proposer": "hold", "responder": MemoryOne([1] * 4, first=1)}, 100)
    assert (trials["reward"] == 0).all()


PAIRS = (("subject_0", "subject_1"), ("subject_1", "subject_0"))


def test_the_same_subjects_can_change_roles():
    trials = simulate("ultimatum_in_turns", BestResponse(smoothed=1e9), 4000, per_lane=20)
    for proposer, responder in PAIRS:
        offers = trials.where(subject=proposer, stream="offer")
        answers = trials.where(subject=responder, stream="answer")
        np.testing.assert_array_equal(offers["group_trial"], answers["group_trial"])
        assert abs(len(offers) / 4000 - 0.5) < 4 * 0.5 / np.sqrt(400)  # a lot is drawn for ten trials
        agreed = answers["choice"] == ACCEPT
        np.testing.assert_array_equal(offers["reward"], np.where(agreed, 11 - offers["choice"], 0))
        np.testing.assert_array_equal(answers["reward"], np.where(agreed, offers["choice"] - 1, 0))
    assert len(trials) == 8000


def test_in_turns_roles_last_for_ten_trials_and_are_cued():
    batch, seen = playing.engine(Scenario.load("ultimatum_in_turns"), 32), []
    names = batch.channel_names("subject_1")
    cue = [names.index(f"game.cue_{entry}") for entry in (0, 1)]

    def watch(observations, _infos):
        seen.append((observations["subject_1"][:, cue].argmax(axis=1), batch.groups[0].trial.copy()))

    table = playing.run(batch, playing.hold, 12, watch=watch)
    entries = np.full((32, 200), -1)
    entries[table["lane"], table["group_trial"]] = table["mix"]
    for cued, trial in seen:
        known = entries[np.arange(32), trial]
        np.testing.assert_array_equal(cued[known >= 0], known[known >= 0])
    assert (entries[:, :10] == entries[:, :1]).all()
    assert len(set(entries[:, 0])) == 2


@pytest.mark.parametrize("wrong", [{"pie": 0}, {"pie": "apple"}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(NeuroparallelError, match="pie"):
        Ultimatum(**wrong)


def test_members_who_do_not_fit_are_refused():
    for key, value in (
        ("subjects.responder.streams.play.params", {"options": 3}),
        ("groups.game.streams", ["responder.play", "proposer.play"]),
        ("groups.game.streams", ["proposer.play"]),
    ):
        with pytest.raises(NeuroparallelError, match=r"pairs|2 or more"):
            Scenario.load("ultimatum").replace(**{key: value})
