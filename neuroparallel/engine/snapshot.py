"""Whether a saved state fits what is to go back to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuroparallel.errors import ArgumentError

__all__ = ["check_saved"]

GROWING = ("agents", "film", "log", "np_random", "seen", "visits")  # as long as what has happened so far


def check_saved(saved: Any, own: Any, path: str = "state") -> None:
    """Refuse a state of another scenario, of other lanes, or of another version of neuroparallel, with its place.

    Infos are empty before the first session, so an empty mapping fits any other.

    Args:
        saved: The state to go back to.
        own: The present state of what is to go back, with the names and shapes that are right.
        path: How to name it in an error.

    Raises:
        ArgumentError: Something is missing, has another shape, or should not be there.
    """
    if isinstance(own, Mapping):
        _check_names(saved, own, path)
        for name, mine in own.items():
            if name in saved and name not in GROWING:
                check_saved(saved[name], mine, f"{path}.{name}")
    elif isinstance(own, (list, tuple)):
        if not isinstance(saved, (list, tuple)) or len(saved) != len(own):
            raise _misfit(f"{path} has {_size(saved)}, here {_size(own)}")
        for place, (theirs, mine) in enumerate(zip(saved, own, strict=True)):
            check_saved(theirs, mine, f"{path}.{place}")
    elif isinstance(own, np.ndarray) and saved is not None and np.shape(saved) != own.shape:
        raise _misfit(f"{path} has the shape {np.shape(saved)}, here {own.shape}")


def _check_names(saved: Any, own: Mapping[str, Any], path: str) -> None:
    if not isinstance(saved, Mapping):
        raise _misfit(f"{path} is {type(saved).__name__} and no mapping")
    for name in sorted(own.keys() ^ saved.keys()) if own and saved else ():
        raise _misfit(f"{path}.{name} is {'missing' if name in own else 'unknown here'}")


def _size(value: Any) -> str:
    return f"{len(value)} parts" if isinstance(value, (list, tuple)) else type(value).__name__


def _misfit(what: str) -> ArgumentError:
    return ArgumentError(
        f"the state does not fit: {what}; it was saved of another scenario, of another number of lanes, or by another "
        "version of neuroparallel."
    )
