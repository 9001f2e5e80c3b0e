"""A trained policy outside RLlib: observations in, actions out, with its recurrent state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns

from neuroparallel.agents.baselines import step_bits
from neuroparallel.errors import ArgumentError
from neuroparallel.records.json_file import read_json
from neuroparallel.records.safe_files import complete_directory
from neuroparallel.rllib.action_distributions import choices_for
from neuroparallel.rllib.actor import initial_state
from neuroparallel.rllib.cluster import quieten
from neuroparallel.rllib.env_creation import options_of
from neuroparallel.rllib.policy_file import METADATA, check_code, check_description, read_networks
from neuroparallel.seeding import Bits, mix, name_bits

__all__ = ["BEST", "METADATA", "Policy", "checkpoint_metadata", "load_policy", "rllib_checkpoint"]

Array: TypeAlias = NDArray[Any]
BEST = "best.json"  # of a search with Ray Tune: which of its trials learnt best
_LEARNER = ("learner_group", "learner")  # where RLlib's Algorithm.save puts what the learner writes


class Policy:
    """Act for every agent of a scenario, in one environment or in many lanes.

    Args:
        modules: Policy name to RLlib's network.
        names: Agent to policy name.
        explore: Draw actions (or for whom to draw them); otherwise take the most probable one.
        metadata: How the scenario it learnt is described; see `checkpoint_metadata`.
    """

    def __init__(
        self,
        modules: Mapping[str, Any],
        names: Mapping[str, str],
        *,
        explore: bool | Iterable[str] = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.modules = dict(modules)
        self.names = dict(names)
        self.draws = frozenset(self.names if explore is True else explore or ())
        self.metadata = dict(metadata or {})
        self._states: dict[str, dict[str, torch.Tensor] | None] = {}
        self._keys: Bits | None = None
        self._step = 0

    def reset(self, lanes: Array | None = None, *, keys: Bits | None = None) -> None:
        """Forget everything, or, given a bool mask (lanes,), what some lanes remember.

        Args:
            lanes: In which lanes; None: in all.
            keys: uint64, (lanes,). What the actions of each lane are drawn with from now on, where actions are drawn;
                None goes on as before.
        """
        if keys is not None:
            self._keys, self._step = keys, 0
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

    @property
    def options(self) -> dict[str, Any]:
        """The time step, session and view with which it learnt and is to act, as `neuroparallel.batch` takes them."""
        return options_of(self.metadata.get("env") or {})

    def state(self) -> dict[str, Any]:
        """Return a copy of everything that changes: what is remembered, by agent, and how far the draws are."""
        memories = {agent: _copied(state) for agent, state in self._states.items()}
        return {"memories": memories, "keys": self._keys, "step": self._step}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a saved state."""
        self._states = {agent: _copied(state) for agent, state in saved["memories"].items()}
        self._keys, self._step = saved["keys"], saved["step"]

    def act(self, observations: Mapping[str, Array]) -> dict[str, Any]:
        """Choose actions, and remember.

        Args:
            observations: By agent: (channels,) of one environment, or (lanes, channels); or a mapping of such parts.

        Returns:
            By agent: int or (factors,) int64 of one environment; (lanes,) or (lanes, factors)
            int64. Of a movement: (axes,) or (lanes, axes) float32.

        Raises:
            ArgumentError: It never learnt to act for one of the agents.
        """
        self._step += 1
        return {agent: self._act(agent, _whole(seen)) for agent, seen in observations.items()}

    @torch.inference_mode()
    def _act(self, agent: str, seen: Array) -> Any:
        if agent not in self.names:
            raise ArgumentError(f"This policy acts for {', '.join(self.names)}, not for {agent!r}.")
        module = self.modules[self.names[agent]]
        single = seen.ndim == 1
        rows = np.ascontiguousarray(np.atleast_2d(seen), np.float32)
        logits = self._logits(agent, module, torch.from_numpy(rows))
        choices = choices_for(module.action_space, agent)
        noise = choices.noise_of(self._words(agent, len(rows))) if agent in self.draws else None
        chosen = choices.draw(logits, noise)
        actions = choices.carried_out(chosen.numpy())
        if single:
            return actions[0] if actions.ndim > 1 else int(actions[0])
        return actions

    def _words(self, agent: str, rows: int) -> Bits:
        """Return a random word per lane for this step; the same for a lane whatever the others are."""
        keys = self._keys
        if keys is None or len(keys) != rows:
            keys = mix(np.arange(rows, dtype=np.uint64))
        return mix(mix(keys ^ np.uint64(name_bits(agent))) + step_bits(self._step))

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


def _whole(seen: Any) -> Array:
    """Return an observation in one piece, though the environment may split it by stream."""
    return np.concatenate(list(seen.values()), axis=-1) if isinstance(seen, Mapping) else np.asarray(seen)


def _copied(state: Mapping[str, torch.Tensor] | None) -> dict[str, torch.Tensor] | None:
    return None if state is None else {key: value.clone() for key, value in state.items()}


def checkpoint_metadata(checkpoint: str | Path) -> tuple[Path, dict[str, Any]]:
    """Find a checkpoint and read what it is a checkpoint of.

    Args:
        checkpoint: Its directory, or that of the run.

    Returns:
        Its directory, and ``{"env": env_config, "policies": agent to policy, "draws": agents whose actions are
        drawn}``.

    Raises:
        ArgumentError: There is none.
    """
    given = Path(checkpoint).expanduser().resolve()
    places = [complete_directory(given), complete_directory(given / "checkpoint")]
    if (given / BEST).is_file():
        places.append(_inside(given, read_json(given / BEST, "checkpoint")["checkpoint"]))
    for place in [*places, *(place.joinpath(*_LEARNER) for place in places)]:
        if (place / METADATA).is_file():
            data = read_json(place / METADATA, "env", "policies")
            check_description(place, data)
            return place, data
    runs = sorted(given.glob(f"*/checkpoint/{METADATA}"), key=lambda file: file.stat().st_mtime)
    latest = f" It holds runs, of which {runs[-1].parent.parent} is the latest." if runs else ""
    raise ArgumentError(f"There is no checkpoint in {given} (no file {METADATA} there or in 'checkpoint').{latest}")


def rllib_checkpoint(place: Path) -> Path:
    """Find the directory of RLlib's checkpoint from that of its policy, as `checkpoint_metadata` returns it."""
    return place.parents[1] if place.parts[-2:] == _LEARNER else place


def _inside(place: Path, name: Any) -> Path:
    """Return a directory that a file names, which has to be within its own."""
    found = (place / str(name)).resolve()
    if not found.is_relative_to(place):
        raise ArgumentError(f"{place / BEST} names the checkpoint {str(name)[:200]!r}, which is outside of {place}.")
    return found


def load_policy(checkpoint: str | Path, *, explore: bool | None = None, code: bool = False) -> Policy:
    """Load a trained policy, without starting Ray.

    It reads ``neuroparallel.json`` and ``policy.safetensors``, which cannot run code, and none of RLlib's pickles.

    Args:
        checkpoint: Directory of a run, of a search with `tune` (its best trial), or of a checkpoint, also of RLlib's
            ``algorithm.save()``.
        explore: True draws actions, False takes the most probable one; None: as it was tested in training, where
            those draw who play a game.
        code: Import the code that the files name: networks and tasks that are not part of the library. False takes
            them only from modules that are imported already; see ``docs/security.md``.

    Returns:
        The policy, with an empty memory.

    Raises:
        ArgumentError: There is no checkpoint, it is damaged, or it names code that is refused.

    Example:
        >>> policy = load_policy("runs/dpa_gng/latest")  # doctest: +SKIP
        >>> actions = policy.act(observations)  # doctest: +SKIP
    """
    quieten()
    place, data = checkpoint_metadata(checkpoint)
    names: dict[str, str] = data["policies"]
    check_code(place, data, code=code)
    modules = read_networks(place, data, code=code)
    return Policy(modules, names, explore=data.get("draws", ()) if explore is None else explore, metadata=data)
