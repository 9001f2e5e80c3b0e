"""Generalised advantage estimation on whole arrays."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["estimate_advantages", "standardise"]

Array: TypeAlias = NDArray[Any]


def estimate_advantages(
    values: Array,
    rewards: Array,
    lengths: Array,
    terminated: Array,
    *,
    gamma: float,
    lambda_: float,
    trial_ends: Array | None = None,
) -> Array:
    """Say for every step by how much the return exceeded the prediction.

    Args:
        values: float, (N, T + 1). Predicted returns; the entry at ``lengths[i]`` is what is
            expected after the last step of row i, and counts unless the row terminated.
        rewards: float, (N, T).
        lengths: int, (N,). Steps of each row that happened, at most T.
        terminated: bool, (N,). True where nothing follows the last step.
        gamma: Discount per step, 0 to 1.
        lambda_: 0 trusts the predictions, 1 the rewards.
        trial_ends: bool, (N, T). True where nothing that follows a step counts for it or for steps before it. None:
            nowhere.

    Returns:
        float32, (N, T); 0 where nothing happened.

    Source:
        Schulman, Moritz, Levine, Jordan & Abbeel 2016, ICLR (arXiv 1506.02438).
    """
    rows, steps = rewards.shape
    last = np.asarray(lengths) - 1
    advantages = np.zeros((rows, steps), np.float32)
    running = np.zeros(rows, np.float64)
    ends = np.zeros((rows, steps), bool) if trial_ends is None else trial_ends
    for t in range(steps - 1, -1, -1):
        goes_on = ~(ends[:, t] | ((last == t) & terminated))
        surprise = rewards[:, t] + gamma * np.where(goes_on, values[:, t + 1], 0.0) - values[:, t]
        running = np.where(t <= last, surprise + gamma * lambda_ * np.where(goes_on, running, 0.0), 0.0)
        advantages[:, t] = running
    return advantages


STAKES = 0.1
"""Advantages whose s.d. is below this, in units of reward, are not enlarged to 1."""


def standardise(advantages: Array, mask: Array, least: float = STAKES) -> Array:
    """Give the advantages of the steps that happened mean 0 and s.d. 1, or less where little is at stake.

    A subject that learnt to withhold always (early responses cost) earns nothing and has nothing but noise in its
    advantages. Enlarged to s.d. 1, as usual, that noise outweighs the reward for entropy and the subject never
    responds again; left small, it lets the subject try again. Random dots are learnt with this and not without.

    RLlib's own connector lets padded and bootstrapped steps into mean and s.d. (its issue 57989),
    which makes the size of a gradient depend on how much padding there is.

    Args:
        advantages: float32, (N, T).
        mask: bool, (N, T). True for the steps that happened.
        least: Smallest s.d. to divide by, in units of reward.

    Returns:
        float32, (N, T); 0 where nothing happened.
    """
    valid = advantages[mask]
    if valid.size == 0:
        return np.zeros_like(advantages)
    scaled = (advantages - valid.mean()) / max(least, float(valid.std()))
    return np.where(mask, scaled, 0.0).astype(np.float32)
