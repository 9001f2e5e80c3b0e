"""A trained subject outside RLlib: observations in, actions out, with its memory in between."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.rl_module import RLModule

from neuroparallel.errors import ArgumentError
from neuroparallel.rllib.actor import initial_state
from neuroparallel.rllib.choices import choices_for
from neuroparallel.rllib.cluster import quieten

__all__ = ["METADATA", "Policy", "checkpoint_metadata", "load_policy", "save_metadata"]

Array: TypeAlias = NDArray[Any]
METADATA = "neuroparallel.json"
_MODULES = ("learner_group", "learner", "rl_module")


class Policy:
    """Act for every agent of a scenario, in one environment or in many lanes.

    Args:
        modules: Policy name to RLlib's network.
        names: Agent to policy name.
        explore: Draw actions; otherwise take the most probable one.
        metadata: How the scenario it learnt is described; see `checkpoint_metadata`.
    """

    def __init__(
        self,
        modules: Mapping[str, Any],
        names: Mapping[str, str],
        *,
        explore: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.modules = dict(modules)
        self.names = dict(names)
        self.explore = explore
        self.metadata = dict(metadata or {})
        self._states: dict[str, dict[str, torch.Tensor] | None] = {}

    def reset(self, lanes: Array | None = None) -> None:
        """Forget everything, or, given a bool mask (lanes,), what some lanes remember."""
        if lanes is None:
            self._states = {}
            return
        where = torch.from_numpy(np.asarray(lanes, bool))
        for agent, state in self._states.items():
            fresh = initial_state(self.modules[self.names[agent]], 1)
            if state is None or fresh is None:
                continue
            for key, value in state.items():
                flags = where.view(-1, *[1] * (value.dim() - 1))
                state[key] = torch.where(flags, fresh[key], value)

    def state(self) -> dict[str, Any]:
        """A copy of what is remembered, by agent."""
        return {agent: _copied(state) for agent, state in self._states.items()}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a saved state."""
        self._states = {agent: _copied(state) for agent, state in saved.items()}

    def act(self, observations: Mapping[str, Array]) -> dict[str, Any]:
        """Choose actions, and remember.

        Args:
            observations: By agent: (channels,) of one environment, or (lanes, channels).

        Returns:
            By agent: int or (factors,) int64 of one environment; (lanes,) or (lanes, factors)
            int64. Of a movement: (axes,) or (lanes, axes) float32.

        Raises:
            ArgumentError: It never learnt to act for one of the agents.
        """
        return {agent: self._act(agent, np.asarray(seen)) for agent, seen in observations.items()}

    @torch.inference_mode()
    def _act(self, agent: str, seen: Array) -> Any:
        if agent not in self.names:
            raise ArgumentError(f"This policy acts for {', '.join(self.names)}, not for {agent!r}.")
        module = self.modules[self.names[agent]]
        single = seen.ndim == 1
        rows = np.ascontiguousarray(np.atleast_2d(seen), np.float32)
        logits = self._logits(agent, module, torch.from_numpy(rows))
        choices = choices_for(module.action_space, agent)
        chosen = choices.draw(logits, choices.noise(len(rows)) if self.explore else None)
        actions = choices.carried_out(chosen.numpy())
        if single:
            return actions[0] if actions.ndim > 1 else int(actions[0])
        return actions

    def _logits(self, agent: str, module: Any, rows: torch.Tensor) -> torch.Tensor:
        state = self._states.get(agent)
        if agent not in self._states or (state and len(next(iter(state.values()))) != len(rows)):
            state = self._states[agent] = initial_state(module, len(rows))
        batch: dict[str, Any] = {Columns.OBS: rows}
        if state is not None:
            batch = {Columns.OBS: rows.unsqueeze(1), Columns.STATE_IN: state}
        out = module.forward_inference(batch)
        logits: torch.Tensor = out[Columns.ACTION_DIST_INPUTS]
        if state is None:
            return logits
        self._states[agent] = out[Columns.STATE_OUT]
        return logits.squeeze(1)


def _copied(state: Mapping[str, torch.Tensor] | None) -> dict[str, torch.Tensor] | None:
    return None if state is None else {key: value.clone() for key, value in state.items()}


def save_metadata(checkpoint: Path, env: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Write beside RLlib's files what is needed to use the policy without them.

    Args:
        checkpoint: The checkpoint's directory.
        env: The ``env_config`` it learnt with.
        names: Agent to policy name.
    """
    text = json.dumps({"env": dict(env), "policies": dict(names)}, indent=1)
    (checkpoint / METADATA).write_text(text, encoding="utf-8")


def checkpoint_metadata(checkpoint: str | Path) -> tuple[Path, dict[str, Any]]:
    """Find a checkpoint and read what it is a checkpoint of.

    Args:
        checkpoint: Its directory, or that of the run.

    Returns:
        Its directory, and ``{"env": env_config, "policies": agent to policy}``.

    Raises:
        ArgumentError: There is none.
    """
    given = Path(checkpoint).expanduser().resolve()
    for place in (given, given / "checkpoint"):
        if (place / METADATA).is_file():
            data: dict[str, Any] = json.loads((place / METADATA).read_text(encoding="utf-8"))
            return place, data
    raise ArgumentError(f"There is no checkpoint in {given} (no file {METADATA} there or in 'checkpoint').")


def load_policy(checkpoint: str | Path, *, explore: bool = False) -> Policy:
    """Wake a trained subject, without starting Ray.

    Args:
        checkpoint: Directory of a checkpoint or of a run.
        explore: Draw actions; otherwise take the most probable one.

    Returns:
        The policy, with an empty memory.

    Raises:
        ArgumentError: There is no checkpoint.

    Example:
        >>> policy = load_policy("runs/dpa_gng/latest")  # doctest: +SKIP
        >>> actions = policy.act(observations)  # doctest: +SKIP
    """
    quieten()
    place, data = checkpoint_metadata(checkpoint)
    names: dict[str, str] = data["policies"]
    modules = {name: RLModule.from_checkpoint(place.joinpath(*_MODULES, name)) for name in set(names.values())}
    return Policy(modules, names, explore=explore, metadata=data)
