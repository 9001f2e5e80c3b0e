"""The network: layers that look, an LSTM that remembers, and on it a policy and a value head."""

from __future__ import annotations

from typing import Any

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchDiagGaussian, TorchMultiCategorical
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import nn
from torch.nn import functional

from neuroparallel.rllib.choices import Movements, choices_for
from neuroparallel.rllib.memory import chrono_bias

__all__ = ["ActorCritic"]


class ActorCritic(TorchRLModule, ValueFunctionAPI):
    """A recurrent actor-critic for choices and movements, as an RLModule.

    It is the network of RLlib's default module for ``use_lstm=True`` and shared layers, but starts
    with an even policy, sets the LSTM's memory (`chrono_bias`), and gives away what its value head
    reads, so that the learner need not pass through the LSTM once more to know the values.

    Its ``model_config`` is a dict: ``hidden`` (units of each looking layer), ``lstm`` (units, 0 for
    none), ``tmax`` (longest memory in steps, 0 for PyTorch's own biases), ``seed`` (of that draw),
    and RLlib's ``max_seq_len``.
    """

    def setup(self) -> None:
        """Make the layers."""
        config = dict(self.model_config)
        units = int(self.observation_space.shape[0])
        layers: list[nn.Module] = []
        for width in config["hidden"]:
            layers += [nn.Linear(units, int(width)), nn.Tanh()]
            units = int(width)
        self.look = nn.Sequential(*layers)
        self.lstm: nn.LSTM | None = None
        if config["lstm"]:
            self.lstm = nn.LSTM(units, int(config["lstm"]), batch_first=True)
            units = int(config["lstm"])
            if config["tmax"]:
                for bias in self.lstm.all_weights[0][2:]:
                    chrono_bias(bias, tmax=config["tmax"], seed=config["seed"])
        choices = choices_for(self.action_space)
        self.policy = nn.Linear(units, choices.outputs)
        self.value = nn.Linear(units, 1)
        nn.init.orthogonal_(self.policy.weight, 0.01)
        nn.init.zeros_(self.policy.bias)
        self._moves = isinstance(choices, Movements)
        if isinstance(choices, Movements):
            self.action_dist_cls = TorchDiagGaussian
        elif choices.factored:
            self.action_dist_cls = TorchMultiCategorical.get_partial_dist_cls(input_lens=choices.sizes)

    def get_initial_state(self) -> dict[str, torch.Tensor]:
        """What it remembers before it saw anything: zeros."""
        if self.lstm is None:
            return {}
        return {name: torch.zeros(self.lstm.hidden_size) for name in ("h", "c")}

    def train(self, mode: bool = True) -> ActorCritic:
        """Switch between training and acting, if that is a change; RLlib asks for it in every step."""
        if self.training != mode:
            super().train(mode)
        return self

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        features = self.look(batch[Columns.OBS])
        out: dict[str, Any] = {}
        if self.lstm is not None:
            state = batch[Columns.STATE_IN]
            if features.shape[1] == 1 and not torch.is_grad_enabled():
                features, out[Columns.STATE_OUT] = _one_step(self.lstm, features, state)
            else:
                features, (h, c) = self.lstm(features, (state["h"].unsqueeze(0), state["c"].unsqueeze(0)))
                out[Columns.STATE_OUT] = {"h": h.squeeze(0), "c": c.squeeze(0)}
        out[Columns.EMBEDDINGS] = features
        outputs = self.policy(features)
        out[Columns.ACTION_DIST_INPUTS] = _bounded(outputs) if self._moves else outputs
        return out

    def compute_values(self, batch: dict[str, Any], embeddings: torch.Tensor | None = None) -> torch.Tensor:
        """Predict returns.

        Args:
            batch: Observations and recurrent state; not read if the features are known.
            embeddings: What the value head reads, as the forward pass returned it.

        Returns:
            float32, the batch's leading axes.
        """
        if embeddings is None:
            embeddings = self._forward(batch)[Columns.EMBEDDINGS]
        values: torch.Tensor = self.value(embeddings).squeeze(-1)
        return values


def _bounded(outputs: torch.Tensor) -> torch.Tensor:
    """Keep the log s.d. of movements between -2.5 and 0.5: actions are clipped, so nothing else would limit it."""
    mean, spread = outputs.chunk(2, -1)
    return torch.cat([mean, 1.5 * torch.tanh(spread) - 1.0], -1)


def _one_step(
    lstm: nn.LSTM, features: torch.Tensor, state: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """One step of an LSTM without gradients; PyTorch's own has a third more overhead."""
    weight_in, weight_back, bias_in, bias_back = lstm.all_weights[0]
    gates = functional.linear(features[:, 0], weight_in, bias_in)
    gates += functional.linear(state["h"], weight_back, bias_back)
    write, keep, _, show = gates.sigmoid().chunk(4, 1)
    new = gates[:, 2 * lstm.hidden_size : 3 * lstm.hidden_size].tanh()
    c = torch.addcmul(keep * state["c"], write, new)
    h = show * c.tanh()
    return h.unsqueeze(1), {"h": h, "c": c}
