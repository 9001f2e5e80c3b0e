"""Seats that agents take: the others see and earn the same as if somebody had acted for them."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test

import neuroparallel as npar
from neuroparallel.agents import make_agent
from neuroparallel.errors import NeuroparallelError, ScenarioError
from neuroparallel.reporting import check_file

SEATED = {"subjects.mismatcher.played_by": "wsls"}
RANDOM = {"subjects.mismatcher.played_by": {"agent": "random", "seed": 4}}


def pennies(**changes):
    return npar.Scenario.load("matching_pennies").replace(**changes)


def actions(rng, n=None):
    """Mostly holding, so that choices come in time and too early."""
    drawn = rng.choice(3, n or 1, p=(0.7, 0.15, 0.15))
    return drawn if n else int(drawn[0])


def test_a_seat_that_is_taken_is_no_agent_but_its_trials_are_recorded():
    batch = npar.batch(pennies(**SEATED), lanes=8)
    observations, _ = batch.reset(0)
    assert batch.possible_agents == ["matcher"] == list(observations)
    rng = np.random.default_rng(0)
    for _ in range(50):
        result = batch.step({"matcher": actions(rng, 8)})
        assert [list(part) for part in result] == [["matcher"]] * 5
    assert set(batch.trials()["subject"]) == {"matcher", "mismatcher"}


def test_an_agent_on_a_seat_does_what_it_would_do_in_simulate():
    """The same game, once by hand with the agent's own actions."""
    seated, open_ = npar.batch(pennies(**SEATED), lanes=16), npar.batch(pennies(), lanes=16)
    agent, rng = make_agent("wsls"), np.random.default_rng(0)
    seen, _ = seated.reset(3)
    everything, told = open_.reset(3)
    agent.reset(open_)
    for _ in range(120):
        np.testing.assert_array_equal(seen["matcher"], everything["matcher"])
        mine = actions(rng, 16)
        theirs = agent.act(everything, told, open_)["mismatcher"]
        seen, reward, *_ = seated.step({"matcher": mine})
        everything, rewards, _, _, told = open_.step({"matcher": mine, "mismatcher": theirs})
        np.testing.assert_array_equal(reward["matcher"], rewards["matcher"])


@pytest.mark.parametrize("changes", [SEATED, RANDOM])
def test_one_lane_equals_its_lane_of_the_batch_across_sessions(changes):
    scenario = pennies(**changes)
    batch = npar.batch(scenario, lanes=4, seed=7, session={"trials": 3})
    env = npar.parallel_env(scenario, lane=2, seed=7, session={"trials": 3})
    rng = np.random.default_rng(1)
    many, one = batch.reset(7)[0], env.reset(7)[0]
    sessions = 0
    for _ in range(150):
        np.testing.assert_array_equal(many["matcher"][2], one["matcher"])
        mine = actions(rng, 4)
        many, rewards, _, over, infos = batch.step({"matcher": mine})
        if not env.agents:  # the batch goes on by itself in this step
            one, info = env.reset()
            sessions += 1
            continue
        one, reward, _, ended, info = env.step({"matcher": int(mine[2])})
        assert reward["matcher"] == rewards["matcher"][2]
        assert ended["matcher"] == over["matcher"][2]
        assert info["matcher"] == {key: infos["matcher"][key][2] for key in infos["matcher"]}
    assert sessions > 3


def test_with_one_seat_left_a_game_is_a_gymnasium_environment():
    check_env(npar.gym_env(pennies(**RANDOM)), skip_render_check=True)
    env = npar.vector_env(pennies(**SEATED), num_envs=6)
    seen, _ = env.reset(seed=1)
    assert seen.shape == (6, env.single_observation_space.shape[0])
    env.step(np.zeros(6, int))


@pytest.mark.parametrize("mode", ["SAME_STEP", "DISABLED"])
def test_seats_are_refused_where_their_trials_would_differ_from_those_of_one_lane(mode):
    with pytest.raises(NeuroparallelError, match="NEXT_STEP"):
        npar.vector_env(pennies(**SEATED), num_envs=2, autoreset_mode=mode)


def test_a_seated_parallel_environment_passes_pettingzoos_test():
    parallel_api_test(npar.parallel_env(pennies(**SEATED), session={"trials": 5}), num_cycles=60)


def test_a_checkpoint_holds_what_seated_agents_remember():
    batch, again = npar.batch(pennies(**SEATED), lanes=8), npar.batch(pennies(**SEATED), lanes=8)
    rng = np.random.default_rng(0)
    batch.reset(0)
    for _ in range(37):
        batch.step({"matcher": actions(rng, 8)})
    again.reset(1)
    again.set_state(batch.state())
    for _ in range(60):
        mine = {"matcher": actions(rng, 8)}
        np.testing.assert_array_equal(batch.step(mine)[0]["matcher"], again.step(mine)[0]["matcher"])


def test_agents_on_seats_see_through_the_scenarios_wrappers():
    scenario = pennies(wrappers=["previous_reward"], **SEATED)
    env = npar.parallel_env(scenario)
    width = npar.parallel_env("matching_pennies").observation_space("matcher").shape[0]
    assert env.observation_space("matcher").shape == (width + 1,)
    assert env.reset(0)[0]["matcher"].shape == (width + 1,)


def test_simulate_puts_the_scenarios_agents_on_their_seats():
    alone = npar.simulate(pennies(**SEATED), agents="random", trials=200)
    named = npar.simulate(pennies(), agents={"matcher": "random", "mismatcher": "wsls"}, trials=200)
    np.testing.assert_array_equal(alone["choice"], named["choice"])
    other = npar.simulate(pennies(**SEATED), agents={"matcher": "random", "mismatcher": "random"}, trials=200)
    assert (alone["choice"] != other["choice"]).any()


@pytest.mark.parametrize(
    ("played_by", "says"),
    [
        ("wslss", "Did you mean 'wsls'"),
        ({"agent": "random", "sed": 1}, "sed"),
        ({"agent": "./nowhere/", "seed": 1}, "a training run has no option 'seed'"),
        pytest.param("./nowhere/", "no checkpoint", marks=pytest.mark.rllib),  # asks RLlib to read it
    ],
)
def test_who_cannot_play_is_refused_by_name(played_by, says):
    scenario = pennies(**{"subjects.mismatcher.played_by": played_by})
    with pytest.raises(ScenarioError, match="played_by") as error:
        npar.batch(scenario, lanes=2)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("name", "agent"),
    [
        ("prisoners_dilemma", "bottleneck"),
        ("joint_random_dots", "accumulator"),
        ("inspection", "best_response"),
        ("inspection", "q_learner"),
    ],
)
def test_a_restored_agent_looks_at_the_engine_it_is_restored_into(name, agent):
    scenario = npar.Scenario.load(name)
    mine, *others = scenario.subjects
    scenario = scenario.replace(**{f"subjects.{other}.played_by": agent for other in others})
    rng, straight, other = np.random.default_rng(0), npar.batch(scenario, lanes=3), npar.batch(scenario, lanes=3)
    space = straight.action_space(mine)
    actions = [{mine: rng.integers(0, getattr(space, "nvec", 2), (3, *space.shape))} for _ in range(60)]
    straight.reset(4)
    for action in actions[:20]:
        straight.step(action)
    other.set_state(straight.state())
    for action in actions[20:]:
        for one, two in zip(straight.step(action)[:2], other.step(action)[:2], strict=True):
            np.testing.assert_array_equal(one[mine], two[mine])
    np.testing.assert_array_equal(straight.trials()["choice"], other.trials()["choice"])


def test_an_action_that_is_refused_leaves_the_agents_as_they_were():
    scenario = pennies(**{"subjects.mismatcher.played_by": "random"})
    once, twice = npar.batch(scenario, lanes=50), npar.batch(scenario, lanes=50)
    once.reset(0), twice.reset(0)
    for _ in range(40):
        with pytest.raises(NeuroparallelError, match="matcher"):
            twice.step({"matcher": np.full(50, 9)})
        for env in (once, twice):
            env.step({"matcher": np.ones(50, np.int64)})
    np.testing.assert_array_equal(once.trials()["choice"], twice.trials()["choice"])


def test_an_agent_is_not_taken_for_a_directory_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wsls").mkdir()
    assert npar.batch(pennies(**SEATED), lanes=2).possible_agents == ["matcher"]


def test_agents_on_all_seats_play_by_themselves():
    both = pennies(**SEATED, **{"subjects.matcher.played_by": "hold"})
    assert set(npar.simulate(both, trials=5).where(subject="matcher")["choice"]) == {0}


def test_check_knows_who_cannot_play(tmp_path):
    file = tmp_path / "seats.yaml"
    file.write_text(pennies(**{"subjects.mismatcher.played_by": "wslss"}).to_yaml())
    (problem,) = check_file(file)
    line = file.read_text().splitlines().index("    played_by: wslss") + 1
    assert problem.startswith(f"{file}:{line}: subjects.mismatcher.played_by: there is no agent 'wslss'. Did you mean")


def test_somebody_must_be_left_to_act():
    both = pennies(**SEATED, **{"subjects.matcher.played_by": "hold"})
    with pytest.raises(NeuroparallelError, match="every one is played"):
        npar.batch(both, lanes=2)
    with pytest.raises(ScenarioError, match="say who plays"):
        pennies(**{"subjects.mismatcher.played_by": {"seed": 3}})


# ---- observations split by stream -----------------------------------------------------------------------------------


def dual(**changes):
    return npar.Scenario.load("dual_random_dots").replace(**{"subjects.subject_0.observation": "dict", **changes})


def test_a_dict_observation_is_the_whole_one_in_parts():
    whole, parts = npar.parallel_env("dual_random_dots"), npar.parallel_env(dual())
    one, two = whole.reset(3)[0]["subject_0"], parts.reset(3)[0]["subject_0"]
    space = parts.observation_space("subject_0")
    for _ in range(30):
        assert list(two) == ["first", "second"]
        np.testing.assert_array_equal(np.concatenate(list(two.values())), one)
        assert space.contains(two)
        one = whole.step({"subject_0": [0, 0]})[0]["subject_0"]
        two = parts.step({"subject_0": [0, 0]})[0]["subject_0"]


def test_fixation_and_partners_have_parts_of_their_own():
    space = npar.parallel_env(dual(**{"subjects.subject_0.fixation": "any"})).observation_space("subject_0")
    assert {name: part.shape for name, part in space.items()} == {"fixation": (1,), "first": (2,), "second": (2,)}
    env = npar.parallel_env(pennies(**{"subjects.matcher.observation": "dict"}))
    assert list(env.observation_space("matcher")) == ["partners", "play"]
    assert env.observation_space("mismatcher").shape == (5,)


def test_dict_observations_pass_the_checks_of_gymnasium_and_pettingzoo():
    check_env(npar.gym_env(dual()), skip_render_check=True)
    parallel_api_test(npar.parallel_env(dual(session={"trials": 3})), num_cycles=80)
    env = npar.vector_env(dual(session={"trials": 1}), num_envs=3, autoreset_mode="SAME_STEP")
    seen, _ = env.reset(seed=0)
    for _ in range(30):
        assert env.observation_space.contains(seen)
        seen, _, _, over, infos = env.step(np.zeros((3, 2), int))
        if over.any():
            assert env.single_observation_space.contains(infos["final_obs"][0])
