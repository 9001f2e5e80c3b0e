"""Style shared by all figures: colours, type, and a figure without global state."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from neuroparallel.errors import ArgumentError, MissingDependencyError
from neuroparallel.records.table import Array

__all__ = [
    "COLORS",
    "FAINT",
    "INK",
    "OUTCOME_COLORS",
    "OUTCOME_MARKERS",
    "PERIOD_COLORS",
    "QUIET",
    "TEXT",
    "Axes",
    "Figure",
    "annotate",
    "axes_of",
    "bars",
    "color_of",
    "error_bars",
    "finish_axes",
    "legend",
    "marker_of",
    "new_figure",
    "points",
    "readable_name",
    "set_title",
    "style_axes",
]

try:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ImportError as error:
    raise MissingDependencyError(
        "neuroparallel.plotting needs matplotlib, which is not installed: pip install 'neuroparallel[plot]'"
    ) from error

# Okabe & Ito's palette, which readers with any form of colour blindness can tell apart; without
# its yellow, which is too pale for lines on white.
# Source: Okabe & Ito 2008, Color Universal Design.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK = "#2b2b2b"
QUIET = "#7a7a7a"
FAINT = "#e6e6e6"
OUTCOME_COLORS = {
    "correct": "#009E73",
    "error": "#D55E00",
    "abort": "#CC79A7",
    "miss": "#E69F00",
    "cancelled": "#999999",
    "unscored": "#56B4E9",
}
OUTCOME_MARKERS = {
    "correct": "o",
    "error": "X",
    "abort": "D",
    "miss": "v",
    "cancelled": "s",
    "unscored": "P",
}
PERIOD_COLORS = (  # pale, so that text on them can be read; more than the periods of any shipped scenario
    *("#e3e3e3", "#b9d6ea", "#fbe3b5", "#c4e3d2", "#ecd3e2", "#d9d2ec", "#f6cdb8"),
    *("#cfe8ec", "#e6e2b0", "#d6c8b8", "#b8c4d9", "#e8bcbc"),
)
TEXT = 9.0


def new_figure(width: float, height: float) -> Figure:
    """Return a figure of so many inches that draws without a screen."""
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def axes_of(ax: Axes | None, width: float = 5.4, height: float = 4.0) -> tuple[Figure, Axes]:
    """Return the figure and the axes to draw in: those given, or new ones of so many inches."""
    if ax is None:
        figure = new_figure(width, height)
        return figure, figure.add_subplot()
    theirs = ax.get_figure(root=True)  # None of axes that were removed from it
    return theirs if isinstance(theirs, Figure) else new_figure(width, height), ax


def color_of(place: int) -> str:
    """Return the colour of the n-th line; after the last one they begin anew."""
    return COLORS[place % len(COLORS)]


def marker_of(place: int) -> str:
    """Return the marker of the n-th line."""
    return MARKERS[place % len(MARKERS)]


def error_bars(middle: Array, low: Array, high: Array) -> Array:
    """Return the lengths of the error bars below and above each value; float64, (2, n)."""
    return np.stack([middle - low, high - middle]).clip(0)


def points(ax: Axes, x: Array, y: Array, error: Array, place: int, *, line: bool = True, label: str = "") -> None:
    """Draw the n-th line: points with their intervals, (n,) or (2, n), joined or by themselves."""
    ax.errorbar(
        x, y, yerr=error, color=color_of(place), marker=marker_of(place), markersize=5, elinewidth=1.2,
        linestyle="-" if line else "", linewidth=1.8, label=label, zorder=3,
    )  # fmt: skip


def bars(ax: Axes, x: Array, y: Array, error: Array, color: str | list[str], width: float, label: str = "") -> None:
    """Draw bars with their intervals, (2, n); what they stand on needs no ticks."""
    ax.bar(x, y, width=width, color=color, alpha=0.85, label=label, zorder=2)
    ax.errorbar(x, y, yerr=error, fmt="none", ecolor=INK, elinewidth=1.2, capsize=3, zorder=3)
    ax.tick_params(axis="x", length=0)


def annotate(ax: Axes, text: str, height: float = 0.97, *, right: bool = False) -> None:
    """Write the numbers behind a picture into it, hanging from a height of 0 to 1, or standing on one below a half."""
    ax.text(
        0.97 if right else 0.03, height, text, transform=ax.transAxes, ha="right" if right else "left",
        va="top" if height > 0.5 else "bottom", fontsize=TEXT - 1, color=INK, linespacing=1.5,
    )  # fmt: skip


def legend(ax: Axes, place: Literal["best", "upper left", "upper right"] = "best", **options: Any) -> None:
    """Draw a legend."""
    ax.legend(frameon=False, fontsize=TEXT - 1, title_fontsize=TEXT - 1, loc=place, **options)


def readable_name(name: str) -> str:
    """Return a column's name as a person would write it, its unit in brackets."""
    for ending, unit in (("_ms", "ms"), ("_s", "s"), ("_hz", "Hz"), ("_deg", "deg")):
        if name.endswith(ending):
            return f"{name[: -len(ending)].replace('_', ' ')} ({unit})"
    return "coherence (%)" if name == "coherence" else name.replace("_", " ")


def style_axes(ax: Axes, *, grid: bool = True) -> None:
    """Leave only the two axes that carry numbers, and small quiet type."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(QUIET)
    ax.tick_params(colors=INK, labelsize=TEXT - 1, color=QUIET)
    ax.xaxis.label.set_fontsize(TEXT)
    ax.yaxis.label.set_fontsize(TEXT)
    if grid:
        ax.grid(axis="y", color=FAINT, linewidth=0.8)
        ax.set_axisbelow(True)


def finish_axes(ax: Axes, title: str, *, grid: bool = True) -> None:
    """Style the axes and set their title.

    Raises:
        ArgumentError: Every value that was to be drawn is missing.
    """
    heights = [value for container in ax.containers for value in _heights(container).tolist()]
    if heights and not np.isfinite(heights).any():
        raise ArgumentError(f"{title}: there is nothing to draw, since every value is missing in these trials.")
    style_axes(ax, grid=grid)
    set_title(ax, title)


def _heights(container: Any) -> Array:
    """Return the values that bars or points show; empty for error bars by themselves."""
    if hasattr(container, "datavalues"):
        return np.asarray(container.datavalues, np.float64)
    line = container.lines[0]
    return np.zeros(0) if line is None else np.asarray(line.get_ydata(), np.float64)


def set_title(ax: Axes, title: str, above: float | None = None) -> None:
    """Put the title at the left, where reading begins; so many points above the axes, to leave room for words."""
    ax.set_title(title, loc="left", fontsize=TEXT + 1, color=INK, fontweight="bold", pad=above)
