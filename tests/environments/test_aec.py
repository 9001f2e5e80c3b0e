"""The AEC view: PettingZoo's tests of it, and that nothing is lost on the way."""

import numpy as np
import pytest
from pettingzoo.test import api_test, seed_test
from pettingzoo.utils import aec_to_parallel

from neuroparallel.environments import ParallelEnvironment, aec_env, parallel_env
from neuroparallel.errors import ActionError


@pytest.mark.filterwarnings("ignore:Action space for each agent:UserWarning")  # MultiDiscrete
@pytest.mark.parametrize("name", ["random_dots", "dpa_gng", "dual_random_dots"])
def test_pettingzoo_accepts_it(name):
    api_test(aec_env(name, session={"trials": 3}), num_cycles=200)
    seed_test(lambda: aec_env(name), num_cycles=100)


def test_pettingzoo_accepts_two_subjects(pair):
    api_test(aec_env(pair, session={"trials": 3}), num_cycles=200)


def test_it_plays_the_same_session_as_the_parallel_environment(pair):
    turns, together = aec_env(pair, session={"trials": 2}), parallel_env(pair, session={"trials": 2})
    turns.reset(seed=3)
    seen, _ = together.reset(seed=3)
    rng = np.random.default_rng(0)
    while together.agents:
        actions = {agent: int(rng.integers(3)) for agent in together.agents}
        for agent in actions:
            assert turns.agent_selection == agent
            assert np.array_equal(turns.last()[0], seen[agent])
            turns.step(actions[agent])
        seen, rewards, _, truncations, _ = together.step(actions)
        assert turns.truncations == truncations
        assert turns.rewards == rewards
    for _ in turns.agents[:]:
        turns.step(None)
    assert turns.agents == []


def test_an_action_is_checked_when_it_is_given(pair):
    env = aec_env(pair)
    env.reset(seed=0)
    with pytest.raises(ActionError, match=r"ann_0: .* from 0 to 2"):
        env.step(3)
    assert env.agent_selection == "ann_0"
    env.step(0)
    with pytest.raises(ActionError, match=r"bob_0: "):
        env.step(True)
    env.step(np.int64(0))
    assert env.agent_selection == "ann_0"


def test_the_rest_of_the_environment_can_be_reached():
    env = aec_env("random_dots", session={"trials": 2}, render_mode="rgb_array")
    assert env.scenario.name == "random_dots"
    assert "random_dots" in repr(env.env)
    env.reset(seed=0)
    for _ in env.agent_iter():
        env.step(None if env.truncations[env.agent_selection] else 0)
    assert len(env.trials()) == 2
    assert isinstance(env.unwrapped, ParallelEnvironment)
    assert isinstance(aec_to_parallel(env), ParallelEnvironment)
    with pytest.raises(AttributeError):
        env.no_such_name  # noqa: B018
