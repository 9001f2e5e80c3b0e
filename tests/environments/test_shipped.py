"""Every shipped scenario and task, in every kind of environment."""

import pickle

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo.test import api_test, parallel_api_test

from neuroparallel.environments import aec_env, batch, gym_env, parallel_env, vector_env
from neuroparallel.errors import ArgumentError
from neuroparallel.scenario import Scenario, list_scenarios
from neuroparallel.tasks import list_tasks
from neuroparallel.wrappers import previous_action_v0, previous_reward_v0
from tests.tasks import playing

NAMES = sorted({*list_tasks(), *list_scenarios()})
ALONE = [name for name in NAMES if len(Scenario.load(name).subjects) == 1]
pytestmark = pytest.mark.filterwarnings("ignore:Action space for each agent:UserWarning")


def drawn(space, rng, lanes):
    """Mostly holding, so that trials go on."""
    return playing.drawn(space, rng, lanes, 0.3)


def moves(env, agent):
    """Whether an agent has movements among its actions."""
    return isinstance(env.action_space(agent), (spaces.Box, spaces.Dict))


@pytest.mark.parametrize("name", NAMES)
def test_pettingzoo_accepts_it(name):
    parallel_api_test(parallel_env(name, session={"trials": 2}), num_cycles=100)
    api_test(aec_env(name, session={"trials": 2}), num_cycles=20)


@pytest.mark.parametrize("name", NAMES)
def test_lanes_of_the_wrapped_batch_are_the_wrapped_environments(name):
    limit = {"session": {"trials": 2}}
    engine = previous_reward_v0(batch(name, 3, **limit))
    envs = [previous_reward_v0(parallel_env(name, lane=lane, **limit)) for lane in range(3)]
    if any(moves(engine, agent) for agent in engine.possible_agents):
        with pytest.raises(ArgumentError, match="Discrete"):  # it shows choices
            previous_action_v0(engine)
    else:
        engine, envs = previous_action_v0(engine), [previous_action_v0(env) for env in envs]
    seen = engine.reset(seed=6)[0]
    ones = [env.reset(seed=6) for env in envs]
    rng = np.random.default_rng(0)
    for _ in range(80):
        for agent in engine.possible_agents:
            assert np.array_equal(seen[agent], [one[0][agent] for one in ones])
        actions = {a: drawn(engine.action_space(a), rng, 3) for a in engine.possible_agents}
        seen, rewards, _, truncations, infos = engine.step(actions)
        for lane, env in enumerate(envs):
            mine = {agent: playing.in_lane(action, lane) for agent, action in actions.items()}
            ones[lane] = env.step(mine) if env.agents else env.reset()
            if len(ones[lane]) == 5:
                for agent in engine.possible_agents:
                    assert ones[lane][1][agent] == rewards[agent][lane]
                    assert ones[lane][3][agent] == truncations[agent][lane]
                    numbers = {key: values[lane] for key, values in infos[agent].items()}
                    assert ones[lane][4][agent] == numbers


@pytest.mark.parametrize("name", NAMES)
def test_it_is_painted_pickled_and_put_back_in_the_middle_of_a_session(name):
    env = parallel_env(name, render_mode="rgb_array")
    env.reset(seed=0)
    rng = np.random.default_rng(0)

    def step(env):
        return env.step({a: playing.in_lane(drawn(env.action_space(a), rng, 1), 0) for a in env.agents})

    for _ in range(37):
        step(env)
        assert env.render().shape == (360 * len(env.agents), 640, 3)
    twin = pickle.loads(pickle.dumps(env))
    for _ in range(40):
        state = rng.bit_generator.state
        one = step(env)
        rng.bit_generator.state = state
        other = step(twin)
        assert one[1:] == other[1:]
        assert all(np.array_equal(one[0][agent], other[0][agent]) for agent in one[0])
        assert np.array_equal(env.render(), twin.render())


@pytest.mark.parametrize("name", ALONE)
def test_vector_lanes_are_gymnasium_environments(name):
    vec, env = vector_env(name, 2), gym_env(name)
    assert np.array_equal(vec.reset(seed=[3, 4])[0][1], env.reset(seed=4)[0])
    rng = np.random.default_rng(0)
    for _ in range(40):
        actions = drawn(vec.single_action_space, rng, 2)
        assert np.array_equal(vec.step(actions)[0][1], env.step(playing.in_lane(actions, 1))[0])
