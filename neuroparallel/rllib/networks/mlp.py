"""Layers without memory."""

from __future__ import annotations

import torch
from torch import nn

from neuroparallel.rllib.networks.protocol import State


class MLP(nn.Module):
    """A layer without memory: what it puts out depends on the present observation only.

    Args:
        inputs: Number of input columns.
        units: Number of units; 0 passes the observation through.
    """

    def __init__(self, inputs: int, units: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, units), nn.Tanh()) if units else nn.Sequential()

    def initial_state(self) -> State:
        """Return nothing: there is no memory."""
        return {}

    def forward(self, observation: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Process a sequence; see `Network`."""
        return self.layers(observation), state
