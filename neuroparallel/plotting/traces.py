"""Figures of one trial, and of a run of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError
from neuroparallel.outcomes import Outcome
from neuroparallel.plotting.style import (
    COLORS,
    FAINT,
    INK,
    OUTCOME_COLORS,
    OUTCOME_MARKERS,
    PERIOD_COLORS,
    QUIET,
    TEXT,
    Axes,
    Figure,
    new_figure,
    set_title,
    style_axes,
)
from neuroparallel.records import Trace, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import FloatArray, IntArray
from neuroparallel.records.trace import one_trial

Traces: TypeAlias = "Trace | Mapping[str, Trace] | tuple[Mapping[str, Trace], Trials]"

MOST_NAMES = 24  # channel names that fit beside the picture
MOST_CHOICES = 12  # rows of an action's panel that can each have a name
SILENCE = "say_0"  # the first level of a message
WIDTH_OF_LETTER = 0.0095  # share of the time axis that a letter of a period's name takes


@checked
def plot_trial(trace: Traces, *, title: str | None = None) -> Figure:
    """Plot a trial: observations, actions, ground truth and rewards.

    From top to bottom: the periods of each stream, named; every channel; the action taken over
    the right one; the reward, with a mark where a trial ended. Time in ms.

    Args:
        trace: The steps of one trial, or of a few. Of what `neuroparallel.reporting.watch` returns, or of its traces
            by agent, a telling trial of every agent is drawn.
        title: Shown above; None: that of the trace.

    Returns:
        The figure.

    Raises:
        ArgumentError: The trace has no step.
    """
    if isinstance(trace, Trace):
        return _picture([trace], title, width=7.6, named=True)
    return _picture([one_trial(one) for one in _all(trace)], title, width=7.6, named=True)


@checked
def plot_run(trace: Traces, *, title: str | None = None) -> Figure:
    """Plot many trials in a row in the same way: a run of, say, 200 steps.

    Args:
        trace: The steps of the run; or what `neuroparallel.reporting.watch` returns, or its traces by agent.
        title: Shown above; None: that of the trace.

    Returns:
        The figure, with a part for every agent.

    Raises:
        ArgumentError: The trace has no step.
    """
    return _picture(_all(trace), title, width=11.0, named=False)


def _all(trace: Traces) -> list[Trace]:
    """Return the traces in what was given: one, those of several agents, or these and the table of trials."""
    if isinstance(trace, Trace):
        return [trace]
    return list((trace if isinstance(trace, Mapping) else trace[0]).values())


def _picture(traces: Sequence[Trace], title: str | None, *, width: float, named: bool) -> Figure:
    if not all(map(len, traces)):
        raise ArgumentError("A picture needs at least one step; the trace has none.")
    heights = [_heights(trace) for trace in traces]
    figure = new_figure(width, sum(map(sum, heights)) + 1.5 * len(traces))
    if len(traces) == 1:
        _draw(figure, traces[0], heights[0], title, named)
        return figure
    figure.subfigures(len(traces), 1, height_ratios=[sum(part) + 1.5 for part in heights])
    for part, trace, own in zip(figure.subfigs, traces, heights, strict=True):
        _draw(part, trace, own, trace.title if title is None else f"{title}  {trace.title}", named)
    return figure


def _heights(trace: Trace) -> list[float]:
    """Return the heights of the panels, inches."""
    channels = min(len(trace.channel_names), MOST_NAMES)
    choices = [min(max(len(names), 2), MOST_CHOICES) for names in trace.action_names]
    heights = [0.26 * len(trace.stream_names), max(0.17 * channels, 0.7)]
    return heights + [max(0.2 * count, 0.5) for count in choices] + [0.75]


def _draw(figure: Figure | SubFigure, trace: Trace, heights: list[float], title: str | None, named: bool) -> None:
    """Draw a trace in a figure, or in a part of one."""
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    unnamed = _draw_periods(panels[0], trace, named)
    _draw_channels(figure, panels[1], trace)
    for i in range(len(trace.action_names)):
        _draw_actions(panels[2 + i], trace, i)
    _draw_rewards(panels[-1], trace)
    for panel in panels[1:]:
        _mark_boundaries(panel, trace)
    panels[-1].set_xlim(trace.time_ms[0], trace.time_ms[-1] + trace.dt)
    panels[-1].set_xlabel("time (ms)")
    for panel in panels[:-1]:
        panel.tick_params(axis="x", length=0)
    set_title(panels[0], trace.title if title is None else title)
    figure.align_ylabels(panels[1:])
    _legend(figure, trace, unnamed)


def _edges(trace: Trace) -> FloatArray:
    return np.append(trace.time_ms, trace.time_ms[-1] + trace.dt)


def _period_colors(trace: Trace) -> dict[str, str]:
    """One colour per period name, shared by streams that use the same word."""
    words = dict.fromkeys(word for names in trace.period_names for word in names)
    return {word: PERIOD_COLORS[i % len(PERIOD_COLORS)] for i, word in enumerate(words)}


def _runs(trace: Trace, stream: int) -> list[tuple[float, float, int]]:
    """Start, end (ms) and code of each stretch of one period; a trial's end starts a new one."""
    ended = trace.outcomes[:-1, stream] != Outcome.RUNNING
    return _stretches(_edges(trace), trace.periods[:, stream], ended)


def _stretches(
    edges: FloatArray, codes: IntArray, also: NDArray[np.bool_] | bool = False
) -> list[tuple[float, float, int]]:
    """Start, end (ms) and value of each stretch of equal values; cut also where that is said, (steps - 1,)."""
    cuts = np.concatenate([[0], np.flatnonzero((np.diff(codes) != 0) | also) + 1, [len(codes)]])
    return [(float(edges[a]), float(edges[b]), int(codes[a])) for a, b in pairwise(cuts.tolist())]


def _truth_color(stream: int) -> str:
    """Orange for the first stream, blue for the second, and so on; not those of the outcomes."""
    return (COLORS[4], COLORS[5], COLORS[3], COLORS[0])[stream % 4]


def _draw_periods(ax: Axes, trace: Trace, named: bool) -> set[str]:
    """Paint the periods; returns those that occur and were too short to carry their name."""
    colors = _period_colors(trace)
    total = float(_edges(trace)[-1] - trace.time_ms[0])
    unnamed: set[str] = set()
    written: set[str] = set()
    for i, names in enumerate(trace.period_names):
        for start, end, code in _runs(trace, i):
            if not 0 <= code < len(names):
                continue
            word = names[code]
            unnamed.add(word)
            ax.barh(i, end - start, left=start, height=0.86, color=colors[word], align="center")
            if named and (end - start) / total > WIDTH_OF_LETTER * (len(word) + 1):
                written.add(word)
                ax.text(
                    (start + end) / 2, i, word, ha="center", va="center", fontsize=TEXT - 2,
                    color=INK, clip_on=True,
                )  # fmt: skip
    ax.set_ylim(len(trace.period_names) - 0.5, -0.5)
    style_axes(ax, grid=False)
    ax.set_yticks(range(len(trace.period_names)), [stream or "period" for stream in trace.stream_names])
    ax.tick_params(axis="y", length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return unnamed - written


def _draw_channels(figure: Figure | SubFigure, ax: Axes, trace: Trace) -> None:
    seen = trace.observations.T
    finite = seen[np.isfinite(seen)]
    top = float(np.percentile(np.abs(finite), 99.5)) if finite.size else 1.0
    signed = bool(finite.size) and float(np.percentile(finite, 2)) < -0.1 * top
    edges = _edges(trace)
    image = ax.pcolormesh(
        edges, np.arange(len(seen) + 1) - 0.5, seen,
        cmap="RdBu_r" if signed else "Blues", vmin=-top if signed else 0.0, vmax=top or 1.0,
        rasterized=True,
    )  # fmt: skip
    ax.set_ylim(len(seen) - 0.5, -0.5)
    if len(seen) <= MOST_NAMES:
        ax.set_yticks(range(len(seen)), trace.channel_names)
    style_axes(ax, grid=False)
    ax.set_ylabel("observation")
    bar = figure.colorbar(image, ax=ax, pad=0.01, fraction=0.03, aspect=12)
    bar.ax.tick_params(labelsize=TEXT - 2.5, length=2)
    bar.outline.set_visible(False)


def _draw_actions(ax: Axes, trace: Trace, factor: int) -> None:
    edges, names = _edges(trace), trace.action_names[factor]
    alone, says = len(trace.action_names) == 1, names[0] == SILENCE
    truths = range(len(trace.stream_names)) if alone else [] if says else [factor]
    for i in truths:
        for start, end, right in _stretches(edges, trace.ground_truth[:, i]):
            if right < 0:
                continue
            # A response is what stands out; holding is right most of the time and drawn paler.
            ax.barh(
                right, end - start, left=start, height=0.72, linewidth=0,
                color=_truth_color(i if alone else 0), alpha=0.55 if right else 0.18,
            )  # fmt: skip
    taken = trace.actions[:, factor].astype(np.float64)
    ax.stairs(taken, edges, baseline=None, color=INK, linewidth=1.3)
    ticks = range(0, len(names), 1 if len(names) <= MOST_CHOICES else len(names) - 1)
    ax.set_yticks(ticks, [names[tick] for tick in ticks])
    ax.set_ylim(-0.6, max(len(names) - 1, 1) + 0.6)
    style_axes(ax)
    ax.set_ylabel("message" if says else "action" if alone else f"action\n{trace.stream_names[factor]}")


def _draw_rewards(ax: Axes, trace: Trace) -> None:
    middle = trace.time_ms + trace.dt / 2
    paid = trace.rewards != 0
    ax.axhline(0, color=QUIET, linewidth=0.8)
    ax.vlines(
        middle[paid], 0, trace.rewards[paid],
        color=[COLORS[2] if r > 0 else COLORS[1] for r in trace.rewards[paid]], linewidth=1.6,
    )  # fmt: skip
    for step, stream in np.argwhere(trace.outcomes != Outcome.RUNNING):
        label = Outcome(int(trace.outcomes[step, stream])).label
        ax.plot(
            middle[step], trace.rewards[step], marker=OUTCOME_MARKERS[label],
            color=OUTCOME_COLORS[label], markersize=5, clip_on=False, zorder=4,
        )  # fmt: skip
    low, high = min(0.0, float(trace.rewards.min())), max(0.0, float(trace.rewards.max()))
    room = 0.18 * ((high - low) or 1.0)
    ax.set_ylim(low - room, high + room)
    ax.set_ylabel("reward")
    style_axes(ax)


def _mark_boundaries(ax: Axes, trace: Trace) -> None:
    """Thin lines where a period began, stronger ones where a trial ended."""
    inner = {start for i in range(len(trace.stream_names)) for start, _, _ in _runs(trace, i)}
    ended = (trace.outcomes != Outcome.RUNNING).any(axis=1)
    ends = set((trace.time_ms[ended] + trace.dt).tolist())
    if len(inner) < 40:
        for time in inner - ends:
            ax.axvline(time, color=QUIET, linewidth=0.6, linestyle=":", zorder=1)
    for time in ends:
        ax.axvline(time, color=QUIET, linewidth=0.8, alpha=0.7, zorder=1)


def _legend(figure: Figure | SubFigure, trace: Trace, periods: set[str]) -> None:
    codes = [Outcome(int(code)) for code in np.unique(trace.outcomes) if code != Outcome.RUNNING]
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=INK, linewidth=1.3, label="action"),
        Patch(color=_truth_color(0), alpha=0.55, label="right action"),
    ]
    if len(trace.action_names) == 1 and len(trace.stream_names) > 1:
        handles = handles[:1] + [
            Patch(color=_truth_color(i), alpha=0.55, label=f"right for {stream}")
            for i, stream in enumerate(trace.stream_names)
        ]
    handles += [
        Line2D([], [], linestyle="", marker=OUTCOME_MARKERS[c.label], markersize=5,
               color=OUTCOME_COLORS[c.label], label=c.label)
        for c in codes
    ]  # fmt: skip
    handles += [Patch(color=color, label=word) for word, color in _period_colors(trace).items() if word in periods]
    rows = -(-len(handles) // round(figure.bbox.width / figure.dpi / 1.05))
    figure.legend(
        handles=handles, loc="outside lower left", ncols=-(-len(handles) // rows), frameon=False,
        fontsize=TEXT - 1.5, handlelength=1.4, columnspacing=1.2, edgecolor=FAINT,
    )  # fmt: skip
