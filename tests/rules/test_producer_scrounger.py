"""Producers and scroungers: what is found is shared, and how many share it in the end."""

import numpy as np
import pytest

from neuroparallel.agents import StreamAgent, simulate
from neuroparallel.errors import NeuroparallelError
from neuroparallel.rules.producer_scrounger import ProducerScrounger
from neuroparallel.scenario import Scenario
from tests.rules.paying import every, resolved, rule_of

RULE, OPTIONS = rule_of("producer_scrounger")
PRODUCE, SCROUNGE = 1, 2
G = 6


def share(advantage, food=10, members=G):
    """The share of scroungers at which both earn the same."""
    return 1 - advantage / food - 1 / members


def test_the_finder_has_its_advantage_and_all_scroungers_share_the_rest_with_it():
    choices = every(*OPTIONS)
    sure = ProducerScrounger(found=1)
    pay = resolved(sure, choices, OPTIONS).pay
    scroungers = (choices == SCROUNGE).sum(axis=0)
    part = 8 / (1 + scroungers)
    expected = np.where(choices == PRODUCE, 2 + part, (G - scroungers) * part)
    np.testing.assert_allclose(pay, expected)
    np.testing.assert_allclose(pay.sum(axis=0), 10 * (G - scroungers))


def test_food_is_found_as_often_as_said_by_each_producer_by_itself():
    n = 20_000
    end = resolved(RULE, np.full((G, n), PRODUCE), OPTIONS)
    found = end.pay > 0
    assert np.abs(found.mean(axis=1) - 0.5).max() < 4 * 0.5 / np.sqrt(n)
    assert np.abs(np.corrcoef(found) - np.eye(G)).max() < 4 / np.sqrt(n)
    np.testing.assert_array_equal(end.conditions["finds"], found.sum(axis=0))
    assert (end.pay[found] == 10).all()


@pytest.mark.parametrize(("members", "advantage", "scroungers"), [(5, 2, 3), (10, 2, 7), (6, 10 / 3, 3), (6, 5 / 3, 4)])
def test_all_earn_the_same_where_the_equilibrium_share_scrounges(members, advantage, scroungers):
    assert share(advantage, members=members) * members == pytest.approx(scroungers)
    choices = np.where(np.arange(members) < scroungers, SCROUNGE, PRODUCE)[:, None]
    pay = resolved(ProducerScrounger(found=1, advantage=advantage), choices, (2,) * members).pay
    np.testing.assert_allclose(pay - pay[0], 0, atol=1e-12)


def test_below_it_scroungers_earn_more_and_above_it_producers():
    for scroungers in range(1, G):
        choices = np.where(np.arange(G) < scroungers, SCROUNGE, PRODUCE)[:, None]
        pay = resolved(ProducerScrounger(found=1), choices, OPTIONS).pay[:, 0]
        assert (pay[0] > pay[-1]) == (scroungers / G < share(2))


def test_a_single_member_of_six_that_changes_sides_changes_its_group_and_so_stops_at_three():
    paid = {}
    for scroungers in range(G + 1):
        choices = np.where(np.arange(G) < scroungers, SCROUNGE, PRODUCE)[:, None]
        pay = resolved(ProducerScrounger(found=1), choices, OPTIONS).pay[:, 0]
        paid[scroungers] = pay[0], pay[-1]  # the first one scrounges if anybody does, the last one produces if any
    rests = [
        n for n in range(G + 1) if (n == 0 or paid[n][0] >= paid[n - 1][1]) and (n == G or paid[n][1] >= paid[n + 1][0])
    ]
    assert rests == [3]


class Flock(StreamAgent):
    """A population whose members imitate what earned more: replicator dynamics, over the groups of all lanes."""

    def __init__(self, start, rate=0.05):
        self.share, self.rate, self.story = start, rate, []

    def reset(self, engine):
        self.earned = np.zeros((G, engine.lanes))
        self.assign(engine.lanes)

    def assign(self, lanes):
        """As many scroungers in each group as the share has it, rounded up in just as many groups as is due."""
        many = np.floor(self.share * G + (np.arange(lanes) + 0.5) / lanes)
        self.plan = np.where(np.arange(G)[:, None] < many, SCROUNGE, PRODUCE)

    def act(self, observations, infos, engine):
        ended = infos["subject_0"]["trial_end"]
        self.earned += np.stack([stream.reward for stream in engine.streams])
        if ended.all():
            scrounges = self.plan == SCROUNGE
            gain = self.earned[scrounges].mean() - self.earned[~scrounges].mean()
            self.share += self.rate * self.share * (1 - self.share) * gain
            self.story.append(self.share)
            self.earned[:] = 0
            self.assign(engine.lanes)
        return super().act(observations, infos, engine)

    def choose(self, stream, name, subject, observations, infos, now):
        return np.where(stream.window_open(), self.plan[int(subject[-1])], 0)


@pytest.mark.parametrize("start", [0.2, 0.8])
@pytest.mark.parametrize("advantage", [2, 4])
def test_a_population_reaches_the_equilibrium_share(advantage, start):
    scenario = Scenario.load("producer_scrounger")
    scenario = scenario.replace(**{"groups.flock.rule.producer_scrounger.advantage": advantage})
    flock = Flock(start)
    simulate(scenario, flock, 200 * 120, per_lane=120, lanes=200)
    assert abs(np.mean(flock.story[-40:]) - share(advantage)) < 0.02


def test_who_makes_no_choice_gets_nothing():
    pay = resolved(ProducerScrounger(found=1), [[0], [1], [2]], (2, 2, 2)).pay[:, 0]
    np.testing.assert_allclose(pay, [0, 6, 4])


@pytest.mark.parametrize("wrong", [{"found": 0}, {"found": 1.5}, {"advantage": 11}, {"food": 0, "advantage": 0}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(NeuroparallelError, match=next(iter(wrong))):
        ProducerScrounger(**wrong)


def test_members_with_two_choices_are_needed():
    with pytest.raises(NeuroparallelError, match="options: 2"):
        Scenario.load("producer_scrounger").replace(**{"subjects.subject_3.streams.play.params": {"options": 3}})
