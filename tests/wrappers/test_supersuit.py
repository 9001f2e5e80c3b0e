"""SuperSuit's wrappers on our environments: which work, why others do not, and that ours give the same values."""

import re

import numpy as np
import pytest

from neuroparallel import wrappers
from neuroparallel.environments import gym_env, parallel_env, vector_env
from neuroparallel.errors import ScenarioError
from neuroparallel.scenario import Scenario

from .stacks import PAIR, drawn

ss = pytest.importorskip("supersuit")
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:supersuit"),
]

ME = "subject_0"


def doubled(seen, space):
    return seen * 2


def same_space(space):
    return space


# What each of SuperSuit's wrappers needs, and None or why it cannot do with our observations and actions: vectors
# without bounds, and Discrete choices. (3.11.0; the right column is part of what it says, and `resize` says nothing.)
ON_ONE_STREAM = {
    "action_lambda_v1": ({"change_action_fn": lambda a, s: a, "change_space_fn": same_space}, None),
    "agent_indicator_v0": ({}, None),
    "black_death_v3": ({}, None),
    "clip_actions_v0": ({}, "no attribute 'low'"),
    "clip_reward_v0": ({}, None),
    "color_reduction_v0": ({}, "3d"),
    "delay_observations_v0": ({"delay": 2}, None),
    "dtype_v0": ({"dtype": np.float64}, None),
    "flatten_v0": ({}, None),
    "frame_skip_v0": ({"num_frames": 2}, None),
    "frame_stack_v1": ({"stack_size": 3}, None),
    "frame_stack_v2": ({"stack_size": 3}, None),
    "max_observation_v0": ({"memory": 2}, None),
    "nan_noop_v0": ({"no_op_action": 0}, None),
    "nan_random_v0": ({}, None),
    "nan_zeros_v0": ({}, None),
    "normalize_obs_v0": ({}, "infinite bounds"),
    "observation_lambda_v0": ({"change_observation_fn": doubled, "change_obs_space_fn": same_space}, None),
    "pad_action_space_v0": ({}, None),
    "pad_observations_v0": ({}, None),
    "reshape_v0": ({"shape": (3, 1)}, None),
    "resize_v1": ({"x_size": 2, "y_size": 2}, "^$"),
    "reward_lambda_v0": ({"change_reward_fn": abs}, None),
    "scale_actions_v0": ({"scale": 2.0}, "Box"),
    "sticky_actions_v0": ({"repeat_action_probability": 0.5}, None),
}
# These are made of environments in a row, not around one; below.
VECTORS = {"concat_vec_envs_v1", "pettingzoo_env_to_vec_env_v1", "gym_vec_env_v0", "vectorize_aec_env_v0"}
VECTORS |= {"stable_baselines3_vec_env_v0", "stable_baselines_vec_env_v0"}


def play(env, steps=40):
    rng, story = np.random.default_rng(0), [env.reset(seed=1)]
    for _ in range(steps):
        if not env.agents:
            break
        actions = {agent: drawn(env.action_space(agent), rng, calm=True) for agent in env.agents}
        story.append(env.step(actions))
    return story


def test_every_wrapper_of_supersuit_is_in_the_list():
    exported = {name for name in vars(ss) if re.fullmatch(r"[a-z][a-z0-9_]*_v\d+", name)}
    assert exported == set(ON_ONE_STREAM) | VECTORS


@pytest.mark.parametrize(("name", "options", "reason"), [(n, o, r) for n, (o, r) in ON_ONE_STREAM.items()])
def test_which_survive_and_why_others_do_not(name, options, reason):
    env = parallel_env("random_dots", session={"trials": 4})
    if reason is not None:
        with pytest.raises((AssertionError, AttributeError, ValueError), match=reason):
            play(getattr(ss, name)(env, **options))
        return
    wrapped = getattr(ss, name)(env, **options)
    story = play(wrapped)
    assert len(story) > 5
    for seen, *_ in story:
        assert all(wrapped.observation_space(agent).shape == array.shape for agent, array in seen.items())
    assert len(env.trials()) > 0


OURS_AND_THEIRS = [
    ("frame_stack_v0", {"frames": 3}, "frame_stack_v1", {"stack_size": 3}, "random_dots"),
    ("delay_observation_v0", {"steps": 2}, "delay_observations_v0", {"delay": 2}, "random_dots"),
    ("pad_observation_v0", {}, "pad_observations_v0", {}, PAIR),
    ("pad_action_v0", {}, "pad_action_space_v0", {}, PAIR),
    ("agent_indicator_v0", {}, "agent_indicator_v0", {}, PAIR),
    (
        "scale_reward_v0",
        {"low": -0.5, "high": 0.5},
        "clip_reward_v0",
        {"lower_bound": -0.5, "upper_bound": 0.5},
        "random_dots",
    ),
    ("sticky_action_v0", {"probability": 0.0}, "sticky_actions_v0", {"repeat_action_probability": 0.0}, "random_dots"),
]


@pytest.mark.parametrize("case", OURS_AND_THEIRS, ids=lambda case: case[0])
def test_where_supersuit_has_the_same_wrapper_ours_gives_the_same_values(case):
    ours, options, theirs, their_options, what = case

    def env():
        return parallel_env(what, session={"trials": 3})

    one, other = getattr(wrappers, ours)(env(), **options), getattr(ss, theirs)(env(), **their_options)
    for agent in one.possible_agents:
        assert one.observation_space(agent).shape == other.observation_space(agent).shape
        assert one.action_space(agent) == other.action_space(agent)
    rng = np.random.default_rng(0)
    seen, expected = one.reset(seed=1)[0], other.reset(seed=1)[0]
    while one.agents:
        np.testing.assert_equal(seen, expected)
        actions = {agent: drawn(one.action_space(agent), rng, calm=True) for agent in one.agents}
        mine, their = one.step(actions), other.step(actions)
        seen, expected = mine[0], {agent: array.copy() for agent, array in their[0].items()}  # theirs are reused
        for part in (1, 2, 3):
            assert {a: float(v) for a, v in mine[part].items()} == {a: float(v) for a, v in their[part].items()}


def test_two_of_supersuits_defects_that_ours_have_not():
    env = ss.frame_stack_v1(parallel_env("random_dots"), 2)
    kept = env.reset(seed=0)[0][ME]
    before = kept.copy()
    env.step({ME: 0})
    assert not np.array_equal(kept, before)  # one buffer, written again in every step
    env = wrappers.frame_stack_v0(parallel_env("random_dots"), 2)
    kept = env.reset(seed=0)[0][ME]
    before = kept.copy()
    env.step({ME: 0})
    assert np.array_equal(kept, before)

    def stuck(wrap):
        env = wrap(wrappers.previous_action_v0(parallel_env(PAIR), encoding="index"))
        env.reset(seed=1)
        done = [env.step(dict.fromkeys(env.agents, step % 2))[0] for step in range(60)]
        return [[seen[agent][-1] == (step % 2) for step, seen in enumerate(done)] for agent in ("ann_0", "bob_0")]

    ann, bob = stuck(lambda env: ss.sticky_actions_v0(env, 0.5))
    assert ann == bob  # one seed for all agents
    ann, bob = stuck(lambda env: wrappers.sticky_action_v0(env, 0.5))
    assert ann != bob


def test_a_scenario_may_name_them_between_ours():
    entries = ["previous_reward", {"supersuit.frame_stack_v1": {"stack_size": 4}}, "clock"]
    scenario = Scenario.load("random_dots").replace(wrappers=entries)
    env = parallel_env(scenario)
    assert env.observation_space(ME).shape == (17,)
    seen, _ = env.reset(seed=0)
    assert seen[ME].shape == (17,)
    assert env.step({ME: 0})[0][ME][-1] == np.float32(0.1)
    assert gym_env(scenario).reset(seed=0)[0].shape == (17,)
    with pytest.raises(ScenarioError, match="single environments only"):
        vector_env(scenario, 2)


def markov(what, wrap, copies=3, base_class="gymnasium"):
    env = wrap(parallel_env(what, session={"trials": 2}))
    return ss.concat_vec_envs_v1(ss.pettingzoo_env_to_vec_env_v1(env), copies, num_cpus=0, base_class=base_class)


@pytest.mark.parametrize("what", ["random_dots", PAIR])
def test_supersuits_vectors_are_fed(what):
    def wrap(env):
        several = len(env.possible_agents) > 1
        env = wrappers.pad_action_v0(wrappers.pad_observation_v0(env)) if several else env
        return wrappers.previous_action_v0(wrappers.previous_reward_v0(env))

    vec = markov(what, wrap)
    agents = 1 if what == "random_dots" else 2
    assert vec.num_envs == 3 * agents
    assert vec.reset()[0].shape == (3 * agents, *vec.observation_space.shape)
    rng, over = np.random.default_rng(0), 0
    for _ in range(80):
        seen, rewards, ends, cuts, infos = vec.step(rng.integers(vec.action_space.n, size=3 * agents))
        assert seen.shape == (3 * agents, *vec.observation_space.shape)
        assert np.isfinite(seen).all()
        assert rewards.shape == ends.shape == cuts.shape == (3 * agents,)
        assert "ground_truth" in infos[0]
        over += np.sum(cuts)
    assert over > 0


@pytest.mark.slow
def test_stable_baselines3_learns_through_supersuits_vectors():
    sb3 = pytest.importorskip("stable_baselines3")
    vec = markov("random_dots", wrappers.previous_reward_v0, copies=2, base_class="stable_baselines3")
    model = sb3.PPO("MlpPolicy", vec, n_steps=32, batch_size=32, n_epochs=1, device="cpu")
    before = model.policy.state_dict()["action_net.weight"].clone()
    model.learn(128)
    assert not np.array_equal(before, model.policy.state_dict()["action_net.weight"])
