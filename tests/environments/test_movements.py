"""Environments whose actions are movements: Box, and Dict where another stream acts beside it."""

import pickle

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import api_test, parallel_api_test

import neuroparallel as npar
from neuroparallel.errors import ActionError
from tests.engine.toys import Clicks, Reach, alone, together

BOTH = together(Clicks, Reach, session={"trials": 3})


def test_a_movement_passes_the_checks_of_pettingzoo_and_gymnasium():
    parallel_api_test(npar.parallel_env(alone(Reach()), session={"trials": 3}), num_cycles=100)
    parallel_api_test(npar.parallel_env(BOTH), num_cycles=100)
    api_test(npar.aec_env(alone(Reach()), session={"trials": 3}), num_cycles=50)
    check_env(npar.gym_env(alone(Reach()), session={"trials": 3}), skip_render_check=True)
    check_env(npar.gym_env(BOTH), skip_render_check=True)


@pytest.mark.parametrize("what", [alone(Reach()), BOTH], ids=["box", "dict"])
def test_an_environment_is_its_lane_of_a_batch(what):
    options = {"session": {"trials": 300}}
    batch, env = npar.batch(what, lanes=3, seed=5, **options), npar.parallel_env(what, lane=2, **options)
    seen, alone_ = batch.reset()[0]["subject_0"], env.reset(seed=5)[0]["subject_0"]
    space = env.action_space("subject_0")
    space.seed(1)
    for _ in range(25):
        np.testing.assert_array_equal(seen[2], alone_)
        action = space.sample()
        many = {k: np.stack([v] * 3) for k, v in action.items()} if isinstance(action, dict) else np.stack([action] * 3)
        seen = batch.step({"subject_0": many})[0]["subject_0"]
        alone_ = env.step({"subject_0": action})[0]["subject_0"]


@pytest.mark.parametrize("action", [np.array([0.5], np.float32), np.array([0.5]), [0.5], (0.5,)], ids=repr)
def test_a_movement_may_be_any_sequence_of_floats(action):
    env = npar.parallel_env(alone(Reach()))
    env.reset()
    env.step({"subject_0": action})


@pytest.mark.parametrize(
    "action",
    [1, 0.5, [1], [2.0], [np.nan], [0.1, 0.1], None, "left", [None], [[0.1]], {"second": [0.1]}, [[1], [1, 2]]],
    ids=repr,
)
def test_a_wrong_movement_names_the_agent_and_the_range_and_changes_nothing(action):
    env = npar.parallel_env(alone(Reach()))
    env.reset(seed=1)
    before = pickle.dumps(env.get_state()["engine"]["streams"])
    with pytest.raises(ActionError, match=r"subject_0.*-1 to 1"):
        env.step({"subject_0": action})
    assert pickle.dumps(env.get_state()["engine"]["streams"]) == before


@pytest.mark.parametrize(
    "action", [[0, [0.1]], {"first": 0}, {"first": 3, "second": [0.1]}, {"first": 0, "second": [3.0]}, None], ids=repr
)
def test_a_wrong_part_of_an_action_names_the_agent(action):
    env = npar.parallel_env(BOTH)
    env.reset(seed=1)
    with pytest.raises(ActionError, match="subject_0"):
        env.step({"subject_0": action})
    with pytest.raises(ActionError, match="subject_0"):
        env.step({})


@pytest.mark.parametrize("what", [alone(Reach()), BOTH], ids=["box", "dict"])
def test_vector_environments_take_the_samples_of_their_space(what):
    env = npar.vector_env(what, 5, session={"trials": 2})
    env.reset(seed=1)
    env.action_space.seed(0)
    for _ in range(40):
        env.step(env.action_space.sample())
    assert len(env.trials()) > 5


@pytest.mark.parametrize("what", [alone(Reach()), BOTH], ids=["box", "dict"])
def test_a_picture_shows_a_movement_as_what_it_came_to(what):
    env = npar.parallel_env(what, render_mode="rgb_array")
    env.reset(seed=1)
    space = env.action_space("subject_0")
    for _ in range(6):
        env.step({"subject_0": space.sample()})
    assert env.render().shape == (360, 640, 3)


def test_the_range_of_a_movement_stands_in_its_space():
    space = npar.parallel_env(alone(Reach())).action_space("subject_0")
    assert space == spaces.Box(-1.0, 1.0, (1,), np.float32)
