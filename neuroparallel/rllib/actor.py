"""Actor: one policy acts for all its agents in all lanes and records the experience."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns

from neuroparallel.rllib.action_distributions import choices_for
from neuroparallel.rllib.rollout import ModuleRollout
from neuroparallel.rllib.segments import Segments, gather

__all__ = ["Actor", "initial_state"]

Array: TypeAlias = NDArray[Any]


def initial_state(module: Any, rows: int) -> dict[str, torch.Tensor] | None:
    """Return the state of a recurrent policy before it saw anything, for so many rows; None without a memory."""
    if not module.is_stateful():
        return None
    return {
        key: torch.as_tensor(value).unsqueeze(0).repeat_interleave(rows, 0)
        for key, value in module.get_initial_state().items()
    }


class Actor:
    """Act for the rows of one policy (agent after agent, each with all lanes) and record what happens.

    Args:
        name: The policy's name.
        module: Its network.
        agents: Whom it acts for.
        lanes: Copies of each agent.
        observation_space: Of every one of its agents.
        action_space: Of every one of its agents: Discrete, MultiDiscrete or Box.
    """

    def __init__(
        self,
        name: str,
        module: Any,
        agents: list[str],
        lanes: int,
        observation_space: gym.Space[Any],
        action_space: gym.Space[Any],
    ) -> None:
        self.name = name
        self.module = module
        self.agents = agents
        self.lanes = lanes
        self.rows = lanes * len(agents)
        self.choices = choices_for(action_space, agents[0])
        self.shape = observation_space.shape or ()
        self.state = initial_state(module, self.rows)
        self._start: dict[str, Array] | None = None

    def rows_of(self, agent: int) -> slice:
        """Return the rows of one of its agents."""
        return slice(agent * self.lanes, (agent + 1) * self.lanes)

    def begin(self, steps: int, observations: dict[str, Array], explore: bool, random: bool) -> None:
        """Start a stretch of steps.

        Args:
            steps: How many.
            observations: The present ones, by agent.
            explore: Draw actions from the policy rather than take the most probable one.
            random: Ignore the policy and draw actions evenly.
        """
        self.steps, self.explore, self.random = steps, explore, random
        self.seen = np.empty((steps + 1, self.rows, *self.shape), np.float32)
        self.rewards = np.empty((steps, self.rows), np.float32)
        self.trial_ends = np.zeros((steps, self.rows), bool)
        self.logits = torch.empty((steps, self.rows, self.choices.outputs))
        self.actions = self.choices.empty(steps, self.rows)
        self.features: torch.Tensor | None = None
        self.closing: Array | None = None
        self._noise = self.choices.noise(steps, self.rows) if explore or random else None
        if self.state is not None:
            self._start = {key: value.numpy().copy() for key, value in self.state.items()}
        self.look(0, observations)

    def look(self, t: int, observations: dict[str, Array]) -> None:
        """Note the observations at step t."""
        for i, agent in enumerate(self.agents):
            self.seen[t, self.rows_of(i)] = observations[agent]

    def act(self, t: int) -> dict[str, Array]:
        """Choose the actions of step t, by agent: (lanes,) or (lanes, factors) int64, or (lanes, axes) float32."""
        out = self._forward(t)
        logits = out[Columns.ACTION_DIST_INPUTS]
        if self.state is not None:
            self.state = out[Columns.STATE_OUT]
            logits = logits.squeeze(1)
        self._note_features(t, out)
        self.logits[t] = logits
        actions = self._choose(t, logits)
        self.actions[t] = actions
        chosen = self.choices.carried_out(actions.numpy())
        return {agent: chosen[self.rows_of(i)] for i, agent in enumerate(self.agents)}

    def _forward(self, t: int) -> dict[str, Any]:
        seen = torch.from_numpy(self.seen[t])
        batch: dict[str, Any] = {Columns.OBS: seen}
        if self.state is not None:
            batch = {Columns.OBS: seen.unsqueeze(1), Columns.STATE_IN: self.state}
        forward = self.module.forward_exploration if self.explore else self.module.forward_inference
        out: dict[str, Any] = forward(batch)
        return out

    def _note_features(self, t: int, out: dict[str, Any]) -> None:
        features = out.get(Columns.EMBEDDINGS)
        if features is None:
            return
        if self.state is not None:
            features = features.squeeze(1)
        if self.features is None:
            self.features = torch.empty((self.steps + 1, *features.shape))
        self.features[t] = features

    def _choose(self, t: int, logits: torch.Tensor) -> torch.Tensor:
        noise = None if self._noise is None else self._noise[t]
        return self.choices.evenly(noise) if self.random and noise is not None else self.choices.draw(logits, noise)

    def close(self, t: int, rows: Array, observations: dict[str, Array]) -> None:
        """Keep the last observation of rows that ended in step t; rows is bool, (rows,)."""
        if self.closing is None:
            self.closing = np.zeros_like(self.seen[1:])
        for i, agent in enumerate(self.agents):
            own = self.rows_of(i)
            self.closing[t, own][rows[own]] = np.asarray(observations[agent])[rows[own]]

    def forget(self, rows: Array) -> None:
        """Return the memory of some rows to its initial state; rows is bool, (rows,)."""
        if self.state is None:
            return
        start = initial_state(self.module, 1)
        where = torch.from_numpy(rows)
        for key, value in self.state.items():
            flags = where.view(-1, *[1] * (value.dim() - 1))
            self.state[key] = torch.where(flags, (start or {})[key], value)

    def memory(self) -> dict[str, Array] | None:
        """Return a copy of what its rows remember; None without a memory."""
        return None if self.state is None else {key: value.numpy().copy() for key, value in self.state.items()}

    def remember(self, memory: Mapping[str, Array] | None) -> None:
        """Go back to what `memory` returned."""
        self.state = None if memory is None else {key: torch.from_numpy(value.copy()) for key, value in memory.items()}

    def finish(self, segments: Segments | None) -> ModuleRollout:
        """Hand over the notes.

        Args:
            segments: Where rows were interrupted; None if no session ended.
        """
        logp = self._logp()
        if self.features is not None and segments is None:
            self._note_features(self.steps, self._forward(self.steps))
        by_row = {
            "actions": self.actions.numpy(),
            "logits": self.logits.numpy(),
            "logp": logp,
            "rewards": self.rewards,
            "trial_ends": self.trial_ends,
        }
        if segments is not None:
            start = {key: value.numpy() for key, value in (initial_state(self.module, 1) or {}).items()}
            return gather(by_row, self.seen, self.closing, self._start, start, segments)
        features = None if self.features is None else _rows_first(self.features.numpy())
        return ModuleRollout(
            observations=_rows_first(self.seen),
            **{key: _rows_first(array) for key, array in by_row.items()},
            terminated=np.zeros(self.rows, bool),
            lengths=np.full(self.rows, self.steps),
            state=self._start,
            features=features,
        )

    def _logp(self) -> Array:
        """Log-probability of every action, all at once."""
        if not self.explore:
            return np.zeros((self.steps, self.rows), np.float32)
        logp: Array = self.choices.statistics(self.logits, self.actions)[0].numpy()
        return logp


def _rows_first(array: Array) -> Array:
    return np.ascontiguousarray(np.swapaxes(array, 0, 1))
