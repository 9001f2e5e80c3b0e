"""Random stacks of signal wrappers over random tasks: every kind of environment plays the same, and is sound."""

import copy
import pickle

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gym_check
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from pettingzoo.test import parallel_api_test, parallel_seed_test

from neuroparallel.environments import batch, gym_env, parallel_env, vector_env
from neuroparallel.errors import ArgumentError
from neuroparallel.scenario import Scenario
from neuroparallel.tasks import list_tasks
from neuroparallel.testkit import check_env

from .stacks import ANY, PAIR, TWO_STREAMS, TWO_SUBJECTS, drawn, lane_of, stacks, wrapped

pytestmark = pytest.mark.filterwarnings("ignore:.*A Box observation space", "ignore:.*is different from the unwrapped")
FEW = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
LIMIT = {"session": {"trials": 2}}

ALONE = [name for name in list_tasks() if len(Scenario.load(name).subjects) == 1]
ONE = st.tuples(st.sampled_from(ALONE), stacks(ANY))
DUAL = st.tuples(st.sampled_from(["dual_random_dots", "dpa_gng", "tracking_with_probe"]), stacks(ANY, TWO_STREAMS))
MANY = st.tuples(st.just(PAIR), stacks([*ANY, *TWO_SUBJECTS], TWO_SUBJECTS))


def fits(what, stack):
    """Make the stack once; discard what is refused: it has tests of its own."""
    try:
        return wrapped(parallel_env(what, **LIMIT), stack)
    except ArgumentError:
        reject()


def same(many, infos, ones, agent):
    for lane, (seen, info) in enumerate(ones):
        assert many[lane].dtype == seen.dtype
        assert np.array_equal(many[lane], seen), (lane, many[lane], seen)
        assert {key: values[lane] for key, values in infos.items()} == info, agent


@FEW
@given(st.one_of(ONE, DUAL, MANY), st.integers(0, 2**32))
def test_lane_i_of_a_batch_is_parallel_env_i(pick, seed):
    what, stack = pick
    fits(what, stack)
    lanes, rng = 3, np.random.default_rng(seed)
    engine = wrapped(batch(what, lanes, seed=seed, **LIMIT), stack)
    envs = [wrapped(parallel_env(what, lane=i, seed=seed, **LIMIT), stack) for i in range(lanes)]
    many, infos = engine.reset()
    ones = [env.reset() for env in envs]
    over = np.zeros(lanes, bool)
    for step in range(60):
        for agent in engine.possible_agents:
            assert engine.observation_space(agent) == envs[0].observation_space(agent)
            assert engine.channel_names(agent) == envs[0].channel_names(agent)
            assert len(engine.channel_names(agent)) == many[agent].shape[1]
            same(many[agent], infos[agent], [(one[0][agent], one[-1][agent]) for one in ones], agent)
        actions = {a: drawn(engine.action_space(a), rng, lanes, step % 3 > 0) for a in engine.possible_agents}
        many, rewards, _, truncations, infos = engine.step(actions)
        alone = [lane_of(actions, i) for i in range(lanes)]
        ones = [env.reset() if over[i] else env.step(alone[i]) for i, env in enumerate(envs)]
        for i, one in enumerate(ones):
            assert over[i] or {agent: float(array[i]) for agent, array in rewards.items()} == one[1]
        over = truncations[engine.possible_agents[0]]


@FEW
@given(st.one_of(ONE, DUAL), st.integers(0, 2**32))
def test_vector_and_gym_environments_play_as_the_batch_does(pick, seed):
    what, stack = pick
    fits(what, stack)
    lanes, rng = 3, np.random.default_rng(seed)
    engine = wrapped(batch(what, lanes, **LIMIT), stack)
    vec = wrapped(vector_env(what, lanes, **LIMIT), stack)
    gyms = [wrapped(gym_env(what, lane=i, **LIMIT), stack) for i in range(lanes)]
    (agent,) = engine.possible_agents
    assert vec.single_observation_space == gyms[0].observation_space == engine.observation_space(agent)
    assert vec.single_action_space == gyms[0].action_space == engine.action_space(agent)
    many, flat, ones = engine.reset(seed=seed), vec.reset(seed=seed), [env.reset(seed=seed) for env in gyms]
    over = np.zeros(lanes, bool)
    for step in range(60):
        known = {key: value for key, value in flat[-1].items() if not key.startswith("_")}
        assert np.array_equal(many[0][agent], flat[0])
        assert all(np.array_equal(many[-1][agent][key], known[key]) for key in many[-1][agent])
        same(flat[0], known, [(one[0], one[-1]) for one in ones], agent)
        actions = drawn(vec.single_action_space, rng, lanes, step % 3 > 0)
        many, flat = engine.step({agent: actions}), vec.step(actions)
        ones = [env.reset() if over[i] else env.step(lane_of(actions, i)) for i, env in enumerate(gyms)]
        assert np.array_equal(many[1][agent], flat[1])
        over = flat[3]


@FEW
@given(st.one_of(ONE, DUAL), st.sampled_from(list(AutoresetMode)))
def test_every_autoreset_mode_is_that_of_gymnasiums_vector_of_wrapped_ones(pick, mode):
    what, stack = pick
    fits(what, stack)
    limit = {"session": {"trials": 1}}
    ours = wrapped(vector_env(what, 3, autoreset_mode=mode, **limit), stack)
    theirs = SyncVectorEnv([lambda: wrapped(gym_env(what, **limit), stack)] * 3, autoreset_mode=mode)
    seeds, rng = [4, 5, 6], np.random.default_rng(0)
    seen, expected = ours.reset(seed=seeds), theirs.reset(seed=seeds)
    assert np.array_equal(seen[0], expected[0])
    for step in range(50):
        actions = drawn(ours.single_action_space, rng, 3, step % 2 > 0)
        seen, expected = ours.step(actions), theirs.step(actions)
        assert np.array_equal(seen[0], expected[0])
        assert np.array_equal(seen[1], expected[1])
        for key in expected[4]:
            assert key in seen[4], key
        for key, values in expected[4].get("final_info", {}).items():
            assert np.array_equal(seen[4]["final_info"][key], values), key
        for mine, other in zip(seen[4].get("final_obs", ()), expected[4].get("final_obs", ()), strict=True):
            assert (mine is None) == (other is None)
            assert mine is None or np.array_equal(mine, other)
        over = seen[3]
        if mode is AutoresetMode.DISABLED and over.any():
            again = [env.reset(options={"reset_mask": over.copy()})[0] for env in (ours, theirs)]
            assert np.array_equal(*again)


@FEW
@given(st.one_of(ONE, DUAL, MANY), st.booleans())
def test_it_goes_on_where_it_was_and_some_lanes_can_begin_anew(pick, pickled):
    what, stack = pick
    fits(what, stack)

    def new():
        return wrapped(batch(what, 4, **LIMIT), stack)

    def go(env, seed):
        rng, shown = np.random.default_rng(seed), []
        for _ in range(15):
            actions = {a: drawn(env.action_space(a), rng, 4) for a in env.possible_agents}
            seen, rewards, *_ = env.step(actions)
            shown.append(copy.deepcopy((seen, rewards)))
        return shown

    engine = new()
    first, _ = engine.reset(seed=3)
    go(engine, 0)
    mask = np.array([True, False, True, False])
    again, agent = engine.restart(mask), engine.possible_agents[0]
    twin = pickle.loads(pickle.dumps(engine)) if pickled else new()
    assert repr(twin) == repr(engine)
    if not pickled:
        twin.set_state(engine.state())
    np.testing.assert_equal(go(engine, 1), go(twin, 1))
    anew = parallel_env(what, lane=2, **LIMIT)
    anew = wrapped(anew, stack)
    sessions = int(engine.unwrapped.sessions[2])
    for number in range(sessions + 1):
        seen, _ = anew.reset(seed=3) if number == 0 else anew.reset()
    if sessions == 1:  # no session has ended since
        assert np.array_equal(again[agent][2], seen[agent])
    assert first[agent].shape == again[agent].shape


@FEW
@given(st.one_of(ONE, DUAL, MANY))
def test_the_conformance_suite_accepts_them(pick):
    what, stack = pick
    env = fits(what, stack)
    check_env(env, steps=120)
    parallel_api_test(env, 60)
    twin = pickle.loads(pickle.dumps(env))
    assert repr(twin) == repr(env)
    for one in (env, twin):
        one.reset(seed=5)
    rng = np.random.default_rng(0)
    for _ in range(20):
        if not env.agents:
            break
        actions = {agent: drawn(env.action_space(agent), rng) for agent in env.agents}
        np.testing.assert_equal(env.step(actions), twin.step(actions))


def test_pettingzoos_seed_test_and_gymnasiums_checker_accept_a_stack():
    stack = [("noise", {}), ("sticky_action", {}), ("frame_stack", {}), ("previous_reward", {}), ("clock", {})]
    parallel_seed_test(lambda: wrapped(parallel_env("dpa_gng"), stack), 200)
    gym_check(wrapped(gym_env("random_dots", **LIMIT), stack), skip_render_check=True)


def test_a_single_environment_goes_on_after_a_pickle_in_the_middle_of_a_session():
    stack = [("noise", {}), ("sticky_action", {}), ("frame_stack", {}), ("previous_action", {}), ("clock", {})]
    for env in (wrapped(gym_env("random_dots"), stack), wrapped(parallel_env("random_dots"), stack)):
        env.reset(seed=1)
        act = (lambda a: a) if hasattr(env, "action_space") and not callable(env.action_space) else None
        actions = [1, 0, 2, 0, 0, 1] * 5
        for action in actions:
            env.step(action if act else {"subject_0": action})
        twin = pickle.loads(pickle.dumps(env))
        other = copy.deepcopy(env)
        for action in actions:
            given_ = action if act else {"subject_0": action}
            expected = env.step(given_)
            np.testing.assert_equal(twin.step(given_), expected)
            np.testing.assert_equal(other.step(given_), expected)
