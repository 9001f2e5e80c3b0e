"""Criteria that nobody wrote into a call: of tasks, of games, over whole sessions."""

import pytest

pytest.importorskip("ray")

from neuroparallel.agents.goals import goal_of
from neuroparallel.records.json_file import read_summary
from neuroparallel.rllib import evaluation, train
from neuroparallel.rllib.evaluation import Score, measure
from neuroparallel.rllib.training_plan import plan_for
from neuroparallel.scenario import Scenario

pytestmark = [pytest.mark.rllib, pytest.mark.slow]


def test_the_criterion_of_the_task_ends_the_training_and_is_kept(tmp_path):
    easy = Scenario.load("random_dots").replace(timing={"stimulus": 300}, params={"coherences": [51.2, 100.0]})
    result = train(easy, out=tmp_path / "run", budget_s=30, seed=1)
    summary = read_summary(tmp_path / "run")
    assert result.passed
    assert summary["criterion"] == goal_of(easy).criterion
    assert summary["chance"]["subject_0.random_dots"] == pytest.approx(0.5, abs=0.05)
    assert "Song, Yang & Wang 2017" in summary["criterion_source"]


def test_a_call_may_want_no_criterion():
    assert plan_for(Scenario.load("random_dots"), criterion={}).criterion == {}
    assert plan_for(Scenario.load("random_dots")).criterion == {"subject_0.random_dots": 0.8}


@pytest.mark.filterwarnings("ignore:.*are aborted")  # after so little training
def test_a_game_is_tested_by_its_distance_to_equilibrium(tmp_path):
    result = train("matching_pennies", out=tmp_path / "run", budget_s=2, evaluate_every_s=0.5, seed=1)
    assert 0 <= read_summary(tmp_path / "run")["distance"] <= 1
    assert all(0 <= row["distance"] <= 1 for row in result.history)


def test_a_distance_must_not_exceed_the_criterion():
    near = Score({}, {}, 10, 0.0, distance=0.09)
    assert near.meets({"distance": 0.1})
    assert not near.meets({"distance": 0.05})
    assert not Score({}, {}, 10, 0.0).meets({"distance": 0.5})


def test_short_sessions_are_tested_as_a_whole(monkeypatch):
    result = train("bandit", budget_s=0.2, lanes=8, seed=0)
    env = plan_for(Scenario.load("bandit")).env
    score, _ = measure(result.policy, env, lanes=16, seed=0)
    assert score.trials >= 4 * 100
    monkeypatch.setattr(evaluation, "SESSION_STEPS", 0)
    assert measure(result.policy, env, lanes=16, seed=0)[0].trials < 16 * 7
