"""Bit for bit: where two recordings or tables differ first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.records import Table, Trials
from neuroparallel.testkit.failures import ConformanceError
from neuroparallel.testkit.recording import Recording, trials_in

__all__ = ["differences", "lanes_of", "same_recordings", "same_tables"]

Array = NDArray[Any]
_BITS: dict[Any, Any] = {np.dtype(np.float32): np.uint32, np.dtype(np.float64): np.uint64}


def differences(a: Array, b: Array) -> Array:
    """Where two arrays of one shape differ in any bit, bool; NaN equals NaN."""
    if a.dtype == b.dtype and a.dtype in _BITS:
        bits = _BITS[a.dtype]
        same = np.ascontiguousarray(a).view(bits) == np.ascontiguousarray(b).view(bits)
        return np.asarray(~(same | (np.isnan(a) & np.isnan(b))))
    if a.dtype.kind == "f" or b.dtype.kind == "f":
        return np.asarray(~((a == b) | (np.isnan(a) & np.isnan(b))))
    return np.asarray(a != b)


def same_recordings(a: Recording, b: Recording, what: str, names: tuple[str, str], fix: str) -> None:
    """Refuse two recordings that differ.

    Args:
        a: One.
        b: The other, of the same lanes.
        what: What was played, for the message.
        names: What the two are.
        fix: What to look at.

    Raises:
        ConformanceError: Names the first step, lane, agent and number that differ.
    """
    for agent, seen in a.observations.items():
        _same(seen, b.observations[agent], f"{what}: {agent}: the observation", names, fix)
        if list(a.infos[agent]) != list(b.infos[agent]):
            raise ConformanceError(f"{what}: {agent}: {names[0]} and {names[1]} differ in the keys of infos.")
        for key, values in a.infos[agent].items():
            _same(values, b.infos[agent][key], f"{what}: {agent}: infos[{key!r}]", names, fix)
        _same(a.rewards[agent], b.rewards[agent], f"{what}: {agent}: the reward", names, fix)
    _same(a.ended, b.ended, f"{what}: the end of the session", names, fix)


def _same(a: Array, b: Array, what: str, names: tuple[str, str], fix: str) -> None:
    if a.shape != b.shape:
        raise ConformanceError(f"{what} has shape {a.shape} in {names[0]} and {b.shape} in {names[1]}. {fix}")
    different = differences(a, b)
    if different.any():
        at = tuple(int(i) for i in np.argwhere(different)[0])
        place = f"step {at[0]}, lane {at[1]} of those compared" + (f", column {at[2]}" if len(at) > 2 else "")
        raise ConformanceError(f"{what} at {place} is {a[at]!r} in {names[0]} and {b[at]!r} in {names[1]}. {fix}")


def same_tables(a: Trials, b: Trials, what: str, names: tuple[str, str], fix: str) -> None:
    """Refuse two trial tables that differ, their responses included.

    Raises:
        ConformanceError: Names the first row and column that differ.
    """
    _same_columns(a, b, f"{what}: the trial table", names, fix)
    _same_columns(a.responses, b.responses, f"{what}: the responses table", names, fix)


def _same_columns(a: Table, b: Table, what: str, names: tuple[str, str], fix: str) -> None:
    if list(a.columns) != list(b.columns):
        unlike = sorted({*a.columns} ^ {*b.columns}) or list(b.columns)
        raise ConformanceError(f"{what}: {names[0]} and {names[1]} have different columns: {', '.join(unlike)}. {fix}")
    if len(a) != len(b):
        raise ConformanceError(f"{what} has {len(a)} rows in {names[0]} and {len(b)} in {names[1]}. {fix}")
    for name, values in a.columns.items():
        different = differences(values, b[name]) if len(a) else np.zeros(0, bool)
        if different.any():
            row = int(different.argmax())
            raise ConformanceError(
                f"{what}, row {row}: {name} is {values[row]!r} in {names[0]} and {b[name][row]!r} in {names[1]}. {fix}"
            )


def lanes_of(recording: Recording, positions: Sequence[int], lanes: Sequence[int]) -> Recording:
    """Some lanes of a recording.

    Args:
        recording: The recording.
        positions: Where they stand on axis 1.
        lanes: Their numbers in the trial table.
    """
    at = np.asarray(positions)
    return Recording(
        {agent: values[:, at] for agent, values in recording.observations.items()},
        {agent: {k: values[:, at] for k, values in infos.items()} for agent, infos in recording.infos.items()},
        {agent: values[:, at] for agent, values in recording.rewards.items()},
        recording.ended[:, at],
        {agent: values[:, at] for agent, values in recording.actions.items()},
        trials_in(recording.trials, np.asarray(lanes)),
    )
