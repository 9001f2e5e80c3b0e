"""Standard figures of some paradigms."""

from __future__ import annotations

import numpy as np

from neuroparallel.analysis import (
    additivity,
    inhibition_function,
    prp_curve,
    stay_probabilities,
    stop_signal_reaction_time,
    switch_cost,
)
from neuroparallel.analysis.response_pairing import pairs_of
from neuroparallel.plotting.style import (
    COLORS,
    FAINT,
    QUIET,
    Axes,
    Figure,
    annotate,
    axes_of,
    bars,
    color_of,
    error_bars,
    finish_axes,
    legend,
    points,
)
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked


@checked
def plot_prp(
    trials: Trials,
    first: str | None = None,
    second: str | None = None,
    ax: Axes | None = None,
    *,
    level: float = 0.95,
    title: str = "Psychological refractory period",
) -> Figure:
    """Plot both response times against the stimulus onset asynchrony, with the slope of -1 that a bottleneck predicts.

    Args:
        trials: As for ``analysis.prp_curve``.
        first: Name of the stream whose stimulus comes first; None: the two streams of the table, in order of
            appearance.
        second: Name of the stream whose stimulus comes second.
        ax: Axes to draw in; None: a new figure.
        level: Confidence of the intervals, in (0, 1).
        title: Shown above.

    Returns:
        The figure.

    Raises:
        UnknownNameError: The table lacks a column, or there is no such stream.
        ArgumentError: The two streams were not named.
    """
    found = prp_curve(trials, first, second, level=level)
    names = pairs_of(trials, first, second).names
    figure, ax = axes_of(ax)
    soa = found.times["soa_ms"]
    if len(soa):
        _bottleneck(ax, found.times)
    for place, name in enumerate(names):
        mean, low, high = (1000 * found.times[f"{part}_{place + 1}_s"] for part in ("mean", "low", "high"))
        points(ax, soa, mean, error_bars(mean, low, high), place, label=f"{name} (response {place + 1})")
    legend(ax, "upper right")
    slopes = [slope for slope in (found.short, found.long) if np.isfinite(slope.value)]
    lines = [f"slope of response 2, {s.range_ms[0]:g} to {s.range_ms[1]:g} ms: {s.value:.2f}" for s in slopes]
    annotate(ax, "\n".join(lines), 0.74, right=True)
    ax.set_xlabel("stimulus onset asynchrony (ms)")
    ax.set_ylabel("response time (ms)")
    finish_axes(ax, title)
    return figure


def _bottleneck(ax: Axes, times: Table) -> None:
    """Dashed: from the second response at the shortest asynchrony down by 1 ms per ms to where its tail lies."""
    soa, second = times["soa_ms"], 1000 * times["mean_2_s"]
    tail = float(second[-1])
    corner = float(soa[0] + second[0] - tail)
    if soa[0] < corner < soa[-1]:
        ax.plot(
            [soa[0], corner, soa[-1]], [second[0], tail, tail], color=QUIET, linewidth=1.2, linestyle="--", zorder=2,
            label="bottleneck: slope -1, then flat",
        )  # fmt: skip


@checked
def plot_additivity(
    trials: Trials,
    factor: str | tuple[str, str] = "coherence",
    first: str | None = None,
    second: str | None = None,
    ax: Axes | None = None,
    *,
    title: str = "Two decisions about one display",
) -> Figure:
    """Time until both answers were given, against the difficulty of the one decision, a line for each of the other.

    Lines that run in parallel are what decisions in turn have; those made at the same time close up where it is hard.

    Args:
        trials: As for ``analysis.additivity``.
        factor: Column with the difficulty of either stream, or one column for each.
        first: Name of the one stream; None: the two streams of the table, in order of appearance.
        second: Name of the other.
        ax: Axes to draw in; None: a new figure.
        title: Shown above.

    Returns:
        The figure.

    Raises:
        UnknownNameError: The table lacks a column, or there is no such stream.
        ArgumentError: A factor has fewer than two levels, or too few combinations of levels occurred.
    """
    found = additivity(trials, factor, first, second)
    names = pairs_of(trials, first, second).names
    factors = (factor, factor) if isinstance(factor, str) else factor
    columns = [f"{name} {part}" for name, part in zip(names, factors, strict=True)]
    figure, ax = axes_of(ax)
    for place, level in enumerate(np.unique(found.cells["level_2"])):
        rows = found.cells.where(level_2=level)
        error = 1000 * np.nan_to_num(rows["sem_s"])
        points(ax, rows["level_1"], 1000 * rows["mean_s"], error, place, label=f"{level:g}")
    legend(ax, title=columns[1].replace("_", " "))
    interaction, error_s = found.interaction_s, found.standard_error_s
    annotate(ax, f"interaction {1000 * interaction:+.0f} ± {1000 * error_s:.0f} ms (s.e.)", 0.04)
    ax.set_xlabel(columns[0].replace("_", " "))
    ax.set_ylabel("time until both answers (ms)")
    finish_axes(ax, title)
    return figure


@checked
def plot_inhibition(
    trials: Trials,
    ax: Axes | None = None,
    *,
    stop: str = "stop",
    delay: str = "stop_delay_ms",
    level: float = 0.95,
    title: str = "Inhibition function",
) -> Figure:
    """Percent of stop trials with a response against the delay of the stop signal, with the time that stopping takes.

    Args:
        trials: One stream of a stop-signal task.
        ax: Axes to draw in; None: a new figure.
        stop: Column that is true, or above 0, in stop trials.
        delay: Column with the delay of the stop signal, ms.
        level: Confidence of the intervals, in (0, 1).
        title: Shown above.

    Returns:
        The figure.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: There is no go response, or no stop trial.
    """
    table = inhibition_function(trials, stop=stop, delay=delay, level=level)
    estimate = stop_signal_reaction_time(trials, stop=stop, delay=delay)
    figure, ax = axes_of(ax)
    ax.axhline(50, color=FAINT, linewidth=1)
    percent, low, high = (100 * table[name] for name in ("responded", "low", "high"))
    size = 5 + 25 * table["trials"] / max(int(table["trials"].max(initial=1)), 1)
    ax.errorbar(table[delay], percent, yerr=error_bars(percent, low, high), color=COLORS[0], linewidth=1.6, zorder=2)
    ax.scatter(table[delay], percent, s=2 * size, color=COLORS[0], zorder=3)
    annotate(
        ax,
        f"stop-signal reaction time {1000 * estimate.ssrt_s:.0f} ms\n"
        f"P(response | stop) {estimate.p_respond:.2f}, mean delay {1000 * estimate.mean_delay_s:.0f} ms\n"
        f"go {1000 * estimate.go_mean_s:.0f} ms, failed stops {1000 * estimate.failed_stop_mean_s:.0f} ms",
    )
    ax.set_ylim(-2, 102)
    ax.set_xlabel("delay of the stop signal (ms)")
    ax.set_ylabel("stop trials with a response (%)")
    finish_axes(ax, title, grid=False)
    return figure


@checked
def plot_stay(
    trials: Trials, ax: Axes | None = None, *, level: float = 0.95, title: str = "First choice repeated"
) -> Figure:
    """Percent of first choices repeated after reward and none, with common and rare transitions.

    Args:
        trials: As for ``analysis.stay_probabilities``.
        ax: Axes to draw in; None: a new figure.
        level: Confidence of the intervals, in (0, 1).
        title: Shown above.

    Returns:
        The figure.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: One of the four kinds of trial never occurred.
    """
    found = stay_probabilities(trials, level=level)
    figure, ax = axes_of(ax)
    for place, (common, name) in enumerate(((True, "common transition"), (False, "rare transition"))):
        rows = found.stay.where(common=common)
        x = np.where(rows["rewarded"], 0, 1) + 0.38 * (place - 0.5)
        percent, low, high = (100 * rows[name] for name in ("stay", "low", "high"))
        bars(ax, x, percent, error_bars(percent, low, high), color_of(place), 0.36, label=name)
    ax.set_xticks([0, 1], ["rewarded", "unrewarded"])
    ax.set_ylim(0, 118)
    ax.set_yticks(range(0, 101, 20))
    ax.set_ylabel("first choice repeated (%)")
    legend(ax, "upper left")
    annotate(ax, f"effect of reward {found.reward:+.2f}\nreward by transition {found.interaction:+.2f}", right=True)
    finish_axes(ax, title)
    return figure


@checked
def plot_switch_cost(
    trials: Trials, ax: Axes | None = None, *, level: float = 0.95, title: str = "Costs of task switching"
) -> Figure:
    """Costs of switching, mixing and incongruence in response time, with intervals.

    Args:
        trials: As for ``analysis.switch_cost``.
        ax: Axes to draw in; None: a new figure.
        level: Confidence of the intervals, in (0, 1).
        title: Shown above.

    Returns:
        The figure.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: A kind of trial never occurred.
    """
    table = switch_cost(trials, level=level)
    figure, ax = axes_of(ax)
    places = np.arange(len(table))
    time, low, high = (1000 * table[f"{name}_s"] for name in ("time", "low", "high"))
    ax.axhline(0, color=QUIET, linewidth=1)
    bars(ax, places, time, error_bars(time, low, high), COLORS[0], 0.6)
    ax.set_xticks(places, [str(name).replace("_by_", "\nby ") for name in table["cost"]])
    ax.set_ylabel("cost in response time (ms)")
    finish_axes(ax, title)
    return figure
