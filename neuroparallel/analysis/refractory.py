"""The psychological refractory period, and whether two decisions take turns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuroparallel.analysis.grouping import grouped
from neuroparallel.analysis.intervals import mean_interval
from neuroparallel.analysis.response_pairing import asynchrony_ms, pairs_of, response_pairs
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.table import Array, FloatArray

SHORT_MS = (0.0, 100.0)
LONG_MS = (500.0, 1200.0)


@dataclass(frozen=True)
class Slope:
    """Slope of a response time against the asynchrony, over a range of it.

    Attributes:
        value: Seconds per second; -1 if each ms of asynchrony saves one of response time; ``nan`` if fewer than two
            asynchronies lie in the range.
        standard_error: Of that, from single trials.
        range_ms: Shortest and longest asynchrony of the range.
    """

    value: float
    standard_error: float
    range_ms: tuple[float, float]


@dataclass(frozen=True, eq=False)
class PrpCurve:
    """Response times to two stimuli in quick succession.

    Attributes:
        times: A row per asynchrony: ``soa_ms``, ``trials``, and for both responses the mean time in seconds with its
            interval: ``mean_1_s``, ``low_1_s``, ``high_1_s``, ``mean_2_s``, ``low_2_s``, ``high_2_s``.
        short: Slope of the second response's time at short asynchronies; -1 behind a bottleneck.
        long: The same at long ones; 0 if the first decision is over by then.
        short_1: Slope of the first response's time at short asynchronies; 0 behind a bottleneck, below 0 if the
            two decisions share capacity.
    """

    times: Table
    short: Slope
    long: Slope
    short_1: Slope


@checked
def prp_curve(
    trials: Trials,
    first: str | None = None,
    second: str | None = None,
    *,
    short_ms: tuple[float, float] = SHORT_MS,
    long_ms: tuple[float, float] = LONG_MS,
    level: float = 0.95,
) -> PrpCurve:
    """Response times to two stimuli against the time between them: the psychological refractory period.

    Only trials in which both answers were right count, if the table has ``correct``.

    Args:
        trials: Needs ``stream``, ``trial``, ``outcome``, ``response_time_s``, and ``soa_ms`` or ``onset_s``.
        first: Name of the stream whose stimulus comes first; None: the two streams of the table, in order of
            appearance.
        second: Name of the stream whose stimulus comes second.
        short_ms: Range of asynchronies for the slope on the left, ms, ends included.
        long_ms: The same for the tail.
        level: Confidence of the intervals, in (0, 1).

    Returns:
        Mean times by asynchrony, and the slopes.

    Raises:
        UnknownNameError: The table lacks a column, or there is no such stream.
        ArgumentError: The level is not in (0, 1), or the two streams were not named.

    Source:
        Pashler 1994, Psychol Bull 116:220.
    """
    table = response_pairs(trials, first, second)
    kept = np.isfinite(table["interval_s"])
    if "correct_1" in table:
        kept &= (table["correct_1"] == 1) & (table["correct_2"] == 1)
    groups = grouped(table, "soa_ms", kept)
    columns = {**groups.columns, "trials": groups.count()}
    for number in ("1", "2"):
        times = table[f"response_time_{number}_s"]
        found = [mean_interval(times[rows], level) for rows in groups.members()]
        for place, name in enumerate(("mean", "low", "high")):
            columns[f"{name}_{number}_s"] = np.array([values[place] for values in found], dtype=np.float64)
    soa, one, two = (table[name][kept] for name in ("soa_ms", "response_time_1_s", "response_time_2_s"))
    return PrpCurve(Table(columns), _slope(soa, two, short_ms), _slope(soa, two, long_ms), _slope(soa, one, short_ms))


def _slope(soa_ms: FloatArray, times_s: FloatArray, range_ms: tuple[float, float]) -> Slope:
    """Least squares over single trials."""
    inside = (soa_ms >= range_ms[0]) & (soa_ms <= range_ms[1])
    x, y = soa_ms[inside] / 1000, times_s[inside]
    if len(np.unique(x)) < 2 or len(x) < 3:
        return Slope(float("nan"), float("nan"), range_ms)
    spread = float(((x - x.mean()) ** 2).sum())
    value = float(((x - x.mean()) * (y - y.mean())).sum() / spread)
    rest = y - y.mean() - value * (x - x.mean())
    return Slope(value, float(np.sqrt((rest**2).sum() / (len(x) - 2) / spread)), range_ms)


@dataclass(frozen=True, eq=False)
class Additivity:
    """Test of whether the factors that slow two decisions are additive.

    The hardest and the easiest level of a factor are those with the longest and the shortest mean time.

    Attributes:
        cells: A row per combination of levels: ``level_1``, ``level_2``, ``trials``, ``mean_s`` and ``sem_s`` of the
            time until both answers were given.
        effect_1_s: How much slower the hardest level of the first stream is than its easiest, at the second's easiest.
        effect_2_s: The same for the second stream.
        interaction_s: What the time with both at their hardest has beyond the sum of the two effects; 0 if the
            decisions take turns, clearly below 0 if they are made at the same time.
        standard_error_s: Of the interaction.
    """

    cells: Table
    effect_1_s: float
    effect_2_s: float
    interaction_s: float
    standard_error_s: float


@checked
def additivity(
    trials: Trials,
    factor: str | tuple[str, str] = "coherence",
    first: str | None = None,
    second: str | None = None,
) -> Additivity:
    """Whether two decisions about simultaneous stimuli are made one after the other or at the same time.

    The time until both answers were given, from the earlier stimulus on, is taken for a sum of an effect of either
    level and of their interaction, which is proportional to both effects (Tukey's single degree of freedom); with two
    levels each, that is the difference of differences. Only trials in which both responded count, and not those with
    a wrong answer if the table has ``correct``.

    Args:
        trials: Needs ``stream``, ``trial``, ``outcome``, ``response_time_s``, ``soa_ms`` or ``onset_s``, and the
            factors.
        factor: Column with the difficulty of either stream, or one column for each.
        first: Name of the one stream; None: the two streams of the table, in order of appearance.
        second: Name of the other.

    Returns:
        Mean times, effects and their interaction.

    Raises:
        UnknownNameError: The table lacks a column, or there is no such stream.
        ArgumentError: A factor has fewer than two levels, or too few combinations of levels occurred.

    Source:
        Kang, Loeffler, Jeurissen, Zylberberg, Wolpert & Shadlen 2021, eLife 10:e63721; the logic is that of
        Sternberg 1969, Acta Psychol 30:276, the interaction that of Tukey 1949, Biometrics 5:232.
    """
    pairs = pairs_of(trials, first, second)
    one, two = (factor, factor) if isinstance(factor, str) else factor
    soa = asynchrony_ms(trials, pairs) / 1000
    ends = trials["response_time_s"][pairs.first], soa + trials["response_time_s"][pairs.second]
    times = np.maximum(*ends) - np.minimum(soa, 0.0)
    kept = np.isfinite(times)
    if "correct" in trials:
        kept &= (trials["correct"][pairs.first] == 1) & (trials["correct"][pairs.second] == 1)
    levels = {"level_1": trials[one][pairs.first], "level_2": trials[two][pairs.second]}
    return _interaction(Table({**levels, "time_s": times}).select(kept))


def _interaction(table: Table) -> Additivity:
    groups = grouped(table, ("level_1", "level_2"))
    members = [table["time_s"][rows] for rows in groups.members()]
    count = groups.count()
    mean = np.array([m.mean() for m in members])
    spread = np.array([m.std(ddof=1) if len(m) > 1 else np.nan for m in members])
    cells = Table({**groups.columns, "trials": count, "mean_s": mean, "sem_s": spread / np.sqrt(count)})
    times = table["time_s"]
    one, hardness_1, hardest_1 = _factor(table["level_1"], times)
    two, hardness_2, hardest_2 = _factor(table["level_2"], times)
    design = np.column_stack([np.ones(len(times)), one, two, hardness_1 * hardness_2])
    inner = design.T @ design
    if np.linalg.matrix_rank(inner) < len(inner):
        raise ArgumentError("additivity: too few combinations of the levels of the two streams occurred.")
    inverse = np.linalg.inv(inner)
    found = inverse @ (design.T @ times)
    # Hard conditions spread more: the error is taken from every trial's own deviation.
    deviations = design * (times - design @ found)[:, None]
    error = np.sqrt((inverse @ (deviations.T @ deviations) @ inverse)[-1, -1])
    effect_2 = float(found[1 + one.shape[1] + hardest_2])
    return Additivity(cells, float(found[1 + hardest_1]), effect_2, float(found[-1]), float(error))


def _factor(levels: Array, times: FloatArray) -> tuple[FloatArray, FloatArray, int]:
    """Return a factor for a linear model.

    Returns:
        A column for each level but the easiest, (trials, levels - 1); how hard each trial's level is, from 0 for
        the easiest to 1 for the hardest, (trials,); and the column of the hardest.
    """
    names, codes = np.unique(levels, return_inverse=True)
    if len(names) < 2:
        raise ArgumentError(f"additivity: a factor needs at least two levels; found {names.tolist()}.")
    mean = np.bincount(codes, times) / np.bincount(codes)
    order = np.argsort(mean, kind="stable")  # from easy to hard
    columns = (codes[:, None] == order[1:]).astype(np.float64)
    reach = mean[order[-1]] - mean[order[0]]
    hardness = (mean - mean[order[0]]) / (reach if reach > 0 else 1.0)
    return columns, hardness[codes], len(names) - 2
