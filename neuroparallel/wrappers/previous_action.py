"""What was done in the step before, shown as channels."""

from __future__ import annotations

from typing import Any, Literal

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.wrappers._signal import ActionChannels, AgentState, AgentStep, Signal

__all__ = ["PreviousAction"]

_ENCODINGS = ("one_hot", "index")


class PreviousAction(Signal):
    """Let each subject see what it did in its last step, as an animal feels its own movements.

    All added channels are zero in the first observation of a session.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv, with Discrete or
            MultiDiscrete actions.
        encoding: ``"one_hot"``: a channel per action, 1 for the one that was taken
            (``previous_action_0`` is holding; with several factors ``previous_action_0_2`` is
            action 2 of the first one). ``"index"``: one channel per factor with the number of the
            action, in which holding cannot be told from a session's beginning.

    Raises:
        ArgumentError: The environment or its spaces are of another kind, or the encoding does not
            exist.

    Source:
        Wang et al. 2018, Nat Neurosci 21:860 (reward and action of the last step as inputs).
    """

    def __init__(self, env: Any, encoding: Literal["one_hot", "index"] = "one_hot") -> None:
        if encoding not in _ENCODINGS:
            raise ArgumentError(
                f"previous_action: there is no encoding {encoding!r}.{nearest(str(encoding), _ENCODINGS)}"
            )
        self.encoding = encoding
        super().__init__(env)

    def fit(self, me: AgentState) -> None:
        """One channel per action, or one per factor."""
        me.data = ActionChannels(self, me, "previous_action", self.encoding)

    def after_step(self, me: AgentState, now: AgentStep) -> None:
        """The action of this step."""
        me.data.write(now.out, now.action)
