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
    Axes,
    Figure,
    axes_of,
    finished,
    new_figure,
    points,
    reach,
    tidy,
    told,
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
    choices: tuple[int, int] = (1, 2),
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
        choices: The negative and the positive choice; trials with another one do not count.
        lapses: See ``analysis.fit_psychometric``.
        names: What negative and positive choices are called.
        unit: Unit of the evidence.
        title: Shown above.

    Returns:
        The figure.

    Raises:
        UnknownNameError: The table lacks a column.
    """
    found = psychometric(trials, evidence, side=side, positive=positive, choices=choices, lapses=lapses)
    x, n, k = (found.counts[name] for name in ("evidence", "trials", "chosen"))
    percent, low, high = (100 * share for share in (k / n, *wilson_interval(k, n)))
    figure, ax = axes_of(ax, 5.2, 4.0)
    ax.axhline(50, color=FAINT, linewidth=1)
    ax.axvline(0, color=FAINT, linewidth=1)
    points(ax, x, percent, reach(percent, low, high), 0, line=False)
    if found.fit is not None:
        smooth = np.linspace(x.min(), x.max(), 400)
        ax.plot(smooth, 100 * found.fit.predict(smooth), color=COLORS[1], linewidth=1.8)
        told(ax, _numbers(found.fit, unit))
    ax.set_ylim(-2, 102)
    ax.set_xlabel(f"signed {evidence.replace('_', ' ')} ({unit}, {names[0]} < 0 < {names[1]})")
    ax.set_ylabel(f"choices {names[1]} (%)")
    finished(ax, title, grid=False)
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
    points(above, right[evidence], percent, reach(percent, low, high), 0, line=False)
    points(below, times[evidence], 1000 * times["mean_s"], 1000 * np.nan_to_num(times["sem_s"]), 0, line=False)
    try:
        fit = fit_diffusion(trials, evidence, unit=unit)
    except ArgumentError:
        pass  # without times that differ there is no curve; the points stand by themselves
    else:
        smooth = np.linspace(0, float(right[evidence].max()), 400)
        above.plot(smooth, 100 * fit.accuracy(smooth / unit), color=COLORS[1], linewidth=1.8)
        below.plot(smooth, 1000 * fit.mean_time_s(smooth / unit), color=COLORS[1], linewidth=1.8)
        residual = f"residual {1000 * fit.residual_s:.0f} ms"
        told(below, f"bound {fit.bound:.3g} √s\nsensitivity {fit.sensitivity:.3g} / √s\n{residual}", right=True)
    above.set_ylabel("correct (%)")
    below.set_ylabel("response time (ms)")
    below.set_xlabel(f"{evidence.replace('_', ' ')}{' (%)' if unit == 100 else ''}")
    finished(above, title)
    tidy(below)
    return figure


def _numbers(fit: PsychometricFit, unit: str) -> str:
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
