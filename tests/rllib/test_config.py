"""Settings: where they come from, what fits a trial, and what is warned of or refused."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("ray")

import cloudpickle
import torch

import neuroparallel as npar
from neuroparallel.errors import ArgumentError
from neuroparallel.rllib import BatchedEnvRunner, a2c_config, chrono_bias, init_ray, ppo_config
from neuroparallel.rllib.config import config_for, policy_mapping
from neuroparallel.rllib.env_creation import build_engine, worker_seed
from neuroparallel.rllib.feedback import with_feedback
from neuroparallel.rllib.settings import Course, Settings, resolve

pytestmark = pytest.mark.rllib


def test_a_memory_sets_chunk_and_biases_from_the_trial() -> None:
    config = ppo_config("dpa_gng")
    engine = build_engine({**config.env_config, "lanes": 1})
    assert config.rollout_fragment_length == engine.trial_steps() == 26
    assert config.rl_module_spec.model_config["tmax"] == 52
    assert config.env_runner_cls is BatchedEnvRunner
    assert config.num_env_runners == 0
    assert (config.gamma, config.lambda_, config.entropy_coeff, config.lr) == (0.95, 0.95, 0.1, 3e-3)
    assert config.train_batch_size_per_learner == 32 * 26
    assert config.minibatch_size == 8 * 26
    assert config.num_epochs == 4


@pytest.mark.parametrize(("name", "steps"), [("random_dots", 22), ("chicken", 20), ("prp", 128)])
def test_without_a_memory_a_chunk_is_a_trial_of_20_to_128_steps(name: str, steps: int) -> None:
    scenario = npar.Scenario.load(name).replace(train=None)
    config = ppo_config(scenario)
    assert config.rollout_fragment_length == steps
    assert config.rl_module_spec.model_config["tmax"] == 0


def test_discount_and_reward_for_entropy_are_per_second_and_not_per_step() -> None:
    fine, coarse = (Course(dt, trial_steps=round(2200 / dt)).training() for dt in (10.0, 100.0))
    assert fine["gamma"] ** 10 == pytest.approx(coarse["gamma"], abs=2e-3)
    assert 10 * fine["entropy_coeff"] == pytest.approx(coarse["entropy_coeff"])
    slow = Course(200.0, trial_steps=82, memory_steps=72).training()
    assert 1 / (1 - slow["gamma"]) == pytest.approx(82 / 4)  # a reward at the end of 16 s is still worth something


def test_an_untrained_subject_holds_for_a_quarter_of_a_long_trial() -> None:
    module = ppo_config("random_dots").rl_module_spec.model_config
    assert module["hold_steps"] == 22 / 4
    assert ppo_config("chicken").rl_module_spec.model_config["hold_steps"] == 0


def test_tasks_learnt_from_reward_show_it_and_have_sessions() -> None:
    bare = npar.Scenario.load(npar.make_task("bandit"))
    assert (bare.wrappers, bare.session) == ((), None)
    trained = with_feedback(bare)
    assert trained.wrappers == ("previous_action", "previous_reward")
    assert trained.session.trials == 100
    assert with_feedback(trained) is trained
    dots = npar.Scenario.load("random_dots")
    assert with_feedback(dots) is dots


def test_a2c_is_one_pass_over_one_batch() -> None:
    config = a2c_config("random_dots")
    assert config.num_epochs == 1
    assert config.minibatch_size is None
    assert config.rollout_fragment_length == 20
    assert config.rl_module_spec.model_config["network"] == {"name": "lstm", "units": 64}


def test_the_train_section_names_the_algorithm() -> None:
    assert config_for("random_dots_a2c").num_epochs == 1
    assert config_for("random_dots_a2c", algorithm="ppo").num_epochs == 4
    assert config_for("dpa_gng").num_epochs == 4
    with pytest.raises(ArgumentError, match="DQN keeps no memory"):
        config_for("dpa_gng", algorithm="dqn")


def test_the_train_section_gives_defaults_and_arguments_win() -> None:
    scenario = npar.Scenario.load("dpa_gng").replace(train={"lanes": 16, "lr": 1e-3, "budget_s": 5})
    config = ppo_config(scenario, lr=5e-3)
    assert config.num_envs_per_env_runner == 16
    assert config.lr == 5e-3


def test_settings_that_cannot_bridge_the_memory_are_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"n_steps is 10.*26 steps.*n_steps=26"):
        ppo_config("dpa_gng", n_steps=10)
    with pytest.warns(UserWarning, match=r"tmax is 5 steps.*tmax=52"):
        ppo_config("dpa_gng", tmax=5)
    with pytest.warns(UserWarning, match="lstm=0"):
        ppo_config("dpa_gng", lstm=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        ppo_config("dpa_gng")
        ppo_config("random_dots", n_steps=5)


@pytest.mark.parametrize("back", [1, 2, 4])
def test_a_memory_across_trials_sets_chunk_and_biases_from_as_many_trials(back: int) -> None:
    scenario = npar.Scenario.load("n_back").replace(**{"params.n": back})
    config = ppo_config(scenario)
    steps = build_engine({**config.env_config, "lanes": 1}).trial_steps() * (1 + back)
    assert config.rollout_fragment_length == steps == 5 * (1 + back)
    assert config.rl_module_spec.model_config["tmax"] == 2 * steps


def test_the_memory_of_a_task_across_trials_survives_modifiers() -> None:
    longer = npar.Scenario.load("n_back").replace(wrappers=[{"time_out": {"ms": 500}}])
    assert ppo_config(longer).rollout_fragment_length == 3 * 10
    turns = npar.Scenario.load("random_dots").replace(wrappers=[{"task_schedule": {"tasks": ["n_back"], "block": 20}}])
    config = ppo_config(turns)
    assert config.rollout_fragment_length == 3 * build_engine({**config.env_config, "lanes": 1}).trial_steps()


def test_settings_that_cannot_bridge_the_trials_to_remember_are_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"n_steps is 10, shorter than the 3 trials' 15 steps.*n_steps=15"):
        ppo_config("n_back", n_steps=10)
    with pytest.warns(UserWarning, match=r"tmax is 9 steps, shorter than the 10 steps to be remembered.*tmax=30"):
        ppo_config("n_back", tmax=9)
    with pytest.warns(UserWarning, match=r"remembered for 10 steps, but the network has no memory"):
        ppo_config("n_back", lstm=0)


def test_null_in_the_section_leaves_ours_as_they_are_and_switches_those_of_rllib_off() -> None:
    config = ppo_config(npar.Scenario.load("random_dots").replace(train={"lanes": None, "grad_clip": None}))
    assert config.num_envs_per_env_runner == 32
    assert config.grad_clip is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lane": 3}, "Did you mean 'lanes'"),
        ({"lanes": 0}, "lanes is 0; it is a whole number, 1 or more"),
        ({"num_env_runners": "two"}, "num_env_runners is 'two'; it is a whole number, 0 or more"),
        ({"hidden": 64}, "hidden is 64; it is a list"),
        ({"hidden": (64, 0)}, r"hidden\.1 is 0; it is a whole number, 1 or more"),
        ({"tmax": 1}, "above 2"),
        ({"tmax": "long"}, "tmax is 'long'; it is a number of steps above 2"),
        ({"session": 10}, "write {trials: 100}"),
        ({"skip": 1}, "skip is 1; it is true or false"),
        ({"hold_steps": -1}, "hold_steps is -1; it is a number of steps"),
        ({"network": "gruu"}, "Did you mean 'gru'"),
        ({"network": 3}, "network is 3; it is a name"),
        ({"network": "gru", "lstm": 64}, "give one of them"),
        ({"policies": "mine"}, "independent"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        ppo_config("random_dots", **settings)


def test_a_policy_can_be_shared_or_each_agents_own() -> None:
    assert policy_mapping("shared", ["a", "b"]) == {"a": "shared", "b": "shared"}
    assert policy_mapping("independent", ["a", "b"]) == {"a": "a", "b": "b"}
    assert policy_mapping({"a": "x", "b": "x"}, ["a", "b"]) == {"a": "x", "b": "x"}
    with pytest.raises(ArgumentError, match="no policy for b"):
        policy_mapping({"a": "x"}, ["a", "b"])


def test_none_counts_as_not_given() -> None:
    settings, rest = resolve({"lanes": 8, "gamma": 0.5}, {"lanes": None, "lr": 1e-2})
    assert settings == Settings(lanes=8)
    assert rest == {"gamma": 0.5, "lr": 1e-2}


def test_the_configuration_pickles() -> None:
    config = cloudpickle.loads(cloudpickle.dumps(ppo_config("dpa_gng")))
    assert config.policy_mapping_fn("subject_0", None) == "shared"


def test_workers_seeds_never_meet() -> None:
    seeds = {
        worker_seed(seed, worker=worker, evaluation=evaluation, steps=steps)
        for seed in range(20)
        for worker in range(20)
        for evaluation in (False, True)
        for steps in (0, 1664)
    }
    assert len(seeds) == 20 * 20 * 2 * 2
    assert worker_seed(7, worker=0) == 7


def test_dotted_changes_in_env_config_reach_the_engine() -> None:
    config = ppo_config("random_dots")
    name = next(iter(npar.Scenario.load("random_dots").subjects["subject_0"].streams))
    key = f"subjects.subject_0.streams.{name}.timing.stimulus"
    engine = build_engine({**config.env_config, "set": {key: 600}, "lanes": 2})
    plain = build_engine({**config.env_config, "lanes": 2})
    assert engine.trial_steps() < plain.trial_steps()


def test_chrono_biases_spread_forgetting_over_the_memory() -> None:
    one, other = torch.empty(256), torch.empty(256)
    chrono_bias(one, tmax=40, seed=1)
    chrono_bias(other, tmax=40, seed=1)
    assert torch.equal(one, other)  # both bias vectors share the draw
    forget = (one + other)[64:128]
    times = forget.exp()
    assert times.min() >= 1
    assert times.max() <= 39
    assert times.std() > 8
    torch.testing.assert_close((one + other)[:64], -forget)
    assert not one[128:].any()
    assert not torch.equal(one, chrono_bias(torch.empty(256), tmax=40, seed=2))


def test_networks_of_several_runs_differ_and_those_of_one_agree() -> None:
    configs = [ppo_config("dpa_gng", seed=seed) for seed in (0, 0, 1)]
    weights = []
    for config in configs:
        config.validate()
        runner = BatchedEnvRunner(config=config, worker_index=0)
        weights.append(runner.module["shared"].get_state()["network.cells.bias_ih_l0"])
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_a_configuration_works_after_ray_was_shut_down_and_started_again() -> None:
    code = (
        "import ray, neuroparallel as npar\n"
        "for _ in range(2):\n"
        "    npar.rllib.init_ray()\n"
        "    algorithm = npar.rllib.ppo_config('random_dots', lanes=4).build_algo()\n"
        "    algorithm.train()\n"
        "    algorithm.stop()\n"
        "    ray.shutdown()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


def test_ray_starts_by_itself_even_where_someone_has_started_a_cluster(monkeypatch):
    # Ray joins what `ray start` left on a machine unless it is told not to, and then refuses num_cpus.
    asked = {}
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", lambda **options: asked.update(options))
    monkeypatch.setattr("atexit.register", lambda *_: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    init_ray()
    assert asked["address"] == "local"
    init_ray("10.0.0.1:6379")
    assert asked["address"] == "10.0.0.1:6379"


@pytest.mark.parametrize(
    ("name", "value"),
    [("lr", -1), ("lr", "abc"), ("lr", 0), ("gamma", 1.5), ("lambda_", True), ("grad_clip", float("nan"))],
)
def test_a_learning_setting_outside_its_range_is_refused_by_name(name, value):
    with pytest.raises(ArgumentError, match=rf"{name} is .*; it is a number"):
        ppo_config("random_dots", **{name: value})
