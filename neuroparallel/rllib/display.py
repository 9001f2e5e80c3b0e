"""The live display of a training."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from neuroparallel.rllib.progress import Progress

__all__ = ["Display"]

PLAIN_EVERY_S = 5.0  # seconds between lines where there is no terminal


class Display:
    """Steps, trials, reward per trial, percent correct of each stream, time spent and left.

    On a terminal and in a notebook it stays in its place; into a file or a pipe it writes a line every few seconds.

    Args:
        console: Where to show it.

    Attributes:
        title: What is shown above it, once there is something to show: not over a training that is refused.
    """

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        self.console, self.title = console, ""
        is_live = console.is_terminal or console.is_jupyter
        self._live = Live(console=console, refresh_per_second=8, transient=False) if is_live else None
        self._line_at = 0.0

    def __enter__(self) -> Display:
        """Begin to show."""
        if self._live:
            self._live.start()
            self._live.update("getting ready ...")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> None:
        """Leave the last state on the screen."""
        if self._live:
            self._live.stop()

    def update(self, progress: Progress) -> None:
        """Show how far training is."""
        if self.title:
            self.console.print(self.title)
            self.title = ""
        if self._live:
            self._live.update(self._table(progress))
        elif progress.evaluated and time.monotonic() - self._line_at >= PLAIN_EVERY_S:
            self._line_at = time.monotonic()
            self.console.print(_line(progress), markup=False, soft_wrap=True)

    def _table(self, progress: Progress) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 3))
        table.add_row(*(Text(word, "dim") for word in ("steps", "trials", "reward/trial", "spent", "at most left")))
        left = "" if progress.budget_s is None else f"{max(0.0, progress.budget_s - progress.seconds):.0f} s"
        table.add_row(
            _of(progress.steps, progress.budget_steps), _of(progress.trials, progress.budget_trials),
            f"{progress.reward_per_trial:.3f}", f"{progress.seconds:.0f} s", left,
        )  # fmt: skip
        streams = Table.grid(padding=(0, 2))
        for name, correct in progress.correct.items():
            done = 0.0 if correct != correct else correct
            bar = ProgressBar(total=1.0, completed=done, width=40, complete_style="cyan", finished_style="green")
            streams.add_row(name, bar, "not scored" if correct != correct else f"{100 * correct:5.1f} % correct")
        stage = [Text(f"stage {progress.stage} of {progress.stages}", "dim")] if progress.stages > 1 else []
        return Group(table, streams, *stage)


def _line(progress: Progress) -> str:
    """Return the same in one line."""
    scored = {name: value for name, value in progress.correct.items() if value == value}  # a game scores nobody
    correct = "".join(f", {name} {100 * value:.0f} %" for name, value in scored.items())
    stage = f", stage {progress.stage} of {progress.stages}" if progress.stages > 1 else ""
    most = "" if progress.budget_s is None else f" of {progress.budget_s:.0f}"
    steps, trials = _of(progress.steps, progress.budget_steps), _of(progress.trials, progress.budget_trials)
    return (
        f"{progress.seconds:5.0f}{most} s: {steps} steps, {trials} trials, "
        f"{progress.reward_per_trial:.3f} reward per trial{correct}{stage}"
    )


def _of(count: int, most: int | None) -> str:
    """Return a count, and where there is a limit how far it may go."""
    return f"{count:,}" if most is None else f"{count:,} of {most:,}"
