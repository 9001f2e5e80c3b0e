"""Learner connector from rollouts to PPO's train batch, on whole arrays."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.connectors.connector_v2 import ConnectorV2
from ray.rllib.core.columns import Columns
from ray.rllib.evaluation.postprocessing import Postprocessing

from neuroparallel.rllib.advantages import estimate_advantages, standardise
from neuroparallel.rllib.rollout import ModuleRollout, Rollout

__all__ = ["RolloutToBatch", "predict_values"]

Array: TypeAlias = NDArray[Any]


class RolloutToBatch(ConnectorV2):
    """Turn rollouts into PPO's train batch: one pass of the value head, one sweep for the advantages.

    Args:
        input_observation_space: As RLlib passes it; not used.
        input_action_space: As RLlib passes it; not used.
        gamma: Discount per step, 0 to 1.
        lambda_: Trust in rewards against predictions, 0 to 1.
        reward_scale: Factor on rewards, above 0.
    """

    def __init__(
        self,
        input_observation_space: Any = None,
        input_action_space: Any = None,
        *,
        gamma: float,
        lambda_: float,
        reward_scale: float = 1.0,
    ) -> None:
        super().__init__(input_observation_space, input_action_space)
        self.gamma = gamma
        self.lambda_ = lambda_
        self.reward_scale = reward_scale

    def __call__(
        self,
        *,
        rl_module: Any,
        batch: Any,
        episodes: list[Rollout],
        shared_data: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, dict[str, Any]]:
        """Make the train batch of every policy that has experience.

        Args:
            rl_module: The learner's networks.
            batch: Ignored; the batch is made afresh.
            episodes: What the runners returned.
            shared_data: Marks policies whose rows are padded, so that RLlib shuffles rows and not
                steps.
            **kwargs: Ignored.

        Returns:
            Policy name to columns: tensors (N, T, ...) with a memory, (steps, ...) without.
        """
        out: dict[str, dict[str, Any]] = {}
        for name in sorted({name for rollout in episodes for name in rollout.modules}):
            data = _join([rollout.modules[name] for rollout in episodes if name in rollout.modules])
            module = rl_module[name].unwrapped()
            out[name] = self.columns(data, module)
            if data.state is not None and shared_data is not None:
                shared_data[f"_zero_padded_for_mid={name}"] = True
        return out

    def columns(self, data: ModuleRollout, module: Any) -> dict[str, Any]:
        """Make the columns that PPO's loss needs for one policy."""
        values = predict_values(data, module)
        advantages = estimate_advantages(
            values,
            data.rewards * self.reward_scale,
            data.lengths,
            data.terminated,
            gamma=self.gamma,
            lambda_=self.lambda_,
            trial_ends=data.trial_ends,
        )
        mask = data.mask
        arrays = {
            Columns.OBS: data.observations[:, :-1],
            Columns.ACTIONS: data.actions,
            Columns.ACTION_LOGP: data.logp,
            Columns.ACTION_DIST_INPUTS: data.logits,
            Postprocessing.ADVANTAGES: standardise(advantages, mask),
            Postprocessing.VALUE_TARGETS: np.where(mask, advantages + values[:, :-1], 0.0).astype(np.float32),
        }
        device = _device(module)
        if data.state is None:  # without a memory, padding is simply left out
            return {key: _tensor(array[mask], device) for key, array in arrays.items()}
        columns: dict[str, Any] = {key: _tensor(array, device) for key, array in arrays.items()}
        columns[Columns.STATE_IN] = {key: _tensor(array, device) for key, array in data.state.items()}
        columns[Columns.SEQ_LENS] = _tensor(data.lengths.astype(np.int32), device)
        if data.padded:
            columns[Columns.LOSS_MASK] = _tensor(mask, device)
        return columns


def predict_values(data: ModuleRollout, module: Any) -> Array:
    """Predict the return from every observation, the one after a row's last step included.

    Args:
        data: A policy's experience.
        module: Its network, as of before the update.

    Returns:
        float32, (N, T + 1).
    """
    device = _device(module)
    with torch.no_grad():
        if data.features is not None:
            values = module.compute_values({}, embeddings=_tensor(data.features, device))
        else:
            batch: dict[str, Any] = {Columns.OBS: _tensor(data.observations, device)}
            if data.state is not None:
                state = {key: _tensor(array, device) for key, array in data.state.items()}
                batch[Columns.STATE_IN] = state
            values = module.compute_values(batch)
    predicted: Array = values.cpu().numpy()
    return predicted


def _device(module: Any) -> torch.device:
    device: torch.device = next(module.parameters()).device
    return device


def _tensor(array: Array, device: torch.device) -> torch.Tensor:
    if not array.flags.writeable:  # as it came from another process; PyTorch would warn
        array = array.copy()
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)


def _join(parts: list[ModuleRollout]) -> ModuleRollout:
    """Put the rows of several runners under each other."""
    if len(parts) == 1:
        return parts[0]
    steps = max(part.steps for part in parts)

    def rows(name: str, timed: int | None) -> Array:
        arrays = [getattr(part, name) for part in parts]
        if timed is not None:
            arrays = [_pad(array, steps + timed) for array in arrays]
        return np.concatenate(arrays)

    state = None
    if parts[0].state is not None:
        states = [part.state or {} for part in parts]
        state = {key: np.concatenate([s[key] for s in states]) for key in parts[0].state}
    has_features = all(part.features is not None for part in parts)
    return ModuleRollout(
        observations=rows("observations", 1),
        actions=rows("actions", 0),
        logits=rows("logits", 0),
        logp=rows("logp", 0),
        rewards=rows("rewards", 0),
        trial_ends=rows("trial_ends", 0),
        terminated=rows("terminated", None),
        lengths=rows("lengths", None),
        state=state,
        features=rows("features", 1) if has_features else None,
    )


def _pad(array: Array, steps: int) -> Array:
    missing = steps - array.shape[1]
    if missing == 0:
        return array
    return np.pad(array, [(0, 0), (0, missing)] + [(0, 0)] * (array.ndim - 2))
