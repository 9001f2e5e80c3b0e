"""Choices and response times against evidence."""

from __future__ import annotations

import numpy as np

from neuroparallel.analysis import (
    PsychometricFit,
    chronometric,
    fit_diffusion,
    performance,
    psychometric,
    wilson_interval,
)
from neuroparallel.analysis.psychometrics import Lapses
from neuroparallel.errors import ArgumentError
from neuroparallel.plotting.style import (
    COLORS,
    FAINT,
    INK,
    TEXT,
    Axes,
    Figure,
    figure_of,
    new_figure,
    tidy,
    titled,
)
from neuroparallel.records import Trials
from neuroparallel.records.arguments import checked


@checked
def plot_psychometric(
    trials: Trials,
    evidence: str = "coherence",
    ax: Axes | None = None,
    *,
    side: str | None = "side",
    positive: int | str = 2,
    choice: int = 2,
    lapses: Lapses = "both",
    names: tuple[str, str] = ("left", "right"),
    unit: str = "%",
    title: str = "Psychometric function",
) -> Figure:
    """Percent of choices to one side against signed evidence, with the fitted curve.

    Args:
        trials: One stream of a task with two choices.
        evidence: Column with the strength of the evidence.
        ax: Axes to draw in; None: a new figure.
        side: Column that says what it speaks for; None: the strength is signed already.
        positive: Value of ``side`` for which evidence is positive.
        choice: The action that counts as the positive choice.
        lapses: See ``analysis.fit_psychometric``.
        names: What negative and positive choices are called.
        unit: Unit of the evidence.
        title: Shown above.

    Returns:
        The figure.

    Raises:
        UnknownNameError: The table lacks a column.
    """
    found = psychometric(trials, evidence, side=side, positive=positive, choice=choice, lapses=lapses)
    x, n, k = (found.counts[name] for name in ("evidence", "trials", "chosen"))
    low, high = wilson_interval(k, n)
    figure = figure_of(ax) if ax is not None else new_figure(5.2, 4.0)
    ax = ax if ax is not None else figure.add_subplot()
    ax.axhline(50, color=FAINT, linewidth=1)
    ax.axvline(0, color=FAINT, linewidth=1)
    fraction = k / n
    ax.errorbar(
        x, 100 * fraction, yerr=100 * np.stack([fraction - low, high - fraction]).clip(0),
        fmt="o", color=COLORS[0], ecolor=COLORS[0], markersize=5, elinewidth=1.2, zorder=3,
    )  # fmt: skip
    if found.fit is not None:
        smooth = np.linspace(x.min(), x.max(), 400)
        ax.plot(smooth, 100 * found.fit.predict(smooth), color=COLORS[1], linewidth=1.8)
        ax.text(
            0.03, 0.97, _told(found.fit, unit), transform=ax.transAxes, va="top",
            fontsize=TEXT - 1, color=INK, linespacing=1.5,
        )  # fmt: skip
    ax.set_ylim(-2, 102)
    ax.set_xlabel(f"signed {evidence.replace('_', ' ')} ({unit}, {names[0]} < 0 < {names[1]})")
    ax.set_ylabel(f"choices {names[1]} (%)")
    tidy(ax, grid=False)
    titled(ax, title)
    return figure


@checked
def plot_chronometric(
    trials: Trials,
    evidence: str = "coherence",
    *,
    unit: float = 100.0,
    title: str = "Accuracy and response time",
) -> Figure:
    """Percent correct and mean response time against the strength of the evidence, with one diffusion model for both.

    Args:
        trials: One stream of a task with two choices and free response times.
        evidence: Column with the strength of the evidence.
        unit: How much of that column is one unit of evidence; 100 for percent.
        title: Shown above.

    Returns:
        The figure, two panels.

    Raises:
        UnknownNameError: The table lacks a column.
    """
    right, times = performance(trials, evidence), chronometric(trials, evidence)
    figure = new_figure(5.2, 5.4)
    above, below = figure.subplots(2, 1, sharex=True)
    percent, low, high = (100 * right[name] for name in ("correct", "low", "high"))
    for ax, x, y, reach in (
        (above, right[evidence], percent, np.stack([percent - low, high - percent]).clip(0)),
        (below, times[evidence], 1000 * times["mean_s"], 1000 * np.nan_to_num(times["sem_s"])),
    ):
        ax.errorbar(x, y, yerr=reach, fmt="o", color=COLORS[0], markersize=5, elinewidth=1.2, zorder=3)
        tidy(ax)
    try:
        fit = fit_diffusion(trials, evidence, unit=unit)
    except ArgumentError:
        pass  # without times that differ there is no curve; the points stand by themselves
    else:
        smooth = np.linspace(0, float(right[evidence].max()), 400)
        above.plot(smooth, 100 * fit.accuracy(smooth / unit), color=COLORS[1], linewidth=1.8)
        below.plot(smooth, 1000 * fit.mean_time_s(smooth / unit), color=COLORS[1], linewidth=1.8)
        told = (
            f"bound {fit.bound:.3g} √s\nsensitivity {fit.sensitivity:.3g} / √s\nresidual {1000 * fit.residual_s:.0f} ms"
        )
        below.text(
            0.97, 0.95, told, transform=below.transAxes, ha="right", va="top", fontsize=TEXT - 1, linespacing=1.5
        )
    above.set_ylabel("correct (%)")
    below.set_ylabel("response time (ms)")
    below.set_xlabel(f"{evidence.replace('_', ' ')}{' (%)' if unit == 100 else ''}")
    titled(above, title)
    return figure


def _told(fit: PsychometricFit, unit: str) -> str:
    error = fit.standard_errors
    lines = []
    for name, word, scale, ending in (
        ("bias", "bias", 1, unit),
        ("spread", "spread", 1, unit),
        ("lapse_low", "lapse low", 100, "%"),
        ("lapse_high", "lapse high", 100, "%"),
    ):
        give = error.get(name, np.nan)
        spread = f" ± {scale * give:.2g}" if np.isfinite(give) else ""
        lines.append(f"{word} {scale * getattr(fit, name):.2g}{spread} {ending}")
    return "\n".join(lines)
