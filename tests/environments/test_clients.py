"""What programs of other people expect of an environment: seeds, ends of sessions, spaces, actions, windows."""

import itertools

import gymnasium
import numpy as np
import pettingzoo
import pytest
from gymnasium import spaces
from pettingzoo.test import parallel_api_test
from pettingzoo.test.render_test import collect_render_results

import neuroparallel as npar
from neuroparallel import wrappers
from neuroparallel.errors import ActionError, ArgumentError, UsageError

DOTS = "neuroparallel/RandomDots-v0"


def seen(env, steps=60):
    """What a gymnasium environment shows to somebody who only holds."""
    hold = 0 if isinstance(env.action_space, spaces.Discrete) else np.zeros(env.action_space.shape, int)
    return np.stack([env.reset()[0], *(env.step(hold)[0] for _ in range(steps))])


def played(env, steps=60):
    hold = dict.fromkeys(env.possible_agents, 0)
    rows = [env.reset()[0]]
    rows += [env.step(hold)[0] for _ in range(steps)]
    return np.stack([np.concatenate([row[agent] for agent in env.possible_agents]) for row in rows])


# ---- seeds ----


@pytest.mark.entropy
@pytest.mark.parametrize("make", [npar.gym_env, lambda what, **kw: gymnasium.make(DOTS, **kw)])
def test_copies_without_a_seed_differ_and_say_which_seed_they_drew(make):
    first, second = make("random_dots"), make("random_dots")
    drawn = first.unwrapped.np_random_seed
    one = seen(first)
    assert not np.array_equal(one, seen(second))
    assert first.unwrapped.np_random_seed == drawn != second.unwrapped.np_random_seed
    assert np.array_equal(one, seen(make("random_dots", seed=drawn)))


def test_seed_0_and_the_seed_of_a_file_are_reproducible():
    assert np.array_equal(seen(npar.gym_env("random_dots", seed=0)), seen(npar.gym_env("random_dots", seed=0)))
    written = npar.Scenario.load("random_dots").replace(seed=7)
    env = npar.gym_env(written)
    assert env.np_random_seed == 7
    assert np.array_equal(seen(env), seen(npar.gym_env("random_dots", seed=7)))
    assert npar.Scenario.load(written.dump()) == written


@pytest.mark.parametrize("make", [npar.gym_env, npar.parallel_env])
def test_reset_takes_the_place_of_the_drawn_seed(make):
    env = make("random_dots")
    env.reset(seed=5)
    assert env.np_random_seed == 5
    env.reset()
    assert env.np_random_seed == 5


def test_reset_of_a_vector_takes_a_seed_for_each():
    vector = npar.vector_env("random_dots", 2)
    vector.reset(seed=[3, 4])
    assert vector.np_random_seed == (3, 4)


@pytest.mark.entropy
def test_batches_vector_environments_datasets_and_tables_differ_without_a_seed():
    batches = [npar.batch("random_dots", 4).reset()[0]["subject_0"] for _ in range(2)]
    assert not np.array_equal(*batches)
    assert not np.array_equal(*[npar.vector_env("random_dots", 4).reset()[0] for _ in range(2)])
    one, other = npar.Dataset("random_dots", 4, 20), npar.Dataset("random_dots", 4, 20)
    inputs = one()[0]
    assert not np.array_equal(inputs, other()[0])
    assert np.array_equal(inputs, npar.Dataset("random_dots", 4, 20, seed=one.seed)()[0])
    tables = [npar.simulate("random_dots", "random", 50)["onset_s"] for _ in range(2)]
    assert not np.array_equal(*tables)
    again = [npar.simulate("random_dots", "random", 50, seed=0)["onset_s"] for _ in range(2)]
    assert np.array_equal(*again)


@pytest.mark.entropy
def test_the_seed_of_a_scenario_is_for_all():
    scenario = npar.Scenario.load("random_dots").replace(seed=3)
    tables = [npar.simulate(scenario, "ideal_observer", trials=50)["coherence"] for _ in range(2)]
    tables.append(npar.simulate("random_dots", "ideal_observer", trials=50, seed=3)["coherence"])
    np.testing.assert_array_equal(tables[0], tables[1])
    np.testing.assert_array_equal(tables[0], tables[2])
    assert npar.parallel_env(scenario).np_random_seed == 3
    with pytest.raises(ArgumentError, match="seed"):
        npar.parallel_env(scenario, seed=-1)


@pytest.mark.entropy
def test_workers_of_a_vector_of_copies_see_different_trials():
    envs = gymnasium.vector.SyncVectorEnv([lambda: gymnasium.make(DOTS)] * 3)
    rows = [envs.reset()[0]]
    rows += [envs.step(np.zeros(3, int))[0] for _ in range(40)]
    rows = np.stack(rows)
    assert all(not np.array_equal(rows[:, a], rows[:, b]) for a, b in itertools.combinations(range(3), 2))


# ---- sessions ----


def length(env):
    env.reset(seed=1)
    for step in range(1, 100_000):
        _, _, _, truncations, _ = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        if any(truncations.values()):
            return step
    raise AssertionError("the session never ended")


@pytest.mark.parametrize(
    "made", [lambda **kw: gymnasium.make(DOTS, **kw), lambda **kw: npar.gym_env("random_dots", **kw)]
)
def test_a_session_has_100_trials_unless_somebody_says_otherwise(made):
    env = made()
    env.reset(seed=0)
    while not env.step(0)[3]:
        pass
    assert len(env.unwrapped.trials()) == 100
    assert made(session={"trials": 3}).unwrapped.scenario.session.trials == 3
    assert made(session=None).unwrapped.scenario.session is None
    with_one = npar.Scenario.load("random_dots").replace(session={"trials": 5})
    assert npar.gym_env(with_one).scenario.session.trials == 5
    assert npar.gym_env(with_one, session=None).scenario.session is None


def test_pettingzoo_and_vector_environments_have_a_session_too():
    assert npar.parallel_env("trust").scenario.session.trials == 100
    assert npar.vector_env("random_dots", 2).scenario.session.trials == 100
    assert npar.aec_env("trust").unwrapped.scenario.session.trials == 100
    if hasattr(pettingzoo, "make"):
        assert pettingzoo.parallel_registry


def test_show_says_how_long_a_session_lasts():
    from neuroparallel.reporting import describe_scenario

    assert "lasts 100 trials" in describe_scenario("random_dots")
    assert "lasts 7 steps" in describe_scenario(npar.Scenario.load("random_dots").replace(session={"steps": 7}))


@pytest.mark.parametrize("what", ["random_dots", "dpa_gng", "trust", "prp", "tracking_with_probe"])
@pytest.mark.parametrize("steps", [1, 37, 100])
def test_a_session_of_steps_ends_after_exactly_so_many(what, steps):
    assert length(npar.parallel_env(what, max_cycles=steps)) == steps
    assert length(npar.parallel_env(what, session={"steps": steps})) == steps
    env = npar.parallel_env(what, seed=2, session={"steps": steps})
    lanes = npar.batch(what, 3, seed=2, session={"steps": steps})
    shown, _ = lanes.reset()
    for _ in range(3):  # sessions
        mine, _ = env.reset()
        for step in range(1, steps + 1):
            assert all(np.array_equal(mine[agent], shown[agent][0]) for agent in mine)
            acts = {agent: env.action_space(agent).sample() for agent in env.agents}
            mine, _, _, truncations, infos = env.step(acts)
            shown, _, _, ends, told = lanes.step({agent: widened(act) for agent, act in acts.items()})
            for agent in mine:
                assert truncations[agent] == ends[agent][0] == (step == steps)
                assert {key: told[agent][key][0] for key in infos[agent]} == infos[agent]
        rest = {agent: widened(env.action_space(agent).sample()) for agent in env.possible_agents}
        shown = lanes.step(rest)[0]


def widened(action):
    if isinstance(action, dict):
        return {name: widened(part) for name, part in action.items()}
    return np.stack([np.asarray(action)] * 3)


def test_max_cycles_and_session_exclude_each_other():
    with pytest.raises(ArgumentError, match="give one of them"):
        npar.parallel_env("trust", max_cycles=10, session={"steps": 10})


# ---- wrappers ----


@pytest.mark.parametrize("what", ["trust", "ultimatum"])
def test_padded_observations_have_equal_spaces(what):
    env = wrappers.pad_observation_v0(npar.parallel_env(what, seed=0))
    first, *others = (env.observation_space(agent) for agent in env.possible_agents)
    assert all(space == first for space in others)
    assert env.observation_spaces == dict.fromkeys(env.possible_agents, first)
    observations, _ = env.reset()
    assert all(first.contains(one) for one in observations.values())


def test_a_dictionary_of_actions_becomes_one_box():
    make = lambda: npar.gym_env("tracking_with_probe", seed=4)  # noqa: E731
    plain, flat = make(), wrappers.flat_action_v0(make())
    assert isinstance(plain.action_space, spaces.Dict)
    assert isinstance(flat.action_space, spaces.Box)
    lanes = wrappers.flat_action_v0(npar.batch("tracking_with_probe", 3, seed=4))
    plain.reset(), flat.reset(), lanes.reset()
    flat.action_space.seed(1)
    for _ in range(80):
        vector = flat.action_space.sample()
        parts, at = {}, 0
        for name, part in plain.action_space.items():
            size = part.shape[0] if isinstance(part, spaces.Box) else int(part.n)
            rows, at = vector[at : at + size], at + size
            parts[name] = rows if isinstance(part, spaces.Box) else int(rows.argmax())
        one, other = plain.step(parts), flat.step(vector)
        many = lanes.step({"subject_0": np.stack([vector] * 3)})
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[0], many[0]["subject_0"][0])
        assert one[1] == other[1] == many[1]["subject_0"][0]


def test_wrappers_of_actions_say_which_other_one_fits():
    with pytest.raises(ArgumentError, match="flat_action_v0 makes them one Box"):
        wrappers.joint_action_v0(npar.gym_env("tracking_with_probe"))
    with pytest.raises(ArgumentError, match="only a Dict"):
        wrappers.flat_action_v0(npar.gym_env("random_dots"))


# ---- interfaces ----


@pytest.mark.parametrize("what", ["trust", "dpa_gng", "tracking_with_probe"])
def test_a_parallel_environment_has_all_that_pettingzoo_declares(what):
    env = npar.parallel_env(what, seed=0)
    with pytest.raises(UsageError, match="before reset"):
        env.state()
    observations, _ = env.reset()
    assert env.observation_spaces == {agent: env.observation_space(agent) for agent in env.possible_agents}
    assert env.action_spaces == {agent: env.action_space(agent) for agent in env.possible_agents}
    assert np.array_equal(env.state(), np.concatenate(list(observations.values())))
    env.step({agent: space.sample() for agent, space in env.action_spaces.items()})
    assert env.state_space.contains(env.state())
    kept, now = env.get_state(), env.state()
    env.step({agent: space.sample() for agent, space in env.action_spaces.items()})
    env.set_state(kept)
    assert np.array_equal(env.state(), now)


def test_a_gym_environment_has_a_spec_that_makes_it_again():
    env = npar.gym_env("random_dots", seed=3, dt=50.0)
    again = gymnasium.make(env.spec)
    assert again.unwrapped.dt == 50.0
    assert np.array_equal(seen(env), seen(again))
    assert npar.gym_env("random_dots", session=None).spec.kwargs["session"] is None


@pytest.mark.parametrize("what", ["random_dots", "dpa_gng"])
def test_trial_end_is_a_truth_value_everywhere(what):
    env, lanes = npar.gym_env(what, seed=0), npar.batch(what, 2, seed=0)
    _, info = env.reset()
    _, infos = lanes.reset()
    for _ in range(60):
        for key in (key for key in info if key.endswith("trial_end")):
            assert type(info[key]) is bool
            assert infos["subject_0"][key].dtype == bool
        action = env.action_space.sample()
        *_, info = env.step(action)
        *_, infos = lanes.step({"subject_0": np.stack([action] * 2)})


def test_arrays_and_tensors_of_one_number_are_actions():
    torch = pytest.importorskip("torch")
    env = npar.gym_env("random_dots", seed=0)
    for around in (lambda env: env, wrappers.previous_action_v0):
        env = around(npar.gym_env("random_dots", seed=0))
        env.reset()
        for action in (np.array(1), np.array([1]), torch.tensor(1), torch.tensor([1])):
            env.step(action)
        for action in (np.array([1, 1]), np.array([1.0]), np.array([True])):
            with pytest.raises(ActionError):
                env.step(action)
    two = npar.gym_env("dual_random_dots", seed=0)
    two.reset()
    two.step(torch.tensor([1, 1]))


def test_a_movement_outside_its_range_by_rounding_is_clipped():
    env = npar.gym_env("tracking_with_probe", seed=0)
    env.reset()
    action = env.action_space.sample()
    name, box = next((name, part) for name, part in env.action_space.items() if isinstance(part, spaces.Box))
    action[name] = np.nextafter(box.high, np.float32(np.inf))
    env.step(action)
    action[name] = box.high * np.float32(1.01)
    with pytest.raises(ActionError):
        env.step(action)


def pictures(mode):
    env = npar.aec_env("trust", render_mode=mode)
    results = collect_render_results(env)
    env.close()
    return results


def test_human_rendering_shows_a_window_or_says_why_it_cannot():
    assert npar.parallel_env("trust").metadata["render_modes"] == ["rgb_array", "human"]
    assert all(picture.dtype == np.uint8 for picture in pictures("rgb_array"))
    with pytest.warns(UserWarning, match="has no windows"):
        assert all(picture is None for picture in pictures("human"))


def test_an_environment_of_max_cycles_passes_pettingzoos_test():
    parallel_api_test(npar.parallel_env("trust", max_cycles=20), num_cycles=50)
