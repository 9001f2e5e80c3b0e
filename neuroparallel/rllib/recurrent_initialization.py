"""Initialization of recurrent networks with a memory as long as a trial needs."""

from __future__ import annotations

import torch

__all__ = ["chrono_bias", "seeded_uniform"]


def seeded_uniform(*shape: int, seed: int) -> torch.Tensor:
    """Draw numbers evenly from 0 to 1; on PyTorch's meta device, where only shapes exist, nothing is drawn.

    Args:
        *shape: Shape.
        seed: Seed.

    Returns:
        float32, of that shape.
    """
    empty = torch.empty(*shape)
    if empty.is_meta:
        return empty
    return empty.uniform_(generator=torch.Generator().manual_seed(int(seed)))


def chrono_bias(bias: torch.Tensor, tmax: float = 40.0, seed: int = 0) -> torch.Tensor:
    """Set an LSTM's biases so that its units forget over times spread from 1 to tmax steps.

    With PyTorch's own biases a trace halves at every step and is below the noise before a delay is
    over, so that no reward can ever teach the network to use it. An LSTM adds up two bias vectors,
    and RLlib calls this for each: both take half of the same draw.

    Args:
        bias: float32, (4 * units,). Changed in place; gates in the order input, forget, cell,
            output.
        tmax: Longest memory, steps; above 2. About 1.5 to 2 trials is a good choice.
        seed: Of the draw.

    Returns:
        The same tensor.

    Source:
        Tallec & Ollivier 2018, ICLR (arXiv 1804.11188), "chrono initialisation".
    """
    units = bias.numel() // 4
    times = 1.0 + (float(tmax) - 2.0) * seeded_uniform(units, seed=seed)
    half = torch.log(times) / 2.0
    with torch.no_grad():
        bias.zero_()
        bias[units : 2 * units] = half
        bias[:units] = -half
    return bias
