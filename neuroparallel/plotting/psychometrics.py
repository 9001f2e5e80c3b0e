"""Choices and response times against evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neuroparallel.analysis import (
    PsychometricFit,
    chronometric,
    fit_diffusion,
    performance,
    psychometric,
    wilson_interval,
)
from neuroparallel.analysis.grouping import parts_by
from neuroparallel.analysis.psychometrics import Lapses, resolve_evidence
from neuroparallel.errors import ArgumentError
from neuroparallel.plotting.style import (
    FAINT,
    Axes,
    Figure,
    annotate,
    axes_of,
    color_of,
    error_bars,
    finish_axes,
    legend,
    new_figure,
    points,
)
from neuroparallel.records import Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.evidence import BY_TASK


@checked
def plot_psychometric(
    trials: Trials | Mapping[str, Trials],
    evidence: str = BY_TASK,
    ax: Axes | None = None,
    *,
    by: str | Sequence[str] | None = None,
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
        trials: One stream of a task with two choices; or several tables by name, drawn on top of each other, as
            ``{"single": alone, "dual": both}``.
        evidence: Column with the strength of the evidence; ``"task"``: the columns that the task declares, as those
            of the attended modality of ``context_decision``.
        ax: Axes to draw in; None: a new figure.
        by: Columns to divide the trials by, a curve for each part: ``"subject"``, ``"correct"``, ``"context"`` ...
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
        ArgumentError: There is no trial with a choice.
    """
    parts = _parts(trials, by)
    figure, ax = axes_of(ax, 5.2, 4.0)
    ax.axhline(50, color=FAINT, linewidth=1)
    ax.axvline(0, color=FAINT, linewidth=1)
    label = evidence
    for place, (name, part) in enumerate(parts.items()):
        judged = resolve_evidence(part, evidence, side, positive)
        label = judged.evidence
        found = psychometric(
            judged.trials, label, side=judged.side, positive=judged.positive, choices=choices, lapses=lapses
        )
        x, n, k = (found.counts[column] for column in ("evidence", "trials", "chosen"))
        percent, low, high = (100 * share for share in (k / n, *wilson_interval(k, n)))
        points(ax, x, percent, error_bars(percent, low, high), place, line=False, label=name)
        if found.fit is not None:
            smooth = np.linspace(x.min(), x.max(), 400)
            color = color_of(place if name else 1)
            ax.plot(smooth, 100 * found.fit.predict(smooth), color=color, linewidth=1.8)
            if not name:
                annotate(ax, _numbers(found.fit, unit))
    if "" not in parts:
        legend(ax, "upper left")
    ax.set_ylim(-2, 102)
    ax.set_xlabel(f"signed {label.replace('_', ' ')} ({unit}, {names[0]} < 0 < {names[1]})")
    ax.set_ylabel(f"choices {names[1]} (%)")
    finish_axes(ax, title, grid=False)
    return figure


@checked
def plot_chronometric(
    trials: Trials | Mapping[str, Trials],
    evidence: str = BY_TASK,
    *,
    by: str | Sequence[str] | None = None,
    unit: float = 100.0,
    title: str = "Accuracy and response time",
) -> Figure:
    """Percent correct and mean response time against the strength of the evidence, with one diffusion model for both.

    Args:
        trials: One stream of a task with two choices and free response times; or several tables by name, drawn on
            top of each other.
        evidence: Column with the strength of the evidence; ``"task"``: as for `plot_psychometric`.
        by: Columns to divide the trials by. Divided by ``"correct"`` or ``"outcome"``, response times are those of
            each part; otherwise those of correct trials.
        unit: How much of that column is one unit of evidence; 100 for percent.
        title: Shown above.

    Returns:
        The figure, two panels.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: No trial has a response time.
    """
    parts = _parts(trials, by)
    divided = {by} if isinstance(by, str) else set(by or ())
    outcomes = ("correct", "error") if divided & {"correct", "outcome"} else ("correct",)
    figure = new_figure(5.2, 5.4)
    above, below = figure.subplots(2, 1, sharex=True)
    label = evidence
    for place, (name, part) in enumerate(parts.items()):
        part, label, *_ = resolve_evidence(part, evidence, None, 2)
        right, times = performance(part, label), chronometric(part, label, outcomes=outcomes)
        percent, low, high = (100 * right[column] for column in ("correct", "low", "high"))
        points(above, right[label], percent, error_bars(percent, low, high), place, line=False, label=name)
        spread = 1000 * np.nan_to_num(times["sem_s"])
        points(below, times[label], 1000 * times["mean_s"], spread, place, line=False, label=name)
        if len(outcomes) == 1:
            _diffusion(above, below, part, label, unit, place, name)
    if "" not in parts:
        legend(above)
    above.set_ylabel("correct (%)")
    below.set_ylabel("response time (ms)")
    below.set_xlabel(f"{label.replace('_', ' ')}{' (%)' if unit == 100 else ''}")
    finish_axes(above, title)
    finish_axes(below, "")
    return figure


def _diffusion(above: Axes, below: Axes, trials: Trials, evidence: str, unit: float, place: int, name: str) -> None:
    """Draw the diffusion model that fits accuracy and times best, and its numbers if it is the only one."""
    try:
        fit = fit_diffusion(trials, evidence, unit=unit)
    except ArgumentError:
        return  # without times that differ there is no curve; the points stand by themselves
    smooth = np.linspace(0, float(np.nanmax(trials[evidence])), 400)
    color = color_of(place if name else 1)
    above.plot(smooth, 100 * fit.accuracy(smooth / unit), color=color, linewidth=1.8)
    below.plot(smooth, 1000 * fit.mean_time_s(smooth / unit), color=color, linewidth=1.8)
    if not name:
        residual = f"residual {1000 * fit.residual_s:.0f} ms"
        annotate(below, f"bound {fit.bound:.3g} √s\nsensitivity {fit.sensitivity:.3g} / √s\n{residual}", right=True)


def _parts(trials: Trials | Mapping[str, Trials], by: str | Sequence[str] | None) -> dict[str, Trials]:
    """Return the tables to draw on top of each other, by name; a single one has none."""
    tables = {"": trials} if isinstance(trials, Trials) else dict(trials)
    if by is None:
        return tables
    divided = {name: parts_by(table, by) for name, table in tables.items()}
    return {", ".join(filter(None, (name, part))): of for name, parts in divided.items() for part, of in parts.items()}


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
