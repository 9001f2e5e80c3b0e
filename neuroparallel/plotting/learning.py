"""The learning curve of a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.ticker import FuncFormatter

from neuroparallel.errors import ArgumentError
from neuroparallel.plotting.style import INK, QUIET, TEXT, Axes, Figure, axes_of, color_of, finish_axes, marker_of
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.csv_file import PathLike
from neuroparallel.records.table import FloatArray, Table

# A history may name the fraction of a stream by itself or, as metrics do, under "correct".
PREFIXES = ("correct.", "correct/")
REWARD = "reward/"
WORDS = {"reward_per_trial": "reward per trial", "distance": "distance to equilibrium"}


@checked
def plot_learning_curve(
    history: Mapping[str, npt.ArrayLike] | Table | PathLike,
    ax: Axes | None = None,
    *,
    criterion: float | Mapping[str, float] | None = None,
    chance: float | Mapping[str, float] | None = None,
    ceiling: float | Mapping[str, float] | None = None,
    title: str = "Learning",
) -> Figure:
    """Percent correct of each stream, or what a game earned, against the time spent training.

    Args:
        history: A row per training iteration, as columns or as the path of ``history.csv``:
            ``seconds``, optionally ``steps`` (shown along the top) and ``stage`` (marked where
            it changes), and for each stream its fraction correct in [0, 1] under the stream's
            name with its subject (``subject_0.memory``); ``nan`` where no trial ended. If there is nothing but
            ``nan``, as in a game, rewards per trial are drawn: of ``reward/<stream>``, or of all together
            (``reward_per_trial``).
        ax: Axes to draw in; None: a new figure.
        criterion: Fraction correct to reach, in [0, 1], for all streams or by stream; a dashed
            line each. If it names ``reward`` or ``distance`` and no stream, that column of the history is drawn.
        chance: What a subject reaches that sees no stimulus, in the same form; a dotted line each.
        ceiling: The best that can be done, in the same form; a dotted line each.
        title: Shown above.

    Returns:
        The figure.

    Raises:
        ArgumentError: The history has no ``seconds``, or no stream.
        RecordError: The file cannot be read; names file, line and column.
    """
    columns = _columns(history)
    streams = {name: short for name in columns if (short := _stream(name))}
    if "seconds" not in columns or not streams:
        raise ArgumentError(
            "plot_learning_curve: the history needs a column 'seconds' and one per stream, named "
            f"like 'subject_0.memory'; found {', '.join(columns) or 'none'}."
        )
    figure, ax = axes_of(ax, 6.4, 3.8)
    seconds = columns["seconds"]
    levels = {"chance": chance, "ceiling": ceiling, "criterion": criterion}
    asked = _asked(columns, criterion)
    if asked:
        name = WORDS[asked]
        _label_ends(ax, _lines(ax, seconds, {asked: columns[asked]}, {asked: "all together"}), "")
        for word, values in levels.items():
            _level(ax, word, _values(values, [asked.removesuffix("_per_trial")]), 1.0)
        ax.set_ylabel(name)
    elif _judged(columns, streams):
        _label_ends(ax, _lines(ax, seconds, {name: 100 * columns[name] for name in streams}, streams), " %")
        for word, values in levels.items():
            _level(ax, word, _values(values, list(streams.values())), 100.0)
        ax.set_ylim(0, 102)
        ax.set_ylabel("correct (%)")
    else:
        earned = _earned(columns)
        _label_ends(ax, _lines(ax, seconds, {name: columns[name] for name in earned}, earned), "")
        ax.set_ylabel("reward per trial")
    if "stage" in columns:
        _mark_stages(ax, seconds, columns["stage"])
    ax.set_xlim(0, float(np.nanmax(seconds, initial=1e-9)))
    ax.set_xlabel("training time (s)")
    finish_axes(ax, title)
    if "steps" in columns and len(seconds) > 1:
        _steps_on_top(ax, seconds, columns["steps"])
    return figure


def _columns(history: Mapping[str, npt.ArrayLike] | Table | PathLike) -> dict[str, FloatArray]:
    if isinstance(history, Table):
        given: Mapping[str, npt.ArrayLike] = history.columns
    elif isinstance(history, Mapping):
        given = history
    else:
        given = Table.read_csv(history).columns
    return {
        name: np.asarray(values, dtype=np.float64)
        for name, values in given.items()
        if np.asarray(values).dtype.kind in "biuf"
    }


def _stream(column: str) -> str:
    """Return the stream whose fraction correct a column holds; empty if it holds something else."""
    for prefix in PREFIXES:
        if column.startswith(prefix):
            return column[len(prefix) :]
    return (
        column if "." in column and "/" not in column else ""
    )  # abort/..., miss/... and reward/... are no shares right


def _judged(columns: Mapping[str, FloatArray], streams: Mapping[str, str]) -> bool:
    """Whether there is a percentage to draw, or nothing else."""
    return any(np.isfinite(columns[name]).any() for name in streams) or not _earned(columns)


def _earned(columns: Mapping[str, FloatArray]) -> dict[str, str]:
    """Columns of rewards per trial, and whose they are."""
    each = {name: name[len(REWARD) :] for name in columns if name.startswith(REWARD)}
    return each or {name: "all together" for name in columns if name == "reward_per_trial"}


def _lines(
    ax: Axes, seconds: FloatArray, curves: Mapping[str, FloatArray], streams: Mapping[str, str]
) -> list[tuple[float, str, str]]:
    """Draw a line for each column; returns the height of its right end, its name and its color."""
    ends = []
    for i, (curve, name) in enumerate(zip(curves.values(), _short(list(streams.values())), strict=True)):
        known = np.isfinite(curve)
        mark = marker_of(i) if known.sum() <= 40 else ""
        color = color_of(i)
        ax.plot(seconds[known], curve[known], color=color, marker=mark, markersize=3.5, linewidth=1.8)
        if known.any():
            ends.append((float(curve[known][-1]), name, color))
    return ends


def _short(streams: Sequence[str]) -> list[str]:
    """Without the subject, where that leaves all names different."""
    short = [name.split(".", 1)[-1] for name in streams]
    return short if len(set(short)) == len(short) else list(streams)


def _label_ends(ax: Axes, ends: list[tuple[float, str, str]], unit: str) -> None:
    """Name each line at its right end, pushed apart where they would overlap."""
    low, high = (0.0, 102.0) if unit else ax.get_ylim()
    lowest = -np.inf
    for height, name, color in sorted(ends):
        place = max(height, lowest + 0.07 * (high - low))
        ax.annotate(
            f"{name} {height:.0f}{unit}" if unit else f"{name} {height:.2f}",
            (1.0, place),
            xycoords=ax.get_yaxis_transform(),
            xytext=(6, 0),
            textcoords="offset points",
            color=color,
            fontsize=TEXT,
            va="center",
            annotation_clip=False,
        )
        lowest = place


def _asked(columns: Mapping[str, FloatArray], criterion: float | Mapping[str, float] | None) -> str:
    """Return the column that a criterion without streams is about; empty if there is none."""
    if not isinstance(criterion, Mapping):
        return ""
    named = [column for column in WORDS if column.removesuffix("_per_trial") in criterion and column in columns]
    return named[0] if named and len(criterion) == 1 else ""


def _values(level: float | Mapping[str, float] | None, streams: Sequence[str]) -> dict[float, Any]:
    """Return the heights of a level's lines, and their colors; what several streams share is drawn once, in grey."""
    lines: dict[float, Any] = {}
    if isinstance(level, Mapping):
        for i, full in enumerate(streams):
            value = level.get(full, level.get(full.split(".", 1)[-1]))
            if value is not None and np.isfinite(value):
                lines[value] = INK if value in lines else color_of(i)
    elif level is not None:
        lines[level] = INK
    return lines


def _level(ax: Axes, word: str, lines: Mapping[float, Any], unit: float) -> None:
    """Draw the lines of the criterion (dashed), of chance or of the ceiling (dotted), and name them once."""
    dashes = (0, (4, 3)) if word == "criterion" else (0, (1, 2))
    for value, color in lines.items():
        ax.axhline(unit * value, color=color, linewidth=1, linestyle=dashes, alpha=0.8)
    if lines:
        above = word == "ceiling"
        ax.annotate(
            word, (0.008, unit * (max(lines) if above else min(lines))), xycoords=ax.get_yaxis_transform(),
            xytext=(0, 2 if above else -2), textcoords="offset points", fontsize=TEXT - 1.5, color=INK,
            va="bottom" if above else "top", annotation_clip=False,
        )  # fmt: skip


def _mark_stages(ax: Axes, seconds: FloatArray, stage: FloatArray) -> None:
    """Draw a dotted line where a stage of training began."""
    for row in np.flatnonzero(np.diff(stage) != 0) + 1:
        ax.axvline(seconds[row], color=QUIET, linewidth=0.8, linestyle=":")
        ax.text(seconds[row], 1, f" stage {stage[row]:g}", fontsize=TEXT - 1.5, color=QUIET, va="bottom")


def _steps_on_top(ax: Axes, seconds: FloatArray, steps: FloatArray) -> None:
    """Add a second axis of steps; it need not be linear in time."""
    order = np.argsort(seconds, kind="stable")
    x, y = seconds[order], steps[order]
    if not (np.all(np.diff(x) > 0) and np.all(np.diff(y) > 0)):
        return
    # Straight lines beyond both ends, because matplotlib asks for values outside the data.
    rate = (y[-1] - y[0]) / (x[-1] - x[0])
    far = (abs(x[-1]) + 1) * 100
    x = np.concatenate([[x[0] - far], x, [x[-1] + far]])
    y = np.concatenate([[y[0] - far * rate], y, [y[-1] + far * rate]])
    top = ax.secondary_xaxis(
        "top",
        functions=(
            lambda time: np.interp(np.asarray(time, dtype=np.float64), x, y),
            lambda count: np.interp(np.asarray(count, dtype=np.float64), y, x),
        ),
    )
    top.set_xlabel("steps", fontsize=TEXT)
    top.tick_params(labelsize=TEXT - 1, colors=INK)
    top.xaxis.set_major_formatter(FuncFormatter(_counted))
    for spine in top.spines.values():
        spine.set_color(QUIET)


def _counted(value: float, _place: int | None = None) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"
