"""Periods and the laws of their durations, in milliseconds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, UnknownNameError, nearest
from neuroparallel.seeding import Bits, thresholds, uniforms

__all__ = [
    "Choice",
    "Duration",
    "Law",
    "Timing",
    "TruncExp",
    "Uniform",
    "exact_steps",
    "read_duration",
]


MOST_STEPS = 1_000_000_000  # of a period; what is longer is a slip of the pen, and would overflow counters
MOST_CUTS = 1_000_000  # different numbers of steps that a law may draw: each is a row of a table


def exact_steps(ms: float, dt: float, what: str) -> int:
    """Count the steps of a fixed duration, which must be a multiple of the time step.

    Args:
        ms: Duration in ms, at least 0.
        dt: Time step in ms.
        what: How to name the duration in an error, for example ``"period 'delay'"``.

    Returns:
        Number of steps.

    Raises:
        ArgumentError: It is negative or no multiple of dt; names both neighbours that would do.
    """
    if not math.isfinite(ms) or ms < 0:
        raise ArgumentError(f"{what} lasts {ms:g} ms; a duration is a number of ms, 0 or more.")
    steps = ms / dt
    if steps > MOST_STEPS:
        raise ArgumentError(f"{what} lasts {ms:g} ms, which is {steps:g} steps; at most {MOST_STEPS:,} can be counted.")
    whole = round(steps)
    if abs(steps - whole) > 1e-6 * max(1.0, steps):
        low, high = math.floor(steps) * dt, math.ceil(steps) * dt
        raise ArgumentError(
            f"{what} lasts {ms:g} ms, which is no multiple of dt = {dt:g} ms; use {low:g} or {high:g} ms, "
            "or another dt."
        )
    return whole


class Law:
    """A law from which a duration or a continuous condition is drawn."""

    def cdf(self, ms: float) -> float:
        """Probability that a draw is at most ``ms``."""
        raise NotImplementedError

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values at the given probabilities; float64, (n,), in and out."""
        raise NotImplementedError

    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value in ms."""
        raise NotImplementedError

    def plain(self) -> dict[str, Any]:
        """The law as a scenario file writes it."""
        raise NotImplementedError

    def steps(self, dt: float, *, up: bool = False) -> tuple[int, Bits]:
        """Compile the law to steps of ``dt``.

        Args:
            dt: Time step in ms.
            up: Round up, as onsets are, instead of half up, as durations are.

        Returns:
            The smallest number of steps, and the cuts (uint64) of the 64-bit range: a word draws
            as many steps as ``low`` and the cuts it has reached.
        """
        shortest, longest = self.bounds()
        if shortest < 0 or (longest - shortest) / dt > MOST_CUTS or longest / dt > MOST_STEPS:
            raise ArgumentError(
                f"a duration is drawn between {shortest:g} and {longest:g} ms; it is 0 or more, and takes at most "
                f"{MOST_CUTS:,} different numbers of steps of {dt:g} ms."
            )
        offset = 1e-9 if up else 0.5
        low, high = (_rounded(value / dt, up) for value in (shortest, longest))
        edges = [self.cdf((k + offset) * dt) for k in range(low, high)]
        weights = np.diff(np.array([0.0, *edges, 1.0]))
        return low, thresholds(weights)

    def draw(self, bits: Bits) -> NDArray[np.float64]:
        """Draw values in ms, one for each word; uint64 (n,) to float64 (n,)."""
        return self.quantile(uniforms(bits))


def _rounded(steps: float, up: bool) -> int:
    """To whole steps, up or half up; what is whole but for the last bits is whole."""
    return math.ceil(steps - 1e-9) if up else math.floor(steps + 0.5)


def _check_numbers(name: str, *values: Any) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            raise ArgumentError(f"{name}: {value!r} is no finite number.")


def _check_range(name: str, low: float, high: float) -> None:
    _check_numbers(name, low, high)
    if not low < high:
        raise ArgumentError(f"{name}: the lower bound ({low:g}) must be below the upper one ({high:g}).")


@dataclass(frozen=True)
class Uniform(Law):
    """Every duration between two bounds is equally likely.

    Args:
        low: Shortest, ms.
        high: Longest, ms.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_range("uniform", self.low, self.high)

    def cdf(self, ms: float) -> float:
        return min(1.0, max(0.0, (ms - self.low) / (self.high - self.low)))

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.low + u * (self.high - self.low)

    def bounds(self) -> tuple[float, float]:
        return self.low, self.high

    def plain(self) -> dict[str, Any]:
        return {"uniform": [self.low, self.high]}


@dataclass(frozen=True)
class TruncExp(Law):
    """An exponential duration cut to a range, so that the end of the period can hardly be foreseen.

    Args:
        mean: Mean of the exponential before it is cut, ms (the hazard is 1 / mean).
        low: Shortest, ms.
        high: Longest, ms.
    """

    mean: float
    low: float
    high: float

    def __post_init__(self) -> None:
        _check_range("truncated_exponential", self.low, self.high)
        _check_numbers("truncated_exponential", self.mean)
        if not self.mean > 0:
            raise ArgumentError(f"truncated_exponential: the mean ({self.mean:g} ms) must be above 0.")

    def _span(self) -> float:
        return -math.expm1(-(self.high - self.low) / self.mean)

    def cdf(self, ms: float) -> float:
        inside = min(self.high, max(self.low, ms))
        return -math.expm1(-(inside - self.low) / self.mean) / self._span()

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.low - self.mean * np.log(1.0 - u * self._span())

    def bounds(self) -> tuple[float, float]:
        return self.low, self.high

    def plain(self) -> dict[str, Any]:
        return {"truncated_exponential": {"mean": self.mean, "low": self.low, "high": self.high}}


class Choice(Law):
    """One of a few durations.

    Args:
        *values: Durations, ms.
        weights: Relative probabilities; equal if left out.
    """

    def __init__(self, *values: float, weights: Sequence[float] | None = None) -> None:
        if not values:
            raise ArgumentError("choice: give at least one duration.")
        weights = tuple(weights) if weights is not None else (1.0,) * len(values)
        _check_numbers("choice", *values, *weights)
        if len(weights) != len(values) or min(weights) < 0 or sum(weights) <= 0:
            raise ArgumentError(f"choice: {len(values)} durations need as many weights, 0 or more, not all 0.")
        order = sorted(range(len(values)), key=lambda i: values[i])
        self.values = tuple(float(values[i]) for i in order)
        self.weights = tuple(float(weights[i]) for i in order)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and (self.values, self.weights) == (
            other.values,
            other.weights,
        )

    def __hash__(self) -> int:
        return hash((self.values, self.weights))

    def __repr__(self) -> str:
        return f"Choice{self.values}"

    def cdf(self, ms: float) -> float:
        total = sum(self.weights)
        return sum(w for v, w in zip(self.values, self.weights, strict=True) if v <= ms) / total

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        edges = np.cumsum(self.weights)[:-1] / sum(self.weights)
        return np.asarray(self.values)[np.searchsorted(edges, u, side="right")]

    def bounds(self) -> tuple[float, float]:
        return self.values[0], self.values[-1]

    def steps(self, dt: float, *, up: bool = False) -> tuple[int, Bits]:
        for value in self.values:
            exact_steps(math.ceil(value / dt - 1e-9) * dt if up else value, dt, "choice: a duration")
        return super().steps(dt, up=up)

    def plain(self) -> dict[str, Any]:
        return {"choice": list(self.values)} | ({"weights": list(self.weights)} if len(set(self.weights)) > 1 else {})


Duration: TypeAlias = float | Law


_TAKES = {  # what a law is given: how many numbers, which, and how a scenario file writes it
    "choice": (None, "a list of durations, and beside it their weights if some are likelier", "{choice: [200, 300]}"),
    "truncated_exponential": (
        3,
        "a mean, the shortest and the longest",
        "{truncated_exponential: {mean: 300, low: 200, high: 800}}",
    ),
    "uniform": (2, "the shortest and the longest duration", "{uniform: [500, 1500]}"),
}

_PAIRS = {  # the same in NeuroGym's form
    "choice": '("choice", (200, 300))',
    "constant": '("constant", 500)',
    "truncated_exponential": '("truncated_exponential", (300, 200, 800))',
    "uniform": '("uniform", (500, 1500))',
}


def read_duration(value: Any, where: str = "") -> Duration:
    """Read a duration as users write it: a number of ms, a law, or a law's mapping from a scenario file.

    Args:
        value: ``500``, ``Uniform(500, 1500)``, ``{"uniform": [500, 1500]}``,
            ``{"truncated_exponential": {"mean": 300, "low": 200, "high": 800}}``, ``{"choice": [200, 300]}``
            or a list of numbers, which is a choice. NeuroGym's pairs of a name and its numbers are read too:
            ``("uniform", (500, 1500))``, ``("truncated_exponential", (300, 200, 800))``, ``("choice", [200, 300])``
            and ``("constant", 500)``; the same in a scenario file: ``[uniform, [500, 1500]]``.
        where: How to name it in an error.

    Returns:
        A number of ms or a `Law`.

    Raises:
        ArgumentError: It is none of these.
    """
    try:
        return _read(value)
    except ArgumentError as error:
        raise ArgumentError(f"{where}: {error}" if where else str(error)) from None


def _read(value: Any) -> Duration:
    if isinstance(value, Law):
        return value
    if not isinstance(value, bool) and isinstance(value, Real):
        return float(value)
    if isinstance(value, (list, tuple)) and value:
        return _pair(value) if isinstance(value[0], str) else _law({"choice": value}, "choice")
    if callable(value):
        raise ArgumentError(
            "a function is no duration: it cannot be written to a scenario file, nor drawn from the seed; write a law, "
            f"such as {_PAIRS['uniform']} or {_PAIRS['truncated_exponential']}."
        )
    if not isinstance(value, Mapping) or not value:
        forms = ", ".join(form for _, _, form in _TAKES.values())
        raise ArgumentError(f"{value!r} is no duration; write a number of ms, or a law: {forms}.")
    kind = next(iter(value))
    if kind not in _TAKES:
        raise ArgumentError(f"there is no law {kind!r}.{nearest(str(kind), _TAKES)}")
    for other in value:
        if other != kind and (kind, other) != ("choice", "weights"):
            raise ArgumentError(f"{other!r} cannot stand beside {kind!r}; a duration has one law.")
    return _law(value, kind)


def _pair(value: Sequence[Any]) -> Duration:
    """A duration as NeuroGym writes it: the name of a law, and its numbers."""
    kind, *rest = value
    if kind not in (*_TAKES, "constant", "until"):
        raise ArgumentError(f"there is no law {kind!r}.{nearest(kind, (*_TAKES, 'constant'))}")
    if kind == "until":
        raise ArgumentError(
            f"{value!r}: a period does not end at a time of the trial; write its duration, in ms, or a law."
        )
    if len(rest) != 1:
        raise ArgumentError(f"{value!r} does not fit; write a law's name and its numbers: {_PAIRS[kind]}.")
    if kind != "constant":
        return _law({kind: rest[0]}, kind)
    _check_numbers(kind, rest[0])
    return float(rest[0])


def _law(value: Mapping[str, Any], kind: str) -> Law:
    """A law as a scenario file writes it: its name, and behind that its numbers."""
    numbers, weights = value[kind], value.get("weights")
    if kind == "truncated_exponential" and isinstance(numbers, Mapping) and numbers.keys() == {"mean", "low", "high"}:
        numbers = [numbers["mean"], numbers["low"], numbers["high"]]
    count, takes, form = _TAKES[kind]
    lists = (numbers,) if weights is None else (numbers, weights)
    if not all(isinstance(part, (list, tuple)) for part in lists) or (count and len(numbers) != count):
        raise ArgumentError(f"{value!r} does not fit; the law {kind!r} takes {takes}: {form}.")
    _check_numbers(kind, *numbers)
    numbers = map(float, numbers)
    if kind == "choice":
        return Choice(*numbers, weights=weights)
    return Uniform(*numbers) if kind == "uniform" else TruncExp(*numbers)


class Timing(Mapping[str, Duration]):
    """The periods of a trial in their order, with the law of each one's duration in ms.

    Args:
        **periods: A number of ms or a law for each period.
    """

    def __init__(self, **periods: Any) -> None:
        self._periods = {name: read_duration(law, f"timing.{name}") for name, law in periods.items()}

    def __getitem__(self, name: str) -> Duration:
        return self._periods[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._periods)

    def __len__(self) -> int:
        return len(self._periods)

    def __hash__(self) -> int:
        return hash(tuple(self._periods.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timing) and list(self.items()) == list(other.items())

    def __repr__(self) -> str:
        return f"Timing({', '.join(f'{k}={v!r}' for k, v in self._periods.items())})"

    def replace(self, changes: Mapping[str, Any]) -> Timing:
        """Give some periods another duration.

        Args:
            changes: Durations by name of period.

        Returns:
            A new Timing in the same order.

        Raises:
            UnknownNameError: There is no such period; names the nearest one.
        """
        for name in changes:
            if name not in self._periods:
                raise UnknownNameError(f"timing.{name}: there is no such period.{nearest(name, self._periods)}")
        return Timing(**{**self._periods, **changes})

    def plain(self) -> dict[str, Any]:
        """The timing as a scenario file writes it."""
        return {name: law.plain() if isinstance(law, Law) else law for name, law in self.items()}
