"""No setting of a configuration is ignored: it is honoured, or refused by name."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

pytest.importorskip("ray")

import torch
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

from neuroparallel.errors import ArgumentError
from neuroparallel.rllib import BatchedEnvRunner, checked_config, ppo_config

pytestmark = pytest.mark.rllib


class StepWatcher(RLlibCallback):
    """Wants to know of every session's end."""

    def on_episode_end(self, **kwargs: Any) -> None:
        """Nothing."""


def dots(**settings: Any) -> Any:
    return ppo_config("random_dots", lanes=4, n_steps=10, lstm=0, **settings)


@pytest.mark.parametrize(
    ("model", "changed"),
    [
        ({"hidden": [5]}, {"hidden": [5]}),
        ({"network": {"name": "gru", "units": 7}}, {"network": {"name": "gru", "units": 7}}),
        ({"fcnet_hiddens": [5, 6]}, {"hidden": [5, 6]}),
        ({"fcnet_activation": "tanh", "vf_share_layers": True}, {}),
        (DefaultModelConfig(fcnet_hiddens=[5]), {"hidden": [5]}),
    ],
)
def test_settings_of_the_network_are_honoured(model: Any, changed: dict[str, Any]) -> None:
    config = dots().rl_module(model_config=model)
    config.validate()
    runner = BatchedEnvRunner(config=config, worker_index=0)
    built = runner.module["shared"].unwrapped().model_config
    assert {key: built[key] for key in changed} == changed
    assert "fcnet_hiddens" not in built


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ({"use_lstm": True}, "model_config.use_lstm: .* Write network"),
        ({"lstm_cell_size": 3}, "Write network"),
        ({"fcnet_activation": "relu"}, "only activation"),
        ({"head_fcnet_hiddens": [3]}, "model_config.head_fcnet_hiddens: this network has no such setting"),
        ({"conv_filters": []}, "model_config.conv_filters"),
        ({"hiden": [3]}, "Did you mean 'hidden'"),
        (DefaultModelConfig(use_lstm=True) if hasattr(DefaultModelConfig, "use_lstm") else 3, "model_config"),
    ],
)
def test_settings_that_the_network_does_not_have_are_refused(model: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        dots().rl_module(model_config=model)


@pytest.mark.parametrize(
    ("method", "given", "says"),
    [
        ("env_runners", {"num_envs_per_env_runner": 8}, "'lanes'"),
        ("env_runners", {"rollout_fragment_length": 8}, "'n_steps'"),
        ("env_runners", {"batch_mode": "complete_episodes"}, "batch_mode"),
        ("env_runners", {"gym_env_vectorize_mode": "ASYNC"}, "gym_env_vectorize_mode"),
        ("env_runners", {"episode_lookback_horizon": 7}, "stock=True"),
        ("env_runners", {"compress_observations": True}, "compress_observations"),
        ("env_runners", {"env_to_module_connector": lambda *a: None}, "env_to_module_connector"),
        ("environment", {"clip_rewards": True}, "clip_rewards"),
        ("environment", {"normalize_actions": False}, "normalize_actions"),
        ("environment", {"clip_actions": True}, "clip_actions"),
        ("multi_agent", {"count_steps_by": "agent_steps"}, "count_steps_by"),
        ("learners", {"add_default_connectors_to_learner_pipeline": True}, "connector"),
        ("evaluation", {"evaluation_config": {"batch_mode": "complete_episodes"}}, r"evaluation_config\(batch_mode="),
        ("evaluation", {"evaluation_config": {"lr": 1.0}}, "does not learn"),
        ("evaluation", {"evaluation_config": {"clip_rewards": True}}, "clip_rewards"),
        ("evaluation", {"off_policy_estimation_methods": {"is": {}}}, "old API"),
        ("evaluation", {"offline_evaluation_interval": 3}, "not from recorded ones"),
        ("offline_data", {"input_": "recorded"}, "not from recorded ones"),
        ("offline_data", {"output": "recorded"}, "not from recorded ones"),
        ("resources", {"num_gpus": 1}, "num_gpus_per_learner"),
        ("fault_tolerance", {"restart_failed_sub_environments": True}, "one engine"),
        ("reporting", {"keep_per_episode_custom_metrics": True}, "old API"),
        ("reporting", {"metrics_episode_collection_timeout_s": 3.0}, "old API"),
        ("checkpointing", {"export_native_model_files": True}, "policy.safetensors"),
        ("checkpointing", {"checkpoint_trainable_policies_only": True}, "all policies"),
        ("callbacks", {"on_episode_step": print}, "on_episode_step would never be called"),
        ("callbacks", {"callbacks_class": StepWatcher}, "on_episode_end would never be called"),
        ("callbacks", {"on_evaluate_offline_start": print}, "not from recorded ones"),
        ("debugging", {"fake_sampler": True}, "old API"),
        ("debugging", {"log_sys_usage": False}, "old API"),
    ],
)
def test_settings_that_would_be_ignored_are_refused(method: str, given: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        getattr(dots(), method)(**given)


def test_what_is_used_can_still_be_changed() -> None:
    config = (
        dots()
        .env_runners(num_env_runners=1, num_envs_per_env_runner=4, explore=True)
        .evaluation(evaluation_interval=2)
        .learners(num_learners=0)
        .environment(disable_env_checking=True)
    )
    config.validate()
    assert config.copy(copy_frozen=False).num_env_runners == 1
    stock = dots(stock=True).env_runners(batch_mode="complete_episodes").environment(clip_rewards=True)
    assert stock.batch_mode == "complete_episodes"


ACCOUNTED = {  # methods of RLlib's configuration, of which each setting is either used or refused
    "evaluation": {
        *("evaluation_interval", "evaluation_duration", "evaluation_duration_unit", "evaluation_parallel_to_training"),
        *("evaluation_auto_duration_min_env_steps_per_sample", "evaluation_auto_duration_max_env_steps_per_sample"),
        *("evaluation_sample_timeout_s", "evaluation_unhealthy_workers_timeout_s", "custom_evaluation_function"),
        *("evaluation_error_after_n_consecutive_skips", "evaluation_force_reset_envs_before_iteration"),
        *("evaluation_config", "evaluation_num_env_runners", "evaluation_num_workers"),
    },
    "offline_data": set(),
    "resources": {"num_cpus_for_main_process", "custom_resources_for_main_process", "placement_strategy"},
    "fault_tolerance": {
        *("restart_failed_env_runners", "ignore_env_runner_failures", "max_num_env_runner_restarts"),
        *("delay_between_env_runner_restarts_s", "num_consecutive_env_runner_failures_tolerance"),
        *("env_runner_health_probe_timeout_s", "env_runner_restore_timeout_s"),
    },
    "reporting": {
        *("metrics_num_episodes_for_smoothing", "min_time_s_per_iteration", "min_train_timesteps_per_iteration"),
        *("min_sample_timesteps_per_iteration", "log_gradients"),
    },
    "checkpointing": set(),
    "callbacks": {
        *("callbacks_class", "on_algorithm_init", "on_train_result", "on_evaluate_start", "on_evaluate_end"),
        *("on_env_runners_recreated", "on_checkpoint_loaded", "on_environment_created", "on_sample_end"),
        *("on_episode_created", "on_episode_start", "on_episode_step", "on_episode_end"),  # refused by the runner
    },
    "debugging": {"log_level", "seed"},
}
OLD_ENDINGS = ("local_gpu_idx", "recreate_failed_env_runners")
REFUSED = {
    "evaluation": checked_config._EVALUATION,
    "offline_data": checked_config._OFFLINE,
    "resources": checked_config._RESOURCES,
    "fault_tolerance": checked_config._FAULTS,
    "reporting": checked_config._REPORTING,
    "checkpointing": checked_config._CHECKPOINTING,
    "callbacks": checked_config._CALLBACKS,
    "debugging": checked_config._DEBUGGING,
}


@pytest.mark.parametrize("method", ACCOUNTED)
def test_every_setting_of_rllib_is_accounted_for(method: str) -> None:
    """A new version of RLlib with a new setting fails here: it is to be placed with the used or the refused ones."""
    there = set(inspect.signature(getattr(AlgorithmConfig, method)).parameters) - {"self"}
    old = {name for name in there if name.endswith(OLD_ENDINGS) or "worker" in name}  # RLlib renames or refuses them
    assert there - ACCOUNTED[method] - set(REFUSED[method]) - old == set()
    assert not ACCOUNTED[method] & set(REFUSED[method])


def test_what_is_used_of_the_other_methods_can_be_changed() -> None:
    config = (
        dots()
        .evaluation(
            evaluation_interval=1,
            evaluation_duration=20,
            evaluation_duration_unit="timesteps",
            evaluation_config={"explore": False, "num_envs_per_env_runner": 2},
        )
        .resources(num_cpus_for_main_process=1)
        .fault_tolerance(max_num_env_runner_restarts=3)
        .reporting(min_time_s_per_iteration=0, metrics_num_episodes_for_smoothing=7)
        .callbacks(on_train_result=print)
    )
    config.validate()
    evaluation = config.get_evaluation_config_object()
    assert BatchedEnvRunner(config=evaluation, worker_index=0).num_envs == 2


def test_the_seed_of_a_configuration_is_that_of_its_trials() -> None:
    def first(config: Any) -> Any:
        runner = BatchedEnvRunner(config=config, worker_index=0)
        (rollout,) = runner.sample(num_timesteps=40)
        return rollout.modules["shared"], runner.module["shared"].unwrapped().state_dict()

    changed, given = first(dots(seed=1).debugging(seed=9)), first(dots(seed=9))
    assert all(torch.equal(changed[1][key], given[1][key]) for key in given[1])
    assert dots(seed=1).debugging(seed=9).env_config["seed"] == 9
