"""Responses of two streams of a subject, paired by trial: their order and the interval between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuroparallel.analysis.grouping import grouped
from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.errors import ArgumentError, UnknownNameError, nearest
from neuroparallel.records import Table, Trials
from neuroparallel.records.argument_checks import checked
from neuroparallel.records.response_order import begins
from neuroparallel.records.table import Array, BoolArray, FloatArray, IntArray
from neuroparallel.records.trials import IDENTITY, group_codes, stream_codes

GROUPED_S = 0.1  # two responses closer than this count as one. Source: Pashler & Johnston 1989, Q J Exp Psychol 41A:19


@dataclass(frozen=True, eq=False)
class Pairs:
    """The trials that two streams of a subject did together.

    Attributes:
        first: int64, (pairs,). Row of the one stream's trial.
        second: int64, (pairs,). Row of the other's.
        names: What the streams are called.
    """

    first: IntArray
    second: IntArray
    names: tuple[str, str]


def pairs_of(trials: Trials, first: str | None = None, second: str | None = None) -> Pairs:
    """Find the trials that two streams of a subject did together; cancelled ones do not count.

    Args:
        trials: Needs ``stream``, ``outcome`` and ``trial`` (or ``group_trial``).
        first: The one stream; None: the two streams of the table, in order of appearance.
        second: The other.

    Raises:
        UnknownNameError: The table lacks a column, or there is no such stream.
        ArgumentError: The table has not two streams, and they were not named.
    """
    number = "group_trial" if "group_trial" in trials else "trial"
    trials.require("stream", "outcome", number)
    names = _named(trials["stream"], first, second)
    lived = [name for name in ("subject", "session", "lane") if name in trials]
    codes = group_codes([*(trials[name] for name in lived), trials[number]])
    live = trials["outcome"] != "cancelled"
    one, two = (np.flatnonzero(live & (trials["stream"] == name)) for name in names)
    _, at_one, at_two = np.intersect1d(codes[one], codes[two], return_indices=True)
    order = np.argsort(one[at_one])
    return Pairs(one[at_one][order], two[at_two][order], names)


def _named(streams: Array, first: str | None, second: str | None) -> tuple[str, str]:
    known = list(dict.fromkeys(streams.tolist()))
    for name in (first, second):
        if name is not None and name not in known:
            raise UnknownNameError(f"there is no stream {name!r}.{nearest(name, known)}")
    if first is not None and second is not None:
        return first, second
    if len(known) != 2:
        raise ArgumentError(f"the table has {len(known)} streams; say which two: first=..., second=...")
    if first is None and second is None:
        return known[0], known[1]
    other = known[1 - known.index(first or second or "")]
    return (first, other) if first is not None else (other, str(second))


def asynchrony_ms(trials: Trials, pairs: Pairs, soa: str = "soa_ms") -> FloatArray:
    """Time from the first stream's onset to the second's, ms, (pairs,).

    By the onsets in a table of ours, where each row has its stream's own, and the column says when whichever stream has
    a drawn onset began. Where rows may have the onset of the trial, by the column if there is one.
    """
    if soa in trials and "group_trial" not in trials:
        return trials[soa][pairs.second].astype(np.float64)
    later: FloatArray = trials["onset_s"][pairs.second] - trials["onset_s"][pairs.first]
    return np.round(1000 * later, 3) + 0.0


def since_first_s(trials: Trials) -> FloatArray:
    """When the answer of each trial came, seconds from the first one that its subject gave in the group's trial.

    By the columns ``response_order`` and ``inter_response_ms``, (trials,); ``nan`` without an answer, and where the
    table has not all the rows of those that came earlier.
    """
    names = [name for name in ("subject", "session", "lane", "group_trial") if name in trials]
    rows = np.flatnonzero(trials["response_order"] >= 1)
    codes = group_codes([trials[name][rows] for name in names])
    order = np.lexsort((trials["response_order"][rows], codes))
    rows, codes = rows[order], codes[order]
    place, number = trials["response_order"][rows], np.arange(len(rows))
    first = np.maximum.accumulate(np.where(begins(codes), number, 0))
    alike = np.maximum.accumulate(np.where(begins(codes, place), number, 0))
    after = np.where((alike == number) & (place > 1), trials["inter_response_ms"][rows], 0.0) / 1000
    total = np.cumsum(after)
    since: FloatArray = np.full(len(trials), np.nan)
    since[rows] = np.where(place == alike - first + 1, total - total[first], np.nan)
    return since


def answered_s(trials: Trials) -> FloatArray:
    """When the answer of each trial came, seconds from the start of the session, (trials,); ``nan`` without one.

    What to do about tables that do not say in which order responses came, as they were written by earlier versions.
    Response times count from a period that differs between tasks, so the answer is found among all responses: it is the
    one of the trial's choice, and what its time exceeds the response time by is the onset of that period. If several
    would do, as where early responses are free, the one with the most frequent onset in its stream is taken.
    """
    responses = trials.responses
    names = [name for name in IDENTITY if name in trials and name in responses]
    row, known = _trial_of(trials, responses, names)
    time = responses["time_s"].astype(np.float64)
    counted_from = np.round(time - trials["onset_s"][row] - trials["response_time_s"][row], 6)
    fits = known & (responses["action"] == trials["choice"][row]) & (counted_from >= 0)
    row, time, counted_from = row[fits], time[fits], counted_from[fits]
    kinds = group_codes([stream_codes(trials)[1][row], counted_from])
    frequent = np.bincount(kinds)[kinds] if len(kinds) else kinds
    best = np.lexsort((time, -frequent, row))
    at, first = np.unique(row[best], return_index=True)
    answered: FloatArray = np.full(len(trials), np.nan)
    answered[at] = time[best][first]
    return answered


def _interval_s(trials: Trials, pairs: Pairs, soa: FloatArray) -> FloatArray:
    """Time from the first stream's response to the second's, s, (pairs,); ``nan`` unless there are both."""
    if len(trials.responses):
        answered = answered_s(trials)
        later = answered[pairs.second] - answered[pairs.first]
    else:
        one, two = (trials["response_time_s"][rows].astype(np.float64) for rows in (pairs.first, pairs.second))
        later = soa / 1000 + two - one
    if {"response_order", "inter_response_ms", "group_trial"} <= set(trials):
        since = since_first_s(trials)
        recorded = since[pairs.second] - since[pairs.first]
        later = np.where(np.isfinite(recorded), recorded, later)
    interval: FloatArray = np.round(later, 9) + 0.0  # so that equal times are equal
    return interval


def _trial_of(trials: Trials, responses: Table, names: Sequence[str]) -> tuple[IntArray, BoolArray]:
    """Find the trial that each response belongs to.

    Args:
        trials: One trial or more.
        responses: The responses.
        names: Columns that tell a trial from all others.

    Returns:
        int64, (responses,), a row of ``trials``, and bool, (responses,), whether it is the one.
    """
    count = len(trials)
    codes = group_codes([np.concatenate([trials[name], responses[name]]) for name in names])
    order = np.argsort(codes[:count], kind="stable")
    place = np.searchsorted(codes[:count], codes[count:], sorter=order).clip(max=count - 1)
    row = order[place]
    return row, codes[row] == codes[count:]


@checked
def response_pairs(trials: Trials, first: str | None = None, second: str | None = None) -> Table:
    """Two streams of a subject side by side, trial by trial: which response came first, and when the other.

    The asynchrony is the time between the onsets of the two streams' trials; in a table without ``group_trial``, as of
    an animal, it is what the column ``soa_ms`` says if there is one. How long after each other responses came is what
    ``response_order`` and ``inter_response_ms`` say; in a table without these it is looked up among the ``responses``,
    and without them, response times are taken to count from the same point of either trial.

    Args:
        trials: Needs ``stream``, ``trial``, ``outcome``, ``response_time_s``, and ``soa_ms`` or ``onset_s``.
        first: Name of the first stream; None: the two streams of the table, in order of appearance.
        second: Name of the second stream.

    Returns:
        A row per trial that both took part in: ``subject``, ``session`` and ``lane`` where the table has them,
        ``trial``, ``soa_ms``, ``response_time_1_s``, ``response_time_2_s``, ``correct_1``, ``correct_2``,
        ``interval_s`` (from the first stream's response to the second's, negative if that came earlier),
        ``leader`` (name of the stream that responded first; empty unless both did, and at a tie) and ``grouped``
        (1 if the two came within 100 ms, 0 if not, ``nan`` unless both responded).

    Raises:
        UnknownNameError: The table lacks a column, or there is no such stream.
        ArgumentError: The table has not two streams, and they were not named.
    """
    pairs = pairs_of(trials, first, second)
    soa = asynchrony_ms(trials, pairs)
    one, two = (trials["response_time_s"][rows].astype(np.float64) for rows in (pairs.first, pairs.second))
    interval = _interval_s(trials, pairs, soa)
    both = np.isfinite(interval)
    leader = np.full(len(soa), "", dtype=f"U{max(map(len, pairs.names))}")
    leader[both & (interval > 0)], leader[both & (interval < 0)] = pairs.names
    known = [name for name in ("subject", "session", "lane", "trial") if name in trials]
    scores = {
        f"correct_{n}": trials["correct"][rows]
        for n, rows in ((1, pairs.first), (2, pairs.second))
        if "correct" in trials
    }
    return Table(
        {
            **{name: trials[name][pairs.first] for name in known},
            "soa_ms": soa,
            "response_time_1_s": one,
            "response_time_2_s": two,
            **scores,
            "interval_s": interval,
            "leader": leader,
            "grouped": np.where(both, np.abs(interval) < GROUPED_S, np.nan),
        }
    )


@checked
def response_order(
    trials: Trials,
    first: str | None = None,
    second: str | None = None,
    *,
    by: str | Sequence[str] = "soa_ms",
    level: float = 0.95,
) -> Table:
    """Return how often the first of two streams is answered first, and the interval to the second.

    Args:
        trials: As for ``response_pairs``.
        first: Name of the first stream; None: the two streams of the table, in order of appearance.
        second: Name of the second stream.
        by: Columns of ``response_pairs`` to divide by.
        level: Confidence of the interval, in (0, 1).

    Returns:
        A row per group: the columns of ``by``, ``trials`` (in which both responded), ``in_order`` (fraction in which
        the first stream's response came first; a tie counts a half) with ``low`` and ``high``, ``interval_s``
        (median time from the first stream's response to the second's) and ``grouped`` (fraction within 100 ms).

    Raises:
        UnknownNameError: The table lacks a column, or there is no such stream.
        ArgumentError: The level is not in (0, 1), or the two streams were not named.
    """
    table = response_pairs(trials, first, second)
    groups = grouped(table, by, np.isfinite(table["interval_s"]))
    count = groups.count()
    led = groups.total(0.5 + 0.5 * np.sign(table["interval_s"]))
    low, high = wilson_interval(led, count, level)
    return Table(
        {
            **groups.columns,
            "trials": count,
            "in_order": led / count,
            "low": low,
            "high": high,
            "interval_s": np.array([np.median(table["interval_s"][rows]) for rows in groups.members()]),
            "grouped": groups.total(table["grouped"]) / count,
        }
    )
