"""Lengths of trials and of what has to be remembered in them, derived from the compiled tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.layout import GroupSpec, Onset
from neuroparallel.engine.tables import Tables
from neuroparallel.task.trial import DRAWN
from neuroparallel.timing import Law

__all__ = ["Gap", "evidence_steps", "group_steps", "memory_gap", "memory_steps"]


def period_steps(tables: Tables) -> NDArray[np.int64]:
    """The longest duration of each period in steps, over all conditions; int64 (periods,)."""
    rows = np.arange(tables.slots)[:, None] * tables.rows_per_slot + np.arange(len(tables.periods))
    steps = tables.steps[rows].max(axis=0)
    if tables.lazy:
        steps = tables.sample.steps.max(axis=0)
    for p, law in enumerate(tables.task.timing.values()):
        if isinstance(law, Law) and steps[p] == DRAWN:
            steps[p] = int(np.floor(law.bounds()[1] / tables.dt + 0.5))
    if tables.finals and not tables.lazy:
        steps[tables.finals] += 1  # the last step of such a window stands in a row of its own
    return np.asarray(steps, np.int64)


def group_steps(spec: GroupSpec, onsets: Sequence[Onset], tables: Sequence[Tables]) -> int:
    """The longest trial of a group in steps, if every period takes its longest time and none is visited twice.

    Args:
        spec: The group.
        onsets: Onset of each stream of the scenario.
        tables: Tables of each stream of the scenario.
    """
    return max(_start(index, onsets, tables) + int(period_steps(tables[index]).sum()) for index in spec.streams)


def _start(index: int, onsets: Sequence[Onset], tables: Sequence[Tables]) -> int:
    onset = onsets[index]
    steps = onset.steps if onset.law is None else int(np.ceil(onset.law.bounds()[1] / tables[index].dt))
    if onset.after < 0:
        return steps
    until = int(period_steps(tables[onset.after])[: onset.period + 1].sum())
    return _start(onset.after, onsets, tables) + until + steps


@dataclass(frozen=True)
class Gap:
    """The longest time for which something that was shown has to be kept in mind.

    Attributes:
        steps: Its length; 0 if nothing has to be.
        channels: Name of the group of channels that showed it; empty where an `observe` hook may have shown anything.
        period: The last period in which it was shown; empty where the hook is taken to show it at the very start.
        window: The period of the response.
    """

    steps: int = 0
    channels: str = ""
    period: str = ""
    window: str = ""


def memory_steps(tables: Tables) -> int:
    """Return how long something has to be remembered, in steps; see `memory_gap`."""
    return memory_gap(tables).steps


def memory_gap(tables: Tables) -> Gap:
    """Return how long something has to be remembered: from the end of the stimulus to the response.

    The longest such gap over all channels but the fixation cue; none if everything lasts until the response window.
    The stimuli of an `observe` hook are not known in advance; they are assumed to last for the first step only.
    """
    steps, names = period_steps(tables), tables.periods
    windows = np.flatnonzero(tables.sample.window)
    if not len(windows):
        return Gap()
    last = int(windows.max())
    if tables.task.observe is not None:
        return Gap(int(steps[:last].sum()), window=names[last])
    shown, longest = _shown(tables), Gap()
    for name, columns in tables.channels.items():
        periods = np.flatnonzero(shown[: last + 1, columns].any(axis=1))
        if name != "fixation" and len(periods):
            run = int(periods[np.append(np.diff(periods) > 1, True).argmax()])  # end of the first unbroken stretch
            gap = int(steps[run + 1 : last].sum())
            if gap > longest.steps:
                longest = Gap(gap, name, names[run], names[last])
    return longest


def evidence_steps(tables: Tables) -> int:
    """Return the longest period with a noisy stimulus in which a response is possible, in steps; 0 without one.

    Where it is more than 1, the subject decides for how long it looks.
    """
    shown = _shown(tables)
    noisy = [
        columns for name, columns in tables.channels.items() if name != "fixation" and name in tables.channels.noise
    ]
    seen = np.zeros(len(tables.periods), bool)
    for columns in noisy:
        seen |= shown[:, columns].any(axis=1)
    return int(period_steps(tables)[tables.sample.window & seen].max(initial=0))


def _shown(tables: Tables) -> NDArray[np.bool_]:
    """Return which channels show something in which period, in any condition; bool (periods, channels)."""
    if tables.lazy:
        means = [array for array in (tables.sample.mean, tables.sample.slope) if array is not None]
        return np.asarray(np.logical_or.reduce([(array != 0).any(axis=0) for array in means]))
    rows = np.arange(tables.slots)[:, None] * tables.rows_per_slot + np.arange(len(tables.periods))
    means = [array[:, rows] for array in (tables.mean, tables.slope) if array is not None]
    return np.asarray(np.logical_or.reduce([(array != 0).any(axis=1).T for array in means]))
