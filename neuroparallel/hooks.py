"""What a task declares and gets where a table cannot say it: counted events, changing displays and movements.

Tasks import these names from `neuroparallel.task`, where the hooks themselves are described.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import TaskError, UnknownNameError, nearest
from neuroparallel.seeding import Bits, mix, name_bits, normals, uniforms

__all__ = ["Bernoulli", "Moment", "Movement", "Poisson", "Step", "View"]


@dataclass(frozen=True)
class Bernoulli:
    """A channel that shows 1 or 0 in each step, such as a flash or a single spike.

    What the task shows on it is the probability of a 1 in one step, 0 to 1. A rate in Hz is therefore shown as
    ``rate * trial.dt / 1000``, and the same number of events per second comes at every dt. Where it shows
    nothing, and while the stream is idle, the channel is 0.

    Source:
        The usual discrete-time spike train: Dayan & Abbott 2001, Theoretical Neuroscience, ch. 1.
    """

    most: float = field(default=1.0, init=False, repr=False)
    means: str = field(default="the probability of a 1 in one step", init=False, repr=False)


@dataclass(frozen=True)
class Poisson:
    """A channel that shows how many events fell into each step, such as clicks.

    What the task shows on it is the count to be expected in one step, 0 to 100. A rate in Hz is therefore shown
    as ``rate * trial.dt / 1000``, and counts over a second have the same distribution at every dt. Where it
    shows nothing, and while the stream is idle, the channel is 0.
    """

    most: float = field(default=100.0, init=False, repr=False)
    means: str = field(default="the count to be expected in one step", init=False, repr=False)


class Movement(Mapping[str, tuple[float, float]]):
    """Continuous actions: the axes along which a subject acts, with the range of each.

    A task that declares one has a Box action space (float32, one number per axis) and a `move` hook.

    Args:
        **axes: Lowest and highest value of each axis, in whatever unit the task gives them:
            ``Movement(x=(-1, 1), y=(-1, 1))``.
    """

    def __init__(self, **axes: tuple[float, float]) -> None:
        self._axes = {name: (float(low), float(high)) for name, (low, high) in axes.items()}
        if not axes:
            raise TaskError("a movement has at least one axis: Movement(x=(-1, 1)).")
        for name, (low, high) in self._axes.items():
            if not (np.isfinite(low) and np.isfinite(high) and low < high):
                raise TaskError(
                    f"movement.{name} goes from {low:g} to {high:g}; give two numbers, the lower one first."
                )
        self.low = np.array([low for low, _ in self._axes.values()], np.float32)
        self.high = np.array([high for _, high in self._axes.values()], np.float32)

    def __getitem__(self, name: str) -> tuple[float, float]:
        if name not in self._axes:
            raise UnknownNameError(f"there is no axis {name!r}.{nearest(name, self._axes)}")
        return self._axes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._axes)

    def __len__(self) -> int:
        return len(self._axes)

    def __repr__(self) -> str:
        return f"Movement({', '.join(f'{name}=({low:g}, {high:g})' for name, (low, high) in self._axes.items())})"


@dataclass
class Moment:
    """What hooks that run in every step know of the lanes they are called for: one entry per live lane.

    Attributes:
        period: int64, (n,). Number of the present period; see `during`.
        elapsed: float64, (n,). Time since its onset in ms: 0 in the first step of a period.
        conditions: By name, (n,). Conditions of the present trial.
        memory: By name, (n, ...). What the task remembers; not to be changed here.
        dt: Time step, ms.
    """

    period: NDArray[np.int64]
    elapsed: NDArray[np.float64]
    conditions: dict[str, NDArray[Any]]
    memory: dict[str, NDArray[Any]]
    dt: float
    _periods: list[str] = field(repr=False)
    _keys: Bits = field(repr=False)

    def __len__(self) -> int:
        return len(self.period)

    def during(self, *names: str) -> NDArray[np.bool_]:
        """Which lanes are in one of these periods; bool, (n,)."""
        for name in names:
            if name not in self._periods:
                raise UnknownNameError(f"there is no period {name!r}.{nearest(name, self._periods)}")
        found = np.zeros(len(self), bool)
        for name in names:
            found |= self.period == self._periods.index(name)
        return found

    def random(self, purpose: str) -> NDArray[np.float64]:
        """A uniform number in [0, 1) per lane, another one in each step."""
        return uniforms(mix(self._words(purpose)))

    def normal(self, purpose: str) -> NDArray[np.float32]:
        """A standard normal number per lane, float32, another one in each step."""
        words = self._words(purpose)
        first, second = np.empty(len(words), np.float32), np.empty(len(words), np.float32)
        normals(words, first, second)
        return first

    def _words(self, purpose: str) -> Bits:
        return self._keys + np.uint64(name_bits(f"{type(self).__name__.lower()}.{purpose}"))


@dataclass
class View(Moment):
    """What is about to be shown, to be changed by `Task.observe`: one entry per lane whose stream is live.

    Attributes:
        mean: By channel group: float32, (n, columns), what the table says, noise still to come; change it in
            place (``view.mean["item"][:, 0] = ...``). On counted channels it stays a probability or a count.
        period: int64, (n,). Number of the present period; see `during`.
        elapsed: float64, (n,). Time since its onset in ms: 0 in the first step of a period.
        conditions: By name, (n,). Conditions of the present trial.
        memory: By name, (n, ...). What the task remembers; not to be changed here.
        dt: Time step, ms.
    """

    mean: dict[str, NDArray[np.float32]]


@dataclass
class Step(Moment):
    """A step's continuous actions, to be turned into events by `Task.move`: one entry per lane whose stream is live.

    Attributes:
        action: float32, (n, axes). Within the movement's range.
        period: int64, (n,). Number of the period acted in; see `during`.
        elapsed: float64, (n,). Time since its onset in ms, the present step included: dt in the first one.
        conditions: By name, (n,). Conditions of the present trial.
        memory: By name, (n, ...). What the task remembers; may be changed, in place or by another array.
        dt: Time step, ms.
    """

    action: NDArray[np.float32]
