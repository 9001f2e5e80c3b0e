"""Interface of an agent: it takes the observations of all lanes and returns the actions of all lanes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from neuroparallel.engine.batch import BatchEngine

__all__ = ["Actions", "Agent", "Infos", "Observations", "ended_trials", "engine_of"]

Actions: TypeAlias = dict[str, NDArray[np.int64]]
Observations: TypeAlias = Mapping[str, NDArray[np.float32]]
Infos: TypeAlias = Mapping[str, Mapping[str, NDArray[Any]]]


@runtime_checkable
class Agent(Protocol):
    """Interface of all agents, which act for the subjects of a batch engine in all lanes at once.

    Anything with these two methods will do, a trained network among others.
    """

    def reset(self, engine: Any) -> None:
        """Forget everything; called each time after the engine was reset.

        Args:
            engine: A `BatchEngine`, or wrappers around one.
        """

    def act(self, observations: Observations, infos: Infos, engine: Any) -> Actions:
        """Choose the actions of every subject.

        Args:
            observations: float32, (lanes, channels), by subject.
            infos: By subject; arrays (lanes,) by name, as the engine's `reset` and `step` give them.
            engine: The engine, for those who look behind the scene, as the oracle does.

        Returns:
            Integers by subject: (lanes,), or (lanes, streams) where actions are factored.
        """


def engine_of(engine: Any) -> BatchEngine:
    """Return the batch engine itself, within any wrappers."""
    return getattr(engine, "unwrapped", engine)  # type: ignore[no-any-return]


def ended_trials(infos: Infos, subject: str, stream: str) -> NDArray[np.bool_]:
    """Return the lanes in which a trial of a stream, by its short name, has just ended; bool, (lanes,)."""
    info = infos[subject]
    return np.asarray(info[f"{stream}.trial_end" if f"{stream}.trial_end" in info else "trial_end"], bool)
