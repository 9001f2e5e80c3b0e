"""Percent correct as bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroparallel.analysis import performance
from neuroparallel.plotting.style import (
    COLORS,
    INK,
    QUIET,
    TEXT,
    Axes,
    Figure,
    figure_of,
    new_figure,
    tidy,
    titled,
)
from neuroparallel.records import Table, Trials
from neuroparallel.records.arguments import checked


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
    streams = _stream_names(table)
    places, gap = np.arange(len(table), dtype=np.float64), 0.8
    known = list(dict.fromkeys(streams))
    if conditions:
        places += gap * np.array([known.index(stream) for stream in streams])
    figure = figure_of(ax) if ax is not None else new_figure(max(4.0, 1.4 + 0.62 * len(table)), 3.6)
    ax = ax if ax is not None else figure.add_subplot()
    colors = [COLORS[known.index(stream) % len(COLORS)] for stream in streams]
    percent = 100 * table["correct"]
    reach = 100 * np.stack([table["correct"] - table["low"], table["high"] - table["correct"]])
    ax.bar(places, percent, width=0.78, color=colors, alpha=0.85, zorder=2)
    ax.errorbar(
        places, percent, yerr=reach.clip(0), fmt="none", ecolor=INK, elinewidth=1.2, capsize=3,
        zorder=3,
    )  # fmt: skip
    for place, count in zip(places, table["trials"], strict=True):
        ax.text(place, 2, f"n {count}", ha="center", fontsize=TEXT - 2.5, color="white", zorder=4)
    labels = _condition_labels(table, conditions) if conditions else streams
    ax.set_xticks(places, labels)
    ax.set_ylim(0, 104)
    ax.set_ylabel("correct (%)")
    if conditions:
        ax.set_xlabel(" / ".join(_spoken(name) for name in conditions))
        _name_streams(ax, places, streams, known)
    if chance is not None:
        ax.axhline(100 * chance, color=QUIET, linewidth=1, linestyle=":", zorder=3)
        ax.text(
            1.0, 100 * chance, " chance", transform=ax.get_yaxis_transform(), va="center",
            fontsize=TEXT - 1.5, color=QUIET,
        )  # fmt: skip
    tidy(ax)
    ax.tick_params(axis="x", length=0)
    ax.set_title(title, loc="left", fontsize=TEXT + 1, color=INK, fontweight="bold", pad=18)
    if not conditions:
        titled(ax, title)
    return figure


def _stream_names(table: Table) -> list[str]:
    parts = [table[name] for name in ("subject", "stream") if name in table]
    if len(parts) == 2 and len(set(parts[0])) == 1:
        parts = parts[1:]  # a lone subject needs no mention
    return [".".join(map(str, names)) for names in zip(*parts, strict=True)] or ["all"] * len(table)


def _condition_labels(table: Table, conditions: Sequence[str]) -> list[str]:
    cells = [[f"{v:g}" if isinstance(v, (int, float)) else str(v) for v in table[name].tolist()] for name in conditions]
    return ["\n".join(label) for label in zip(*cells, strict=True)]


def _name_streams(ax: Axes, places: np.ndarray, streams: list[str], known: list[str]) -> None:
    for i, stream in enumerate(known):
        mine = places[[name == stream for name in streams]]
        ax.text(
            float(mine.mean()), 106, stream, ha="center", fontsize=TEXT,
            color=COLORS[i % len(COLORS)], fontweight="bold",
        )  # fmt: skip


def _spoken(name: str) -> str:
    """A column's name as a person would write it, its unit in brackets."""
    for ending, unit in (("_ms", "ms"), ("_s", "s"), ("_hz", "Hz"), ("_deg", "deg")):
        if name.endswith(ending):
            return f"{name[: -len(ending)].replace('_', ' ')} ({unit})"
    return "coherence (%)" if name == "coherence" else name.replace("_", " ")
