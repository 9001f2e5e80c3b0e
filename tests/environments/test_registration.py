"""Ids in the registries of gymnasium and PettingZoo."""

import gymnasium
import numpy as np
import pettingzoo
import pytest

from neuroparallel.environments import (
    GymEnvironment,
    ParallelEnvironment,
    VectorEnvironment,
    register_ids,
)
from neuroparallel.environments.registration import environment_id
from neuroparallel.scenario import Scenario, list_scenarios
from neuroparallel.tasks import list_tasks

register_ids()

HIDDEN = {environment_id(f"task_{name}") for name in {*list_tasks()} & {*list_scenarios()}}


def test_all_that_has_one_subject_is_registered_with_gymnasium():
    ids = {key for key in gymnasium.registry if key.startswith("neuroparallel/")}
    names = {*list_tasks(), *list_scenarios()}
    alone = {name for name in names if len(Scenario.load(name).subjects) == 1}
    assert ids == {environment_id(name) for name in alone} | HIDDEN


@pytest.mark.filterwarnings("ignore:.*A Box observation space")
def test_gymnasium_makes_them():
    env = gymnasium.make("neuroparallel/RandomDots-v0", session={"trials": 3})
    assert isinstance(env.unwrapped, GymEnvironment)
    env.reset(seed=0)
    env.step(0)
    env = gymnasium.make("neuroparallel/DpaGng-v0", render_mode="rgb_array", dt=50)
    env.reset(seed=0)
    assert env.render().shape == (360, 640, 3)
    again = gymnasium.make(env.spec)
    assert again.unwrapped.dt == 50


def test_gymnasium_makes_vectors_of_them():
    vec = gymnasium.make_vec("neuroparallel/RandomDots-v0", num_envs=5, session={"steps": 9})
    assert isinstance(vec, VectorEnvironment)
    seen, _ = vec.reset(seed=1)
    assert seen.shape == (5, 3)
    kept = gymnasium.make_vec("neuroparallel/RandomDots-v0", 2, autoreset_mode="SAME_STEP")
    assert kept.metadata["autoreset_mode"] is gymnasium.vector.AutoresetMode.SAME_STEP


@pytest.mark.filterwarnings("ignore:.*A Box observation space")
def test_gymnasiums_own_vector_of_single_ones_works_as_well():
    vec = gymnasium.make_vec("neuroparallel/RandomDots-v0", 3, vectorization_mode="sync")
    seen, _ = vec.reset(seed=[4, 5, 6])
    ours = gymnasium.make_vec("neuroparallel/RandomDots-v0", 3)
    assert np.array_equal(ours.reset(seed=[4, 5, 6])[0], seen)


@pytest.mark.skipif(not hasattr(pettingzoo, "register"), reason="PettingZoo before 1.27")
def test_pettingzoo_makes_them():
    names = {environment_id(name) for name in {*list_tasks(), *list_scenarios()}}
    for registry in (pettingzoo.parallel_registry, pettingzoo.aec_registry):
        assert {key for key in registry if key.startswith("neuroparallel/")} == names | HIDDEN
    env = pettingzoo.make("parallel", "neuroparallel/DpaGng-v0", session={"trials": 2})
    assert isinstance(env, ParallelEnvironment)
    turns = pettingzoo.make("aec", "neuroparallel/DpaGng-v0")
    turns.reset(seed=0)
    turns.step(0)


def test_registering_twice_changes_nothing():
    before = dict(gymnasium.registry)
    register_ids()
    assert gymnasium.registry == before
