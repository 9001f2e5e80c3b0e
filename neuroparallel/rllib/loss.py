"""PPO's loss for choices and movements, computed without the detour over distribution objects."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

__all__ = ["LossTerms", "choice_statistics", "movement_statistics", "ppo_terms"]


@dataclass(frozen=True)
class LossTerms:
    """Means over the steps that happened; scalar tensors.

    Attributes:
        total: What is minimised.
        policy: The clipped surrogate, negated.
        value: Squared error of the value head, clipped at ``vf_clip``.
        value_unclipped: The same, not clipped.
        entropy: Of the policy, nats.
        explained: Share of the value targets' variance that the value head explains, at least -1.
    """

    total: torch.Tensor
    policy: torch.Tensor
    value: torch.Tensor
    value_unclipped: torch.Tensor
    entropy: torch.Tensor
    explained: torch.Tensor


def choice_statistics(
    logits: torch.Tensor, actions: torch.Tensor, sizes: list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probability of the actions taken and entropy of the choice; over several factors, their sums.

    Args:
        logits: float32, (..., sum(sizes)).
        actions: int64, (...) with one factor, else (..., factors).
        sizes: Choices per factor.

    Returns:
        Both float32, (...), nats.
    """
    if len(sizes) == 1 and actions.dim() == logits.dim() - 1:
        actions = actions.unsqueeze(-1)
    logp, entropy = torch.zeros(()), torch.zeros(())
    for factor, part in enumerate(logits.split(sizes, -1)):
        log_probabilities = torch.log_softmax(part, -1)
        chosen = actions[..., factor : factor + 1]
        logp = logp + log_probabilities.gather(-1, chosen).squeeze(-1)
        entropy = entropy - (log_probabilities.exp() * log_probabilities).sum(-1)
    return logp, entropy


def movement_statistics(outputs: torch.Tensor, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-density of the movements made and entropy of a Gaussian without correlations; over axes, their sums.

    Args:
        outputs: float32, (..., 2 * axes). Means, then logarithms of standard deviations.
        actions: float32, (..., axes).

    Returns:
        Both float32, (...), nats.
    """
    mean, log_sd = outputs.chunk(2, -1)
    z = (actions - mean) * (-log_sd).exp()
    logp = -0.5 * z.square() - log_sd - 0.5 * math.log(2 * math.pi)
    entropy = log_sd + 0.5 * math.log(2 * math.pi * math.e)
    return logp.sum(-1), entropy.sum(-1)


def ppo_terms(
    *,
    logp: torch.Tensor,
    old_logp: torch.Tensor,
    entropy: torch.Tensor,
    advantages: torch.Tensor,
    values: torch.Tensor,
    targets: torch.Tensor,
    mask: torch.Tensor | None,
    clip: float,
    vf_clip: float,
    vf_coeff: float,
    entropy_coeff: float,
) -> LossTerms:
    """Combine PPO's three losses.

    Args:
        logp: float32, (N, T) or (steps,). Of the actions taken, now; likewise all that follow.
        old_logp: The same when they were taken.
        entropy: Of the policy now.
        advantages: By how much the action was better than expected.
        values: Predicted returns now.
        targets: What they should have been.
        mask: bool. True for steps that happened; None if all did.
        clip: How far the ratio of probabilities may leave 1.
        vf_clip: Largest squared error that counts.
        vf_coeff: Weight of the value loss.
        entropy_coeff: Weight of the entropy.

    Returns:
        The loss and its parts.

    Source:
        Schulman, Wolski, Dhariwal, Radford & Klimov 2017 (arXiv 1707.06347), eq. 7 and 9.
    """
    if mask is not None:
        parts = (logp, old_logp, entropy, advantages, values, targets)
        logp, old_logp, entropy, advantages, values, targets = (part[mask] for part in parts)
    ratio = (logp - old_logp).exp()
    clipped = ratio.clamp(1.0 - clip, 1.0 + clip)
    policy = -torch.min(advantages * ratio, advantages * clipped).mean()
    error = (values - targets).square()
    value = error.clamp(max=vf_clip).mean()
    mean_entropy = entropy.mean()
    total = policy + vf_coeff * value - entropy_coeff * mean_entropy
    with torch.no_grad():
        unexplained = error.mean() / targets.var(correction=0).clamp(min=1e-8)
        explained = (1.0 - unexplained).clamp(min=-1.0)
    return LossTerms(total, policy.detach(), value.detach(), error.detach().mean(), mean_entropy.detach(), explained)
