"""What `simulate` returns."""

from itertools import product

import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel.agents import HoldAgent, simulate
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.errors import ArgumentError, UnknownNameError
from neuroparallel.scenario import Scenario
from neuroparallel.scenario.compile import build_layout
from neuroparallel.testkit.comparing import same_tables

NAMES = ("one", "the other")


@pytest.mark.parametrize("what", ["random_dots", "dpa_gng", "dual_random_dots", "matching_pennies"])
def test_every_group_plays_exactly_so_many_trials(what):
    trials = simulate(what, "random", 137, per_lane=10)
    first = Scenario.load(what).resolve().groups
    streams = {name for group in first.values() for name in group.streams}
    for name in streams:
        subject, stream = name.split(".")
        mine = trials.select((trials["subject"] == subject) & (trials["stream"] == stream))
        if stream == "gonogo":  # takes part in two thirds of the trials
            assert 137 / 2 < len(mine) < 137
        else:
            assert len(mine) == 137
            assert np.bincount(mine["lane"]).tolist() == [10] * 13 + [7]


@pytest.mark.parametrize(
    ("what", "agents"),
    [
        *product(("random_dots", "dpa_gng", "matching_pennies", "stop_signal"), ("random", "wsls", "oracle")),
        *product(("prp", "motion_colour"), ("bottleneck", "capacity_sharing", "accumulator")),
        *product(("two_step",), ("model_free", "model_based", "hybrid", "q_learner")),
        ("stop_signal", "race_stopper"),
    ],
)
def test_the_result_does_not_depend_on_how_many_lanes_run_at_a_time(what, agents):
    together = simulate(what, agents, 44, per_lane=10)
    in_turn = simulate(what, agents, 44, per_lane=10, lanes=3)
    same_tables(together, in_turn, what, NAMES, "")


def test_harvesting_early_changes_nothing(monkeypatch):
    whole = simulate("dpa_gng", "random", 200, per_lane=20)
    monkeypatch.setattr("neuroparallel.agents.simulation.ROWS", 15)
    same_tables(whole, simulate("dpa_gng", "random", 200, per_lane=20), "dpa_gng", NAMES, "")


def test_the_same_seed_gives_the_same_trials_and_another_seed_others():
    one, same, other = (simulate("random_dots", "random", 300, seed=seed) for seed in (5, 5, 6))
    same_tables(one, same, "random_dots", NAMES, "")
    assert (one["coherence"] != other["coherence"]).any()


def test_lane_i_is_that_of_the_batch_engine():
    trials = simulate("random_dots", "hold", 60, per_lane=5, lanes=4, seed=9)
    batch = BatchEngine(build_layout(Scenario.load("random_dots")), 12)
    observations, infos = batch.reset(9)
    agent = HoldAgent()
    for _ in range(500):
        observations, _, _, _, infos = batch.step(agent.act(observations, infos, batch))
    table = batch.trials()
    same_tables(trials, table.select(table["trial"] < 5), "random_dots", NAMES, "")


def test_sessions_may_be_shorter_than_what_a_lane_plays():
    trials = simulate("random_dots", "oracle", 50, per_lane=10, session={"trials": 4})
    assert len(trials) == 50
    assert set(np.unique(trials["session"])) == {0, 1, 2}
    assert trials["trial"].max() == 3


def test_two_groups_of_trials_of_different_length_both_play_so_many():
    stream = {"task": "random_dots", "timing": {"stimulus": 200}}
    slow = {"task": "random_dots", "timing": {"stimulus": 4000}}
    subjects = {"quick": {"streams": {"dots": stream}}, "slow": {"streams": {"dots": slow}}}
    trials = simulate({"name": "two", "subjects": subjects}, "oracle", 30, per_lane=10)
    assert [(trials["subject"] == name).sum() for name in ("quick", "slow")] == [30, 30]


def test_subjects_may_have_agents_of_their_own():
    trials = simulate("matching_pennies", {"matcher": "oracle", "mismatcher": HoldAgent()}, 50)
    matcher, other = (trials.select(trials["subject"] == name) for name in ("matcher", "mismatcher"))
    assert (matcher["choice"] == 1).all()
    assert (other["outcome"] == "miss").all()


def test_a_subject_without_an_agent_and_an_agent_without_a_subject_are_refused():
    with pytest.raises(ArgumentError, match="mismatcher"):
        simulate("matching_pennies", {"matcher": "oracle"}, 5)
    with pytest.raises(UnknownNameError, match="matcher"):
        simulate("matching_pennies", {"macher": "oracle", "mismatcher": "hold"}, 5)


@pytest.mark.parametrize("option", ["trials", "per_lane", "lanes"])
@pytest.mark.parametrize("value", [0, -1, 2.5, True, "many"])
def test_numbers_that_make_no_sense_are_refused(option, value):
    with pytest.raises(ArgumentError, match=option):
        simulate("random_dots", **{"trials": 5, option: value})


def test_dt_changes_the_time_step():
    trials = simulate("random_dots", "oracle", 20, dt=50)
    assert np.allclose(trials["duration_s"], 0.1 + 2.0 + 0.05)
    assert (trials["response_time_s"] == 0.05).all()


def test_simulate_is_a_public_function_of_the_package():
    assert npar.simulate is simulate
