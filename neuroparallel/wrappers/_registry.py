"""Registry of the wrappers: one file each, and every modifier."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from neuroparallel.errors import UnknownNameError, nearest
from neuroparallel.modifiers import list_modifiers, modifier_class
from neuroparallel.registry import Registry
from neuroparallel.task import class_name
from neuroparallel.wrappers._functions import WrapperFunction, modifier_function, signal_function
from neuroparallel.wrappers._signal import Signal

__all__ = ["class_of", "function_of", "list_wrappers"]

_FOLDER = Path(__file__).parent
_registry: Registry[Signal] = Registry("wrapper", Signal, "neuroparallel.wrappers", [str(_FOLDER)], class_name)


def list_wrappers() -> list[str]:
    """Return the names of our own wrappers, the modifiers among them, sorted."""
    return sorted([*_registry.shipped, *list_modifiers()])


def class_of(name: str) -> Any:
    """Return the class of a wrapper or modifier."""
    return modifier_class(name) if name in list_modifiers() else _registry.shipped[name]


@cache
def function_of(name: str) -> WrapperFunction:
    """Return the function ``name_v0`` of a wrapper or modifier.

    Args:
        name: Name, with or without ``_v0``.

    Raises:
        UnknownNameError: There is no wrapper of that name; names the nearest one.
    """
    short = name.removesuffix("_v0")
    if short not in list_wrappers():
        raise UnknownNameError(f"there is no wrapper {name!r}.{nearest(name, list_wrappers())}")
    if short != name:
        return function_of(short)
    return modifier_function(modifier_class(name)) if name in list_modifiers() else signal_function(class_of(name))
