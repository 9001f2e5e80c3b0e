"""The gymnasium environment."""

import pickle
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from neuroparallel.environments import gym_env, parallel_env
from neuroparallel.errors import ActionError, UsageError


@pytest.mark.parametrize("name", ["random_dots", "dpa_gng", "dual_random_dots"])
def test_gymnasium_accepts_it(name):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*A Box observation space.*")
        warnings.filterwarnings("ignore", message=".*has no windows.*")  # those of render_mode="human"
        check_env(gym_env(name, session={"trials": 3}, render_mode="rgb_array"))


def test_it_is_the_parallel_environments_only_agent():
    single, env = gym_env("dpa_gng", lane=3), parallel_env("dpa_gng", lane=3)
    rng = np.random.default_rng(0)
    seen, info = single.reset(seed=2)
    observations, infos = env.reset(seed=2)
    assert np.array_equal(seen, observations["subject_0"])
    for _ in range(100):
        action = int(rng.integers(2))
        seen, reward, terminated, truncated, info = single.step(action)
        observations, rewards, _, _, infos = env.step({"subject_0": action})
        assert np.array_equal(seen, observations["subject_0"])
        assert reward == rewards["subject_0"]
        assert info == infos["subject_0"]
        assert (terminated, truncated) == (False, False)
    assert np.array_equal(single.truth(), env.truth()["subject_0"])


def test_a_session_ends_as_a_truncation_and_must_be_followed_by_a_reset():
    env = gym_env("random_dots", session={"trials": 1})
    with pytest.raises(UsageError, match="before reset"):
        env.step(0)
    env.reset(seed=0)
    truncated = False
    while not truncated:
        *_, truncated, _ = env.step(0)
    with pytest.raises(UsageError, match="call reset"):
        env.step(0)
    env.reset()
    env.step(0)


def test_a_wrong_action_is_refused():
    env = gym_env("random_dots")
    env.reset(seed=0)
    with pytest.raises(ActionError, match="0 to 2"):
        env.step(3)


def test_it_can_be_pickled_and_put_back():
    env = gym_env("dpa_gng")
    env.reset(seed=1)
    for _ in range(30):
        env.step(0)
    twin, saved = pickle.loads(pickle.dumps(env)), env.get_state()
    first = [env.step(1)[0].tolist() for _ in range(30)]
    assert [twin.step(1)[0].tolist() for _ in range(30)] == first
    env.set_state(saved)
    assert [env.step(1)[0].tolist() for _ in range(30)] == first


def test_wrappers_of_gymnasium_work():
    env = gymnasium.wrappers.RecordEpisodeStatistics(gym_env("random_dots", session={"steps": 30}))
    env.reset(seed=0)
    truncated = False
    while not truncated:
        *_, truncated, info = env.step(0)
    assert info["episode"]["l"] >= 30
    assert len(env.unwrapped.trials()) >= 1
    assert env.get_wrapper_attr("channel_names")()[0] == "fixation"


def test_its_names_and_repr():
    env = gym_env("random_dots")
    assert (env.agent, repr(env), str(env)) == ("subject_0", *["GymEnvironment(random_dots)"] * 2)
