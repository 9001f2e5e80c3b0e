"""What one stream shows in all lanes at once: means, noise and counted events."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch.stream_state import StreamState
from neuroparallel.engine.hook_calls import steered, viewed
from neuroparallel.engine.hook_checks import Place
from neuroparallel.engine.noise import draw_counts
from neuroparallel.seeding import Bits

__all__ = ["StreamView"]


class StreamView(StreamState):
    """A stream as it is seen."""

    def window_open(self) -> NDArray[np.bool_]:
        """In which lanes a response window is open, (lanes,) bool."""
        return self.ensemble.tables.window.take(self.ensemble.row[self._part])

    def _live(self) -> NDArray[np.int64]:
        """The lanes in which the stream is not idle."""
        return np.logical_not(self.idle).nonzero()[0]

    def _moment(self, lanes: NDArray[np.int64], at: Any, now: int) -> dict[str, Any]:
        """What hooks know of a moment in some lanes."""
        return {
            "period": self.tables.period_of.take(self.row[at]),
            "elapsed": (now - self.entered[at]) * float(self.tables.dt),
            "conditions": self.values(lanes),
            "keys": self.phase[at],
            "place": Place(self.spec.task, self.spec.name, self.trial[at]),
        }

    def shown(self, now: int) -> NDArray[np.float32]:
        """What the channels show at this moment without noise, float32 (channels, lanes); not to be changed."""
        if not self.changing:
            return self.mean
        mean = self.mean.copy()
        if self._drifts:
            self._drift(mean, now)
        if self._observes:
            self._let_observe(mean, now)
        self.latest = mean
        return mean

    def _drift(self, mean: NDArray[np.float32], now: int) -> None:
        """Add to means what has grown since the period's onset: the mean over the step that is shown."""
        slope = self.tables.slope
        assert slope is not None
        seconds = (now - self.entered + 0.5) * (self.tables.dt / 1000)
        for channel in self.tables.drifting:
            np.add(mean[channel], slope[channel].take(self.row) * seconds, out=mean[channel], casting="same_kind")

    def _let_observe(self, mean: NDArray[np.float32], now: int) -> None:
        """Let the task's `observe` hook change the means of live lanes."""
        lanes = self._live()
        if lanes.size:
            at = self._at(lanes)
            memory = {name: array[at] for name, array in self.memory.items()}
            mean[:, at] = viewed(self.tables, mean[:, at], **self._moment(lanes, at, now), memory=memory)

    def observe(self, out: NDArray[np.float32], now: int) -> None:
        """Write mean plus noise into (channels, lanes) float32."""
        np.copyto(out, self.shown(now))
        self.add_noise(out)

    def add_noise(self, out: NDArray[np.float32]) -> None:
        """Add this step's noise to (channels, lanes) float32."""
        draw_counts(self.noise.counts, self.phase, out)
        if self.noise.pairs:
            self.noise.add(out)
        for row, channel in enumerate(self.tables.summed):
            np.add(self.sums[row], out[channel], out=self.sums[row], where=~self.idle)

    def noise_state(self) -> tuple[Bits, NDArray[np.float64]]:
        """Return what an observation changes, as a copy: the position in the noise, and the sums of what was shown."""
        return self.phase.copy(), self.sums.copy()

    def restore_noise_state(self, mask: NDArray[np.bool_], phase: Bits, sums: NDArray[np.float64]) -> None:
        """Restore some lanes to their state before an observation, as `noise_state` returned it."""
        self.noise.forget()
        self.sums[:, mask] = sums[:, mask]
        self.phase[mask] = phase[mask]

    def truth(self, now: int) -> NDArray[np.int64]:
        """The action that is right at this moment, int64 (lanes,)."""
        truth = self.tables.truth.take(self.row)
        if self.tables.any_late:
            late = self.tables.truth_after.take(self.row)
            truth = np.where(now - self.entered + 1 >= late, truth, 0)
        return truth

    def right_movement(self, now: int) -> NDArray[np.float32]:
        """The movement that is right at this moment, as the task's `steer` hook has it; float32, (lanes, axes).

        Where the stream is idle it is the one closest to 0. Not in the state, and nothing depends on it.
        """
        axes = self.tables.movement
        assert axes is not None
        result = np.tile(np.clip(np.float32(0.0), axes.low, axes.high), (self.lanes, 1))
        lanes = self._live()
        if lanes.size:
            at = self._at(lanes)
            memory = {name: array[lanes] for name, array in self.memory.items()}
            result[at] = steered(self.tables, **self._moment(lanes, at, now), memory=memory)
        return result
