"""What was done in the step before, shown as channels."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from gymnasium import spaces

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.wrappers._forms import wrapper
from neuroparallel.wrappers._signal import Added, Array, Signal

__all__ = ["PreviousAction", "previous_action_v0"]

_ENCODINGS = ("one_hot", "index")


class _Chosen(Added):
    """Reads actions of a space as numbers from 0 on, one per factor."""

    def __init__(self, space: spaces.Discrete[Any] | spaces.MultiDiscrete) -> None:
        self.factored = isinstance(space, spaces.MultiDiscrete)
        self.sizes = [int(n) for n in np.atleast_1d(getattr(space, "nvec", getattr(space, "n", 0)))]
        self.start = [int(n) for n in np.atleast_1d(space.start)]

    def factors(self, action: Any) -> list[Any]:
        """The chosen number of each factor: a number, or (lanes,)."""
        if not self.factored:
            return [action - self.start[0] if self.start[0] else action]
        array = np.asarray(action)
        return [array[..., i] - start for i, start in enumerate(self.start)]


class _OneHot(_Chosen):
    def __init__(self, space: spaces.Discrete[Any] | spaces.MultiDiscrete) -> None:
        super().__init__(space)
        names = [
            f"previous_action_{i}_{k}" if self.factored else f"previous_action_{k}"
            for i, size in enumerate(self.sizes)
            for k in range(size)
        ]
        Added.__init__(self, names, [0.0] * len(names), [1.0] * len(names))
        self.rows = [np.eye(size, dtype=np.float32) for size in self.sizes]

    def write(self, out: Array, at: int, action: Any, reward: Any) -> None:
        if out.ndim == 1 and not self.factored:  # the common case, without a detour
            out[at:] = self.rows[0][action - self.start[0]]
            return
        for rows, chosen in zip(self.rows, self.factors(action), strict=True):
            end = at + len(rows)
            if out.ndim == 1:  # for one step a look-up is faster, for many lanes a comparison
                out[at:end] = rows[chosen]
            else:
                np.equal(np.arange(len(rows))[:, None], chosen, out=out[at:end], casting="unsafe")
            at = end


class _Index(_Chosen):
    def __init__(self, space: spaces.Discrete[Any] | spaces.MultiDiscrete) -> None:
        super().__init__(space)
        names = [f"previous_action_{i}" for i in range(len(self.sizes))]
        names = names if self.factored else ["previous_action"]
        Added.__init__(self, names, [0.0] * len(names), [size - 1.0 for size in self.sizes])

    def write(self, out: Array, at: int, action: Any, reward: Any) -> None:
        for i, chosen in enumerate(self.factors(action)):
            out[at + i] = chosen


@wrapper
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
        super().__init__(env)  # type: ignore[call-arg]

    def added(self, action_space: spaces.Space[Any]) -> Added:
        """One channel per action, or one per factor."""
        if not isinstance(action_space, (spaces.Discrete, spaces.MultiDiscrete)):
            raise ArgumentError(
                f"previous_action: the actions are {action_space}; they must be Discrete or MultiDiscrete."
            )
        return (_OneHot if self.encoding == "one_hot" else _Index)(action_space)


def previous_action_v0(env: Any, encoding: Literal["one_hot", "index"] = "one_hot") -> Any:
    """Let each subject see what it did in its last step; the same as `PreviousAction`.

    Args:
        env: A batch, a gymnasium Env or VectorEnv, or a PettingZoo ParallelEnv.
        encoding: ``"one_hot"`` (a channel per action) or ``"index"`` (the action's number).

    Returns:
        An environment of the same kind, with the added channels.

    Raises:
        ArgumentError: The environment cannot be wrapped, or the encoding does not exist.
    """
    return PreviousAction(env, encoding)
