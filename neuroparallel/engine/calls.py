"""Calling the hooks of a task that run in every step, alike in both engines: arrays in, checked arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.tables import Tables, check_mean
from neuroparallel.errors import TaskError
from neuroparallel.hooks import Moment, Step, View
from neuroparallel.seeding import Bits

__all__ = ["added_up", "moved", "steered", "viewed"]

Arrays = dict[str, NDArray[Any]]


def added_up(tables: Tables, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Sums by channel group, (n, columns) each; float64, (summed channels, n)."""
    result, start = {}, 0
    for name in tables.task.sums:
        columns = tables.channels[name]
        stop = start + columns.stop - columns.start
        result[name], start = sums[start:stop].T, stop
    return result


def viewed(
    tables: Tables,
    mean: NDArray[np.float32],
    *,
    period: NDArray[np.int64],
    elapsed: NDArray[np.float64],
    conditions: Arrays,
    memory: Arrays,
    keys: Bits,
) -> NDArray[np.float32]:
    """Let `Task.observe` change what is about to be shown.

    Args:
        tables: The task.
        mean: float32, (channels, n). What the table says; not changed.
        period: int64, (n,). Present periods.
        elapsed: float64, (n,). ms since their onset.
        conditions: Of the present trials, (n,).
        memory: What the task remembers, (n, ...); the hook sees it read-only.
        keys: uint64, (n,). Where each lane stands in its steps.

    Returns:
        float32, (channels, n). What is shown, without noise.

    Raises:
        TaskError: A counted channel shows what is no probability or count.
    """
    task, channels = tables.task, tables.channels
    groups = {name: mean[columns].copy().T for name, columns in channels.items()}  # each column is contiguous
    seen = {name: array[:] for name, array in memory.items()}
    for array in seen.values():
        array.flags.writeable = False
    task.observe(View(period, elapsed, conditions, seen, tables.dt, tables.periods, keys, groups))  # type: ignore[misc]
    result = np.empty_like(mean)
    for name, columns in channels.items():
        result[columns] = np.asarray(groups[name]).T
    for name, kind in tables.counted.items():
        check_mean(task, name, kind, result[channels[name]], tables.dt)
    return result


def moved(
    tables: Tables,
    action: NDArray[np.float32],
    *,
    period: NDArray[np.int64],
    elapsed: NDArray[np.float64],
    conditions: Arrays,
    memory: Arrays,
    keys: Bits,
) -> NDArray[np.int64]:
    """Let `Task.move` turn movements into events.

    Args:
        tables: The task.
        action: float32, (n, axes). The movements.
        period: int64, (n,). Present periods.
        elapsed: float64, (n,). ms since their onset, the present step included.
        conditions: Of the present trials, (n,).
        memory: What the task remembers, (n, ...); holds afterwards what the hook made of it.
        keys: uint64, (n,). Where each lane stands in its steps.

    Returns:
        int64, (n,). 0 for holding, or the number of an action.

    Raises:
        TaskError: The hook returned something else.
    """
    task, before = tables.task, dict(memory)
    step = Step(period, elapsed, conditions, memory, tables.dt, tables.periods, keys, action)
    events = np.asarray(task.move(step))  # type: ignore[misc]
    for name, array in before.items():
        if step.memory[name] is not array:  # another array, of whatever shape and type it came out with
            memory[name] = np.broadcast_to(step.memory[name], array.shape).astype(array.dtype)
    fits = events.dtype.kind in "iu" and events.shape == period.shape
    if not fits or (events < 0).any() or (events >= tables.actions).any():
        raise TaskError(
            f"{task.task_name()}: move returned {events.dtype} of shape {events.shape}, {np.unique(events)[:5]}; it "
            f"returns one event per lane, integers of shape {period.shape}, 0 to {tables.actions - 1}."
        )
    return events.astype(np.int64, copy=False)


def steered(
    tables: Tables,
    *,
    period: NDArray[np.int64],
    elapsed: NDArray[np.float64],
    conditions: Arrays,
    memory: Arrays,
    keys: Bits,
) -> NDArray[np.float32]:
    """Ask `Task.steer` which movement is right.

    Args:
        tables: The task, which has that hook.
        period: int64, (n,). Present periods.
        elapsed: float64, (n,). ms since their onset.
        conditions: Of the present trials, (n,).
        memory: What the task remembers, (n, ...).
        keys: uint64, (n,). Where each lane stands in its steps.

    Returns:
        float32, (n, axes). Within the movement's range.

    Raises:
        TaskError: The hook returned something else than finite numbers of that shape.
    """
    task, axes = tables.task, tables.movement
    assert axes is not None
    moment = Moment(period, elapsed, conditions, memory, tables.dt, tables.periods, keys)
    found = np.asarray(task.steer(moment))  # type: ignore[misc]
    shape = (len(period), len(axes))
    if found.dtype.kind != "f" or found.shape != shape or not np.isfinite(found).all():
        raise TaskError(
            f"{task.task_name()}: steer returned {found.dtype} of shape {found.shape}; it returns a movement per lane, "
            f"finite floats of shape {shape}."
        )
    return found.clip(axes.low, axes.high).astype(np.float32)
