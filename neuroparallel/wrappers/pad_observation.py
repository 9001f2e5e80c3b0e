"""Observations of one length."""

from __future__ import annotations

from typing import Any

from neuroparallel.errors import whole_number
from neuroparallel.wrappers._forms import wrapper
from neuroparallel.wrappers._signal import Part, Signal

__all__ = ["PadObservation", "pad_observation_v0"]


@wrapper
class PadObservation(Signal):
    """Make all observations of the same length, with channels of zeros behind the others.

    Several subjects can then share one policy, and one policy can go from task to task.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv.
        width: How many channels; None: as many as the subject with the most has.

    Raises:
        ArgumentError: The environment is of another kind, has one subject and no width was given, or an observation
            is longer than that.
    """

    def __init__(self, env: Any, width: int | None = None) -> None:
        self.width = None if width is None else whole_number(width, "width", 1)
        super().__init__(env)

    def fit(self, me: Part) -> None:
        """As many channels as are missing."""
        if self.width is None and len(self.parts) == 1:
            raise self.refuse(f"{me.agent} is the only agent; say how wide: width=8.")
        widths = [len(part.names) for part in self.parts.values()]
        if self.width is not None and me.end > self.width:
            raise self.refuse(f"{me.agent} sees {me.end} channels; that is more than width={self.width}.")
        missing = (self.width or max(widths)) - me.end
        me.add([f"padding_{row}" for row in range(missing)], 0.0, 0.0)


def pad_observation_v0(env: Any, width: int | None = None) -> Any:
    """Make all observations of the same length; see `PadObservation`."""
    return PadObservation(env, width)
