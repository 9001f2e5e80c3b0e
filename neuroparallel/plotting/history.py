"""Figure of history kernels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neuroparallel.analysis import HistoryFit, HistoryKernels
from neuroparallel.errors import ArgumentError
from neuroparallel.plotting.style import (
    FAINT,
    INK,
    TEXT,
    Axes,
    Figure,
    annotate,
    finish_axes,
    legend,
    new_figure,
    points,
)
from neuroparallel.records.argument_checks import checked

PARTS = (("after_correct", "after correct"), ("after_error", "after error"))


@checked
def plot_history_kernels(
    kernels: HistoryKernels | Mapping[str, HistoryKernels],
    regressor: str = "T++",
    *,
    title: str = "History kernels",
) -> Figure:
    """Weight of a past transition or choice against its lag, after correct trials and after errors.

    Bars are standard errors; the reset index stands in the corner.

    Args:
        kernels: As ``analysis.history_kernels`` finds them; or several subjects' by name, a panel each.
        regressor: ``"T++"`` (transitions between correct trials), ``"L+"`` (correct choices), ``"L-"`` ...
        title: Shown above, before the subject's name.

    Returns:
        The figure.

    Raises:
        ArgumentError: There are no kernels.
        UnknownNameError: There is no such regressor.
    """
    subjects = {"": kernels} if isinstance(kernels, HistoryKernels) else dict(kernels)
    if not subjects:
        raise ArgumentError("plot_history_kernels: kernels of at least one subject; found none.")
    figure = new_figure(1.2 + 3.0 * len(subjects), 3.4)
    panels = figure.subplots(1, len(subjects), sharex=True, sharey=True, squeeze=False)[0]
    for place, (ax, (name, found)) in enumerate(zip(panels, subjects.items(), strict=True)):
        for line, (part, label) in enumerate(PARTS):
            _kernel(ax, getattr(found, part), regressor, line, label)
        ax.axhline(0, color=FAINT, linewidth=1, zorder=1)
        if np.isfinite(found.reset_index):
            annotate(ax, f"reset index {found.reset_index:.2f} ± {found.reset_index_error:.2f}", 0.78, right=True)
        ax.set_xlabel("lag (trials)")
        if not place:
            ax.set_ylabel(f"weight of {regressor}")
            legend(ax, "upper right")
        finish_axes(ax, name or title)
    if "" not in subjects:
        figure.suptitle(title, x=0.01, ha="left", fontsize=TEXT + 2, color=INK, fontweight="bold")
    return figure


def _kernel(ax: Axes, fit: HistoryFit, regressor: str, line: int, label: str) -> None:
    """One line: the weights of a regressor that are known, by lag."""
    fit.total(regressor)  # refuses a regressor that does not exist
    rows = fit.weights.where(regressor=regressor)
    rows = rows.select(np.isfinite(rows["weight"]))
    points(ax, rows["lag"], rows["weight"], rows["standard_error"], line, label=label)
    ax.set_xticks(np.unique(fit.weights.where(regressor=regressor)["lag"]))
