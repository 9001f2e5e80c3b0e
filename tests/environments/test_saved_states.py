"""A state of something else, or of another version, is refused with its place, and what refuses it stays as it was."""

import copy
import pickle

import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel.agents.seats import SeatedBatch
from neuroparallel.engine.snapshot import check_saved
from neuroparallel.errors import ArgumentError


def begun(env, steps=5):
    env.reset(seed=1)
    for _ in range(steps):
        env.step(env.action_space.sample() * 0)
    return env


def seated(agent, lanes=4):
    env = SeatedBatch(npar.batch("prisoners_dilemma", lanes=lanes), {"subject_0": npar.agents.make_agent(agent)})
    env.reset(seed=1)
    env.step({env.possible_agents[0]: np.ones(lanes, np.int64)})
    return env


@pytest.mark.parametrize("name", npar.list_scenarios())
def test_a_state_fits_the_scenario_that_it_is_of_before_and_in_a_session(name):
    saved, fresh = (npar.batch(name, lanes=2) for _ in range(2))
    saved.reset(seed=0)
    check_saved(saved.state(), fresh.state())
    check_saved(fresh.state(), saved.state())
    check_saved(pickle.loads(pickle.dumps(saved.state())), fresh.state())


@pytest.mark.parametrize("name", npar.list_scenarios())
def test_a_state_of_one_lane_fits_before_and_in_a_session(name):
    saved, fresh = npar.parallel_env(name), npar.parallel_env(name)
    saved.reset(seed=0)
    for _ in range(30):
        saved.step({agent: saved.action_space(agent).sample() for agent in saved.agents})
    fresh.set_state(saved.get_state())
    assert fresh.truth() == saved.truth()
    saved.set_state(npar.parallel_env(name).get_state())
    fresh.set_state(saved.get_state())


@pytest.mark.parametrize("wrapped", [npar.batch, npar.parallel_env])
def test_a_state_without_its_wrapper_is_refused(wrapped):
    env = npar.wrappers.previous_reward_v0(wrapped("random_dots", **({"lanes": 2} if wrapped is npar.batch else {})))
    env.reset(seed=0)
    inside = env.unwrapped.state() if wrapped is npar.batch else env.unwrapped.get_state()
    with pytest.raises(ArgumentError, match="not saved of a wrapped environment"):
        env.set_state(inside)


@pytest.mark.parametrize("make", [npar.gym_env, lambda what: npar.vector_env(what, num_envs=3)])
def test_a_state_of_an_earlier_version_is_refused_and_nothing_changes(make):
    env = begun(make("random_dots"))
    old = copy.deepcopy(env.get_state())
    del old["engine"]["streams"][0]["current_choice"]
    before = env.get_state()["engine"]["now"]
    env.step(env.action_space.sample() * 0)
    with pytest.raises(ArgumentError, match=r"state\.engine\.streams\.0\.current_choice is missing; .*another version"):
        env.set_state(old)
    assert env.get_state()["engine"]["now"] == before + 1


def test_a_state_of_other_lanes_or_of_more_streams_is_refused():
    env = begun(npar.vector_env("random_dots", num_envs=3))
    with pytest.raises(ArgumentError, match=r"has the shape \(4,\), here \(3,\)"):
        env.set_state(begun(npar.vector_env("random_dots", num_envs=4)).get_state())
    with pytest.raises(ArgumentError, match=r"state\.engine\.streams has 2 parts, here 1 parts"):
        env.set_state(begun(npar.vector_env("dpa_gng", num_envs=3)).get_state())


def test_a_state_of_another_agent_on_the_seat_is_refused():
    env = seated("memory_one")
    env.set_state(seated("memory_one").state())
    with pytest.raises(ArgumentError, match=r"the state of subject_0 lacks \w+; it is of another agent or version"):
        env.set_state(seated("wsls").state())
