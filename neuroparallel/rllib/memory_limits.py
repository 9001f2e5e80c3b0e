"""Limits of the memory that learning takes, checked before any of it is taken."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch

from neuroparallel.errors import ArgumentError
from neuroparallel.rllib.module import ActorCritic
from neuroparallel.rllib.networks.protocol import network_names
from neuroparallel.rllib.settings import Settings

__all__ = ["check_memory"]

MOST_WEIGHTS = 50_000_000  # of a network: 200 MB, and four times as much while it learns
MOST_EXPERIENCE = 4 * 2**30  # bytes that an update's observations and activations take


def check_memory(
    settings: Settings, model: dict[str, Any], observations: gym.Space[Any], actions: gym.Space[Any]
) -> None:
    """Refuse networks and batches that no usual machine has memory for.

    A network has at most 50 million weights. The experience of an update (lanes x n_steps, with what each layer
    computes from it) takes at most 4 GiB.

    Args:
        settings: Fitted settings.
        model: Settings of the network.
        observations: What one of the agents sees.
        actions: What it does.

    Raises:
        ArgumentError: It would be more; names the setting.
    """
    widths = [*(observations.shape or ()), *settings.hidden]
    if settings.network_spec["name"] in network_names():
        widths += [value for value in settings.network_spec.values() if isinstance(value, int)]
        weights = _weights(model, observations, actions)
        if weights > MOST_WEIGHTS:
            dense = [a * b for a, b in zip(widths, settings.hidden, strict=False)]
            key = "hidden" if sum(dense) * 2 > MOST_WEIGHTS else "lstm" if settings.network is None else "network"
            raise ArgumentError(f"{key}: the network would have {weights:,} weights; at most {MOST_WEIGHTS:,}.")
    lanes, steps = settings.lanes or 1, settings.n_steps or 1
    size = 4 * lanes * steps * sum(widths)
    if size > MOST_EXPERIENCE:
        key = "lanes" if lanes > 32 * steps else "n_steps"
        raise ArgumentError(
            f"{key}: an update of {lanes:,} lanes and {steps:,} steps would take {size / 2**30:,.0f} GiB; at most "
            f"{MOST_EXPERIENCE // 2**30}."
        )


def _weights(model: dict[str, Any], observations: gym.Space[Any], actions: gym.Space[Any]) -> int:
    """Number of weights of a network, of which only the shapes are made."""
    with torch.device("meta"):
        module = ActorCritic(observation_space=observations, action_space=actions, model_config=model)
    return sum(part.numel() for part in module.parameters())
