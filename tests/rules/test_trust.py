"""Trust: what is sent is tripled, and the trustee divides it."""

import numpy as np
import pytest

from neuroparallel.agents import BestResponse, simulate
from neuroparallel.errors import NeuroparallelError
from neuroparallel.rules.trust import Trust
from neuroparallel.scenario import Scenario
from tests.rules.paying import every, resolved, rule_of

RULE, OPTIONS = rule_of("trust")


def test_both_are_paid_for_every_investment_and_repayment():
    sent, returned = every(*OPTIONS)
    pay = resolved(RULE, [sent, returned], OPTIONS).pay
    arrived, share = 3 * (sent - 1), (returned - 1) / 10
    np.testing.assert_allclose(pay, [20 - (sent - 1) + share * arrived, arrived - share * arrived])
    np.testing.assert_allclose(pay.sum(axis=0), 20 + 2 * (sent - 1))


def test_backward_induction_returns_nothing_and_so_sends_nothing():
    pay = resolved(RULE, every(*OPTIONS), OPTIONS).pay.reshape(2, *OPTIONS)
    assert (pay[1, 1:].argmax(axis=1) == 0).all()
    assert pay[0, :, 0].argmax() == 0
    np.testing.assert_array_equal(pay[:, 0, 0], [20, 0])
    assert pay.sum(axis=0).max() == 60


def test_to_send_pays_once_more_than_a_third_comes_back():
    pay = resolved(RULE, every(*OPTIONS), OPTIONS).pay.reshape(2, *OPTIONS)
    gains = pay[0, 20] - pay[0, 0]
    assert (gains > 0).tolist() == [returned / 10 > 1 / 3 for returned in range(11)]


def test_who_makes_no_choice_sends_or_returns_nothing_and_gets_what_a_miss_pays():
    pay = resolved(Trust(miss=-1), [[0, 21, 0], [5, 0, 0]], OPTIONS).pay
    np.testing.assert_allclose(pay, [[-1, 0, -1], [0, -1, -1]])


def test_the_trustee_sees_what_was_sent_and_one_who_only_earns_keeps_it():
    trials = simulate("trust", {"investor": BestResponse(smoothed=1e9), "trustee": "best_response"}, 500)
    sent, returned = (trials.where(subject=name)["choice"] for name in ("investor", "trustee"))
    assert (returned[sent > 1] == 1).all()
    assert len(np.unique(sent)) == 21
    assert len(np.unique(returned[sent == 1])) > 5  # of nothing, anything may be returned


@pytest.mark.parametrize("wrong", [{"endowment": -1}, {"factor": 0}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(NeuroparallelError, match=next(iter(wrong))):
        Trust(**wrong)


def test_two_members_are_needed():
    with pytest.raises(NeuroparallelError, match="trust"):
        Scenario.load("trust").replace(**{"groups.game.streams": ["investor.play"]})
