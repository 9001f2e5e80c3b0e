"""Long short-term memory: the default."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from neuroparallel.rllib.networks.protocol import State
from neuroparallel.rllib.recurrent_initialization import chrono_bias


class LSTM(nn.Module):
    """A layer of long short-term memory.

    Args:
        inputs: Number of input columns.
        units: Number of units.
        memory_steps: Longest memory, steps, over which the biases spread the time constants (`chrono_bias`); 0
            keeps PyTorch's own biases.
        seed: Seed of that draw.

    Source:
        Hochreiter & Schmidhuber 1997, Neural Comput 9:1735.
    """

    def __init__(self, inputs: int, units: int = 64, *, memory_steps: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        self.cells = nn.LSTM(inputs, units, batch_first=True)
        if memory_steps:
            for bias in self.cells.all_weights[0][2:]:
                chrono_bias(bias, tmax=memory_steps, seed=seed)

    def initial_state(self) -> State:
        """Return zeros."""
        return {name: torch.zeros(self.cells.hidden_size) for name in ("h", "c")}

    def forward(self, observation: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Process a sequence; see `Network`."""
        if observation.shape[1] == 1 and not torch.is_grad_enabled():
            return self._one_step(observation[:, 0], state)
        output, (h, c) = self.cells(observation, (state["h"].unsqueeze(0), state["c"].unsqueeze(0)))
        return output, {"h": h.squeeze(0), "c": c.squeeze(0)}

    def _one_step(self, observation: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Process one step without gradients; PyTorch's own layer has a third more overhead."""
        weight_in, weight_back, bias_in, bias_back = self.cells.all_weights[0]
        gates = functional.linear(observation, weight_in, bias_in)
        gates += functional.linear(state["h"], weight_back, bias_back)
        write, keep, _, show = gates.sigmoid().chunk(4, 1)
        new = gates[:, 2 * self.cells.hidden_size : 3 * self.cells.hidden_size].tanh()
        c = torch.addcmul(keep * state["c"], write, new)
        h = show * c.tanh()
        return h.unsqueeze(1), {"h": h, "c": c}
