"""Seeds that nobody gave: copies differ, and the seed that was drawn gives the same again."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel.errors import ArgumentError

pytestmark = pytest.mark.entropy


def seen(env):
    observations = [env.reset()[0]]
    for _ in range(20):
        observations.append(env.step(env.action_space.sample() * 0)[0])
    return np.array(observations)


def test_copies_without_a_seed_differ_and_say_which_seed_they_have():
    first, second = (npar.gym_env("random_dots") for _ in range(2))
    assert first.np_random_seed != second.np_random_seed
    stimuli = [seen(env) for env in (first, second)]
    assert not np.array_equal(*stimuli)
    again = npar.gym_env("random_dots", seed=first.np_random_seed)
    np.testing.assert_array_equal(seen(again), stimuli[0])


def test_a_vector_of_copies_has_a_stimulus_for_each():
    vector = gymnasium.vector.SyncVectorEnv([lambda: npar.gym_env("random_dots")] * 4)
    vector.reset()
    rows = [vector.step(np.zeros(4, np.int64))[0] for _ in range(5)][-1]
    assert len(np.unique(rows, axis=0)) == 4


@pytest.mark.parametrize("make", [npar.parallel_env, npar.gym_env])
def test_reset_with_a_seed_wins_and_is_what_the_environment_says(make):
    env = make("random_dots")
    env.reset(seed=5)
    assert env.np_random_seed == 5
    env.reset()
    assert env.np_random_seed == 5


@pytest.mark.parametrize(
    "draw",
    [
        lambda: npar.batch("random_dots", lanes=2).reset()[0]["subject_0"],
        lambda: npar.vector_env("random_dots", 2).reset()[0],
        lambda: npar.Dataset("random_dots", batch=2, steps=5)()[0],
        lambda: npar.simulate("random_dots", "ideal_observer", trials=200)["choice"],
    ],
    ids=["batch", "vector_env", "Dataset", "simulate"],
)
def test_without_a_seed_every_call_draws_other_trials(draw):
    assert not np.array_equal(draw(), draw())


def test_the_seed_of_a_scenario_is_for_all():
    scenario = npar.Scenario.load("random_dots").replace(seed=3)
    table = [npar.simulate(scenario, "ideal_observer", trials=50)["coherence"] for _ in range(2)]
    np.testing.assert_array_equal(*table)
    np.testing.assert_array_equal(
        table[0], npar.simulate("random_dots", "ideal_observer", trials=50, seed=3)["coherence"]
    )
    assert npar.parallel_env(scenario).np_random_seed == 3
    with pytest.raises(ArgumentError, match="seed"):
        npar.parallel_env(scenario, seed=-1)
