"""The actor-critic: dense layers, a network that may remember, and on it a policy and a value head."""

from __future__ import annotations

import math
from typing import Any

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchDiagGaussian, TorchMultiCategorical
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import nn

from neuroparallel.rllib.action_distributions import Choices, Movements, choices_for
from neuroparallel.rllib.networks import build_network, check_network

__all__ = ["ActorCritic"]


class ActorCritic(TorchRLModule, ValueFunctionAPI):
    """Actor-critic for choices and movements, as an RLModule.

    It returns the features that its value head reads, so that the learner need not pass through the network once
    more to know the values.

    Its ``model_config`` is a dict:

    - ``hidden``: units of each dense layer in front of the network;
    - ``skip``: whether the network sees the observation beside the dense features. What is to be compared with a
      memory must reach the gates as it is; what depends on a context is easier to read from the features;
    - ``network``: name and options, see `neuroparallel.rllib.networks.build_network`;
    - ``dt`` (ms), ``tmax`` (longest memory, steps; 0 for none) and ``seed``: what networks derive their start from;
    - ``hold_steps``: mean number of steps before an untrained subject responds; 0 for an even policy;
    - RLlib's ``max_seq_len``.
    """

    def setup(self) -> None:
        """Make the layers."""
        config = dict(self.model_config)
        inputs = units = int(self.observation_space.shape[0])
        layers: list[nn.Module] = []
        for width in config["hidden"]:
            layers += [nn.Linear(units, int(width)), nn.Tanh()]
            units = int(width)
        self.dense = nn.Sequential(*layers)
        self.skip = bool(config.get("skip")) and bool(layers)
        units += inputs if self.skip else 0
        network: Any = build_network(
            config["network"],
            units,
            dt=float(config.get("dt", 100.0)),
            memory_steps=float(config["tmax"]),
            seed=int(config["seed"]),
        )
        self._stateful = bool(network.initial_state())
        units = check_network(network, units)
        self.network = network
        choices = choices_for(self.action_space)
        self.policy = nn.Linear(units, choices.outputs)
        self.value = nn.Linear(units, 1)
        nn.init.orthogonal_(self.policy.weight, 0.01)
        nn.init.zeros_(self.policy.bias)
        self._moves = isinstance(choices, Movements)
        if isinstance(choices, Movements):
            self.action_dist_cls = TorchDiagGaussian
            return
        _hold_at_first(self.policy.bias, choices, float(config.get("hold_steps", 0.0)))
        if choices.factored:
            self.action_dist_cls = TorchMultiCategorical.get_partial_dist_cls(input_lens=choices.sizes)

    def get_initial_state(self) -> dict[str, torch.Tensor]:
        """Return the network's state before the first observation; empty without a memory."""
        network: Any = self.network
        state: dict[str, torch.Tensor] = network.initial_state()
        return state

    def train(self, mode: bool = True) -> ActorCritic:
        """Switch between training and acting, if that is a change; RLlib asks for it in every step."""
        if self.training != mode:
            super().train(mode)
        return self

    def _forward_inference(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return self._run(batch, explores=False)

    def _forward_exploration(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return self._run(batch, explores=True)

    def _forward_train(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return self._run(batch, explores=True)

    def _run(self, batch: dict[str, Any], *, explores: bool) -> dict[str, Any]:
        seen = batch[Columns.OBS]
        features = self.dense(seen)
        if self.skip:
            features = torch.cat([seen, features], -1)
        if hasattr(self.network, "noisy"):
            self.network.noisy = explores
        out: dict[str, Any] = {}
        if self._stateful:
            features, out[Columns.STATE_OUT] = self.network(features, batch[Columns.STATE_IN])
        else:
            features = self._without_memory(features)
        out[Columns.EMBEDDINGS] = features
        outputs = self.policy(features)
        out[Columns.ACTION_DIST_INPUTS] = _bounded(outputs) if self._moves else outputs
        return out

    def _without_memory(self, features: torch.Tensor) -> torch.Tensor:
        """Pass features of any leading axes through a network that expects rows and steps."""
        lead = features.shape[:-1]
        output: torch.Tensor = self.network(features.reshape(-1, 1, features.shape[-1]), {})[0]
        return output.reshape(*lead, output.shape[-1])

    def compute_values(self, batch: dict[str, Any], embeddings: torch.Tensor | None = None) -> torch.Tensor:
        """Predict returns.

        Args:
            batch: Observations and recurrent state; not read if the features are known.
            embeddings: What the value head reads, as the forward pass returned it.

        Returns:
            float32, the batch's leading axes.
        """
        if embeddings is None:
            embeddings = self._run(batch, explores=True)[Columns.EMBEDDINGS]
        values: torch.Tensor = self.value(embeddings).squeeze(-1)
        return values


def _hold_at_first(bias: torch.Tensor, choices: Choices, hold_steps: float) -> None:
    """Set the bias of the policy so that action 0 (hold) is kept for so many steps on average.

    With an even policy a subject responds within a step or two, whatever a step lasts: in a long trial it would never
    hold until the response window, and so never find out what a response there is worth.
    """
    if not hold_steps:
        return
    start = 0
    with torch.no_grad():
        for size in choices.sizes:
            respond = min((size - 1) / size, 1.0 / hold_steps) if size > 1 else 0.0
            bias[start] = math.log((1.0 - respond) / respond * (size - 1)) if size > 1 else 0.0
            start += size


def _bounded(outputs: torch.Tensor) -> torch.Tensor:
    """Keep the log s.d. of movements between -2.5 and 0.5: actions are clipped, so nothing else would limit it."""
    mean, spread = outputs.chunk(2, -1)
    return torch.cat([mean, 1.5 * torch.tanh(spread) - 1.0], -1)
