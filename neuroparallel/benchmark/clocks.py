"""Rates: units of work per second, of this process's own time or of the clock on the wall."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Rates", "Side", "Work", "rate"]

Work: TypeAlias = Callable[[], int]
"""Does some work and returns how many units it did."""
Rates: TypeAlias = dict[str, float]


@dataclass
class Side:
    """One of the things that are measured in turn.

    Args:
        measure: Takes the seconds of a turn and returns rates (or other numbers) by name.
        close: Called when all turns are over.
    """

    measure: Callable[[float], Rates]
    close: Callable[[], None] = lambda: None


def rate(work: Work, seconds: float, *, wall: bool = False) -> float:
    """Units per second of a work that is done at least once and for so many seconds.

    Args:
        work: What to do.
        seconds: How long.
        wall: By the clock on the wall; otherwise the processor time of this process, so that other users of the
            machine count less.
    """
    clock = time.perf_counter if wall else time.process_time
    units, start = 0, clock()
    while (spent := clock() - start) < seconds or not units:
        units += work()
    return units / spent
