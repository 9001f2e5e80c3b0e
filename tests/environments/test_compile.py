"""Options of all factories: dt, session, view; and what the environment says of its scenario."""

import numpy as np
import pytest

from neuroparallel.environments import batch, gym_env, parallel_env, vector_env
from neuroparallel.errors import ArgumentError
from neuroparallel.scenario import Scenario
from neuroparallel.tasks import make_task

FACTORIES = [parallel_env, gym_env, vector_env, batch]


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda f: f.__name__)
def test_dt_and_session_become_part_of_the_scenario(factory):
    size = {} if factory in (parallel_env, gym_env) else {"num_envs" if factory is vector_env else "lanes": 2}
    env = factory("random_dots", dt=20, session={"trials": 7}, **size)
    assert env.dt == 20
    assert env.scenario.dt == 20
    assert env.scenario.session.trials == 7
    assert Scenario.load("random_dots").session is None


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda f: f.__name__)
def test_a_task_a_dictionary_and_a_path_will_do(factory, tmp_path):
    task = make_task("random_dots", coherences=(0, 25.6))
    path = tmp_path / "mine.yaml"
    path.write_text(Scenario.load("random_dots").to_yaml(), encoding="utf-8")
    for what in (task, Scenario.load("random_dots").dump(), path, str(path), "go_nogo"):
        assert factory(what).scenario.subjects


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("session", [True, 3, "x", (1,), b"a", {"trials": True}, {"steps": 10**30}, {"x": 1}])
def test_a_session_of_another_kind_is_refused(factory, session):
    with pytest.raises(ArgumentError, match="session"):
        factory("random_dots", session=session)


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("record", [None, -1, 1.5, "x", [], float("nan")])
def test_how_many_trials_to_keep_is_a_whole_number_or_a_truth_value(factory, record):
    with pytest.raises(ArgumentError, match="record is"):
        factory("random_dots", record=record)


@pytest.mark.parametrize("seed", [True, 1.5, -1, "x", float("nan"), {}, [1, None], [1, -1], [1.5, 2], [True, 1], [1]])
def test_a_batch_refuses_seeds_that_are_no_whole_numbers_and_stays_as_it_was(seed):
    engine, other = batch("random_dots", 2, seed=3), batch("random_dots", 2, seed=3)
    engine.reset()
    with pytest.raises(ArgumentError, match="seed"):
        engine.reset(seed=seed)
    other.reset()
    assert np.array_equal(engine.reset()[0]["subject_0"], other.reset()[0]["subject_0"])


def test_sessions_are_as_long_as_asked_for():
    env = parallel_env("random_dots", session={"trials": 3})
    env.reset(seed=0)
    while env.agents:
        env.step({"subject_0": 0})
    assert len(env.trials()) == 3


def test_each_stream_can_be_an_agent_with_the_same_trials():
    whole = batch("dual_random_dots", 6, seed=2)
    parts = batch("dual_random_dots", 6, seed=2, view="streams")
    assert parts.possible_agents == ["subject_0.first", "subject_0.second"]
    seen, _ = whole.reset()
    pieces, _ = parts.reset()
    rng = np.random.default_rng(0)
    for _ in range(150):
        assert np.array_equal(seen["subject_0"], np.concatenate(list(pieces.values()), axis=1))
        actions = rng.integers(0, 3, (6, 2)) * rng.integers(0, 2, (6, 2))
        seen, reward, *_, infos = whole.step({"subject_0": actions})
        pieces, rewards, *_, split = parts.step(dict(zip(parts.possible_agents, actions.T, strict=True)))
        assert np.allclose(reward["subject_0"], sum(rewards.values()))
        for stream in ("first", "second"):
            for key in ("outcome", "trial", "period", "ground_truth"):
                both = infos["subject_0"][f"{stream}.{key}"], split[f"subject_0.{stream}"][key]
                assert np.array_equal(*both)
    first, second = whole.trials().columns, parts.trials().columns
    assert first.keys() == second.keys()
    for name in ("subject", "stream", "outcome", "trial", "reward"):
        assert list(first[name]) == list(second[name])


def test_a_single_environment_shows_streams_as_a_batch_does():
    env = parallel_env("dual_random_dots", view="streams", lane=1)
    engine = batch("dual_random_dots", 2, view="streams")
    seen, expected = env.reset(seed=4)[0], engine.reset(seed=4)[0]
    for _ in range(50):
        for agent in env.possible_agents:
            assert np.array_equal(seen[agent], expected[agent][1])
        seen = env.step(dict.fromkeys(env.possible_agents, 0))[0]
        expected = engine.step(dict.fromkeys(env.possible_agents, np.zeros(2, int)))[0]
    assert len(env.trials()) > 0
    assert set(env.trials().columns["subject"]) == {"subject_0"}
    assert set(env.trials().columns["stream"]) == {"first", "second"}


def test_streams_that_share_something_are_not_torn_apart():
    with pytest.raises(ArgumentError, match=r"subjects\.subject_0\.action is 'shared'"):
        parallel_env("dpa_gng", view="streams")
    fused = Scenario.load("dual_random_dots").replace(**{"subjects.subject_0.fixation": "all"})
    with pytest.raises(ArgumentError, match=r"fixation is 'all'"):
        batch(fused, 2, view="streams")
    mixed = Scenario.load("dual_random_dots").replace(**{"subjects.subject_0.observation": "shared"})
    with pytest.raises(ArgumentError, match=r"observation is 'shared'"):
        batch(mixed, 2, view="streams")


@pytest.mark.parametrize("factory", [gym_env, vector_env])
def test_gymnasium_takes_one_agent_only(factory, pair):
    with pytest.raises(ArgumentError, match=r"ann_0, bob_0.*parallel_env"):
        factory(pair)
