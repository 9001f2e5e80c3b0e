"""What previous_reward and previous_action show, around every kind of environment."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from pettingzoo import ParallelEnv
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test

from neuroparallel.environments import aec_env, batch, gym_env, parallel_env, vector_env
from neuroparallel.errors import ActionError, ArgumentError
from neuroparallel.scenario import Scenario
from neuroparallel.wrappers import (
    PreviousAction,
    PreviousReward,
    previous_action_v0,
    previous_reward_v0,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*A Box observation space",
    "ignore:.*is different from the unwrapped version",
)

WRAP = {
    "reward": previous_reward_v0,
    "action": previous_action_v0,
    "index": lambda env: previous_action_v0(env, encoding="index"),
    "both": lambda env: previous_action_v0(previous_reward_v0(env)),
}
NAMES = ["random_dots", "dpa_gng", "dual_random_dots"]


def drawn(space, rng, lanes=None):
    if hasattr(space, "nvec"):
        return rng.integers(space.nvec, size=None if lanes is None else (lanes, len(space.nvec)))
    value = rng.integers(space.n, size=lanes)
    return int(value) if lanes is None else value


def expected(kind, space, action, reward):
    """What the added channels show, said in the plainest way."""
    parts = np.atleast_1d(action).tolist()
    sizes = space.nvec.tolist() if hasattr(space, "nvec") else [space.n]
    one_hot = [float(a == k) for a, n in zip(parts, sizes, strict=True) for k in range(n)]
    shown = {"reward": [reward], "action": one_hot, "index": parts, "both": [reward, *one_hot]}
    return np.array(shown[kind], np.float32)


@pytest.mark.parametrize("kind", WRAP)
@pytest.mark.parametrize("name", NAMES)
def test_a_step_shows_what_was_done_and_paid_in_the_one_before(name, kind):
    env, bare = WRAP[kind](parallel_env(name, session={"trials": 2})), parallel_env(name, session={"trials": 2})
    space, rng = bare.action_space("subject_0"), np.random.default_rng(0)
    width = bare.observation_space("subject_0").shape[0]
    for _ in range(3):
        seen, own = env.reset()[0]["subject_0"], bare.reset()[0]["subject_0"]
        assert np.array_equal(seen[:width], own)
        assert (seen[width:] == 0).all()
        while env.agents:
            action = drawn(space, rng)
            result, plain = env.step({"subject_0": action}), bare.step({"subject_0": action})
            seen = result[0]["subject_0"]
            assert np.array_equal(seen[:width], plain[0]["subject_0"])
            assert np.array_equal(seen[width:], expected(kind, space, action, plain[1]["subject_0"]))
            assert result[1:] == plain[1:]
            assert env.observation_space("subject_0").contains(seen)


@pytest.mark.parametrize("kind", WRAP)
@pytest.mark.parametrize("name", NAMES)
def test_every_form_shows_the_same(name, kind):
    lanes, rng = 4, np.random.default_rng(0)
    limit = {"session": {"trials": 2}}
    engine = WRAP[kind](batch(name, lanes, seed=1, **limit))
    vec = WRAP[kind](vector_env(name, lanes, **limit))
    envs = [WRAP[kind](parallel_env(name, lane=i, **limit)) for i in range(lanes)]
    gyms = [WRAP[kind](gym_env(name, lane=i, **limit)) for i in range(lanes)]
    seen = engine.reset(seed=1)[0]["subject_0"]
    assert np.array_equal(seen, vec.reset(seed=1)[0])
    assert np.array_equal(seen, [env.reset(seed=1)[0]["subject_0"] for env in envs])
    assert np.array_equal(seen, [env.reset(seed=1)[0] for env in gyms])
    assert seen.dtype == np.float32
    assert engine.channel_names("subject_0") == vec.channel_names() == gyms[0].channel_names()
    assert engine.channel_names("subject_0") == envs[0].channel_names("subject_0")
    assert len(vec.channel_names()) == seen.shape[1]
    assert engine.observation_space("subject_0") == envs[0].observation_space("subject_0")
    assert vec.single_observation_space == gyms[0].observation_space
    assert vec.single_observation_space == envs[0].observation_space("subject_0")
    over, ended = np.zeros(lanes, bool), 0
    for _ in range(150):
        actions = drawn(vec.single_action_space, rng, lanes)
        seen, _, _, truncations, _ = engine.step({"subject_0": actions})
        assert np.array_equal(seen["subject_0"], vec.step(actions)[0])
        for i in range(lanes):
            one = envs[i].reset() if over[i] else envs[i].step({"subject_0": actions[i]})
            assert np.array_equal(seen["subject_0"][i], one[0]["subject_0"])
            other = gyms[i].reset() if over[i] else gyms[i].step(actions[i])
            assert np.array_equal(seen["subject_0"][i], other[0])
        over = truncations["subject_0"]
        ended += int(over.sum())
    assert ended > 2


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_every_autoreset_mode_is_served_as_by_gymnasiums_vector_of_wrapped_ones(mode):
    limit = {"session": {"steps": 9}}
    ours = WRAP["both"](vector_env("random_dots", 4, autoreset_mode=mode, **limit))
    envs = [lambda: WRAP["both"](gym_env("random_dots", **limit))] * 4
    inside = SyncVectorEnv(envs, autoreset_mode=mode)
    outside = WRAP["both"](SyncVectorEnv([lambda: gym_env("random_dots", **limit)] * 4, autoreset_mode=mode))
    trio, seeds = (ours, inside, outside), [1, 2, 3, 4]
    first = [env.reset(seed=seeds)[0] for env in trio]
    assert np.array_equal(first[0], first[1])
    assert np.array_equal(first[0], first[2])
    rng, finals = np.random.default_rng(0), 0
    for _ in range(80):
        actions = rng.integers(3, size=4)
        results = [env.step(actions) for env in trio]
        for seen, _, _, _, infos in results[1:]:
            assert np.array_equal(results[0][0], seen)
            assert ("final_obs" in results[0][4]) == ("final_obs" in infos)
            for mine, theirs in zip(results[0][4].get("final_obs", ()), infos.get("final_obs", ()), strict=True):
                assert (mine is None) == (theirs is None)
                if mine is not None:
                    finals += 1
                    assert mine.dtype == np.float32
                    assert np.array_equal(mine, theirs)
        over = results[0][3]
        if mode is AutoresetMode.DISABLED and over.any():
            again = [env.reset(options={"reset_mask": over.copy()})[0] for env in trio]
            assert np.array_equal(again[0], again[1])
            assert np.array_equal(again[0], again[2])
            assert (again[0][over, 3:] == 0).all()
            assert np.array_equal(again[0][~over], results[0][0][~over])
    assert (finals > 0) == (mode is AutoresetMode.SAME_STEP)


def test_restarted_lanes_of_a_batch_begin_with_zeros_and_others_stay():
    engine = WRAP["both"](batch("dpa_gng", 4))
    engine.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(10):
        seen = engine.step({"subject_0": rng.integers(2, size=4)})[0]["subject_0"]
    width = engine.unwrapped.observation_space("subject_0").shape[0]
    mask = np.array([True, False, True, False])
    again = engine.restart(mask)["subject_0"]
    assert (again[mask, width:] == 0).all()
    assert np.array_equal(again[~mask], seen[~mask])
    assert not np.array_equal(again[mask, :width], seen[mask, :width])


def test_a_wrapped_batch_offers_all_that_a_batch_does():
    engine = WRAP["both"](batch("dual_random_dots", 8, seed=2))
    engine.reset()
    for _ in range(100):
        engine.step({a: np.maximum(t, 0) for a, t in engine.truth().items()})
    assert engine.pop_tally()["subject_0.first"][1] > 0
    assert engine.pop_reward()["subject_0.first"] > 0
    assert len(engine.trials()) > 0
    assert engine.scenario.name == "dual_random_dots"
    assert (engine.lanes, engine.possible_agents) == (8, ["subject_0"])
    assert engine.stream_names == ["subject_0.first", "subject_0.second"]
    assert engine.dt == 100
    assert engine.action_space("subject_0") is engine.unwrapped.action_space("subject_0")
    assert engine.observation_space("subject_0") is engine.observation_space("subject_0")
    with pytest.raises(ArgumentError, match="there is no agent 'bob'"):
        engine.observation_space("bob")
    with pytest.raises(ActionError):
        engine.step({})
    with pytest.raises(AttributeError):
        engine.no_such_name  # noqa: B018


@pytest.mark.parametrize("make", [batch, vector_env, gym_env, parallel_env])
@pytest.mark.parametrize("how", ["pickle", "state"])
def test_it_goes_on_where_it_was(make, how):
    size = {} if make in (gym_env, parallel_env) else {"lanes" if make is batch else "num_envs": 3}

    def new():
        return WRAP["both"](make("dpa_gng", session={"trials": 2}, **size))

    def go(env, rng, steps):
        shown = []
        for _ in range(steps):
            if make is vector_env:
                result = env.step(rng.integers(2, size=3))
            elif make is gym_env:
                result = env.step(int(rng.integers(2)))
                result = env.reset() if result[3] else result
            else:
                agents = env.agents if make is parallel_env else env.possible_agents
                result = env.step({a: drawn(env.action_space(a), rng, size.get("lanes")) for a in agents})
                if make is parallel_env and not env.agents:
                    result = env.reset()
            shown.append(copy.deepcopy(result[0]))
        return [one["subject_0"].tolist() if isinstance(one, dict) else one.tolist() for one in shown]

    env = new()
    env.reset(seed=1)
    go(env, np.random.default_rng(0), 45)
    if how == "pickle":
        twin = pickle.loads(pickle.dumps(env))
        assert repr(twin) == repr(env)
    else:
        twin = new()
        saved = env.state() if make is batch else env.get_state()
        (twin.set_state)(saved)
    assert go(twin, np.random.default_rng(2), 60) == go(env, np.random.default_rng(2), 60)


def test_nothing_that_was_returned_changes_later():
    engine = WRAP["both"](batch("random_dots", 3, session={"trials": 1}))
    kept = [engine.reset(seed=0)[0]["subject_0"]]
    copies = [kept[0].copy()]
    rng = np.random.default_rng(0)
    for step in range(60):
        seen, _, _, over, _ = engine.step({"subject_0": rng.integers(3, size=3)})
        kept.append(seen["subject_0"])
        copies.append(seen["subject_0"].copy())
        if step % 2:
            kept.append(engine.restart(over["subject_0"])["subject_0"])
            copies.append(kept[-1].copy())
    assert all(np.array_equal(a, b) for a, b in zip(kept, copies, strict=True))


def test_channels_and_spaces_are_exact():
    env = WRAP["both"](parallel_env("dual_random_dots"))
    bare = parallel_env("dual_random_dots").channel_names("subject_0")
    added = env.channel_names("subject_0")[len(bare) :]
    assert env.channel_names("subject_0")[: len(bare)] == bare
    assert added == (
        "previous_reward",
        *(f"previous_action_{factor}_{action}" for factor in (0, 1) for action in (0, 1, 2)),
    )
    space = env.observation_space("subject_0")
    assert space.dtype == np.float32
    assert space.low[len(bare) :].tolist() == [-np.inf, 0, 0, 0, 0, 0, 0]
    assert space.high[len(bare) :].tolist() == [np.inf, 1, 1, 1, 1, 1, 1]
    env = WRAP["index"](parallel_env("dual_random_dots"))
    assert env.channel_names("subject_0")[-2:] == ("previous_action_0", "previous_action_1")
    assert env.observation_space("subject_0").high[-2:].tolist() == [2, 2]
    env = WRAP["index"](gym_env("random_dots"))
    assert env.channel_names()[-1] == "previous_action"
    env = previous_action_v0(gym_env("random_dots"))
    assert env.channel_names()[-3:] == tuple(f"previous_action_{k}" for k in range(3))


def test_the_class_and_the_function_are_the_same():
    for made in (PreviousReward(gym_env("random_dots")), previous_reward_v0(gym_env("random_dots"))):
        assert isinstance(made, PreviousReward)
        assert isinstance(made, gymnasium.Wrapper)
        assert type(made) is PreviousReward.Gym
        assert repr(made) == str(made) == "PreviousReward<GymEnvironment(random_dots)>"
    env = PreviousAction(PreviousReward(parallel_env("random_dots")), encoding="index")
    assert isinstance(env, ParallelEnv)
    assert repr(env) == "PreviousAction<PreviousReward<ParallelEnvironment(random_dots)>>"
    assert str(env) == "random_dots"
    vec = PreviousReward(vector_env("random_dots", 2))
    assert repr(vec) == "PreviousReward<VectorEnvironment(random_dots, num_envs=2)>"
    engine = PreviousReward(batch("random_dots", 2))
    assert repr(engine) == str(engine) == "PreviousReward<BatchEnvironment(random_dots, lanes=2)>"


def test_the_environment_is_reached_through_the_stack():
    for env in (WRAP["both"](parallel_env("random_dots")), WRAP["both"](gym_env("random_dots"))):
        env.reset(seed=0)
        assert env.scenario.name == "random_dots"
        assert env.dt == env.unwrapped.dt
        assert len(env.trials()) == 0
        env.truth()
        env.set_state(env.get_state())


def test_pettingzoo_and_gymnasium_accept_them():
    parallel_api_test(WRAP["both"](parallel_env("random_dots", session={"trials": 2})), 200)
    parallel_seed_test(lambda: WRAP["both"](parallel_env("dpa_gng")), 200)
    check_env(WRAP["both"](gym_env("random_dots", session={"trials": 2})), skip_render_check=True)
    scenario = Scenario.load("random_dots").replace(wrappers=["previous_reward"])
    api_test(aec_env(scenario, session={"trials": 2}), num_cycles=100)


class Foreign(ParallelEnv):
    """Somebody else's: one agent dies, another one is born later, actions start at 1."""

    metadata = {"name": "foreign", "render_modes": []}  # noqa: RUF012
    possible_agents = ["a_0", "b_0"]  # noqa: RUF012
    render_mode = None

    def __init__(self, space=None):
        box = gymnasium.spaces.Box(-1, 1, (2,), np.float64)
        self.boxes = dict.fromkeys(self.possible_agents, space or box)
        self.actions = gymnasium.spaces.Discrete(3, start=1)

    def observation_space(self, agent):
        return self.boxes[agent]

    def action_space(self, agent):
        return self.actions

    def reset(self, seed=None, options=None):
        self.agents, self.time = ["a_0"], 0
        return {"a_0": np.ones(2), "common": 5}, {"a_0": {}}

    def step(self, actions):
        self.time += 1
        alive = ["a_0"] if self.time < 2 else ["a_0", "b_0"] if self.time < 4 else ["b_0"]
        seen = {agent: np.ones(2) for agent in {**dict.fromkeys(self.agents), **dict.fromkeys(alive)}}
        over = {agent: agent not in alive for agent in seen}
        self.agents = alive
        none = dict.fromkeys(seen, False)
        return seen, dict.fromkeys(self.agents, 0.5), over, none, {agent: {} for agent in seen}


def test_any_parallel_environment_can_be_wrapped():
    env = previous_action_v0(previous_reward_v0(Foreign()))
    assert env.channel_names("a_0")[:2] == ("channel_0", "channel_1")
    assert env.observation_space("a_0").dtype == np.float64
    seen, _ = env.reset()
    assert seen["a_0"].tolist() == [1, 1, 0, 0, 0, 0]
    assert seen["common"] == 5
    seen = env.step({"a_0": 1})[0]
    assert seen["a_0"].tolist() == [1, 1, 0.5, 1, 0, 0]
    seen = env.step({"a_0": 3})[0]
    assert seen["b_0"].tolist() == [1, 1, 0, 0, 0, 0]  # just born: it has done nothing yet
    assert seen["a_0"].tolist() == [1, 1, 0.5, 0, 0, 1]
    env.step({"a_0": 1, "b_0": 2})
    seen, _, terminations, _, _ = env.step({"a_0": 2, "b_0": 3})
    assert terminations["a_0"]
    assert seen["a_0"].tolist() == [1, 1, 0, 0, 1, 0]  # it died, and was paid nothing
    assert seen["b_0"].tolist() == [1, 1, 0.5, 0, 0, 1]


def test_other_gymnasium_environments_can_be_wrapped():
    env = previous_action_v0(previous_reward_v0(gymnasium.make("CartPole-v1")))
    env.reset(seed=0)
    seen, reward, *_ = env.step(1)
    assert seen[4:].tolist() == [reward, 0, 1]
    vec = previous_reward_v0(gymnasium.make_vec("CartPole-v1", 3))
    vec.reset(seed=0)
    assert vec.step(np.ones(3, int))[0][:, 4].tolist() == [1, 1, 1]


def test_what_cannot_be_wrapped_is_refused_with_the_remedy():
    with pytest.raises(ArgumentError, match="Wrap the parallel environment before"):
        previous_reward_v0(aec_env("random_dots"))
    with pytest.raises(ArgumentError, match="PreviousReward: str cannot be wrapped"):
        PreviousReward("random_dots")
    with pytest.raises(ArgumentError, match=r"encoding 'onehot'.*'one_hot'"):
        previous_action_v0(parallel_env("random_dots"), encoding="onehot")
    image = gymnasium.spaces.Box(0, 255, (4, 4), np.uint8)
    with pytest.raises(ArgumentError, match=r"a_0 observes .* one dimension and floats"):
        previous_reward_v0(Foreign(image))
    with pytest.raises(ArgumentError, match="a_0 observes Discrete"):
        previous_reward_v0(Foreign(gymnasium.spaces.Discrete(3)))
    with pytest.raises(ArgumentError, match="must be Discrete or MultiDiscrete"):
        previous_action_v0(gymnasium.make("Pendulum-v1"))
