"""What all figures have in common: colours, type, and a figure without global state."""

from __future__ import annotations

from neuroparallel.errors import MissingDependencyError

__all__ = [
    "COLORS",
    "FAINT",
    "INK",
    "MARKERS",
    "OUTCOME_COLORS",
    "OUTCOME_MARKERS",
    "PERIOD_COLORS",
    "QUIET",
    "TEXT",
    "Axes",
    "Figure",
    "figure_of",
    "new_figure",
    "tidy",
    "titled",
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
    """A figure of so many inches that draws without a screen."""
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def figure_of(ax: Axes) -> Figure:
    """The figure that axes stand in, however deep."""
    figure = ax.get_figure(root=True)
    if not isinstance(figure, Figure):  # axes that were removed from their figure
        return new_figure(6, 4)
    return figure


def tidy(ax: Axes, *, grid: bool = True) -> None:
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


def titled(ax: Axes, title: str) -> None:
    """Put the title at the left, where reading begins."""
    ax.set_title(title, loc="left", fontsize=TEXT + 1, color=INK, fontweight="bold")
