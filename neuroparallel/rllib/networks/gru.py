"""Gated recurrent units."""

from __future__ import annotations

import torch
from torch import nn

from neuroparallel.rllib.networks.protocol import State
from neuroparallel.rllib.recurrent_initialization import seeded_uniform


class GRU(nn.Module):
    """A layer of gated recurrent units.

    Args:
        inputs: Number of input columns.
        units: Number of units.
        memory_steps: Longest memory, steps: the biases of the update gate spread the time constants from 1 to so
            many steps; 0 keeps PyTorch's own biases.
        seed: Seed of that draw.

    Source:
        Cho et al. 2014, EMNLP (arXiv 1406.1078); biases: Tallec & Ollivier 2018, ICLR (arXiv 1804.11188).
    """

    def __init__(self, inputs: int, units: int = 64, *, memory_steps: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        self.cells = nn.GRU(inputs, units, batch_first=True)
        if memory_steps > 2:
            times = 1.0 + (float(memory_steps) - 2.0) * seeded_uniform(units, seed=seed)
            with torch.no_grad():  # gates in the order reset, update, new; a large update gate keeps the old state
                for bias in self.cells.all_weights[0][2:]:
                    bias.zero_()
                    bias[units : 2 * units] = torch.log(times) / 2.0

    def initial_state(self) -> State:
        """Return zeros."""
        return {"h": torch.zeros(self.cells.hidden_size)}

    def forward(self, observation: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Process a sequence; see `Network`."""
        output, h = self.cells(observation, state["h"].unsqueeze(0).contiguous())
        return output, {"h": h.squeeze(0)}
