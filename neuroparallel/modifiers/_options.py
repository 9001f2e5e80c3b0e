"""What several modifiers ask of their options."""

from __future__ import annotations

from typing import Any

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.task import is_finite_number

__all__ = ["chance", "one_of", "some_names"]


def one_of(value: Any, names: tuple[str, ...], where: str) -> None:
    """Refuse what is none of some words."""
    if value not in names:
        raise ArgumentError(f"{where} is {value!r}.{nearest(str(value), names)}")


def some_names(value: Any, where: str) -> tuple[str, ...]:
    """Take a name, or a list of names that `frozen` has made a tuple.

    Raises:
        ArgumentError: It is neither.
    """
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, tuple) or not names or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"{where} is {value!r}; it is a name or a list of names.")
    return names


def chance(value: Any, where: str) -> float:
    """Let a probability through, refuse anything else.

    Raises:
        ArgumentError: It is no number from 0 to 1.
    """
    if not is_finite_number(value) or not 0 <= value <= 1:
        raise ArgumentError(f"{where} is {value!r}; it is a probability per trial, 0 to 1.")
    return float(value)
