"""Choices against evidence: the psychometric function and its fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from neuroparallel.analysis.grouping import completed
from neuroparallel.analysis.intervals import reach_of
from neuroparallel.analysis.maximum_likelihood import maximise
from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.evidence import BY_TASK, declared_evidence
from neuroparallel.records.table import Array, FloatArray
from neuroparallel.records.trials import TRIAL_COLUMNS

Lapses: TypeAlias = Literal["none", "equal", "both"]

PARAMETERS = ("bias", "spread", "lapse_low", "lapse_high")
# What is fitted -> the four parameters, the spread by its logarithm.
_TIED: dict[str, FloatArray] = {
    "none": np.eye(4)[:, :2],
    "equal": np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]),
    "both": np.eye(4),
}


class ResolvedEvidence(NamedTuple):
    """Trials, and the columns in which they have the evidence."""

    trials: Trials
    evidence: str
    side: str | None
    positive: int | str


@dataclass(frozen=True)
class PsychometricFit:
    """A cumulative Gaussian with lapses, as it fits choices best.

    The chance of the positive choice at evidence x is
    ``lapse_low + (1 - lapse_low - lapse_high) * Phi((x - bias) / spread)``.

    Attributes:
        bias: Evidence at the middle of the curve, in units of evidence.
        spread: Standard deviation, in units of evidence: small for a steep curve.
        lapse_low: Chance of the positive choice however negative the evidence.
        lapse_high: Chance of the negative choice however positive the evidence.
        log_likelihood: Of the choices, binomial coefficients left out.
        standard_errors: For each parameter; ``nan`` if it was not fitted or lies on its bound.
    """

    bias: float
    spread: float
    lapse_low: float
    lapse_high: float
    log_likelihood: float
    standard_errors: dict[str, float] = field(default_factory=dict)

    def predict(self, evidence: npt.ArrayLike) -> FloatArray:
        """Chance of the positive choice at this evidence: float64 in [0, 1], of its shape."""
        from scipy.special import ndtr

        x = np.asarray(evidence, dtype=np.float64)
        rise: FloatArray = ndtr((x - self.bias) / self.spread)
        return self.lapse_low + (1 - self.lapse_low - self.lapse_high) * rise

    def interval(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Approximate confidence interval of each parameter, from the curvature at the best fit."""
        reach = reach_of(level)
        return {
            name: (getattr(self, name) - reach * error, getattr(self, name) + reach * error)
            for name, error in self.standard_errors.items()
        }


@dataclass(frozen=True, eq=False)
class Psychometric:
    """Choices counted by evidence, and the curve through them.

    Attributes:
        counts: A row per level of evidence: ``evidence``, ``trials``, ``chosen`` (the number of
            positive choices).
        fit: The curve; None if there are fewer than two levels of evidence.
    """

    counts: Table
    fit: PsychometricFit | None


def resolve_evidence(trials: Trials, evidence: str, side: str | None, positive: int | str) -> ResolvedEvidence:
    """Find the columns of the evidence: as they were named, or as the task of the table declares them.

    Args:
        trials: Any trials.
        evidence: A column, or ``"task"``.
        side: As of `signed_evidence`.
        positive: As of `signed_evidence`.

    Returns:
        The trials, with columns for strength and side of what counts where several kinds of evidence were shown, and
        the names of these columns. A table whose task declares nothing, such as an animal's, has ``coherence`` and
        ``side``.
    """
    if evidence != BY_TASK:
        return ResolvedEvidence(trials, evidence, side, positive)
    declared = declared_evidence(trials)
    if declared is None:
        return ResolvedEvidence(trials, "coherence", side, positive)
    found = declared.columns_of(trials)
    if declared.cue is not None:
        trials = Trials({**trials.columns, **found}, trials.responses, trials.names)
    return ResolvedEvidence(trials, declared.strength, declared.side, declared.positive)


@checked
def signed_evidence(
    trials: Trials, evidence: str = BY_TASK, side: str | None = "side", positive: int | str = 2
) -> FloatArray:
    """Evidence of each trial, positive if it speaks for one side and negative for the other.

    Args:
        trials: Needs the columns named.
        evidence: Column with the strength of the evidence; ``"task"``: the columns that the task of these trials
            declares, such as those of the attended modality of ``context_decision``, whatever ``side`` says.
        side: Column that says what it speaks for; None: the strength is signed already.
        positive: Value of ``side`` that counts as positive.

    Returns:
        float64, (trials,), in units of the column; ``nan`` where one of the two is missing.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: All of these trials lack the evidence, or it is text; or none is of the positive side.
    """
    trials, evidence, side, positive = resolve_evidence(trials, evidence, side, positive)
    strength = trials[evidence]
    numbers = [name for name, values in trials.columns.items() if _is_condition(name, values)]
    if strength.dtype.kind not in "biuf" or (len(trials) and np.isnan(strength.astype(np.float64)).all()):
        lacks = "none of these trials has one" if strength.dtype.kind in "biuf" else "that is text"
        raise ArgumentError(f"evidence: the column {evidence!r} is to hold numbers, but {lacks}.{nearest('', numbers)}")
    strength = strength.astype(np.float64)
    if side is None:
        return strength
    sides = trials[side][np.isfinite(strength)]
    known = np.unique(sides[sides == sides])
    if len(known) > 1 and not trials.mask(**{side: positive}).any():
        raise ArgumentError(f"positive is {positive!r}; the column {side!r} has {', '.join(map(str, known.tolist()))}.")
    missing = trials[side] != trials[side]  # not a number
    # Adding 0 turns -0 into 0: no evidence is one level, not two.
    return np.where(missing, np.nan, np.where(trials.mask(**{side: positive}), strength, -strength)) + 0.0


def _is_condition(name: str, values: Array) -> bool:
    """Whether a column could be evidence."""
    return name not in TRIAL_COLUMNS and values.dtype.kind in "biuf" and bool(np.isfinite(values).any())


@checked
def psychometric(
    trials: Trials,
    evidence: str = BY_TASK,
    *,
    side: str | None = "side",
    positive: int | str = 2,
    choices: tuple[int, int] = (1, 2),
    lapses: Lapses = "both",
) -> Psychometric:
    """Count the choices at each level of signed evidence and fit a curve through them.

    Only trials with one of two choices count, and not those broken off by an early one: who takes a sure reward
    instead, as in ``post_decision_wager``, has decided for neither side.

    Args:
        trials: One stream of a task with two choices; needs ``choice``.
        evidence: Column with the strength of the evidence; ``"task"``: as for `signed_evidence`.
        side: Column that says what it speaks for; None: the strength is signed already.
        positive: Value of ``side`` for which evidence is positive.
        choices: The negative and the positive choice.
        lapses: See ``fit_psychometric``.

    Returns:
        Counts and fit.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: ``lapses`` is none of the three.
    """
    x = signed_evidence(trials, evidence, side, positive)
    counted = np.isin(trials["choice"], choices) & completed(trials) & np.isfinite(x)
    levels, place = np.unique(x[counted], return_inverse=True)
    count = np.bincount(place, minlength=len(levels))
    chosen = np.bincount(place[trials["choice"][counted] == choices[1]], minlength=len(levels))
    fit = fit_psychometric(levels, chosen, count, lapses=lapses) if len(levels) > 1 else None
    return Psychometric(Table({"evidence": levels, "trials": count, "chosen": chosen}), fit)


@checked
def fit_psychometric(
    evidence: npt.ArrayLike,
    chosen: npt.ArrayLike,
    trials: npt.ArrayLike,
    *,
    lapses: Lapses = "both",
    max_lapse: float = 0.25,
) -> PsychometricFit:
    """Return the cumulative Gaussian with lapses under which these choices are most likely.

    Args:
        evidence: Levels of signed evidence, (levels,), at least two different ones.
        chosen: Positive choices at each level, counts.
        trials: Trials at each level, counts.
        lapses: ``"none"``, ``"equal"`` on both sides, or ``"both"`` fitted by themselves.
        max_lapse: Largest lapse rate allowed, in (0, 0.5).

    Returns:
        The best fit. The bias stays within one range of the evidence from its ends, the spread
        between 1/1000 of that range and 10 times it.

    Raises:
        ArgumentError: The counts are impossible, or there are fewer than two levels, or an
            option is not allowed.
    """
    x, k, n = (np.asarray(v, dtype=np.float64) for v in (evidence, chosen, trials))
    _check(x, k, n, lapses, max_lapse)
    seen = n > 0
    x, k, n = x[seen], k[seen], n[seen]
    span = float(np.ptp(x))
    tied = _TIED[lapses]
    free = tied.shape[1]
    low = np.array([x.min() - span, np.log(span * 1e-3), 0.0, 0.0])[:free]
    high = np.array([x.max() + span, np.log(span * 10), max_lapse, max_lapse])[:free]

    def curve(parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _curve(x, tied @ parameters, tied)

    best = maximise(curve, k, n, _starts(x, span, free), low, high)
    bias, log_spread, lapse_low, lapse_high = (float(v) for v in tied @ best.parameters)
    fitted = tied.any(axis=1)
    errors = np.where(fitted, best.errors[tied.argmax(axis=1)], np.nan)
    errors[1] *= np.exp(log_spread)  # from the logarithm, to first order
    return PsychometricFit(
        bias,
        float(np.exp(log_spread)),
        lapse_low,
        lapse_high,
        best.log_likelihood,
        dict(zip(PARAMETERS, map(float, errors), strict=True)),
    )


def _curve(x: FloatArray, full: FloatArray, tied: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Chance at each level, and its slope against each fitted parameter, (levels, fitted)."""
    from scipy.special import ndtr

    bias, log_spread, lapse_low, lapse_high = full
    spread = np.exp(log_spread)
    z = (x - bias) / spread
    rise, height = ndtr(z), 1 - lapse_low - lapse_high
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    slopes = [-height * density / spread, -height * density * z, 1 - rise, -rise]
    return lapse_low + height * rise, np.stack(slopes, axis=1) @ tied


def _starts(x: FloatArray, span: float, free: int) -> FloatArray:
    """Return a grid of first guesses, (guesses, fitted)."""
    grid = [
        np.quantile(x, np.linspace(0.1, 0.9, 7)),
        np.log(span * np.geomspace(0.01, 2, 8)),
        np.array([0.01, 0.08]),
        np.array([0.01, 0.08]),
    ][:free]
    return np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, free)


def _check(x: FloatArray, k: FloatArray, n: FloatArray, lapses: str, max_lapse: float) -> None:
    if lapses not in _TIED:
        raise ArgumentError(f"lapses: 'none', 'equal' or 'both'; found {lapses!r}.")
    if not 0 < max_lapse < 0.5:
        raise ArgumentError(f"max_lapse: between 0 and 0.5; found {max_lapse!r}.")
    if not x.ndim == 1 or not x.shape == k.shape == n.shape:
        raise ArgumentError(
            "fit_psychometric: evidence, chosen and trials are of one length; "
            f"found shapes {x.shape}, {k.shape}, {n.shape}."
        )
    if np.any(k < 0) or np.any(k > n) or not np.isfinite(x).all():
        raise ArgumentError("fit_psychometric: chosen lies between 0 and trials at finite levels.")
    if len(np.unique(x[n > 0])) < 2:
        raise ArgumentError("fit_psychometric: needs at least two levels of evidence with trials.")
