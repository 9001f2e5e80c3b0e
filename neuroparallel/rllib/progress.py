"""Progress of a training after each update, and its display."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from neuroparallel.errors import ArgumentError

__all__ = ["Progress", "showing"]


@dataclass(frozen=True)
class Progress:
    """Progress after an update.

    Attributes:
        iteration: Updates so far.
        steps: Time steps over all lanes, over all sittings.
        trials: Trials that ended.
        reward_per_trial: In the latest stretch, with exploration.
        correct: Stream to share right, 0 to 1: of the latest evaluation, before the first one of
            the latest stretch.
        seconds: Of training, without evaluations.
        budget_s: Seconds of training allowed; None: no limit.
        stage: Of the curriculum, from 1.
        stages: How many there are.
        evaluated: True if this update was followed by an evaluation.
        budget_steps: Value of ``steps`` at which training ends; None: no limit.
        budget_trials: Value of ``trials`` at which training ends; None: no limit.
    """

    iteration: int
    steps: int
    trials: int
    reward_per_trial: float
    correct: dict[str, float]
    seconds: float
    budget_s: float | None
    stage: int = 1
    stages: int = 1
    evaluated: bool = False
    budget_steps: int | None = None
    budget_trials: int | None = None


@contextmanager
def showing(
    progress: Callable[[Progress], None] | str | None, title: str
) -> Iterator[Callable[[Progress], None] | None]:
    """Provide what is called after each update.

    Args:
        progress: A function, ``"bar"`` for a live display on standard error, or None for nothing.
        title: What stands above the display.

    Raises:
        ArgumentError: It is something else.
    """
    if progress is None or callable(progress):
        yield progress
        return
    if progress != "bar":
        raise ArgumentError(f"progress is {progress!r}; it is 'bar', a function of a Progress, or None.")
    from rich.console import Console

    from neuroparallel.rllib.display import Display

    with Display(Console(stderr=True)) as display:
        display.title = title
        yield display.update
