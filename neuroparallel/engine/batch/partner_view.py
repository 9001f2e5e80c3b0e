"""Partner views: last choices and rewards, and, with a latency, what a partner does in the present trial."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.layout import PartnerView

__all__ = ["DelayedView", "paint_choice"]


class DelayedView:
    """A number per lane that is shown after a latency; 0 at the start of a session.

    Args:
        view: What is shown, and its latency in steps.
        lanes: Number of lanes.
    """

    def __init__(self, view: PartnerView, lanes: int) -> None:
        self._past = deque([np.zeros(lanes) for _ in range(view.delay)], maxlen=view.delay)

    @property
    def now(self) -> NDArray[np.float64]:
        """The number that is shown at present, (lanes,)."""
        return self._past[0]

    def push(self, value: NDArray[Any]) -> None:
        """Add the present number; with a latency of one step, it is shown at once."""
        self._past.append(np.array(value, np.float64))

    def forget(self, lanes: NDArray[np.int64]) -> None:
        """Begin a session in some lanes."""
        for past in self._past:
            past[lanes] = 0.0

    def state(self) -> list[NDArray[np.float64]]:
        """A copy of everything that changes."""
        return [past.copy() for past in self._past]

    def set_state(self, saved: Sequence[NDArray[np.float64]]) -> None:
        """Go back to a saved state."""
        self._past.extend(past.copy() for past in saved)


def paint_choice(out: NDArray[np.float32], choice: NDArray[Any]) -> None:
    """Write a choice as one channel for each option; (choices, lanes) from (lanes,), 0 for none."""
    np.equal(choice, np.arange(1, len(out) + 1)[:, None], out=out, casting="unsafe")
