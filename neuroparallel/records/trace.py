"""A trace: observations, actions and rewards of one subject over a run of steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroparallel.errors import ArgumentError
from neuroparallel.records.table import Array, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Trace:
    """One subject over a run of steps, for pictures; entry i is all about step i.

    The observation, the period and the ground truth are what stood when the subject acted; the
    action is its answer to them; reward and outcome are what that action led to. Integer arrays
    given with one dimension, and names given as one tuple of texts, are for one stream; a subject
    with several streams gives one column, and one tuple of names, per stream.

    Attributes:
        time_ms: float64, (steps,). Start of each step, ms.
        observations: float32, (steps, channels).
        channel_names: One per channel.
        actions: int64, (steps, factors). 0 holds. One factor if the streams share an action.
        action_names: For each factor, the names of its actions.
        ground_truth: int64, (steps, streams). A right action at that moment, -1 none defined.
        rewards: float64, (steps,).
        periods: int64, (steps, streams). Index into ``period_names``; below 0: idle.
        period_names: For each stream, the names of its periods.
        outcomes: int64, (steps, streams). ``Outcome`` code where a trial ended, else 0.
        stream_names: One per stream; may be left empty for a lone stream.
        title: Shown above the picture.

    Raises:
        ArgumentError: Two arrays disagree about steps, channels or streams.
    """

    time_ms: FloatArray
    observations: npt.NDArray[np.float32]
    channel_names: tuple[str, ...]
    actions: IntArray
    action_names: tuple[tuple[str, ...], ...]
    ground_truth: IntArray
    rewards: FloatArray
    periods: IntArray
    period_names: tuple[tuple[str, ...], ...]
    outcomes: IntArray
    stream_names: tuple[str, ...] = ()
    title: str = ""

    def __post_init__(self) -> None:
        """Bring everything to the canonical shapes and check that they agree."""
        put: dict[str, Any] = {
            "time_ms": np.asarray(self.time_ms, dtype=np.float64),
            "observations": np.asarray(self.observations, dtype=np.float32),
            "rewards": np.asarray(self.rewards, dtype=np.float64),
            "channel_names": tuple(self.channel_names),
        }
        for name in ("actions", "ground_truth", "periods", "outcomes"):
            put[name] = _two_dimensional(getattr(self, name))
        for name in ("action_names", "period_names"):
            put[name] = _nested(getattr(self, name))
        put["stream_names"] = tuple(self.stream_names) or ("",) * put["periods"].shape[1]
        for name, value in put.items():
            object.__setattr__(self, name, value)
        self._check()

    def __len__(self) -> int:
        """Number of steps."""
        return len(self.time_ms)

    @property
    def dt(self) -> float:
        """Length of a step, ms."""
        return float(self.time_ms[1] - self.time_ms[0]) if len(self) > 1 else 1.0

    def _check(self) -> None:
        steps, streams = len(self.time_ms), len(self.stream_names)
        wanted = {
            "observations": (steps, len(self.channel_names)),
            "actions": (steps, len(self.action_names)),
            "ground_truth": (steps, streams),
            "rewards": (steps,),
            "periods": (steps, len(self.period_names)),
            "outcomes": (steps, streams),
        }
        for name, shape in wanted.items():
            found = getattr(self, name).shape
            if found != shape:
                raise ArgumentError(f"Trace.{name}: shape {found}; times, names and streams ask for {shape}.")
        if len(self.period_names) != streams:
            raise ArgumentError(
                f"Trace.period_names: names for {len(self.period_names)} streams; stream_names has {streams}."
            )


def _two_dimensional(values: npt.ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.int64)
    return array[:, None] if array.ndim == 1 else array


def _nested(names: Any) -> tuple[tuple[str, ...], ...]:
    if all(isinstance(name, str) for name in names):
        return (tuple(names),)
    return tuple(tuple(inner) for inner in names)


def one_trial(trace: Trace) -> Trace:
    """Cut a telling trial out of a trace: the first in which most streams took part and asked for a response.

    Args:
        trace: Of several trials.

    Returns:
        The steps of one trial; the whole trace if no trial is complete.
    """
    bounds = _whole_trials(trace)
    if not bounds:
        return trace
    telling = [
        int((trace.periods[a:b] >= 0).any(axis=0).sum() + (trace.ground_truth[a:b] > 0).any(axis=0).sum())
        for a, b in bounds
    ]
    start, stop = bounds[telling.index(max(telling))]
    return cut_trace(trace, start, stop)


def cut_trace(trace: Trace, start: int, stop: int) -> Trace:
    """Return some steps of a trace, counted from its first; time begins anew at 0."""
    names = ("observations", "actions", "ground_truth", "rewards", "periods", "outcomes")
    parts = {name: getattr(trace, name)[start:stop] for name in names}
    return replace(trace, time_ms=trace.time_ms[start:stop] - trace.time_ms[start], **parts)


def _whole_trials(trace: Trace) -> list[tuple[int, int]]:
    """Return the first step and the end of every trial from the second on; the last stream to end ends the trial."""
    ended = trace.outcomes != 0
    counts = ended.sum(axis=0)
    last = int(counts.argmax())  # the stream that takes part in every trial
    ends = (np.flatnonzero(ended[:, last]) + 1).tolist()
    return [(a, b) for a, b in pairwise(ends) if b > a]
