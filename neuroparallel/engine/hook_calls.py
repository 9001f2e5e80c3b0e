"""Calls of the hooks of a task, the same for both engines: arrays in, checked arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.hook_checks import Place
from neuroparallel.engine.tables import Tables, check_mean
from neuroparallel.seeding import Bits
from neuroparallel.task import Draw, Response
from neuroparallel.task.hooks import Moment, Step, View

__all__ = ["moved", "priced", "sequenced", "steered", "viewed"]

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
    place: Place,
) -> NDArray[np.float32]:
    """Let `Task.observe` change what is about to be shown.

    Args:
        tables: The task.
        mean: float32, (channels, n). What the table says; not changed.
        period: int64, (n,). Present periods.
        elapsed: float64, (n,). ms since their onset.
        conditions: Of the present trials, (n,).
        memory: What the task remembers, (n, ...); the hook sees it read-only.
        keys: uint64, (n,). Position of each lane in its noise.
        place: Which trials they are, for errors.

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
    view = View(period, elapsed, conditions, seen, tables.dt, tables.periods, keys, groups)
    place.call("observe", task.observe, view)  # type: ignore[arg-type]
    place.names("observe", "channel", view.mean, channels)
    result = np.empty_like(mean)
    for name, columns in channels.items():
        shape = (mean.shape[1], columns.stop - columns.start)
        result[columns] = place.numbers("observe", f"channel {name!r}", view.mean[name], shape).T
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
    place: Place,
) -> NDArray[np.int64]:
    """Let `Task.move` turn movements into events.

    Args:
        tables: The task.
        action: float32, (n, axes). The movements.
        period: int64, (n,). Present periods.
        elapsed: float64, (n,). ms since their onset, the present step included.
        conditions: Of the present trials, (n,).
        memory: What the task remembers, (n, ...); holds afterwards what the hook made of it.
        keys: uint64, (n,). Position of each lane in its noise.
        place: Which trials they are, for errors.

    Returns:
        int64, (n,). 0 for holding, or the number of an action.

    Raises:
        TaskError: The hook returned something else.
    """
    task, before = tables.task, dict(memory)
    step = Step(period, elapsed, conditions, memory, tables.dt, tables.periods, keys, action)
    events = np.asarray(place.call("move", task.move, step))  # type: ignore[arg-type]
    place.names("move", "memory", step.memory, before)
    for name, array in before.items():
        if step.memory[name] is not array:  # another array, of whatever shape and type it came out with
            memory[name] = np.broadcast_to(step.memory[name], array.shape).astype(array.dtype)
    fits = events.dtype.kind in "iu" and events.shape == period.shape
    if not fits or (events < 0).any() or (events >= tables.actions).any():
        bad = ~np.isin(events, np.arange(tables.actions)) if events.shape == period.shape else np.ones(1, bool)
        row = int(bad.argmax())
        found = f"it returned {events.flat[row]!s} ({events.dtype})" if events.size else "it returned nothing"
        allowed = f"it returns one event for each of {len(period)} lanes, integers, 0 to {tables.actions - 1}."
        raise place.refuse("move", found, allowed, row)
    return events.astype(np.int64, copy=False)


def steered(
    tables: Tables,
    *,
    period: NDArray[np.int64],
    elapsed: NDArray[np.float64],
    conditions: Arrays,
    memory: Arrays,
    keys: Bits,
    place: Place,
) -> NDArray[np.float32]:
    """Ask `Task.steer` which movement is right.

    Args:
        tables: The task, which has that hook.
        period: int64, (n,). Present periods.
        elapsed: float64, (n,). ms since their onset.
        conditions: Of the present trials, (n,).
        memory: What the task remembers, (n, ...).
        keys: uint64, (n,). Position of each lane in its noise.
        place: Which trials they are, for errors.

    Returns:
        float32, (n, axes). Within the movement's range.

    Raises:
        TaskError: The hook returned something else than finite numbers of that shape.
    """
    task, axes = tables.task, tables.movement
    assert axes is not None
    moment = Moment(period, elapsed, conditions, memory, tables.dt, tables.periods, keys)
    found = np.asarray(place.call("steer", task.steer, moment))  # type: ignore[arg-type]
    shape = (len(period), len(axes))
    if found.dtype.kind != "f" or found.shape != shape or not np.isfinite(found).all():
        raise place.refuse(
            "steer",
            f"it returned {found.dtype} of shape {found.shape}",
            f"it returns a movement per lane, finite floats of shape {shape}.",
        )
    return found.clip(axes.low, axes.high).astype(np.float32)


def priced(
    tables: Tables,
    place: Place,
    *,
    action: NDArray[np.int64],
    period: NDArray[np.int64],
    elapsed: NDArray[np.float64],
    reward: NDArray[np.float64],
    outcome: NDArray[np.uint8],
    conditions: Arrays,
    memory: Arrays,
    sums: NDArray[np.float64],
    keys: Bits,
) -> Response:
    """Let `Task.pay` price responses.

    Args:
        tables: The task.
        place: Which trials they are, for errors.
        action: int64, (n,). Actions; 0 for a timeout.
        period: int64, (n,). Present periods.
        elapsed: float64, (n,). ms since the clock started.
        reward: float64, (n,). Reward by the tables.
        outcome: uint8, (n,). Outcome by the tables.
        conditions: Of the present trials, (n,).
        memory: What the task remembers, (n, ...); the hook may write into these arrays.
        sums: float64, (summed channels, n). Sums of what was shown in the trial.
        keys: uint64, (n,). Keys of the trials.

    Returns:
        The responses as the hook left them, with arrays for reward and outcome.

    Raises:
        TaskError: A reward is not finite or too large, an outcome or name is none that exists, or a shape is wrong.
    """
    response = Response(
        action=action,
        period=period,
        elapsed=elapsed,
        reward=reward,
        outcome=outcome,
        conditions=dict(conditions),
        memory=dict(memory),
        shown=added_up(tables, sums),
        _keys=keys,
    )
    place.call("pay", tables.task.pay, response)  # type: ignore[arg-type]
    response.reward = np.asarray(place.numbers("pay", "reward", response.reward, action.shape), np.float64)
    response.outcome = place.outcomes("pay", response.outcome, action.shape)
    place.rows("pay", "condition", response.conditions, conditions)
    place.rows("pay", "memory", response.memory, memory)
    return response


def sequenced(
    tables: Tables,
    place: Place,
    *,
    conditions: Arrays,
    previous: Arrays,
    trial: NDArray[np.int64],
    outcome: NDArray[np.int64],
    choice: NDArray[np.int64],
    reward: NDArray[np.float64],
    memory: Arrays,
    keys: Bits,
) -> Draw:
    """Let `Task.sequence` change the conditions of coming trials.

    Args:
        tables: The task.
        place: Which trials they are, for errors.
        conditions: Conditions as drawn, (n,).
        previous: Conditions of the trials before, (n,).
        trial: int64, (n,). Numbers of the coming trials.
        outcome: int64, (n,). Outcomes of the trials before.
        choice: int64, (n,). Choices in the trials before.
        reward: float64, (n,). Sums of rewards of the trials before.
        memory: What the task remembers, (n, ...); the hook may write into these arrays.
        keys: uint64, (n,). Keys of the trials.

    Returns:
        Conditions and memory as the hook left them.

    Raises:
        TaskError: A condition or memory is none that exists, or has a wrong shape.
    """
    draw = Draw(
        conditions=dict(conditions),
        previous=previous,
        first=trial == 0,
        trial=trial,
        outcome=outcome,
        choice=choice,
        reward=reward,
        memory=dict(memory),
        dt=tables.dt,
        _keys=keys,
    )
    place.call("sequence", tables.task.sequence, draw)  # type: ignore[arg-type]
    place.rows("sequence", "condition", draw.conditions, conditions)
    place.rows("sequence", "memory", draw.memory, memory)
    return draw
