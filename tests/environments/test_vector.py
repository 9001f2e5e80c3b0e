"""The gymnasium vector environment: equality with single ones, autoreset modes, and wrappers."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector as wrappers

from neuroparallel.environments import gym_env, vector_env
from neuroparallel.errors import ActionError, ArgumentError, UsageError

NAMES = ["random_dots", "dpa_gng", "dual_random_dots"]
MODES = list(AutoresetMode)
pytestmark = pytest.mark.filterwarnings("ignore:.*A Box observation space")


def actions_for(env, rng):
    space, n = env.single_action_space, env.num_envs
    if hasattr(space, "nvec"):
        return rng.integers(space.nvec, size=(n, len(space.nvec)))
    return rng.integers(space.n, size=n)


def same(one, other):
    """Whether two infos, observations and so on are equal, arrays and nested ones included."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        return all(same(one[key], other[key]) for key in one)
    if isinstance(one, np.ndarray) and one.dtype == object:
        pairs = zip(one, other, strict=True)
        return all((a is None) == (b is None) and (a is None or np.array_equal(a, b)) for a, b in pairs)
    return np.array_equal(one, other)


@pytest.mark.parametrize("seed", [3, [5, 1, 2]])
@pytest.mark.parametrize("name", NAMES)
def test_lane_i_is_the_gymnasium_environment_of_that_seed_and_lane(name, seed):
    vec = vector_env(name, 3, session={"trials": 2})
    lanes = [0, 0, 0] if isinstance(seed, list) else [0, 1, 2]
    envs = [gym_env(name, lane=lane, session={"trials": 2}) for lane in lanes]
    seeds = seed if isinstance(seed, list) else [seed] * 3
    first = [env.reset(seed=s)[0] for env, s in zip(envs, seeds, strict=True)]
    assert np.array_equal(vec.reset(seed=seed)[0], first)
    rng, over = np.random.default_rng(0), np.zeros(3, bool)
    for _ in range(150):
        actions = actions_for(vec, rng)
        seen, rewards, terminations, truncations, infos = vec.step(actions)
        assert not terminations.any()
        for lane, env in enumerate(envs):
            if over[lane]:
                one = (*env.reset(), 0.0, False)
                one = (one[0], one[2], False, one[3], one[1])
            else:
                one = env.step(actions[lane])
            assert np.array_equal(seen[lane], one[0])
            assert (rewards[lane], truncations[lane]) == (one[1], one[3])
            assert {key: infos[key][lane] for key in one[4]} == one[4]
        over = truncations


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["random_dots", "dual_random_dots"])
def test_it_behaves_as_gymnasiums_own_vector_of_single_ones(name, mode):
    ours = vector_env(name, 4, session={"steps": 12}, autoreset_mode=mode)
    envs = [lambda: gym_env(name, session={"steps": 12})] * 4
    theirs = SyncVectorEnv(envs, autoreset_mode=mode)
    seeds = [4, 3, 2, 1]
    assert same(ours.reset(seed=seeds)[0], theirs.reset(seed=seeds)[0])
    rng, ended = np.random.default_rng(0), 0
    for _ in range(120):
        actions = actions_for(ours, rng)
        seen, *flags, infos = ours.step(actions)
        expected, *their_flags, their_infos = theirs.step(actions)
        assert same(seen, expected)
        assert all(same(a, b) for a, b in zip(flags, their_flags, strict=True))
        assert same(infos, their_infos)
        over = flags[2]
        ended += int(over.sum())
        if mode is AutoresetMode.DISABLED and over.any():
            seen, infos = ours.reset(options={"reset_mask": over.copy()})
            expected, their_infos = theirs.reset(options={"reset_mask": over.copy()})
            assert same(seen, expected)
            for key in their_infos:
                if not key.startswith("_"):
                    assert same(infos[key][over], their_infos[key][over])
                else:
                    assert same(infos[key], their_infos[key])
    assert ended > 4


def test_next_step_trace():
    vec = vector_env("random_dots", 3, session={"trials": 1})
    vec.reset(seed=0)
    rng, over, ends = np.random.default_rng(0), np.zeros(3, bool), 0
    for _ in range(100):
        seen, rewards, _, truncations, infos = vec.step(actions_for(vec, rng))
        assert (rewards[over] == 0).all()
        assert not truncations[over].any()
        assert (infos["trial_end"][over] == 0).all()
        assert (infos["trial"][over] == 0).all()
        assert (infos["outcome"][truncations] > 0).all()
        assert "final_obs" not in infos
        over, ends = truncations, ends + int(truncations.sum())
    assert ends > 10
    assert seen.dtype == np.float32


def test_same_step_trace():
    vec = vector_env("random_dots", 3, session={"trials": 1}, autoreset_mode="SAME_STEP")
    vec.reset(seed=0)
    rng, ends = np.random.default_rng(0), 0
    for _ in range(100):
        seen, _, _, over, infos = vec.step(actions_for(vec, rng))
        if not over.any():
            assert "final_obs" not in infos
            continue
        ends += 1
        assert np.array_equal(infos["_final_obs"], over)
        assert np.array_equal(infos["_final_info"], over)
        for lane in range(3):
            last = infos["final_obs"][lane]
            assert (last is not None) == over[lane]
            if over[lane]:
                assert vec.single_observation_space.contains(last)
                assert not np.array_equal(last, seen[lane])
        assert (infos["final_info"]["outcome"][over] > 0).all()
        assert np.array_equal(infos["final_info"]["_outcome"], over)
        assert (infos["outcome"][over] == 0).all()
        assert (infos["trial"][over] == 0).all()
    assert ends > 10


def test_disabled_waits_for_a_reset():
    vec = vector_env("random_dots", 3, session={"trials": 1}, autoreset_mode=AutoresetMode.DISABLED)
    with pytest.raises(UsageError, match="before the first reset"):
        vec.reset(options={"reset_mask": np.ones(3, bool)})
    seen, _ = vec.reset(seed=0)
    over = np.zeros(3, bool)
    while not over.any():
        seen, _, _, over, _ = vec.step(np.array([1, 0, 0]))
    with pytest.raises(UsageError, match="lane 0 is over"):
        vec.step(np.zeros(3, int))
    fresh, infos = vec.reset(options={"reset_mask": over})
    assert np.array_equal(fresh[~over], seen[~over])
    assert not np.array_equal(fresh[over], seen[over])
    assert np.array_equal(infos["_trial"], over)
    vec.step(np.zeros(3, int))


def test_masked_lanes_can_be_given_seeds():
    vec = vector_env("random_dots", 3, session={"steps": 9}, autoreset_mode="DISABLED")
    vec.reset(seed=0)
    mask = np.array([False, True, True])
    seen, _ = vec.reset(seed=[0, 7, 8], options={"reset_mask": mask})
    assert np.array_equal(seen[1], gym_env("random_dots").reset(seed=7)[0])
    seen, _ = vec.reset(seed=5, options={"reset_mask": mask})
    assert np.array_equal(seen[2], gym_env("random_dots", lane=2).reset(seed=5)[0])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_was_returned_changes_later(name, mode):
    vec = vector_env(name, 3, session={"trials": 1}, autoreset_mode=mode)
    kept = [vec.reset(seed=0)]
    copies = [copy.deepcopy(kept[0])]
    rng, over = np.random.default_rng(0), np.zeros(3, bool)
    for _ in range(100):
        if mode is AutoresetMode.DISABLED and over.any():
            result = vec.reset(options={"reset_mask": over})
            over = np.zeros(3, bool)
        else:
            result = vec.step(actions_for(vec, rng))
            over = result[3].copy()
        kept.append(result)
        copies.append(copy.deepcopy(result))
    for result, before in zip(kept, copies, strict=True):
        assert all(same(a, b) for a, b in zip(result, before, strict=True))


WRAPPERS = {
    "ClipReward": lambda e: wrappers.ClipReward(e, -0.5, 0.5),
    "DictInfoToList": wrappers.DictInfoToList,
    "DtypeObservation": lambda e: wrappers.DtypeObservation(e, np.float64),
    "FlattenObservation": wrappers.FlattenObservation,
    "NormalizeObservation": wrappers.NormalizeObservation,
    "NormalizeReward": wrappers.NormalizeReward,
    "RecordEpisodeStatistics": wrappers.RecordEpisodeStatistics,
    "ReshapeObservation": lambda e: wrappers.ReshapeObservation(e, (1, *e.single_observation_space.shape)),
    "TransformAction": lambda e: wrappers.TransformAction(e, lambda a: a),
    "TransformObservation": lambda e: wrappers.TransformObservation(e, lambda o: o * 1),
    "TransformReward": lambda e: wrappers.TransformReward(e, lambda r: r * 2),
    "VectorizeTransformReward": lambda e: wrappers.VectorizeTransformReward(
        e, gymnasium.wrappers.ClipReward, min_reward=-1, max_reward=1
    ),
    "VectorizeTransformObservation": lambda e: wrappers.VectorizeTransformObservation(
        e, gymnasium.wrappers.ReshapeObservation, shape=(3, 1)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPERS)
def test_gymnasiums_vector_wrappers_work(name):
    env = WRAPPERS[name](vector_env("random_dots", 3, session={"trials": 2}))
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    ends = 0
    for _ in range(60):
        seen, rewards, _, truncations, infos = env.step(rng.integers(3, size=3))
        assert np.shape(seen)[0] == len(rewards) == 3
        ends += int(truncations.sum())
        if name == "RecordEpisodeStatistics" and truncations.any():
            assert (infos["episode"]["l"][truncations] > 0).all()
        if name == "DictInfoToList":
            assert [set(info) >= {"trial", "outcome"} for info in infos] == [True] * 3
    assert ends > 3
    assert len(env.unwrapped.trials()) >= 2 * ends


def test_observations_lie_in_the_batched_space():
    vec = vector_env("dual_random_dots", 6)
    seen, _ = vec.reset(seed=0)
    assert vec.observation_space.contains(seen)
    assert vec.observation_space.shape == (6, *vec.single_observation_space.shape)
    assert vec.action_space.shape == (6, 2)
    seen = vec.step(vec.action_space.sample())[0]
    assert vec.observation_space.contains(seen)
    assert vec.channel_names() == gym_env("dual_random_dots").channel_names()


def test_truth_played_back_is_correct():
    vec = vector_env("random_dots", 20, record=100)
    vec.reset(seed=0)
    for _ in range(300):
        vec.step(np.maximum(vec.truth(), 0))
    assert set(vec.trials().columns["outcome"]) == {"correct"}
    assert len(vec.trials()) == 100


@pytest.mark.parametrize("what", [pickle.dumps, None], ids=["pickle", "state"])
def test_it_goes_on_where_it_was(what):
    vec = vector_env("dpa_gng", 5, session={"trials": 2})
    vec.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(70):
        vec.step(actions_for(vec, rng))
    twin = pickle.loads(what(vec)) if what else vector_env("dpa_gng", 5, session={"trials": 2})
    if not what:
        twin.set_state(vec.get_state())
    for _ in range(70):
        actions = actions_for(vec, rng)
        assert all(same(a, b) for a, b in zip(vec.step(actions), twin.step(actions), strict=True))


def test_what_does_not_fit_is_refused_and_changes_nothing():
    vec, twin = vector_env("random_dots", 3), vector_env("random_dots", 3)
    with pytest.raises(UsageError, match="before reset"):
        vec.step(np.zeros(3, int))
    vec.reset(seed=0)
    twin.reset(seed=0)
    for actions in (np.zeros(2, int), np.zeros(3), np.array([0, 3, 0]), np.zeros(3, bool), None):
        with pytest.raises(ActionError, match="subject_0"):
            vec.step(actions)
    zeros = np.zeros(3, int)
    assert same(vec.step(zeros)[0], twin.step(zeros)[0])
    for seed in ([1, 2], [1, 2, None], [1, 2, -1], "abc", 1.5, -1, True):
        with pytest.raises(ArgumentError, match="seed"):
            vec.reset(seed=seed)
    for mask in ([True] * 3, np.ones(2, bool), np.zeros(3, bool), np.ones(3)):
        with pytest.raises(ArgumentError, match="reset_mask"):
            vec.reset(options={"reset_mask": mask})
    assert same(vec.step(zeros)[0], twin.step(zeros)[0])
    with pytest.raises(ArgumentError, match="NEXT_STEP, SAME_STEP, DISABLED"):
        vector_env("random_dots", 3, autoreset_mode="never")
    with pytest.raises(ArgumentError, match="lanes"):
        vector_env("random_dots", 0)


def test_its_names():
    vec = vector_env("random_dots", 3)
    assert repr(vec) == "VectorEnvironment(random_dots, num_envs=3)"
    assert vec.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert vec.render() is None
    vec.close()
    assert vec.closed
