"""No setting of a configuration is ignored: it is honoured, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("ray")

from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

from neuroparallel.errors import ArgumentError
from neuroparallel.rllib import BatchedEnvRunner, ppo_config

pytestmark = pytest.mark.rllib


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
