"""History effects on choices: kernels after correct and after error trials, and the reset index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, overload

import numpy as np

from neuroparallel.analysis.grouping import STREAM, completed, grouped, parts_by
from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.analysis.psychometrics import signed_evidence
from neuroparallel.analysis.regression import LINKS, Link, regress
from neuroparallel.analysis.strategy import successive
from neuroparallel.errors import ArgumentError, UnknownNameError, nearest, whole_number
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.evidence import BY_TASK
from neuroparallel.records.table import Array, BoolArray, FloatArray, IntArray
from neuroparallel.records.trials import group_codes

SIGNS = {"+": 1, "-": -1}
RESPONSES = ("L+", "L-")
TRANSITIONS = tuple(f"T{before}{after}" for before, after in product(SIGNS, SIGNS))


@dataclass(frozen=True, eq=False)
class HistoryDesign:
    """Choices and what may have had a part in them, ready for a regression.

    Attributes:
        matrix: float64, (choices, regressors).
        chosen: bool, (choices,). Whether the positive choice was made.
        after: int64, (choices,). 1 after a correct trial, -1 after an error, 0 after one without a choice.
        rows: int64, (choices,). Their rows in the trial table.
        regressors: A row per column of the matrix: ``regressor`` (``"bias"``, ``"evidence"``, ``"L+"``, ``"L-"``,
            ``"T++"`` ...) and ``lag`` in trials (0 where it is of the same trial).
    """

    matrix: FloatArray
    chosen: BoolArray
    after: IntArray
    rows: IntArray
    regressors: Table


@dataclass(frozen=True, eq=False)
class HistoryFit:
    """The weight of each regressor in some trials.

    Attributes:
        weights: A row per regressor: ``regressor``, ``lag``, ``weight`` (towards the positive choice) and
            ``standard_error``; ``nan`` for those that never varied in these trials.
        covariance: float64, (regressors, regressors). Of the weights; ``nan`` likewise.
        log_likelihood: Of the choices.
        trials: How many choices there were.
    """

    weights: Table
    covariance: FloatArray
    log_likelihood: float
    trials: int

    def total(self, regressor: str, first: int = 0, last: int | None = None) -> tuple[float, float]:
        """Sum of the weights of a regressor over lags, and its standard error.

        Args:
            regressor: ``"T++"``, ``"L+"`` ...
            first: Shortest lag.
            last: Longest lag; None: all.

        Returns:
            Sum and standard error, without weights that are missing.

        Raises:
            UnknownNameError: There is no such regressor.
        """
        names, lags = self.weights["regressor"], self.weights["lag"]
        if regressor not in names:
            raise UnknownNameError(f"There is no regressor {regressor!r}.{nearest(regressor, set(names.tolist()))}")
        mine = (names == regressor) & (lags >= first) & np.isfinite(self.weights["weight"])
        if last is not None:
            mine &= lags <= last
        variance = self.covariance[np.ix_(mine, mine)].sum()
        return float(self.weights["weight"][mine].sum()), float(np.sqrt(variance))


@dataclass(frozen=True, eq=False)
class HistoryKernels:
    """Weights of earlier trials on a choice after a correct trial and after an error.

    The transition bias is the sum of the weights of ``T++`` over the lags from 2 on, which both fits have.

    Attributes:
        after_correct: The fit to trials that follow a correct one.
        after_error: The fit to trials that follow an error.
        bias_after_correct: Transition bias after a correct trial, and its standard error.
        bias_after_error: The same after an error. Who uses the transitions there as well, knowing that the other
            side was right, has a bias of the opposite sign.
        reset_index: 1 - abs(bias after error) / abs(bias after correct): 0 if the transitions count as much after
            an error, 1 if they do not count there; ``nan`` without a bias after correct trials.
        reset_index_error: Its standard error, to first order.
    """

    after_correct: HistoryFit
    after_error: HistoryFit
    bias_after_correct: tuple[float, float]
    bias_after_error: tuple[float, float]
    reset_index: float
    reset_index_error: float


@checked
def history_design(
    trials: Trials,
    evidence: str | None = BY_TASK,
    *,
    lags: int = 5,
    side: str | None = "side",
    positive: int | str = 2,
    choices: tuple[int, int] = (1, 2),
    transitions: bool = True,
) -> HistoryDesign:
    """Lay out choices and what may have had a part in them: present evidence, past choices, past transitions.

    With r = 1 for the positive and -1 for the negative choice, the regressors at lag k are ``L+`` (r of k trials ago if
    that trial was right, else 0), ``L-`` (r if it was wrong) and, for each pair of outcomes, the transition from trial
    k + 1 to trial k before: ``T++`` is 1 if both were right and the choice was repeated, -1 if both were right and it
    was alternated, else 0. A transition predicts a side only together with the last choice, so it enters multiplied by
    that. ``L+`` and ``L-`` at lag 2 are left out beside transitions: they are sums of those at lag 1.

    A trial counts if its choice is one of the two, and as many trials as are looked back on were recorded in the same
    lane and session. A miss, an early response or another choice among those before it is a 0 in all that it is
    part of.

    Args:
        trials: One stream; needs ``choice``, ``correct``, ``trial``.
        evidence: Column with the strength of the evidence; ``"task"``: as of `signed_evidence`; None: no regressor.
        lags: How many trials to look back on.
        side: Column that says what the evidence speaks for; None: it is signed already.
        positive: Value of ``side`` for which evidence is positive.
        choices: The negative and the positive choice.
        transitions: Whether transitions are among the regressors.

    Returns:
        The design.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: ``lags`` is not a whole number from 1, or the two choices are one.

    Source:
        Hermoso-Mendizabal et al. 2020, Nat Commun 11:1057.
    """
    whole_number(lags, "lags", 1, 1000)
    if len(set(choices)) != 2:
        raise ArgumentError(f"choices: the negative and the positive choice, two numbers; found {choices!r}.")
    trials.require("choice", "correct", "trial")
    order = np.lexsort([trials["trial"], *_lived(trials)])
    past = _Past.of(trials, order, choices)
    regressors = {("bias", 0): np.ones(len(order))}
    usable = past.response != 0
    if evidence is not None:
        strength = signed_evidence(trials, evidence, side, positive)[order]
        regressors["evidence", 0] = strength
        usable &= np.isfinite(strength)
    for lag in range(1, lags + 1):
        regressors |= past.regressors_at(lag, transitions)
        usable &= past.recorded(lag + transitions)
    names, lag_of = zip(*regressors, strict=True)
    return HistoryDesign(
        matrix=np.stack([column[usable] for column in regressors.values()], axis=1),
        chosen=past.response[usable] > 0,
        after=past.outcome_at(1)[usable].astype(np.int64),
        rows=order[usable].astype(np.int64),
        regressors=Table({"regressor": np.array(names), "lag": np.array(lag_of)}),
    )


@overload
def history_kernels(
    trials: Trials,
    evidence: str | None = ...,
    *,
    lags: int = ...,
    side: str | None = ...,
    positive: int | str = ...,
    choices: tuple[int, int] = ...,
    link: Link = ...,
    ridge: float = ...,
    by: None = ...,
) -> HistoryKernels: ...
@overload
def history_kernels(
    trials: Trials,
    evidence: str | None = ...,
    *,
    lags: int = ...,
    side: str | None = ...,
    positive: int | str = ...,
    choices: tuple[int, int] = ...,
    link: Link = ...,
    ridge: float = ...,
    by: str | Sequence[str],
) -> dict[str, HistoryKernels]: ...
@checked
def history_kernels(
    trials: Trials,
    evidence: str | None = BY_TASK,
    *,
    lags: int = 5,
    side: str | None = "side",
    positive: int | str = 2,
    choices: tuple[int, int] = (1, 2),
    link: Link = "logit",
    ridge: float = 1e-3,
    by: str | Sequence[str] | None = None,
) -> HistoryKernels | dict[str, HistoryKernels]:
    """Estimate how past choices and transitions bias the next choice, after a correct trial and after an error.

    The regressors are those of `history_design`; each of the two kinds of trial gets a fit of its own.

    Args:
        trials: One stream with right and wrong choices; needs ``choice``, ``correct``, ``trial``.
        evidence: Column with the strength of the evidence; ``"task"``: as of `signed_evidence`; None: no regressor.
        lags: How many trials to look back on; at least 2.
        side: Column that says what the evidence speaks for; None: it is signed already.
        positive: Value of ``side`` for which evidence is positive.
        choices: The negative and the positive choice.
        link: ``"logit"`` or ``"probit"``; weights of the first are about 1.7 times those of the second.
        ridge: Penalty on half the square of each weight, above 0.
        by: Columns to divide the trials by, such as ``"subject"``; ``plot_history_kernels`` draws the result. Their
            values must not change from trial to trial, as only trials in a row have a history.

    Returns:
        Both fits and the reset index; with `by`, those of each part by its name.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: An option makes no sense, or no choice followed a correct trial, or an error.

    Source:
        Hermoso-Mendizabal et al. 2020, Nat Commun 11:1057; the reset index of Molano-Mazon et al. 2023, Curr Biol
        33:622.
    """
    whole_number(lags, "lags", 2, 1000)
    if link not in LINKS:
        raise ArgumentError(f"link: 'logit' or 'probit'; found {link!r}.")
    if not 0 < ridge < float("inf"):
        raise ArgumentError(f"ridge: a number above 0; found {ridge!r}.")
    if by is not None:
        options: dict[str, Any] = {"lags": lags, "side": side, "positive": positive, "choices": choices}
        return {
            name: history_kernels(part, evidence, link=link, ridge=ridge, **options)
            for name, part in parts_by(trials, by).items()
        }
    design = history_design(trials, evidence, lags=lags, side=side, positive=positive, choices=choices)
    correct = _fit(design, 1, "a correct trial", link, ridge)
    error = _fit(design, -1, "an error", link, ridge)
    (b, b_error), (a, a_error) = correct.total("T++", 2), error.total("T++", 2)
    index = spread = float("nan")
    if b:
        index = 1 - abs(a / b)
        spread = float(np.hypot(a_error / b, a * b_error / b**2))
    return HistoryKernels(correct, error, (b, b_error), (a, a_error), index, spread)


@checked
def repeat_probability(
    trials: Trials, by: str | Sequence[str] = (*STREAM, "history_block"), *, level: float = 0.95
) -> Table:
    """Return the probability of repeating a choice in each block, after a correct trial and after an error.

    Only pairs of directly successive trials of a stream count, in the same lane and session, in both of which something
    was chosen, and not too early. The columns of ``by`` are those of the second trial.

    Args:
        trials: Needs ``choice``, ``correct`` and ``trial``.
        by: Columns to divide by, besides what came before.
        level: Confidence of the interval, in (0, 1).

    Returns:
        A row per group: the columns of ``by``, ``after`` (``"correct"`` or ``"error"``), ``trials``, ``repeated``
        (fraction in [0, 1]), ``low`` and ``high``.

    Raises:
        UnknownNameError: The table lacks a column.
        ArgumentError: The level is not in (0, 1).
    """
    names = [by] if isinstance(by, str) else list(by)
    scored = (trials["choice"] > 0) & completed(trials) & np.isfinite(trials["correct"])
    earlier, later = successive(trials, scored)
    kept = [name for name in names if name not in STREAM or name in trials]
    trials.require(*kept)
    pairs = Table(
        {name: trials[name][later] for name in kept}
        | {
            "after": np.where(trials["correct"][earlier] > 0, "correct", "error"),
            "repeated": trials["choice"][later] == trials["choice"][earlier],
        }
    )
    groups = grouped(pairs, (*kept, "after"))
    count, repeated = groups.count(), groups.count(pairs["repeated"])
    low, high = wilson_interval(repeated, count, level)
    return Table({**groups.columns, "trials": count, "repeated": repeated / count, "low": low, "high": high})


@dataclass(frozen=True, eq=False)
class _Past:
    """Responses and outcomes in the order in which each lane lived through them, and those of some trials before."""

    response: FloatArray  # 1, -1, or 0 if there was none
    outcome: FloatArray  # 1 right, -1 wrong, 0 no response
    life: IntArray
    trial: IntArray

    @classmethod
    def of(cls, trials: Trials, order: IntArray, choices: tuple[int, int]) -> _Past:
        counted = completed(trials) & np.isfinite(trials["correct"])
        response = (trials["choice"] == choices[1]).astype(np.float64) - (trials["choice"] == choices[0])
        response = np.where(counted, response, 0.0)
        outcome = np.where(response != 0, np.where(trials["correct"] > 0, 1.0, -1.0), 0.0)
        lived = _lived(trials)
        life = group_codes(lived) if lived else np.zeros(len(trials), dtype=np.int64)
        return cls(response[order], outcome[order], life[order], trials["trial"][order].astype(np.int64))

    def recorded(self, lag: int) -> BoolArray:
        """Whether the trial so many before is in the table, of the same lane and session."""
        found: BoolArray = np.zeros(len(self.trial), dtype=np.bool_)
        found[lag:] = (self.life[lag:] == self.life[:-lag]) & (self.trial[lag:] - lag == self.trial[:-lag])
        return found

    def outcome_at(self, lag: int) -> FloatArray:
        """Return the outcome so many trials before; 0 where that trial is not in the table."""
        return _delayed(self.outcome, lag)

    def response_at(self, lag: int, sign: int) -> FloatArray:
        """Return the response so many trials before, 0 unless its outcome had this sign."""
        return np.where(self.outcome_at(lag) == sign, _delayed(self.response, lag), 0.0)

    def regressors_at(self, lag: int, transitions: bool) -> dict[tuple[str, int], FloatArray]:
        """Return the regressors of the trial so many before, and of the transition to it."""
        found = {}
        if not (transitions and lag == 2):
            found = {(name, lag): self.response_at(lag, SIGNS[name[1]]) for name in RESPONSES}
        if transitions:
            found |= {(name, lag): self.transition_at(lag, SIGNS[name[1]], SIGNS[name[2]]) for name in TRANSITIONS}
        return found

    def transition_at(self, lag: int, before: int, after: int) -> FloatArray:
        """Return the transition so many trials before, as it predicts a side; 0 unless the outcomes had these signs."""
        return self.response_at(lag + 1, before) * self.response_at(lag, after) * _delayed(self.response, 1)


def _lived(trials: Trials) -> list[Array]:
    """Return the columns that identify a session of a lane; an animal's table may lack all of them."""
    return [trials[name] for name in (*STREAM, "lane", "session") if name in trials]


def _delayed(values: FloatArray, lag: int) -> FloatArray:
    """Each value so many places later, and zeros before."""
    result = np.zeros_like(values)
    result[lag:] = values[:-lag]
    return result


def _fit(design: HistoryDesign, after: int, kind: str, link: Link, ridge: float) -> HistoryFit:
    """Weights for the choices that follow trials of a kind."""
    mine = design.after == after
    if not mine.any():
        raise ArgumentError(f"history_kernels: no choice follows {kind} with as many trials before as lags.")
    matrix = design.matrix[mine]
    varied = (matrix != 0).any(axis=0)
    found = regress(matrix[:, varied], design.chosen[mine].astype(np.float64), link=link, ridge=ridge)
    weights, covariance = np.full(len(varied), np.nan), np.full((len(varied), len(varied)), np.nan)
    weights[varied] = found.weights
    covariance[np.ix_(varied, varied)] = found.covariance
    columns = {"weight": weights, "standard_error": np.sqrt(np.diag(covariance))}
    table = Table({**design.regressors.columns, **columns})
    return HistoryFit(table, covariance, found.log_likelihood, int(mine.sum()))
