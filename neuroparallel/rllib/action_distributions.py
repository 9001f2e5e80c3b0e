"""Action distributions: numbered actions (categorical) or movements along axes (Gaussian)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from neuroparallel.agents.distributions import exponential, normal
from neuroparallel.errors import ArgumentError
from neuroparallel.rllib.loss import choice_statistics, movement_statistics
from neuroparallel.seeding import GAMMA, Bits, mix

__all__ = ["Choices", "Movements", "check_alike", "choices_for"]

Array: TypeAlias = NDArray[Any]


class Choices:
    """Numbered actions, of one or several factors: the outputs are logits.

    Args:
        sizes: Actions per factor.
        factored: Whether an action is a sequence.
    """

    def __init__(self, sizes: list[int], factored: bool) -> None:
        self.sizes, self.factored = sizes, factored
        self.outputs = sum(sizes)

    def empty(self, *lead: int) -> torch.Tensor:
        """Room for actions: int64, (*lead) or (*lead, factors)."""
        return torch.empty((*lead, len(self.sizes)) if self.factored else lead, dtype=torch.int64)

    def noise(self, *lead: int) -> torch.Tensor:
        """Return the noise that `draw` needs: float32, (*lead, outputs)."""
        return torch.empty((*lead, self.outputs)).exponential_().log_().neg_()

    def noise_of(self, words: Bits) -> torch.Tensor:
        """Return the same, made of random words (n,) instead of PyTorch's own numbers: float32, (n, outputs)."""
        with np.errstate(divide="ignore"):  # a 0 is drawn once in 2**53 times, and then wins
            return torch.from_numpy(-np.log(exponential(_spread(words, self.outputs))).astype(np.float32))

    def draw(self, outputs: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        """Draw with Gumbel noise (the greatest of logit + noise has the policy's own probabilities).

        Args:
            outputs: float32, (rows, outputs).
            noise: As of `noise`; None for the most probable action.
        """
        if noise is not None:
            outputs = outputs + noise
        if not self.factored:
            return outputs.argmax(-1)
        return torch.stack([part.argmax(-1) for part in outputs.split(self.sizes, -1)], -1)

    def evenly(self, noise: torch.Tensor) -> torch.Tensor:
        """Draw without a policy."""
        return self.draw(torch.zeros_like(noise), noise)

    def statistics(self, outputs: torch.Tensor, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probability of actions, and entropy, nats."""
        return choice_statistics(outputs, actions, self.sizes)

    def carried_out(self, actions: Array) -> Array:
        """Return the actions as the environment takes them."""
        return actions


class Movements:
    """Movements: the outputs are mean and log s.d. of a Gaussian per axis, in units in which the range is -1 to 1.

    That is RLlib's ``normalize_actions``, its default, so that policies move alike under its own runner.

    Args:
        space: The range of each axis.
    """

    def __init__(self, space: gym.spaces.Box) -> None:
        self.low, self.high = space.low, space.high
        self.axes = int(space.shape[0])
        self.outputs = 2 * self.axes

    def empty(self, *lead: int) -> torch.Tensor:
        """Room for actions: float32, (*lead, axes)."""
        return torch.empty((*lead, self.axes))

    def noise(self, *lead: int) -> torch.Tensor:
        """Return the noise that `draw` needs: float32, (*lead, axes)."""
        return torch.randn((*lead, self.axes))

    def noise_of(self, words: Bits) -> torch.Tensor:
        """Return the same, made of random words (n,) instead of PyTorch's own numbers: float32, (n, axes)."""
        drawn = [normal(mix(column)) for column in _spread(words, self.axes).T]
        return torch.from_numpy(np.stack(drawn, axis=1).astype(np.float32))

    def draw(self, outputs: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        """Draw from the Gaussian, or take its mean if noise is None; float32 (rows, axes)."""
        mean, log_sd = outputs.chunk(2, -1)
        return mean.clone() if noise is None else mean + noise * log_sd.exp()

    def evenly(self, noise: torch.Tensor) -> torch.Tensor:
        """Draw without a policy, evenly from the whole range."""
        return torch.erf(noise / math.sqrt(2.0))

    def statistics(self, outputs: torch.Tensor, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-density of actions, and entropy, nats."""
        return movement_statistics(outputs, actions)

    def carried_out(self, actions: Array) -> Array:
        """Return the actions as the environment takes them: float32, scaled and clipped to the range of each axis."""
        scaled = self.low + (actions + 1.0) * (0.5 * (self.high - self.low))
        scaled_actions: Array = np.clip(scaled, self.low, self.high).astype(np.float32)
        return scaled_actions


def _spread(words: Bits, count: int) -> Bits:
    """So many random words of each: (n,) to (n, count)."""
    spread: Bits = words[:, None] + np.arange(count, dtype=np.uint64) * GAMMA
    return spread


def choices_for(space: gym.Space[Any], agent: str = "the agent") -> Choices | Movements:
    """Return the action distribution for an action space.

    Raises:
        ArgumentError: It is none that a single policy of ours can act in.
    """
    if isinstance(space, gym.spaces.Discrete):
        return Choices([int(space.n)], False)
    if isinstance(space, gym.spaces.MultiDiscrete):
        return Choices([int(n) for n in space.nvec.ravel()], True)
    if isinstance(space, gym.spaces.Box) and len(space.shape) == 1:
        return Movements(space)
    raise ArgumentError(
        f"The actions of {agent} are {space}, but a policy makes numbered choices or movements, not both. With "
        "view='streams' every stream is an agent, and so can have a policy, of its own."
    )


def check_alike(policy: str, spaces: Mapping[str, tuple[Any, Any]]) -> None:
    """Refuse a policy for agents that see or can do different things.

    Args:
        policy: Its name.
        spaces: What each of its agents sees and can do.

    Raises:
        ArgumentError: They differ; names the agents.
    """
    first = next(iter(spaces.values()))
    if any(pair != first for pair in spaces.values()):
        raise ArgumentError(
            f"policies: {', '.join(spaces)} share the policy {policy!r} but differ in what they see or can do. "
            "Give each its own: 'independent', or a mapping."
        )
