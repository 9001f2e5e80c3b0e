"""What a task declares and gets where a table cannot say it: memory, draws, prices, changing displays and movements.

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

__all__ = ["Bernoulli", "Draw", "Memory", "Moment", "Movement", "Poisson", "Response", "Step", "View"]


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


@dataclass(frozen=True)
class Memory:
    """An array that a task remembers from trial to trial, one row per lane; reset when a session starts.

    Args:
        initial: Value at the start of a session; a number or an array of the row's shape.
        dtype: NumPy type.
    """

    initial: Any
    dtype: Any = np.float64


class _Rows(dict[str, NDArray[Any]]):
    """Some rows of arrays that are looked up when they are asked for."""

    def __init__(self, whole: Mapping[str, NDArray[Any]], rows: NDArray[np.int64]) -> None:
        super().__init__()
        self._whole, self._rows = whole, rows

    def __missing__(self, name: str) -> NDArray[Any]:
        self[name] = self._whole[name][self._rows]
        return self[name]


@dataclass
class Draw:
    """The conditions of the trials that are about to start, to be changed by `Task.sequence`.

    Every array has one entry per lane that starts a trial. ``outcome``, ``choice``, ``reward`` and
    ``previous`` are of the lane's trial before (0 and the present values where ``first`` is True).
    """

    conditions: dict[str, NDArray[Any]]
    previous: dict[str, NDArray[Any]]
    first: NDArray[np.bool_]
    trial: NDArray[np.int64]
    outcome: NDArray[np.int64]
    choice: NDArray[np.int64]
    reward: NDArray[np.float64]
    memory: dict[str, NDArray[Any]]
    dt: float
    _keys: Bits = field(repr=False)

    def __len__(self) -> int:
        return len(self.first)

    def bits(self, purpose: str) -> Bits:
        """A random word per lane; the same purpose in the same trial always gives the same one."""
        return mix(self._keys + np.uint64(name_bits(purpose)))

    def part(self, rows: NDArray[np.int64]) -> Draw:
        """The trials of some lanes, int64 (m,), as a draw of their own; `take` brings back what becomes of them."""
        return Draw(
            conditions={name: values[rows] for name, values in self.conditions.items()},
            previous=_Rows(self.previous, rows),
            first=self.first[rows],
            trial=self.trial[rows],
            outcome=self.outcome[rows],
            choice=self.choice[rows],
            reward=self.reward[rows],
            memory={name: values[rows] for name, values in self.memory.items()},
            dt=self.dt,
            _keys=self._keys[rows],
        )

    def take(self, part: Draw, rows: NDArray[np.int64]) -> None:
        """Take over conditions and memory from the `part` of some lanes."""
        for whole, some in ((self.conditions, part.conditions), (self.memory, part.memory)):
            for name, values in some.items():
                whole[name] = whole[name].copy()
                whole[name][rows] = values

    def random(self, purpose: str) -> NDArray[np.float64]:
        """A uniform number in [0, 1) per lane."""
        return uniforms(self.bits(purpose))

    def normal(self, purpose: str) -> NDArray[np.float32]:
        """A standard normal number per lane, float32."""
        words = self._keys + np.uint64(name_bits(purpose))
        first, second = np.empty(len(words), np.float32), np.empty(len(words), np.float32)
        normals(words, first, second)
        return first


@dataclass
class Response:
    """The responses that `Task.pay` may price: one entry per lane that has just responded or run out of time.

    ``action`` is 0 where time ran out. ``elapsed`` is the time in ms since the clock started (the onset of the
    period named by ``trial.clock``, otherwise of the response window), the present step included. ``reward``
    and ``outcome`` come from the table and may be changed in place. ``shown`` has, for the channel groups that the
    task names in ``sums``, what was seen on each column in this trial so far, added up; float64, (n, columns).
    """

    action: NDArray[np.int64]
    period: NDArray[np.int64]
    elapsed: NDArray[np.float64]
    reward: NDArray[np.float64]
    outcome: NDArray[np.uint8]
    conditions: dict[str, NDArray[Any]]
    memory: dict[str, NDArray[Any]]
    shown: dict[str, NDArray[np.float64]]
    _keys: Bits = field(repr=False)

    def part(self, rows: NDArray[np.int64]) -> Response:
        """The responses of some lanes, int64 (m,), by themselves; `take` brings back what they pay."""
        return Response(
            action=self.action[rows],
            period=self.period[rows],
            elapsed=self.elapsed[rows],
            reward=self.reward[rows],
            outcome=self.outcome[rows],
            conditions={name: values[rows] for name, values in self.conditions.items()},
            memory={name: values[rows] for name, values in self.memory.items()},
            shown={name: values[rows] for name, values in self.shown.items()},
            _keys=self._keys[rows],
        )

    def take(self, part: Response, rows: NDArray[np.int64]) -> None:
        """Take over reward, outcome, notes and memory from the `part` of some lanes."""
        self.reward, self.outcome = self.reward.copy(), self.outcome.copy()
        self.reward[rows], self.outcome[rows] = part.reward, part.outcome
        for whole, some in ((self.conditions, part.conditions), (self.memory, part.memory)):
            for name, values in some.items():
                whole[name] = whole[name].copy()
                whole[name][rows] = values

    def random(self, purpose: str) -> NDArray[np.float64]:
        """A uniform number in [0, 1) per lane."""
        return uniforms(mix(self._keys + np.uint64(name_bits(purpose))))


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
