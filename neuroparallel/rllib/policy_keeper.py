"""RLlib checkpoints that also hold the policy in the library's own format."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner

from neuroparallel.errors import ArgumentError
from neuroparallel.rllib.env_creation import build_engine, options_of, scenario_of
from neuroparallel.rllib.policy_file import write_policy
from neuroparallel.rllib.settings import own_settings, training_keys

__all__ = ["PolicyKeeper", "StockLearner", "scenario_of_policy", "settings_of"]

_SIZES = {"num_epochs", "minibatch_size", "train_batch_size_per_learner", "train_batch_size"}


class PolicyKeeper(PPOTorchLearner):
    """A learner that writes the policy beside its own files.

    It is the learner and not the algorithm that does so, because Ray Tune and ``Algorithm.save`` go through it
    whatever the class of the algorithm is.
    """

    def save_to_path(self, path: Any = None, **kwargs: Any) -> str:
        """Write RLlib's files, and the policy as `load_policy` reads it."""
        place = str(super().save_to_path(path, **kwargs))
        if "scenario" not in self.config.env_config or not Path(place).is_dir():  # not ours, or remote storage
            return place
        try:
            names = _names(self.config)
            modules = {name: self.module[name].unwrapped() for name in set(names.values())}
            write_policy(Path(place), dict(self.config.env_config), names, modules, train=settings_of(self.config))
        except (ArgumentError, TypeError, ValueError) as error:
            warnings.warn(f"The checkpoint can be read by RLlib only: {error}", stacklevel=2)
        return place


class StockLearner(PolicyKeeper):
    """RLlib's own PPO learner, whose checkpoints also hold the policy."""


def _names(config: Any) -> dict[str, str]:
    """Agent to policy."""
    function = config.policy_mapping_fn
    names = getattr(function, "names", None)
    if names is None:
        agents = build_engine({**config.env_config, "lanes": 1}).possible_agents
        names = {agent: function(agent, None) for agent in agents}
    return dict(names)


def settings_of(config: Any) -> dict[str, Any]:
    """Read the learning settings off a configuration, as a scenario's ``train:`` section holds them.

    Args:
        config: A configuration of `ppo_config` or `a2c_config`, perhaps changed since.

    Returns:
        The settings that can be written to a file.
    """
    from neuroparallel.rllib.config import PPO_DEFAULTS

    names, steps, lanes = _names(config), config.rollout_fragment_length, config.num_envs_per_env_runner
    usual = {**vars(PPOConfig()), **PPO_DEFAULTS}
    settings: dict[str, Any] = {
        "lanes": lanes,
        "n_steps": steps,
        "epochs": config.num_epochs,
        "minibatches": 1,
        "policies": names,
        **options_of(config.env_config),
    }
    if config.minibatch_size:
        rows = config.minibatch_size // (steps * max(1, config.num_env_runners))
        agents = max(list(names.values()).count(name) for name in names.values())
        settings["minibatches"] = max(1, lanes * agents // max(1, rows))
    model = getattr(config.rl_module_spec, "model_config", None)
    model = model if isinstance(model, Mapping) else {}
    settings.update({key: model[key] for key in own_settings() if key in model})
    for key in sorted(training_keys() - _SIZES):
        value = getattr(config, key, None)
        if isinstance(value, (bool, int, float, str)) and value != usual.get(key):
            settings[key] = value
    return settings


def scenario_of_policy(metadata: Mapping[str, Any]) -> Any:
    """Rebuild the scenario that a policy learnt, with its learning settings in the ``train:`` section.

    Args:
        metadata: The content of the policy's ``neuroparallel.json``.

    Returns:
        The scenario.
    """
    scenario = scenario_of(metadata["env"])
    section = {**(scenario.train or {}), **(metadata.get("train") or {})}
    policies = section.get("policies", scenario.policies)
    if policies is not None:
        section.pop("policies", None)
    return scenario.replace(train=None, policies=None).replace(train=section or None, policies=policies)
