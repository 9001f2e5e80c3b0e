"""The design of a task: its conditions, and how likely they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError
from neuroparallel.seeding import thresholds
from neuroparallel.timing import Law

__all__ = ["Factorial", "Levels", "Rows"]


def _weights(weights: Sequence[float] | NDArray[Any] | None, n: int) -> NDArray[np.float64]:
    result = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    if result.shape != (n,) or not np.isfinite(result).all() or result.min() < 0 or result.sum() <= 0:
        raise ArgumentError(f"{n} levels need {n} weights, 0 or more, not all 0; got {weights!r}.")
    return result


def _check_numbers(values: NDArray[Any]) -> None:
    """Levels are calculated with and written into one column: finite numbers or truth values."""
    if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
        raise ArgumentError(f"{values.tolist()!r} are no levels; give a sequence of finite numbers or truth values.")


class Levels:
    """A factor with a few levels.

    Args:
        values: The levels; numbers or bools.
        weights: Relative probabilities; equal if left out.
    """

    def __init__(
        self, values: Sequence[Any] | NDArray[Any], weights: Sequence[float] | NDArray[Any] | None = None
    ) -> None:
        self.columns: dict[str, NDArray[Any]] | None = None
        self.values = np.asarray(values)
        if self.values.ndim != 1 or not len(self.values):
            raise ArgumentError(f"{values!r} are no levels; give a sequence of numbers.")
        _check_numbers(self.values)
        self.weights = _weights(weights, len(self.values))
        self.cuts = thresholds(self.weights)

    def __len__(self) -> int:
        return len(self.weights)


class Rows(Levels):
    """A factor whose levels are whole rows of a conditions table, such as pairs of frequencies.

    Args:
        weights: Relative probabilities of the rows; equal if left out.
        **columns: The conditions that a row sets together; equally long sequences.
    """

    def __init__(
        self, *, weights: Sequence[float] | NDArray[Any] | None = None, **columns: Sequence[Any] | NDArray[Any]
    ) -> None:
        lengths = {len(column) for column in columns.values()}
        if len(lengths) != 1:
            raise ArgumentError(f"the columns of a conditions table have different lengths: {sorted(lengths)}.")
        super().__init__(range(lengths.pop()), weights)
        self.columns = {name: np.asarray(column) for name, column in columns.items()}
        for column in self.columns.values():
            _check_numbers(column)


class Factorial:
    """The design of a task: every factor is drawn independently at the start of each trial.

    Args:
        **factors: A sequence of levels, `Levels` with probabilities, `Rows` of a conditions table, or a `Law`
            from which a continuous condition is drawn.
    """

    def __init__(self, **factors: Sequence[Any] | NDArray[Any] | Levels | Law) -> None:
        self.factors: dict[str, Levels] = {}
        self.laws: dict[str, Law] = {}
        for name, factor in factors.items():
            if isinstance(factor, Law):
                self.laws[name] = factor
            else:
                self.factors[name] = factor if isinstance(factor, Levels) else Levels(factor)
        self.strides: dict[str, int] = {}
        size = 1
        for name in reversed(self.factors):
            self.strides[name] = size
            size *= len(self.factors[name])
        self.size = size

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all conditions, in order."""
        names: list[str] = []
        for name, factor in self.factors.items():
            names.extend(factor.columns if factor.columns is not None else (name,))
        return (*names, *self.laws)

    def values(self, levels: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[Any]]:
        """Turn level numbers into conditions; int64 (n,) per factor to (n,) per condition."""
        result: dict[str, NDArray[Any]] = {}
        for name, factor in self.factors.items():
            if factor.columns is None:
                result[name] = factor.values[levels[name]]
            else:
                result.update({key: column[levels[name]] for key, column in factor.columns.items()})
        return result

    def grid(self) -> dict[str, NDArray[Any]]:
        """All combinations of all levels; (size,) per condition."""
        index = np.arange(self.size)
        return self.values({name: index // self.strides[name] % len(factor) for name, factor in self.factors.items()})
