"""Switch costs."""

from __future__ import annotations

import numpy as np

from neuroparallel.analysis.intervals import mean_interval
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import Array, BoolArray, FloatArray


@checked
def switch_cost(
    trials: Trials,
    *,
    switch: str = "switch",
    congruent: str = "congruent",
    mixed: str = "mixed",
    level: float = 0.95,
) -> Table:
    """Return the costs, in response time and errors, of a change of task and of incongruent stimuli.

    Three costs: ``switch`` (a change of task against its repetition, in blocks in which both tasks occur),
    ``mixing`` (repetition in such blocks against blocks of one task) and ``congruency`` (stimuli that ask for different
    responses in the two tasks against those that ask for the same), and ``switch_by_congruency``, by how much the
    switch cost is larger with incongruent stimuli. Times are of trials that were right.

    Args:
        trials: One stream; needs ``correct``, ``response_time_s`` and those of the columns named that matter.
        switch: Column that is true in trials in which the task has changed; missing (``nan``) in those that follow
            no other trial.
        congruent: Column that is true where both tasks ask for the same response. Without it there are no
            costs of congruency.
        mixed: Column that is true in blocks in which both tasks occur. Without it all trials are taken to be of
            such blocks, and there is no mixing cost.
        level: Confidence of the intervals, in (0, 1).

    Returns:
        A row per cost that the columns allow: ``cost``, ``time_s`` (difference of mean response times; positive if it
        costs time) with ``low_s`` and ``high_s``, ``errors`` (difference of the fractions wrong) with ``low`` and
        ``high`` (normal approximation).

    Raises:
        UnknownNameError: The table lacks ``switch``, ``correct`` or ``response_time_s``.
        ArgumentError: The level is not in (0, 1), or a kind of trial never occurred.

    Source:
        Rogers & Monsell 1995, J Exp Psychol Gen 124:207; Monsell 2003, Trends Cogn Sci 7:134.
    """
    in_mixed = _as_floats(trials, mixed) == 1 if mixed in trials else np.ones(len(trials), dtype=np.bool_)
    scored = np.isfinite(trials["correct"])
    changed = _as_floats(trials, switch)
    shift, again = (scored & in_mixed & (changed == value) for value in (1, 0))
    contrasts: dict[str, list[tuple[float, BoolArray]]] = {"switch": [(1, shift), (-1, again)]}
    if mixed in trials:
        contrasts["mixing"] = [(1, again), (-1, scored & ~in_mixed)]
    if congruent in trials:
        same, other = (_as_floats(trials, congruent) == value for value in (1, 0))
        contrasts["congruency"] = [(1, scored & other), (-1, scored & same)]
        contrasts["switch_by_congruency"] = [
            (1, shift & other), (-1, again & other), (-1, shift & same), (1, again & same),
        ]  # fmt: skip
    rows = {name: _contrast(trials, name, cells, level) for name, cells in contrasts.items()}
    names = ("time_s", "low_s", "high_s", "errors", "low", "high")
    columns: dict[str, Array] = {"cost": np.array(list(rows))}
    return Table(columns | {name: np.array([row[place] for row in rows.values()]) for place, name in enumerate(names)})


def _as_floats(trials: Trials, name: str) -> FloatArray:
    """Return a column of true and false as 1, 0 and ``nan``."""
    return trials[name].astype(np.float64)


def _contrast(trials: Trials, name: str, cells: list[tuple[float, BoolArray]], level: float) -> tuple[float, ...]:
    """Return a weighted sum of means over kinds of trial, of the times and of the errors, each with its interval."""
    times, wrong = trials["response_time_s"], 1 - trials["correct"]
    result: list[float] = []
    for values, kept in ((times, np.isfinite(times) & (trials["correct"] == 1)), (wrong, np.isfinite(wrong))):
        total = variance = 0.0
        for weight, cell in cells:
            mine = values[cell & kept]
            if not len(mine):
                raise ArgumentError(f"switch_cost: a kind of trial that {name} needs never occurred with a response.")
            mean, _, high = mean_interval(mine, level)
            total += weight * mean
            variance += (high - mean) ** 2
        reach = variance**0.5
        result += [total, total - reach, total + reach]
    return tuple(result)
