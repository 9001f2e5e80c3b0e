"""The confidence sharer: as good as it can be, and telling how sure it is."""

import numpy as np
import pytest

from neuroparallel.agents import ConfidenceSharer, simulate
from neuroparallel.errors import ArgumentError
from neuroparallel.scenario import Scenario
from neuroparallel.tasks import make_task


@pytest.mark.parametrize("what", ["random_dots", "contrast_oddball", "dual_random_dots"])
def test_it_is_as_often_right_as_an_ideal_observer(what):
    mine, best = (simulate(what, agent, 4_000)["correct"].mean() for agent in ("confidence_sharer", "ideal_observer"))
    assert abs(mine - best) < 0.015


def test_it_says_the_distance_of_its_evidence_from_zero_in_standard_deviations():
    scenario = Scenario.load("joint_perception").replace(**{"subjects.a.message.levels": 1001})
    trials = simulate(scenario, ConfidenceSharer(ceiling=10.0), 20_000).where(subject="a")
    for contrast in (1.5, 7.0):
        mine = trials.where(contrast=contrast)
        score = np.where(mine["choice"] == mine["interval"], 1, -1) * mine["message"] * 10
        assert abs(score.mean() - contrast / 10 / (3.5 * 0.02**0.5)) < 5 / len(mine) ** 0.5 + 0.005
        assert abs(score.std() - 1) < 5 / (2 * len(mine)) ** 0.5 + 0.005


def test_it_is_silent_outside_the_window_and_never_louder_than_allowed():
    from tests.engine.comparing import engine

    batch, agent = engine(Scenario.load("joint_random_dots"), 64), ConfidenceSharer(ceiling=0.5)
    observations, infos = batch.reset(0)
    agent.reset(batch)
    levels = set()
    for _ in range(60):
        actions = agent.act(observations, infos, batch)
        for name, action in actions.items():
            window = np.asarray(infos[name]["period"]) == 3
            assert not action[~window].any()
            levels |= set(action[window, 1].tolist())
        observations, _, _, _, infos = batch.step(actions)
    assert max(levels) == 6


@pytest.mark.parametrize("task", ["go_nogo", "bandit", "ready_set_go", "delayed_match_to_sample"])
def test_a_task_without_evidence_for_one_of_two_answers_is_refused(task):
    with pytest.raises(ArgumentError, match="confidence_sharer"):
        simulate(make_task(task), "confidence_sharer", 10)


def test_a_ceiling_of_nothing_is_refused():
    with pytest.raises(ArgumentError, match="ceiling"):
        ConfidenceSharer(ceiling=0)
