"""Options of modifiers that are lists of names."""

from __future__ import annotations

from typing import Any

from neuroparallel.errors import ArgumentError

__all__ = ["read_names"]


def read_names(value: Any, where: str) -> tuple[str, ...]:
    """Take a name, or a list of names that `frozen` has made a tuple.

    Raises:
        ArgumentError: It is neither.
    """
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, tuple) or not names or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"{where} is {value!r}; it is a name or a list of names.")
    return names
