"""The PettingZoo parallel environment: PettingZoo's own tests, and what those do not look at."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pettingzoo.test import parallel_api_test, parallel_seed_test

import neuroparallel as npar
from neuroparallel.environments import batch, parallel_env
from neuroparallel.errors import ActionError, ArgumentError, UnknownNameError, UsageError

NAMES = ["random_dots", "dpa_gng", "dual_random_dots", "go_nogo"]


def sampled(env, rng):
    return {agent: random_action(env.action_space(agent), rng) for agent in env.agents}


def random_action(space, rng):
    return rng.integers(space.nvec) if hasattr(space, "nvec") else int(rng.integers(space.n))


def plain(result):
    """A step's result with arrays as lists, to compare."""
    return [{agent: v.tolist() if hasattr(v, "tolist") else v for agent, v in part.items()} for part in result]


def played(env, steps, seed=0, reset_seed=1):
    rng = np.random.default_rng(seed)
    results = [plain(env.reset(seed=reset_seed))]
    for _ in range(steps):
        if not env.agents:
            results.append(plain(env.reset()))
        results.append(plain(env.step(sampled(env, rng))))
    return results


@pytest.mark.parametrize("name", NAMES)
def test_pettingzoo_accepts_it(name):
    parallel_api_test(parallel_env(name, session={"trials": 3}), num_cycles=300)


def test_pettingzoo_accepts_two_subjects_and_one_agent_per_stream(pair):
    parallel_api_test(parallel_env(pair, session={"trials": 3}), num_cycles=300)
    env = parallel_env("dual_random_dots", view="streams", session={"steps": 50})
    parallel_api_test(env, num_cycles=300)


@pytest.mark.parametrize("name", NAMES)
def test_pettingzoos_seed_test_passes(name):
    parallel_seed_test(lambda: parallel_env(name), 500)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_500_steps(name):
    options = {"session": {"trials": 4}}
    first, second = parallel_env(name, **options), parallel_env(name, **options)
    history = played(first, 500)
    assert played(second, 500) == history
    assert played(first, 500) == history  # a used environment starts anew
    assert played(second, 500, reset_seed=2) != history


def test_a_reset_without_seed_goes_on_to_the_next_session():
    env = parallel_env("random_dots", session={"steps": 10})
    first = plain(env.reset(seed=5))
    second = plain(env.reset())
    assert first != second
    env.reset(seed=5)
    assert plain(env.reset()) == second


def test_the_seed_of_the_factory_is_that_of_the_first_session():
    assert plain(parallel_env("random_dots", seed=9).reset()) == plain(parallel_env("random_dots").reset(seed=9))


@pytest.mark.parametrize("name", NAMES)
def test_lane_i_of_a_batch_is_the_environment_of_that_lane(name):
    lanes, rng = 5, np.random.default_rng(0)
    engine = batch(name, lanes, seed=3)
    envs = [parallel_env(name, lane=lane, session=None) for lane in range(lanes)]
    agent = engine.possible_agents[0]
    seen = engine.reset(seed=3)[0][agent]
    assert np.array_equal(seen, [env.reset(seed=3)[0][agent] for env in envs])
    space = envs[0].action_space(agent)
    for _ in range(200):
        actions = np.array([random_action(space, rng) for _ in range(lanes)])
        result = engine.step({agent: actions})
        ones = [env.step({agent: action}) for env, action in zip(envs, actions, strict=True)]
        assert np.array_equal(result[0][agent], [one[0][agent] for one in ones])
        assert np.array_equal(result[1][agent], [one[1][agent] for one in ones])
        for key, values in result[4][agent].items():
            assert np.array_equal(values, [one[4][agent][key] for one in ones]), key


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_was_returned_changes_later(name):
    env, rng = parallel_env(name, session={"trials": 2}), np.random.default_rng(0)
    kept = [env.reset(seed=0)]
    copies = [copy.deepcopy(kept[0])]
    for _ in range(200):
        result = env.reset() if not env.agents else env.step(sampled(env, rng))
        kept.append(result)
        copies.append(copy.deepcopy(result))
    assert [plain(part) for part in kept] == [plain(part) for part in copies]
    containers = [id(part) for result in kept for part in result]
    assert len(set(containers)) == len(containers)
    # Writing into what was returned does not reach the environment either.
    twin = parallel_env(name, session={"trials": 2})
    rng = np.random.default_rng(0)
    for result, before in zip(kept, copies, strict=True):
        fresh = twin.reset(seed=0 if result is kept[0] else None) if len(before) == 2 else None
        fresh = fresh or twin.step(sampled(twin, rng))
        assert plain(fresh) == plain(before)
        for array in fresh[0].values():
            array[:] = 99
        for part in fresh:
            part["intruder"] = 1


def test_observations_lie_in_their_space_and_infos_keep_their_keys_and_types():
    env = parallel_env("dual_random_dots", session={"steps": 60})
    observations, infos = env.reset(seed=0)
    keys = {agent: list(info) for agent, info in infos.items()}
    rng = np.random.default_rng(0)
    while env.agents:
        observations, rewards, terminations, truncations, infos = env.step(sampled(env, rng))
        for agent in env.possible_agents:
            assert env.observation_space(agent).contains(observations[agent])
            assert type(rewards[agent]) is float
            assert terminations[agent] is False
            assert type(truncations[agent]) is bool
            assert list(infos[agent]) == keys[agent]
            kinds = {key: bool if key.endswith("trial_end") else int for key in keys[agent]}
            assert {key: type(value) for key, value in infos[agent].items()} == kinds
    assert {"trial_end", "outcome", "trial", "ground_truth", "period"} <= set(keys["subject_0"])
    assert {"first.outcome", "second.period"} <= set(keys["subject_0"])


def test_spaces_are_the_same_object_in_every_call_and_there_before_the_reset():
    env = parallel_env("random_dots")
    assert env.possible_agents == ["subject_0"]
    assert env.agents == []
    assert env.num_agents == 0
    assert env.max_num_agents == 1
    assert env.observation_space("subject_0") is env.observation_space("subject_0")
    assert env.action_space("subject_0") is env.action_space("subject_0")
    assert env.channel_names("subject_0")[0] == "fixation"
    assert env.scenario.name == env.metadata["name"] == "random_dots"
    assert env.render() is None
    env.close()


def test_a_session_ends_for_all_agents_in_the_same_step(pair):
    env = parallel_env(pair, session={"trials": 2})
    env.reset(seed=0)
    steps = 0
    while env.agents:
        assert env.agents == ["ann_0", "bob_0"]
        _, _, terminations, truncations, _ = env.step({"ann_0": 0, "bob_0": 0})
        assert set(truncations.values()) == {not env.agents}
        assert terminations == {"ann_0": False, "bob_0": False}
        steps += 1
    assert steps > 2
    assert env.step({}) == ({}, {}, {}, {}, {})
    assert env.step({"ann_0": 0}) == ({}, {}, {}, {}, {})
    assert set(env.trials().columns["subject"]) == {"ann_0", "bob_0"}
    assert env.reset()[0].keys() == {"ann_0", "bob_0"}
    assert env.agents == ["ann_0", "bob_0"]


def test_stepping_before_the_reset_is_refused():
    env = parallel_env("random_dots")
    with pytest.raises(UsageError, match="before reset"):
        env.step({"subject_0": 0})


@pytest.mark.parametrize("action", [1, np.int64(1), np.uint8(1), np.array(1), np.array(1, np.int16)], ids=repr)
def test_an_action_is_any_single_integer(action):
    env, twin = parallel_env("random_dots"), parallel_env("random_dots")
    env.reset(seed=0)
    twin.reset(seed=0)
    assert plain(env.step({"subject_0": action})) == plain(twin.step({"subject_0": 1}))


NO_ACTIONS = [
    3, -1, True, np.True_, 1.0, np.float32(1), "1", None, [1], np.array([1, 1]), np.array(1.0),
    np.array(True), np.array(7),
]  # fmt: skip


@pytest.mark.parametrize("action", NO_ACTIONS, ids=repr)
def test_anything_else_is_refused_and_changes_nothing(action):
    env, twin = parallel_env("random_dots"), parallel_env("random_dots")
    env.reset(seed=0)
    twin.reset(seed=0)
    with pytest.raises(ActionError, match=r"subject_0: .* an integer from 0 to 2"):
        env.step({"subject_0": action})
    assert plain(env.step({"subject_0": 0})) == plain(twin.step({"subject_0": 0}))


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ({}, "subject_0: there is no action for this agent; an action is an integer from 0 to 2"),
        ({"subject_0": 0, "subject_1": 0}, "subject_1: there is no such agent; .* subject_0"),
        ({"subject_1": 0}, "subject_1: there is no such agent"),
        (0, "actions are a dictionary"),
        ([0], "actions are a dictionary"),
        (None, "actions are a dictionary"),
    ],
)
def test_missing_and_unknown_agents_are_named(actions, message):
    env = parallel_env("random_dots")
    env.reset(seed=0)
    with pytest.raises(ActionError, match=message):
        env.step(actions)


@pytest.mark.parametrize("action", [[0, 1], (0, 1), np.array([0, 1]), [np.int8(0), np.array(1)]])
def test_factored_actions_are_one_integer_per_stream(action):
    env, twin = parallel_env("dual_random_dots"), parallel_env("dual_random_dots")
    env.reset(seed=0)
    twin.reset(seed=0)
    assert plain(env.step({"subject_0": action})) == plain(twin.step({"subject_0": [0, 1]}))


@pytest.mark.parametrize("action", [0, [0], [0, 1, 0], [0, 3], [0, 1.0], [True, 0], np.array([[0, 1]]), "01", [0, -1]])
def test_other_factored_actions_are_refused(action):
    env = parallel_env("dual_random_dots")
    env.reset(seed=0)
    with pytest.raises(ActionError, match=r"a sequence of 2 integers: first 0 to 2, second 0 to 2"):
        env.step({"subject_0": action})


@pytest.mark.parametrize("seed", [-1, 1.0, True, "1"])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ArgumentError, match="whole number"):
        parallel_env("random_dots").reset(seed=seed)
    with pytest.raises(ArgumentError, match="whole number"):
        parallel_env("random_dots", seed=seed)


def test_options_are_checked_and_the_nearest_name_is_offered():
    with pytest.raises(UnknownNameError, match="random_dots"):
        parallel_env("random_dot")
    with pytest.raises(ArgumentError, match="view"):
        parallel_env("random_dots", view="stream")
    with pytest.raises(ArgumentError, match="render_mode"):
        parallel_env("random_dots", render_mode="ansi")
    with pytest.raises(ArgumentError, match="lane"):
        parallel_env("random_dots", lane=-1)
    with pytest.raises(ArgumentError, match="session"):
        parallel_env("random_dots", session={"days": 1})
    with pytest.raises(ArgumentError):
        parallel_env("random_dots", dt=0.3)


@given(st.integers(0, 120), st.sampled_from(NAMES))
def test_a_pickled_environment_goes_on_where_it_was(steps, name):
    env = parallel_env(name, session={"trials": 3}, render_mode="rgb_array", lane=2)
    played(env, steps)
    twin = pickle.loads(pickle.dumps(env))
    assert twin.agents == env.agents
    assert np.array_equal(twin.np_random.random(3), env.np_random.random(3))
    if env.agents:
        assert np.array_equal(twin.render(), env.render())
    rng, other = np.random.default_rng(1), np.random.default_rng(1)
    for _ in range(40):
        if not env.agents:
            assert plain(env.reset()) == plain(twin.reset())
        assert plain(env.step(sampled(env, rng))) == plain(twin.step(sampled(twin, other)))
    assert twin.trials().columns.keys() == env.trials().columns.keys()


def test_a_state_can_be_returned_to_but_not_that_of_another_scenario():
    env = parallel_env("dpa_gng")
    played(env, 30)
    saved = env.get_state()
    rng = np.random.default_rng(7)
    first = [plain(env.step(sampled(env, rng))) for _ in range(50)]
    env.set_state(saved)
    rng = np.random.default_rng(7)
    assert [plain(env.step(sampled(env, rng))) for _ in range(50)] == first
    with pytest.raises(ArgumentError, match="dpa_gng"):
        parallel_env("random_dots").set_state(saved)


def test_np_random_follows_the_seed_and_the_lane():
    env, other = parallel_env("random_dots"), parallel_env("random_dots", lane=1)
    env.reset(seed=4)
    other.reset(seed=4)
    first = env.np_random.random()
    assert first != other.np_random.random()
    env.reset(seed=4)
    assert env.np_random.random() == first
    env.np_random = np.random.default_rng(0)
    assert env.np_random.random() == np.random.default_rng(0).random()


def test_making_and_playing_it_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        played(parallel_env("dpa_gng", session={"trials": 2}), 100)


def test_repr_names_the_scenario_and_truth_is_playable():
    env = parallel_env("dual_random_dots", session={"trials": 5})
    assert repr(env) == "ParallelEnvironment(dual_random_dots)"
    assert str(env) == "dual_random_dots"
    env.reset(seed=0)
    while env.agents:
        truth = {agent: [max(part, 0) for part in parts] for agent, parts in env.truth().items()}
        env.step(truth)
    assert set(env.trials().columns["outcome"]) == {"correct"}


def test_no_table_is_kept_if_none_is_wanted():
    env = parallel_env("random_dots", record=False)
    played(env, 200)
    assert len(env.trials()) == 0


@pytest.mark.parametrize("make", [parallel_env, npar.aec_env, npar.gym_env])
def test_a_session_has_an_end_unless_none_is_asked_for(make):
    assert make("random_dots").unwrapped.scenario.session.trials == 100
    assert make("bandit").unwrapped.scenario.session.trials == 100  # its own
    assert make("random_dots", session=None).unwrapped.scenario.session is None


@pytest.mark.parametrize("name", ["random_dots", "dpa_gng", "prp", "trust"])
@pytest.mark.parametrize("length", [1, 7, 100])
def test_a_session_of_steps_ends_exactly_then(name, length):
    for options in ({"session": {"steps": length}}, {"max_cycles": length}):
        env = parallel_env(name, seed=2, **options)
        for _ in range(2):
            env.reset()
            steps = 0
            while env.agents:
                held = {agent: 0 * env.action_space(agent).sample() for agent in env.agents}
                _, _, _, truncations, _ = env.step(held)
                steps += 1
                assert all(truncations.values()) == (steps == length)
            assert steps == length
    engine = batch(name, 3, seed=2, session={"steps": length})
    engine.reset()
    for step in range(1, length + 1):
        actions = {a: np.zeros((3, *engine.action_space(a).shape), np.int64) for a in engine.possible_agents}
        truncations = engine.step(actions)[3]
        assert all(ended.all() == (step == length) for ended in truncations.values())


def test_a_session_and_max_cycles_contradict_each_other():
    with pytest.raises(ArgumentError, match="give one of them"):
        parallel_env("random_dots", session={"trials": 3}, max_cycles=100)
    with pytest.raises(ArgumentError, match="None for no end"):
        parallel_env("random_dots", session=3)
