"""Inspection: the other's pay fixes one's own choice, and the cost of an inspection lasts for a block."""

import nashpy
import numpy as np
import pytest

from neuroparallel.agents import simulate
from neuroparallel.errors import NeuroparallelError
from neuroparallel.rules.inspection import Inspection
from neuroparallel.scenario import Scenario
from tests.rules.paying import drawn, every, resolved, rule_of

RULE, OPTIONS = rule_of("inspection")
COSTS = (0.1, 0.3, 0.5, 0.7, 0.9)
SHIRK, INSPECT = 2, 1


def table(cost, rule=RULE):
    return resolved(rule, every(2, 2), OPTIONS, conditions={"cost": cost}).pay.reshape(2, 2, 2)


@pytest.mark.parametrize("cost", COSTS)
def test_wage_effort_output_and_inspection_are_paid(cost):
    worker, employer = table(cost)
    np.testing.assert_allclose(worker, [[0.5, 0.5], [0, 1]])
    np.testing.assert_allclose(employer, [[2 - 1 - cost, 2 - 1], [-cost, -1]])


@pytest.mark.parametrize("cost", COSTS)
def test_the_worker_shirks_as_often_as_the_inspection_costs(cost):
    ((works, inspects),) = nashpy.Game(*table(cost)).support_enumeration()
    np.testing.assert_allclose([works[1], inspects[0]], [cost, 0.5])


def test_in_general_it_is_cost_and_effort_over_the_wage_whatever_the_output():
    for output in (0.5, 8):
        rule = Inspection(wage=4, effort=1, output=output, costs=(3,))
        ((works, inspects),) = nashpy.Game(*table(3, rule)).support_enumeration()
        np.testing.assert_allclose([works[1], inspects[0]], [3 / 4, 1 / 4])


@pytest.mark.parametrize("cost", COSTS)
def test_nobody_gains_by_staying_away(cost):
    worker, employer = table(cost)
    sure = worker.min(axis=1).max(), employer.min(axis=0).max()
    assert min(sure) > RULE.miss


def test_if_one_makes_no_choice_both_get_what_a_miss_pays():
    end = resolved(Inspection(miss=-2), [[0, 1, 0], [1, 0, 0]], OPTIONS, conditions={"cost": 0.5})
    assert (end.pay == -2).all()


def test_the_cost_lasts_for_a_block_and_is_drawn_anew_for_the_next():
    cost = drawn(Inspection(block=7), 700)["cost"]
    blocks = cost.reshape(100, 7, -1)
    assert (blocks == blocks[:, :1]).all()
    starts = blocks[:, 0]
    for value in COSTS:
        assert abs((starts == value).mean() - 0.2) < 4 * np.sqrt(0.16 / starts.size)
    assert abs((starts[1:] == starts[:-1]).mean() - 0.2) < 4 * np.sqrt(0.16 / starts.size)


def test_the_cost_is_in_the_row_of_both_and_nobody_is_told():
    scenario = Scenario.load("inspection").replace(**{"groups.game.rule.inspection.block": 4})
    trials = simulate(scenario, "best_response", 2000, per_lane=20)
    worker, employer = (trials.where(subject=name) for name in ("worker", "employer"))
    np.testing.assert_array_equal(worker["cost"], employer["cost"])
    assert set(np.unique(worker["cost"])) == set(COSTS)
    assert (np.diff(worker["cost"].reshape(-1, 5, 4), axis=2) == 0).all()
    inspected = employer["choice"] == INSPECT
    paid = np.where(worker["choice"] == SHIRK, np.where(inspected, 0, -1.0), 1)
    np.testing.assert_allclose(employer["reward"], paid - np.where(inspected, worker["cost"], 0))


@pytest.mark.parametrize("cost", COSTS)
def test_fictitious_play_reaches_the_equilibrium_of_every_cost(cost):
    scenario = Scenario.load("inspection").replace(**{"groups.game.rule.inspection.costs": [cost]})
    trials = simulate(scenario, "best_response", 12_000, per_lane=600)
    late = trials.select(trials["trial"] >= 200)
    shirked = (late.where(subject="worker")["choice"] == SHIRK).mean()
    inspected = (late.where(subject="employer")["choice"] == INSPECT).mean()
    assert abs(shirked - cost) < 0.04
    assert abs(inspected - 0.5) < 0.06


@pytest.mark.parametrize(
    "wrong",
    [{"effort": 2}, {"costs": ()}, {"costs": (0.5, 1.5)}, {"block": 0}, {"wage": 0, "effort": 0, "costs": (0,)}],
)
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(NeuroparallelError, match=next(iter(wrong))):
        Inspection(**wrong)


def test_a_worker_and_an_employer_with_two_choices_each_are_needed():
    with pytest.raises(NeuroparallelError, match="options: 2"):
        Scenario.load("inspection").replace(**{"subjects.worker.streams.play.params": {"options": 3}})
