"""Figure of the shares of choices."""

from __future__ import annotations

import numpy as np

from neuroparallel.analysis import choice_shares
from neuroparallel.plotting.style import Axes, Figure, axes_of, error_bars, finish_axes, legend, points
from neuroparallel.records import Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.trials import stream_codes


@checked
def plot_choices(trials: Trials, ax: Axes | None = None, *, level: float = 0.95, title: str = "Choices") -> Figure:
    """Plot the share of trials in which each stream made each choice, with Wilson intervals; left of 1: none.

    Args:
        trials: Needs ``choice``.
        ax: Axes to draw in; None: a new figure.
        level: Confidence of the intervals, in (0, 1).
        title: Shown above.

    Returns:
        The figure.

    Raises:
        UnknownNameError: The table lacks a column.
    """
    names, codes = stream_codes(trials)
    figure, ax = axes_of(ax, 5.2, 3.6)
    for place, name in enumerate(names):
        shares = choice_shares(trials.select(codes == place), (), level=level)
        percent, low, high = (100 * shares[column] for column in ("share", "low", "high"))
        beside = shares["choice"] + 0.12 * (place - (len(names) - 1) / 2)
        points(ax, beside, percent, error_bars(percent, low, high), place, line=False, label=name)
    last = int(max(np.nan_to_num(trials["choice"]).max(initial=1), 1))
    ax.set_xlim(0.5 if (trials["choice"] > 0).all() else -0.5, last + 0.5)
    ax.set_xticks(np.arange(1, last + 1, 1 + last // 15))
    ax.set_ylim(-3, 103)
    ax.set_xlabel("choice")
    ax.set_ylabel("share of trials (%)")
    if names:
        legend(ax)
    finish_axes(ax, title)
    return figure
