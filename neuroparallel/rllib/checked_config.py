"""A PPOConfig that refuses, by name, what the library's network, runner and learner would ignore."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

from neuroparallel.errors import ArgumentError, nearest, whole_number
from neuroparallel.rllib.runner import refuse_bypassed
from neuroparallel.rllib.settings import training_keys

__all__ = ["TaskConfig"]

_SAME = {"fcnet_hiddens": "hidden", "max_seq_len": "max_seq_len"}
_INSTEAD = {
    "use_lstm": "network='lstm', or 'mlp' for none",
    "lstm_cell_size": "network={'name': 'lstm', 'units': 64}",
    "fcnet_activation": "'tanh', which is the only activation of this network",
    "vf_share_layers": "True: policy and value head share their layers",
}
_FIXED = {"fcnet_activation": "tanh", "vf_share_layers": True}
_EPISODES = "the batched runner makes no episode objects; use ppo_config(..., stock=True)"
_FRAGMENT = ("rollout_fragment_length",)
_RUNNER = {
    "num_envs_per_env_runner": "the number of copies is ppo_config's 'lanes'",
    "rollout_fragment_length": "the steps between updates are ppo_config's 'n_steps'",
    "gym_env_vectorize_mode": "all lanes are one batch engine",
    "batch_mode": "an update takes n_steps of every lane, and sessions go on after it",
    "episode_lookback_horizon": _EPISODES,
    "episodes_to_numpy": _EPISODES,
    "compress_observations": _EPISODES,
    "env_to_module_connector": _EPISODES,
    "module_to_env_connector": _EPISODES,
    "add_default_connectors_to_env_to_module_pipeline": _EPISODES,
    "add_default_connectors_to_module_to_env_pipeline": _EPISODES,
    "observation_filter": "write a wrapper in the scenario",
    "sample_collector": "it belongs to RLlib's old API",
    "exploration_config": "it belongs to RLlib's old API; use entropy_coeff",
}
_ENVIRONMENT = {
    "clip_rewards": "write a wrapper in the scenario",
    "normalize_actions": "movements are already in the range of the action space",
    "clip_actions": "movements are always clipped to the action space",
    "action_mask_key": "the tasks have no action masks",
    "observation_space": "the scenario defines what is seen",
    "action_space": "the scenario defines what can be done",
    "render_env": "use neuroparallel run or plot_trial",
}
_MULTI_AGENT = {
    "count_steps_by": "steps are counted per environment",
    "observation_fn": "it belongs to RLlib's old API; write a wrapper in the scenario",
    "policy_map_capacity": "it belongs to RLlib's old API",
    "policy_states_are_swappable": "it belongs to RLlib's old API",
}
_LEARNERS = {"add_default_connectors_to_learner_pipeline": "the learner adds its own connector for arrays"}
_OLD = "it belongs to RLlib's old API"
_OWN_EXPERIENCE = "the subjects learn from their own trials, not from recorded ones"
_EVALUATION = {
    "off_policy_estimation_methods": _OLD,
    "ope_split_batch_by_episode": _OLD,
    "always_attach_evaluation_results": "results are always attached",
    **dict.fromkeys(
        [name for name in inspect.signature(PPOConfig.evaluation).parameters if "offline" in name], _OWN_EXPERIENCE
    ),
}
_OFFLINE = dict.fromkeys(
    [name for name in inspect.signature(PPOConfig.offline_data).parameters if name != "self"], _OWN_EXPERIENCE
)
_RESOURCES = {
    "num_gpus": "use learners(num_gpus_per_learner=...)",
    "_fake_gpus": _OLD,
}
_FAULTS = {
    "restart_failed_sub_environments": "all lanes are one engine, which is restarted with its runner",
}
_REPORTING = {
    "keep_per_episode_custom_metrics": _OLD,
    "metrics_episode_collection_timeout_s": _OLD,
    "custom_stats_cls_lookup": "results are reduced by RLlib's own statistics",
}
_CHECKPOINTING = {
    "export_native_model_files": "every checkpoint holds policy.safetensors",
    "checkpoint_trainable_policies_only": "a checkpoint holds all policies, so that it can be played",
}
_DEBUGGING = {"log_sys_usage": _OLD, "fake_sampler": _OLD}
_CALLBACKS = dict.fromkeys(
    [name for name in inspect.signature(PPOConfig.callbacks).parameters if "offline" in name], _OWN_EXPERIENCE
)
_IN_EVALUATION = {
    **{name: reason for name, reason in _RUNNER.items() if name not in ("num_envs_per_env_runner", *_FRAGMENT)},
    **_ENVIRONMENT,
    **_MULTI_AGENT,
    **dict.fromkeys(training_keys(), "an evaluation does not learn"),
    **dict.fromkeys(("num_learners", "num_gpus_per_learner", "learner_class"), "an evaluation does not learn"),
}


class TaskConfig(PPOConfig):
    """RLlib's PPOConfig for a scenario, as `ppo_config` returns it.

    Until it is `sealed`, it takes everything, as `ppo_config` itself sets it up; then it refuses settings that would
    not be used.
    """

    sealed = False
    stock = False
    credit = "session"
    """``trial``: rewards of later trials do not count for an action; ``session``: they do, discounted."""
    reward_scale = 1.0
    """Factor on all rewards in learning; those that are reported stay as they are."""

    def rl_module(self, *, model_config: Any = None, rl_module_spec: Any = None, **kwargs: Any) -> TaskConfig:
        """Change the network.

        Args:
            model_config: Our own keys (``hidden``, ``network``, ``tmax`` ...), or RLlib's where they mean the same
                (``fcnet_hiddens``); anything else is refused.
            rl_module_spec: Another network, which then has its own ``model_config``.
            **kwargs: As in RLlib.

        Raises:
            ArgumentError: The network has no such setting.
        """
        if rl_module_spec is not None:
            kwargs["rl_module_spec"] = rl_module_spec
        spec = self._rl_module_spec if rl_module_spec is None else rl_module_spec
        own = getattr(spec, "model_config", None)
        if self.sealed and model_config is not None and isinstance(own, Mapping) and "hidden" in own:
            from dataclasses import replace

            changed = {**own, **_translated(model_config, own)}
            kwargs["rl_module_spec"] = replace(spec, model_config=changed)
        elif model_config is not None:
            kwargs["model_config"] = model_config
        super().rl_module(**kwargs)
        return self

    def env_runners(self, **kwargs: Any) -> TaskConfig:
        """Change how experience is collected; see RLlib."""
        self._refuse("env_runners", kwargs, _RUNNER)
        super().env_runners(**kwargs)
        return self

    def environment(self, *args: Any, **kwargs: Any) -> TaskConfig:
        """Change the environment; see RLlib."""
        self._refuse("environment", kwargs, _ENVIRONMENT)
        super().environment(*args, **kwargs)
        return self

    def multi_agent(self, **kwargs: Any) -> TaskConfig:
        """Change which policy acts for which agent; see RLlib."""
        self._refuse("multi_agent", kwargs, _MULTI_AGENT)
        super().multi_agent(**kwargs)
        return self

    def learners(self, **kwargs: Any) -> TaskConfig:
        """Change the learner; see RLlib."""
        self._refuse("learners", kwargs, _LEARNERS)
        super().learners(**kwargs)
        return self

    def evaluation(self, **kwargs: Any) -> TaskConfig:
        """Change how RLlib itself evaluates; `neuroparallel.rllib.train` has evaluations of its own."""
        self._refuse("evaluation", kwargs, _EVALUATION, always=True)
        changes = kwargs.get("evaluation_config")
        if changes is not None:
            plain = changes if isinstance(changes, Mapping) else changes.to_dict()
            always = {name: reason for name, reason in _IN_EVALUATION.items() if name in training_keys()}
            self._refuse("evaluation_config", plain, always, always=True)
            self._refuse("evaluation_config", plain, _IN_EVALUATION)
        super().evaluation(**kwargs)
        return self

    def offline_data(self, **kwargs: Any) -> TaskConfig:
        """Refuse recorded experience, which is not used."""
        self._refuse("offline_data", kwargs, _OFFLINE, always=True)
        super().offline_data(**kwargs)
        return self

    def resources(self, **kwargs: Any) -> TaskConfig:
        """Change what the main process takes; see RLlib."""
        self._refuse("resources", kwargs, _RESOURCES, always=True)
        super().resources(**kwargs)
        return self

    def fault_tolerance(self, **kwargs: Any) -> TaskConfig:
        """Change what happens when a worker fails; see RLlib."""
        self._refuse("fault_tolerance", kwargs, _FAULTS)
        super().fault_tolerance(**kwargs)
        return self

    def reporting(self, **kwargs: Any) -> TaskConfig:
        """Change what is reported; see RLlib."""
        self._refuse("reporting", kwargs, _REPORTING, always=True)
        super().reporting(**kwargs)
        return self

    def checkpointing(self, **kwargs: Any) -> TaskConfig:
        """Refuse RLlib's settings of checkpoints, which belong to its old API."""
        self._refuse("checkpointing", kwargs, _CHECKPOINTING, always=True)
        super().checkpointing(**kwargs)
        return self

    def callbacks(self, *args: Any, **kwargs: Any) -> TaskConfig:
        """Add callbacks; those of episodes and their steps only with RLlib's own runner (`stock`)."""
        self._refuse("callbacks", kwargs, _CALLBACKS, always=True)
        if self.sealed and not self.stock:
            refuse_bypassed(PPOConfig().callbacks(*args, **kwargs))
        super().callbacks(*args, **kwargs)
        return self

    def debugging(self, **kwargs: Any) -> TaskConfig:
        """Change the log level, or the seed: that of the trials, of the network and of learning."""
        self._refuse("debugging", kwargs, _DEBUGGING, always=True)
        seed = kwargs.get("seed")
        if self.sealed and isinstance(seed, int):
            whole_number(seed, "seed")
            kwargs["seed"] = seed % 2**32  # NumPy's global generator takes no more
            self.environment(env_config={**self.env_config, "seed": seed})
            own = getattr(self._rl_module_spec, "model_config", None)
            if isinstance(own, Mapping) and "seed" in own:
                self.rl_module(model_config={"seed": seed})
        super().debugging(**kwargs)
        return self

    def seal(self, *, stock: bool) -> TaskConfig:
        """Refuse from now on what would be ignored; RLlib's own runner (`stock`) ignores only the sizes."""
        self.sealed, self.stock = True, stock
        return self

    def _refuse(
        self, method: str, given: Mapping[str, Any], refused: Mapping[str, str], *, always: bool = False
    ) -> None:
        """Refuse settings; those that RLlib's own runner ignores too, `always`."""
        if not self.sealed:
            return
        sizes = ("num_envs_per_env_runner", "rollout_fragment_length")
        for name, reason in refused.items():
            if name not in given or (self.stock and not always and name not in sizes):
                continue
            if given[name] != getattr(self, name, None):  # what is already so may be said again
                raise ArgumentError(f"{method}({name}=...) would be ignored or would not fit: {reason}.")


def _translated(given: Any, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a network's settings in our words."""
    if dataclasses.is_dataclass(given) and not isinstance(given, type):
        usual = DefaultModelConfig()
        given = {key: value for key, value in vars(given).items() if value != getattr(usual, key, None)}
    if not isinstance(given, Mapping):
        raise ArgumentError(f"model_config is {given!r}; it is a mapping with {', '.join(own)}.")
    changed: dict[str, Any] = {}
    for key, value in given.items():
        if key in own:
            changed[key] = value
        elif key in _SAME:
            changed[_SAME[key]] = value
        elif key in _FIXED and value == _FIXED[key]:
            continue
        else:
            hint = f" Write {_INSTEAD[key]}." if key in _INSTEAD else nearest(str(key), own)
            raise ArgumentError(
                f"model_config.{key}: this network has no such setting; it has {', '.join(own)}.{hint} For another "
                "network, give rl_module_spec=RLModuleSpec(...)."
            )
    return changed
