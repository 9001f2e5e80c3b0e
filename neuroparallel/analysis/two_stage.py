"""Effects of reward and transition on the next first choice in the two-step task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuroparallel.analysis.grouping import grouped
from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.analysis.strategy import successive
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked


@dataclass(frozen=True, eq=False)
class StayProbabilities:
    """Probabilities of repeating the first choice, by reward and transition of the trial before.

    Attributes:
        stay: A row per kind of trial before: ``rewarded``, ``common`` (bool), ``trials``, ``stay`` (fraction in
            [0, 1]), ``low`` and ``high``.
        reward: How much more often after reward, averaged over transitions. A model-free subject's effect.
        transition: How much more often after a common transition, averaged over reward.
        interaction: How much more reward makes one stay after a common than after a rare transition. A
            model-based subject's effect.
        standard_errors: Of ``reward``, ``transition`` and ``interaction``, from the binomial spread.
    """

    stay: Table
    reward: float
    transition: float
    interaction: float
    standard_errors: dict[str, float]


# How the four kinds of trial enter each effect: unrewarded rare, unrewarded common, rewarded rare, rewarded common.
EFFECTS = {
    "reward": (-0.5, -0.5, 0.5, 0.5),
    "transition": (-0.5, 0.5, -0.5, 0.5),
    "interaction": (1.0, -1.0, -1.0, 1.0),
}


@checked
def stay_probabilities(
    trials: Trials, *, choice: str = "first_choice", common: str = "common", level: float = 0.95
) -> StayProbabilities:
    """Estimate how reward and transition of one trial change the next first choice in the two-step task.

    Only pairs of directly successive trials count, in the same lane and session, in both of which both choices
    were made (``state`` and ``choice`` above 0 where the table has them).

    Args:
        trials: Of one stream; needs ``trial``, ``reward`` and the columns named.
        choice: Column with the first choice; 0 where none was made.
        common: Column that is true where the choice led to where it commonly leads.
        level: Confidence of the intervals, in (0, 1).

    Returns:
        Fractions by kind of trial, and the effects.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: The level is not in (0, 1), or one of the four kinds of trial never occurred.

    Source:
        Daw, Gershman, Seymour, Dayan & Dolan 2011, Neuron 69:1204.
    """
    trials.require(choice, common, "reward", "trial")
    made = trials[choice] > 0
    for name in ("state", "choice"):
        if name in trials:
            made &= trials[name] > 0
    earlier, later = successive(trials, made)
    pairs = Table(
        {
            "rewarded": trials["reward"][earlier] > 0,
            "common": trials[common][earlier].astype(np.float64) > 0,
            "stay": trials[choice][later] == trials[choice][earlier],
        }
    )
    groups = grouped(pairs, ("rewarded", "common"))
    if len(groups) < 4:
        raise ArgumentError(
            f"stay_probabilities: {len(groups)} of the four kinds of trial occurred; it needs rewarded and unrewarded "
            "trials with common and rare transitions."
        )
    count, stayed = groups.count(), groups.total(pairs["stay"])
    low, high = wilson_interval(stayed, count, level)
    fraction = stayed / count
    table = Table({**groups.columns, "trials": count, "stay": fraction, "low": low, "high": high})
    variance = fraction * (1 - fraction) / count
    effects = {name: float((np.array(weights) * fraction).sum()) for name, weights in EFFECTS.items()}
    errors = {name: float(np.sqrt((np.array(weights) ** 2 * variance).sum())) for name, weights in EFFECTS.items()}
    return StayProbabilities(table, **effects, standard_errors=errors)
