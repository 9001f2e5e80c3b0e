"""Percent correct as bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroparallel.analysis import performance
from neuroparallel.plotting.style import (
    QUIET,
    TEXT,
    Axes,
    Figure,
    axes_of,
    bars,
    color_of,
    error_bars,
    readable_name,
    set_title,
    style_axes,
)
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked


@checked
def plot_performance(
    trials: Trials,
    by: str | Sequence[str] | None = None,
    ax: Axes | None = None,
    *,
    chance: float | None = None,
    level: float = 0.95,
    title: str = "Performance",
) -> Figure:
    """Percent correct of each stream, or of each condition in it, with Wilson intervals.

    Args:
        trials: Needs ``correct``.
        by: Condition columns, one bar for each combination that occurs; None: a bar per stream.
        ax: Axes to draw in; None: a new figure.
        chance: Fraction correct of a guesser, in [0, 1]; a dotted line.
        level: Confidence of the intervals, in (0, 1).
        title: Shown above.

    Returns:
        The figure.

    Raises:
        UnknownNameError: The table lacks a column.
    """
    conditions = [] if by is None else [by] if isinstance(by, str) else list(by)
    conditions = [name for name in conditions if name not in ("subject", "stream")]
    table = performance(trials, ("subject", "stream", *conditions), level=level)
    figure, ax = axes_of(ax, max(4.0, 1.4 + 0.62 * len(table)), 3.6)
    streams = _stream_names(table)
    known = list(dict.fromkeys(streams))
    number = np.array([known.index(stream) for stream in streams], int)
    places = np.arange(len(table)) + (0.8 * number if conditions else 0)  # a gap between the bars of two streams
    percent, low, high = (100 * table[name] for name in ("correct", "low", "high"))
    bars(ax, places, percent, error_bars(percent, low, high), [color_of(n) for n in number], 0.78)
    for place, count in zip(places, table["trials"], strict=True):
        ax.text(place, 2, f"n {count}", ha="center", fontsize=TEXT - 2.5, color="white", zorder=4)
    ax.set_xticks(places, _condition_labels(table, conditions) if conditions else streams)
    ax.set_ylim(0, 104)
    ax.set_ylabel("correct (%)")
    if conditions:
        ax.set_xlabel(" / ".join(readable_name(name) for name in conditions))
        for n, stream in enumerate(known):
            middle = float(places[number == n].mean())
            ax.text(middle, 106, stream, ha="center", fontsize=TEXT, color=color_of(n), fontweight="bold")
    if chance is not None:
        _chance(ax, 100 * chance)
    style_axes(ax)
    set_title(ax, title, above=18 if conditions else None)
    return figure


def _chance(ax: Axes, percent: float) -> None:
    """Draw a dotted line at chance."""
    ax.axhline(percent, color=QUIET, linewidth=1, linestyle=":", zorder=3)
    place = ax.get_yaxis_transform()
    ax.text(1.0, percent, " chance", transform=place, va="center", fontsize=TEXT - 1.5, color=QUIET)


def _stream_names(table: Table) -> list[str]:
    parts = [table[name] for name in ("subject", "stream") if name in table]
    if len(parts) == 2 and len(set(parts[0])) == 1:
        parts = parts[1:]  # a lone subject needs no mention
    return [".".join(map(str, names)) for names in zip(*parts, strict=True)] or ["all"] * len(table)


def _condition_labels(table: Table, conditions: Sequence[str]) -> list[str]:
    cells = [[f"{v:g}" if isinstance(v, (int, float)) else str(v) for v in table[name].tolist()] for name in conditions]
    return ["\n".join(label) for label in zip(*cells, strict=True)]
