"""Rollout: the experience of one stretch of steps, as arrays, from the runner to the learner."""

from __future__ import annotations

import builtins
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["ModuleRollout", "Rollout"]

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class ModuleRollout:
    """Experience of one policy: a row per agent, lane and session, padded with zeros to T steps.

    A row never runs across the end of a session; an agent whose session ended within the stretch
    has several rows. Only the first ``lengths[i]`` steps of row i happened.

    Attributes:
        observations: float32, (N, T + 1, channels). The entry at ``lengths[i]`` is the observation
            after the row's last step, from which the learner judges what would have followed.
        actions: int64, (N, T) or (N, T, factors); of movements float32, (N, T, axes).
        logits: float32, (N, T, outputs). What the policy said at the time.
        logp: float32, (N, T). Log-probability (nats) of the action taken, at the time; 0 without
            exploration.
        rewards: float32, (N, T).
        terminated: bool, (N,). True where nothing follows the row's last step.
        trial_ends: bool, (N, T). True where a step was the last of its trial and later trials do not count for it.
        lengths: int64, (N,), 1 to T.
        state: The recurrent state at the row's start, (N, layers, units) each; None without a
            memory.
        features: float32, (N, T + 1, units). What the value head reads, if the policy gave it away
            while it acted; None if the learner has to work it out.
    """

    observations: Array
    actions: Array
    logits: Array
    logp: Array
    rewards: Array
    trial_ends: Array
    terminated: Array
    lengths: Array
    state: dict[str, Array] | None = None
    features: Array | None = None

    @property
    def steps(self) -> int:
        """T, the number of steps to which rows are padded."""
        return int(self.rewards.shape[1])

    @property
    def mask(self) -> Array:
        """True for the steps that happened; bool, (N, T)."""
        return np.arange(self.steps)[None, :] < self.lengths[:, None]

    @property
    def padded(self) -> bool:
        """True if any step of any row is padding."""
        return bool((self.lengths < self.steps).any())

    def rows(self, part: slice) -> ModuleRollout:
        """Take some of the rows."""
        cut: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, dict):
                cut[field.name] = {key: array[part] for key, array in value.items()}
            else:
                cut[field.name] = None if value is None else value[part]
        return ModuleRollout(**cut)


class Rollout:
    """A stretch of experience of all policies, which RLlib passes around as it does its episodes.

    Args:
        modules: Policy name to what that policy experienced.
        env_steps: Steps taken, summed over lanes (not over agents).
    """

    __slots__ = ("_env_steps", "modules")

    def __init__(self, modules: dict[str, ModuleRollout], env_steps: int) -> None:
        self.modules = modules
        self._env_steps = int(env_steps)

    def __len__(self) -> int:
        """Steps of all lanes together."""
        return self._env_steps

    def env_steps(self) -> int:
        """Steps of all lanes together."""
        return self._env_steps

    def agent_steps(self) -> int:
        """Steps of all agents in all lanes that really happened."""
        return int(sum(module.lengths.sum() for module in self.modules.values()))

    def slice(self, part: builtins.slice, len_lookback_buffer: int | None = None) -> Rollout:
        """Take a share of the rows, as when several learners divide the work.

        Args:
            part: In environment steps, step 1; the same share of every policy's rows is taken.
            len_lookback_buffer: Ignored; rows are complete in themselves.

        Returns:
            A rollout of ``len(range(*part.indices(len(self))))`` steps.
        """
        start, stop, _ = part.indices(max(self._env_steps, 1))
        total = max(self._env_steps, 1)
        modules = {}
        for name, module in self.modules.items():
            n = len(module.lengths)
            modules[name] = module.rows(slice(n * start // total, n * stop // total))
        return Rollout(modules, max(stop - start, 0))

    def __getitem__(self, part: builtins.slice) -> Rollout:
        return self.slice(part)

    def __reduce__(self) -> tuple[type[Rollout], tuple[dict[str, ModuleRollout], int]]:
        return (Rollout, (self.modules, self._env_steps))

    def __repr__(self) -> str:
        return f"Rollout({self._env_steps} steps, policies {sorted(self.modules)})"
