"""The project's most important test: the batch engine equals the scalar engine, lane by lane, bit for bit."""

import hashlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from neuroparallel.scenario import Scenario, list_scenarios
from neuroparallel.tasks import list_tasks
from tests.engine.comparing import POLICIES, SideBySide, bits, copied, draw_actions, engine, every_other

EVERYTHING = [*list_scenarios(), *(task for task in list_tasks() if task not in list_scenarios())]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", EVERYTHING)
def test_every_lane_of_a_batch_is_the_scalar_engine_with_that_lane(name, policy):
    pair = SideBySide(Scenario.load(name), 7, policy)
    for _ in range(120):
        pair.step()
    pair.compare_tables()


LONG = {
    "periods": {"task": "random_dots", "early": "penalty", "timing": {"stimulus": 30_000, "delay": 60_000}},
    "trials": {"task": "random_dots", "timing": {"fixation": 0, "stimulus": 200, "decision": 200}},
    "dots": {"task": "random_dots", "preset": "neurogym"},
}


@pytest.mark.parametrize("name", [*LONG, "dual_random_dots", "dpa_gng", "prp", "dual_n_back"])
def test_long_sessions_go_beyond_all_that_a_lane_makes_in_advance(name):
    known = name not in LONG
    scenario = name if known else {"name": name, "subjects": {"subject_0": {"streams": {"dots": LONG[name]}}}}
    pair = SideBySide(Scenario.load(scenario), 3, "mixed", checked={1})
    for _ in range(1500):
        pair.step()
    pair.compare_tables()


@pytest.mark.parametrize("session", [{"trials": 2}, {"steps": 30}], ids=str)
@pytest.mark.parametrize("name", EVERYTHING)
def test_sessions_end_and_begin_alike_in_both_engines(name, session):
    pair = SideBySide(Scenario.load(name), 5, "mixed", session)
    for _ in range(150):
        pair.step()
    pair.compare_tables()


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_pickled_batch_goes_on_where_it_was(name):
    batch, rng = engine(Scenario.load(name), 5, session={"trials": 3}), np.random.default_rng(0)
    batch.reset(2)
    for _ in range(25):
        batch.step(draw_actions(batch, "mixed", rng))
    twin = pickle.loads(pickle.dumps(batch))
    for _ in range(40):
        actions = draw_actions(batch, "mixed", rng)
        mine, theirs = batch.step(actions), twin.step(actions)
        for agent in actions:
            np.testing.assert_array_equal(bits(mine[0][agent]), bits(theirs[0][agent]))
            np.testing.assert_array_equal(mine[1][agent], theirs[1][agent])
    assert len(batch.trials()) == len(twin.trials())


@pytest.mark.parametrize("lanes", [1, 300])
@pytest.mark.parametrize("name", EVERYTHING)
def test_the_number_of_lanes_does_not_matter(name, lanes):
    pair = SideBySide(Scenario.load(name), lanes, "mixed")
    for _ in range(60):
        pair.step()


@pytest.mark.parametrize("name", EVERYTHING)
def test_actions_in_one_lane_never_change_another(name):
    scenario = Scenario.load(name)
    calm, disturbed = engine(scenario, 6), engine(scenario, 6)
    calm.reset(5), disturbed.reset(5)
    rng, noise = np.random.default_rng(1), np.random.default_rng(2)
    for _ in range(80):
        actions = draw_actions(calm, "mixed", rng)
        changed, others = (
            {agent: copied(action) for agent, action in actions.items()},
            draw_actions(disturbed, "random", noise),
        )
        for agent, action in changed.items():
            every_other(action, others[agent])
        first, second = calm.step(actions)[0], disturbed.step(changed)[0]
        for agent in first:
            assert (bits(first[agent])[1::2] == bits(second[agent])[1::2]).all()


def digest(name, steps=60):
    """What happens in a scenario, as one word."""
    batch, rng, summary = engine(Scenario.load(name), 4), np.random.default_rng(3), hashlib.sha256()
    observations, _ = batch.reset(11)
    for _ in range(steps):
        for agent in sorted(observations):
            summary.update(np.ascontiguousarray(observations[agent]).tobytes())
        observations, rewards, *_ = batch.step(draw_actions(batch, "mixed", rng))
        for agent in sorted(rewards):
            summary.update(rewards[agent].tobytes())
    return summary.hexdigest()


def test_another_process_plays_the_same_trajectories():
    code = "from tests.engine.test_equality import *\nfor name in EVERYTHING: print(digest(name))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [digest(name) for name in EVERYTHING]


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_saved_state_resumes_exactly(name):
    scenario = Scenario.load(name)
    batch, rng = engine(scenario, 5, {"trials": 3}), np.random.default_rng(4)
    batch.reset(1)
    for _ in range(37):
        batch.step(draw_actions(batch, "mixed", rng))
    saved = batch.state()
    plan = []
    for _ in range(60):
        plan.append(draw_actions(batch, "mixed", rng))
        last = batch.step(plan[-1])
    again = engine(scenario, 5, {"trials": 3})
    again.set_state(saved)
    for actions in plan:
        repeated = again.step(actions)
    for part in range(4):
        for agent in last[part]:
            np.testing.assert_array_equal(last[part][agent], repeated[part][agent])
    for name_ in batch.trials().columns:
        np.testing.assert_array_equal(batch.trials()[name_], again.trials()[name_])


def test_a_scalar_state_resumes_exactly_in_the_middle_of_a_period():
    from tests.engine.comparing import lane_engine

    single, copy = lane_engine(Scenario.load("dpa_gng"), 2), lane_engine(Scenario.load("dpa_gng"), 2)
    single.reset(8)
    for _ in range(9):
        single.step({"subject_0": 0})
    copy.set_state(single.state())
    for _ in range(60):
        truth = single.truth()
        ours, theirs = single.step(truth), copy.step(truth)
        assert (bits(ours[0]["subject_0"]) == bits(theirs[0]["subject_0"])).all()
        assert ours[1:] == theirs[1:]


def test_restarting_some_lanes_leaves_the_others_as_they_were():
    scenario = Scenario.load("dpa_gng")
    plain, restarted = engine(scenario, 6), engine(scenario, 6)
    plain.reset(2), restarted.reset(2)
    mask = np.array([True, False, False, True, False, False])
    rng = np.random.default_rng(0)
    for step in range(60):
        actions = draw_actions(plain, "mixed", rng)
        first, second = plain.step(actions)[0]["subject_0"], restarted.step(actions)[0]["subject_0"]
        assert (bits(first)[~mask] == bits(second)[~mask]).all()
        if step == 20:
            shown = restarted.restart(mask)["subject_0"]
            assert (bits(shown)[~mask] == bits(first)[~mask]).all()
            fresh = engine(scenario, 6)
            fresh.reset(2)
            assert (bits(fresh.reset()[0]["subject_0"])[mask] == bits(shown)[mask]).all()
