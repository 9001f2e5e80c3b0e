"""Criteria, chance and ceilings of everything that is shipped."""

import json
import math

import pytest

import neuroparallel as npar
from neuroparallel.agents import goals
from neuroparallel.agents.goals import DISTANCE, full_names, goal_of, measured
from neuroparallel.analysis import distance_to_equilibrium
from neuroparallel.errors import ArgumentError
from neuroparallel.task.criterion import Criterion

NOTHING = {"better_arm", "game_choice", "lever_pull", "patch_choice"}  # by themselves; groups make something of them


def bare(name):
    return npar.make_task(name)


def check(goal):
    assert goal.criterion
    assert goal.source
    for name, least in goal.criterion.items():
        low, high = sorted((goal.chance[name], goal.ceiling[name]))
        assert low < least < high
        assert (goal.chance[name] > goal.ceiling[name]) == (name == DISTANCE)


@pytest.mark.parametrize("name", npar.list_scenarios())
def test_the_criterion_of_every_scenario_lies_between_chance_and_ceiling(name):
    check(goal_of(name))


@pytest.mark.parametrize("name", npar.list_tasks())
def test_so_does_that_of_every_task_by_itself(name):
    goal = goal_of(bare(name))
    if name in NOTHING:
        assert not goal.criterion
        assert goal.source.startswith("By itself")
    else:
        check(goal)


@pytest.mark.parametrize("what", [*npar.list_scenarios(), *map(bare, npar.list_tasks())], ids=str)
def test_nobody_waits_for_what_is_shipped(what, monkeypatch):
    """If this fails, run ``python benchmarks/levels.py``."""

    def refuse(*args):
        raise AssertionError(f"levels of {what} are not stored; run python benchmarks/levels.py")

    goals._goal.cache_clear()
    monkeypatch.setattr(goals, "_play", refuse)
    try:
        goal_of(what)
    finally:
        goals._goal.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bandit", "context_decision", "dpa_gng", "inspection", "prp", "ultimatum"])
def test_the_stored_levels_are_those_of_the_agents(name, monkeypatch):
    stored = goal_of(name)
    monkeypatch.setattr(goals, "stored", dict)
    monkeypatch.setattr(goals, "TRIALS", goals.STORED_TRIALS)
    goals._goal.cache_clear()
    goals._computed.cache_clear()
    try:
        fresh = goal_of(name)
    finally:
        goals._goal.cache_clear()
        goals._computed.cache_clear()
    assert fresh.chance == pytest.approx(stored.chance, abs=1e-4)
    assert fresh.ceiling == pytest.approx(stored.ceiling, abs=1e-4)


def test_the_ceiling_of_random_dots_is_the_gaussian_one():
    shares = npar.analysis.ideal_accuracy([0, 6.4, 12.8, 25.6, 51.2], 2000)
    assert goal_of("random_dots").ceiling["subject_0.random_dots"] == pytest.approx(shares.mean(), abs=0.01)


def test_a_published_threshold_out_of_reach_gives_way_to_a_part_of_the_way():
    criterion = Criterion(source="a paper", correct=0.8)
    assert criterion.between(0.5, 0.9) == 0.8
    assert criterion.between(0.5, 0.7) == 0.66
    hard = goal_of(npar.make_task("random_dots", coherences=(0.0, 1.6)))
    assert 0.5 < hard.criterion["subject_0.random_dots"] < hard.ceiling["subject_0.random_dots"] < 0.8
    assert "0.8 of the way" in hard.source


def test_the_file_overrules_the_task_and_says_why():
    changed = npar.Scenario.load("random_dots").replace(train={"criterion": {"random_dots": 0.7, "source": "my own"}})
    goal = goal_of(changed)
    assert goal.criterion == {"subject_0.random_dots": 0.7}
    assert goal.source == "my own"
    assert goal.ceiling == goal_of("random_dots").ceiling
    assert not goal_of(changed.replace(train={"criterion": {}})).criterion


def test_distances_are_those_of_shares():
    trials = npar.simulate("prisoners_dilemma", "blind", 50)  # both always cooperate
    assert distance_to_equilibrium(trials, [{"play": [0, 1]}]) == 1
    assert distance_to_equilibrium(trials, [{"play": [0, 1]}, {"subject_0.play": [1], "subject_1.play": [1]}]) == 0
    assert distance_to_equilibrium(trials, [{"play": [0.5, 0.5]}]) == pytest.approx(0.5)
    assert measured(trials, [{"play": [0.75, 0.25]}])[DISTANCE] == pytest.approx(0.25)
    with pytest.raises(ArgumentError, match="Did you mean 'play'"):
        distance_to_equilibrium(trials, [{"pley": [1]}])


def test_an_equilibrium_may_depend_on_a_condition():
    trials = npar.simulate("inspection", "blind", 2000, per_lane=20)  # always works, always inspects
    there = {"worker.play": {"cost": {cost: [1 - cost, cost] for cost in (0.1, 0.3, 0.5, 0.7, 0.9)}}}
    assert distance_to_equilibrium(trials, [there]) == pytest.approx(0.5)
    with pytest.raises(ArgumentError, match="cost is never any of 7"):
        distance_to_equilibrium(trials, [{"worker.play": {"cost": {7: [1]}}}])


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        ({"distance": 0.1}, "criterion.equilibrium is missing"),
        ({"distance": "near"}, "is no number"),
        ({"distance": 0.1, "equilibrium": {"pley": [1]}}, "Did you mean 'play'"),
        ({"rewards": 1}, "Did you mean 'reward'"),
    ],
)
def test_a_criterion_that_makes_no_sense_is_refused(criterion, message):
    with pytest.raises(ArgumentError, match=message):
        goal_of(npar.Scenario.load("stag_hunt").replace(train={"criterion": criterion}))


def test_short_names_stand_for_all_streams_of_that_name():
    assert full_names({"play": 0.5, "source": "x"}, ["a.play", "b.play"]) == {"a.play": 0.5, "b.play": 0.5}


def test_show_prints_criterion_chance_and_ceiling():
    text = npar.reporting.describe_scenario("dpa_gng")
    assert "# Criterion, to be met twice:" in text
    assert "subject_0.memory correct" in text
    assert "chance" in text
    assert "ceiling 100.0 %" in text
    assert "# Criterion: none. By itself" in npar.reporting.describe_scenario(bare("lever_pull"))


def test_what_is_stored_is_plain_json():
    text = (goals.files("neuroparallel.scenarios") / goals.STORED).read_text(encoding="utf-8")
    numbers = [value for levels in json.loads(text).values() for value in levels.values()]
    assert all(math.isfinite(value) for value in numbers)
