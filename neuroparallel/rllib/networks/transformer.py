"""A small causal transformer with a window of past observations."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from neuroparallel.errors import ArgumentError, whole_number
from neuroparallel.rllib.networks.protocol import State


class Transformer(nn.Module):
    """Self-attention over the last observations; what it remembers is the observations themselves.

    Positions enter as a penalty on distance (ALiBi), so that a step means the same wherever a sequence is cut.

    Args:
        inputs: Number of input columns.
        units: Width of a layer; a multiple of ``heads``.
        heads: Attention heads.
        layers: Number of layers.
        window: Steps that a layer looks back; None takes half of the task's memory, at least 16.
        memory_steps: Longest memory of the task, steps.

    Source:
        Vaswani et al. 2017, NeurIPS (arXiv 1706.03762); Press, Smith & Lewis 2022, ICLR (arXiv 2108.12409).
    """

    slopes: torch.Tensor

    def __init__(
        self,
        inputs: int,
        units: int = 64,
        *,
        heads: int = 4,
        layers: int = 1,
        window: int | None = None,
        memory_steps: float = 0.0,
    ) -> None:
        super().__init__()
        if units % whole_number(heads, "network.heads", 1):
            raise ArgumentError(f"network.units is {units}; it is a multiple of the {heads} heads.")
        window = max(16, round(memory_steps / 2)) if window is None else window
        self.window = whole_number(window, "network.window", 1)
        self.embed = nn.Linear(inputs, units)
        self.layers = nn.ModuleList(_Layer(units, heads) for _ in range(whole_number(layers, "network.layers", 1)))
        self.past = self.window * len(self.layers)  # on which the present step depends
        self.inputs = inputs
        self.register_buffer("slopes", 2.0 ** -torch.linspace(2.0, 8.0, heads))

    def initial_state(self) -> State:
        """Return a past in which nothing was observed; the last column marks what was."""
        return {"past": torch.zeros(self.past, self.inputs + 1)}

    def forward(self, observation: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Process a sequence; see `Network`."""
        seen = torch.cat([observation, torch.ones_like(observation[..., :1])], -1)
        seen = torch.cat([state["past"], seen], 1)
        features, bias = self.embed(seen[..., :-1]), self._bias(seen[..., -1] > 0)
        for layer in self.layers:
            features = layer(features, bias)
        return features[:, self.past :], {"past": seen[:, -self.past :]}

    def _bias(self, known: torch.Tensor) -> torch.Tensor:
        """Return what is added to attention, (rows, heads, to, from): a penalty on distance, -inf if out of sight."""
        steps = torch.arange(known.shape[1], device=known.device)
        back = steps[:, None] - steps[None, :]
        visible = (back >= 0) & (back < self.window) & (known[:, None, :] | (back == 0))
        penalty = -self.slopes[None, :, None, None] * back.clamp(min=0)
        return penalty.masked_fill(~visible[:, None], float("-inf"))


class _Layer(nn.Module):
    """A pre-norm transformer layer."""

    def __init__(self, units: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(units), nn.LayerNorm(units)
        self.project, self.merge = nn.Linear(units, 3 * units), nn.Linear(units, units)
        self.feed = nn.Sequential(nn.Linear(units, 2 * units), nn.GELU(), nn.Linear(2 * units, units))

    def forward(self, features: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        rows, steps, units = features.shape
        parts = self.project(self.before(features)).view(rows, steps, 3, self.heads, units // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        features = features + self.merge(attended.transpose(1, 2).reshape(rows, steps, units))
        fed: torch.Tensor = features + self.feed(self.between(features))
        return fed
