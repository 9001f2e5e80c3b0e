"""The trial table: a row per stream and trial, with the responses as a second table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from neuroparallel.errors import ArgumentError
from neuroparallel.outcomes import Outcome
from neuroparallel.records.csv_file import NAMES, PathLike
from neuroparallel.records.table import Array, BoolArray, IntArray, Table, stack_columns

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

# A text column of at most so many different words is numbered word by word, not by sorting.
FEW_WORDS = 32

TRIAL_COLUMNS = (
    "subject", "stream", "task", "session", "lane", "trial", "onset_s", "duration_s", "outcome",
    "choice", "ground_truth", "correct", "reward", "response_time_s", "response_order", "inter_response_ms",
)  # fmt: skip
RESPONSE_COLUMNS = (
    "subject", "stream", "session", "lane", "trial", "period", "action", "time_s", "reward",
)  # fmt: skip
NUMERIC = frozenset(TRIAL_COLUMNS) - {"subject", "stream", "task", "session", "outcome"}
# What tells a trial from all others; a table may lack some of them (an animal has no lane).
IDENTITY = ("subject", "stream", "session", "lane", "trial")

Names: TypeAlias = Mapping[str, Mapping[str, Mapping[int, str]]]


class Trials(Table):
    """Trial table: a row for each stream and each trial that ended.

    Columns, all of them in tables made here (the order of responses only if a subject has several streams in a group,
    and missing for those who have not), any of them in tables read from a file:

    ========================  =======  =========================================================
    column                    type     meaning
    ========================  =======  =========================================================
    ``subject``               text     who acted
    ``stream``                text     which of the subject's streams
    ``task``                  text     what was asked
    ``session``               integer  session of this lane, from 0
    ``lane``                  integer  independent copy of the scenario, from 0
    ``trial``                 integer  trial within the session, from 0
    ``onset_s``               float    start, in seconds from the start of the session
    ``duration_s``            float    start to end, in seconds, with the wait for others of its group
    ``outcome``               text     correct, error, abort, miss, cancelled or unscored
    ``choice``                integer  the last action taken as an answer; 0 held, -1 none
    ``ground_truth``          integer  an action that was right in the first response window; 0
                                       when holding was, -1 none
    ``correct``               float    1 or 0; missing if the trial was cancelled or unscored
    ``reward``                float    sum over the trial
    ``response_time_s``       float    from the onset of the period the task counts from to the end
                                       of the step of the response; missing if none
    ``response_order``        integer  which place this answer had among those that the subject
                                       gave in its streams in this trial of their group: one more
                                       than the answers that came earlier, so that ties share a
                                       place (1, 1, 3); 0 if none was given
    ``inter_response_ms``     float    from the answer that came before, in any of these streams;
                                       missing for the first ones, and if none was given
    condition columns         any      missing where a stream has no such condition
    ========================  =======  =========================================================

    ``correct`` is about the trial as a whole. Where a task asks more than once, ``choice`` and ``response_time_s`` are
    of the last answer and ``ground_truth`` of the first question, which are not to be compared; the columns to use
    instead stand among the conditions (``first_choice`` and ``better_first`` of ``two_step``, ``choice_1`` and
    ``choice_2`` of ``dual_match_to_sample``), and the time of each answer in ``responses``.

    The numbers of choices and conditions have names, such as ``left`` for 1: ``named`` writes them beside the numbers.

    Args:
        columns: Column name to array.
        responses: The same for the responses; see ``responses``.
        names: What the numbers in a column stand for, by stream (``"subject_0.memory"``), column and number.

    Raises:
        ArgumentError: A column is not one-dimensional, or its length differs from the others.
    """

    def __init__(
        self,
        columns: Mapping[str, Array],
        responses: Mapping[str, Array] | Table | None = None,
        names: Names | None = None,
    ) -> None:
        """Freeze columns and responses."""
        super().__init__(columns)
        for name in NUMERIC & self.columns.keys():
            if self.columns[name].dtype.kind == "U" and len(self):
                found = str(self.columns[name][0])
                raise ArgumentError(f"The column {name!r} of a trial table holds numbers; found text, as {found!r}.")
        if responses is None:
            responses = empty_responses()
        table = responses if isinstance(responses, Table) else Table(responses)
        object.__setattr__(self, "_all_responses", table)
        object.__setattr__(self, "_narrowed", False)
        object.__setattr__(self, "_names", {} if names is None else names)

    @cached_property
    def responses(self) -> Table:
        """Every response within these trials, a row each, early ones included.

        Columns: ``subject``, ``stream``, ``session``, ``lane``, ``trial``, ``period`` (name),
        ``action`` (integer >= 1), ``time_s`` (float, from the start of the session) and
        ``reward`` (float, paid at that step).
        """
        everything: Table = self.__dict__["_all_responses"]
        # Matched up only when asked for, because most selections never look at the responses.
        return everything.select(_within(everything, self)) if self._is_narrowed else everything

    @property
    def names(self) -> Names:
        """Meanings of the numbers in the columns, by stream, column and number; empty for a table from a file."""
        known: Names = self.__dict__["_names"]
        return {stream: {column: dict(words) for column, words in named.items()} for stream, named in known.items()}

    @property
    def _is_narrowed(self) -> bool:
        return bool(self.__dict__["_narrowed"])

    def select(self, mask: npt.ArrayLike) -> Self:
        """Keep the marked trials, and of the responses those that belong to them.

        Args:
            mask: bool, (trials,), or the row numbers to keep, integers, in any order.

        Returns:
            A new trial table.

        Raises:
            ArgumentError: The mask is not of that type, or not one entry per trial.
        """
        picked = self._picked(mask)
        columns = {name: values[picked] for name, values in self.columns.items()}
        return self._with(columns, narrowed=True)

    def _with(self, columns: Mapping[str, Array], narrowed: bool) -> Self:
        """Return a table of other columns with the same responses and names."""
        made = type(self)(columns, self.__dict__["_all_responses"], self.__dict__["_names"])
        object.__setattr__(made, "_narrowed", narrowed)
        return made

    def named(self) -> Self:
        """Write what the numbers of choices and conditions stand for beside them.

        Returns:
            A new trial table that has, behind each such column, one of text: ``choice`` and ``choice_name``,
            ``side`` and ``side_name``; empty where a number stands for nothing.
        """
        columns = {}
        for column, values in self.columns.items():
            columns[column] = values
            words = self._words(column)
            if words is not None and column + NAMES not in self.columns:
                columns[column + NAMES] = words
        return self._with(columns, self._is_narrowed)

    def _words(self, column: str) -> Array | None:
        """Return the meaning of the numbers in a column; None if it is known of none of these trials."""
        known: Names = self.__dict__["_names"]
        if not any(column in of_stream for of_stream in known.values()):
            return None
        streams, codes = stream_codes(self)
        words = np.full(len(self), "", dtype=object)
        for code, stream in enumerate(streams):
            mine = codes == code
            for number, word in known.get(stream, {}).get(column, {}).items():
                words[mine & (self[column] == number)] = word
        return words.astype(np.str_)

    def to_pandas(self, names: bool = False) -> pd.DataFrame:
        """Return the table as a pandas DataFrame with the same columns.

        Args:
            names: Whether to write what numbers stand for beside them, as `named` does.
        """
        return super().to_pandas() if not names else self.named().to_pandas()

    def to_csv(self, path: PathLike, names: bool = False) -> None:
        """Write the table as text; a file of that name is replaced only once all is written.

        Args:
            path: The file; tabs separate the columns if it ends in ``.tsv``, commas otherwise.
                Missing values are written ``n/a``, as in BIDS.
            names: Whether to write what numbers stand for beside them, as `named` does.
        """
        Table.to_csv(self.named() if names else self, path)

    @classmethod
    def concatenate(cls, tables: Sequence[Self]) -> Self:
        """Concatenate trial tables row-wise, with their responses.

        Args:
            tables: Their condition columns may differ; what one of them lacks is missing there.
                Trials keep their session, lane and trial numbers.

        Raises:
            ArgumentError: A column holds text in one table and numbers in another.
        """
        columns = stack_columns([table.columns for table in tables], [len(t) for t in tables])
        names = _common_names([table.names for table in tables])
        return cls(columns, Table.concatenate([table.responses for table in tables]), names)

    @classmethod
    def read_csv(cls, path: PathLike, responses: PathLike | None = None) -> Self:
        """Read trials that were written by ``to_csv``, or an animal's.

        A column whose entries are all whole numbers is read as integers, all numbers or ``n/a``
        as floats, all true or false as bool, anything else as text; the columns every trial
        table has are always of their own type. ``correct`` follows from ``outcome`` if absent.

        Args:
            path: The file; tabs separate the columns if it ends in ``.tsv``, commas otherwise.
            responses: The file that ``trials.responses.to_csv`` wrote, if there is one.

        Raises:
            RecordError: A file is missing, empty or malformed; names file, line and column.
        """
        columns = _scored(Table.read_csv(path).columns)
        return cls(columns, None if responses is None else Table.read_csv(responses))

    @classmethod
    def from_pandas(cls, frame: pd.DataFrame, responses: pd.DataFrame | None = None) -> Self:
        """Make a trial table of a pandas DataFrame, as one that ``to_pandas`` gave, or an animal's.

        Args:
            frame: A row per trial. ``correct`` follows from ``outcome`` if absent.
            responses: The same for the responses, if there are any.

        Raises:
            ArgumentError: It is no DataFrame.
            RecordError: A column is malformed; names line (the header is line 1) and column.
        """
        columns = _scored(Table.from_pandas(frame).columns)
        return cls(columns, None if responses is None else Table.from_pandas(responses))

    def performance(self) -> dict[str, float]:
        """Return the fraction of correct trials of each stream.

        Early responses and misses count as not right; cancelled and unscored trials do not
        count. ``neuroparallel.analysis.performance`` has intervals and conditions.

        Returns:
            Stream name, with its subject (``"subject_0.memory"``), to a fraction in [0, 1];
            ``nan`` if the stream has no scored trial.

        Raises:
            UnknownNameError: The table has no column ``correct``.
        """
        names, streams = stream_codes(self)
        scored = np.isfinite(self["correct"])
        right = np.bincount(streams[scored], self["correct"][scored], minlength=len(names))
        count = np.bincount(streams[scored], minlength=len(names))
        return {name: float(right[i] / count[i]) if count[i] else float("nan") for i, name in enumerate(names)}

    def summary(self) -> str:
        """Return the number of trials and the percent correct of each stream, as lines of plain text."""
        names, streams = stream_codes(self)
        lines = [f"{len(self)} trials, {len(names)} stream{'s' * (len(names) != 1)}"]
        correct = self.performance() if "correct" in self else {}
        for i, name in enumerate(names):
            mine = streams == i
            line = f"  {name}: {int(mine.sum())} trials"
            labels = np.unique(self["outcome"][mine]) if "outcome" in self else ()
            in_a_game = "unscored" in labels and "correct" not in labels and "error" not in labels
            if not in_a_game and not np.isnan(correct.get(name, np.nan)):
                line += f", {100 * correct[name]:.1f} % correct"
            if "outcome" in self:
                labels, counts = np.unique(self["outcome"][mine], return_counts=True)
                line += f" ({', '.join(f'{n} {o}' for o, n in zip(labels, counts, strict=True))})"
            lines.append(line)
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Return the summary."""
        return f"Trials: {self.summary()}"


def _common_names(parts: Sequence[Names]) -> Names:
    """Return the names of several tables; a stream of which they disagree has none."""
    names: dict[str, Mapping[str, Mapping[int, str]]] = {}
    for part in parts:
        for stream, known in part.items():
            names[stream] = known if names.get(stream, known) == known else {}
    return names


def _scored(columns: Mapping[str, Array]) -> dict[str, Array]:
    """Return the columns, with ``correct`` as ``outcome`` says if that is all there is."""
    if "correct" in columns or "outcome" not in columns:
        return dict(columns)
    codes = {outcome.label: int(outcome) for outcome in Outcome}
    outcome = np.array([codes.get(str(word), 0) for word in columns["outcome"].tolist()], int)
    return {**columns, "correct": correct_from_outcome(outcome)}


def correct_from_outcome(outcome: Array) -> Array:
    """Score each trial from its outcome code.

    Args:
        outcome: Integer ``Outcome`` codes, (trials,).

    Returns:
        float64, (trials,): 1 if correct, 0 after error, abort or miss, ``nan`` otherwise.
    """
    score = np.full(len(Outcome), np.nan)
    score[Outcome.CORRECT] = 1.0
    score[[Outcome.ERROR, Outcome.ABORT, Outcome.MISS]] = 0.0
    return score[outcome]


def empty_responses() -> dict[str, Array]:
    """Return the columns of a response table without rows."""
    text, number = np.empty(0, dtype="U1"), np.empty(0)
    kinds = {"subject": text, "stream": text, "period": text, "time_s": number, "reward": number}
    return {name: kinds.get(name, np.empty(0, dtype=np.int64)) for name in RESPONSE_COLUMNS}


def stream_codes(table: Table) -> tuple[list[str], IntArray]:
    """Number the streams of a table in order of appearance.

    Returns:
        The names, with the subject's where the table has one, and int64, (rows,), the number of
        each row's stream. A table without either column is one stream called ``all``.
    """
    parts = [table[name] for name in ("subject", "stream") if name in table]
    if not parts:
        return ["all"] if len(table) else [], np.zeros(len(table), dtype=np.int64)
    codes = group_codes(parts)
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    names = [".".join(str(part[row]) for part in parts) for row in first[order]]
    return names, rank[inverse].astype(np.int64)


def group_codes(parts: Sequence[Array]) -> IntArray:
    """One integer per row, equal where all columns are equal and ordered as they are."""
    codes = np.zeros(len(parts[0]), dtype=np.int64)
    for part in parts:
        count, inverse = _numbered(part)
        codes = codes * max(count, 1) + inverse
    return codes


def _numbered(part: Array) -> tuple[int, IntArray]:
    """Return the number of different values of a column, and the rank of each row's value."""
    words: list[str] = []
    if part.dtype.kind == "U" and len(part):
        # Sorting a million words takes a second; comparing them with a few takes milliseconds.
        codes = np.full(len(part), -1, dtype=np.int64)
        left = np.arange(len(part))
        while len(left) and len(words) < FEW_WORDS:
            words.append(str(part[left[0]]))
            same = part[left] == words[-1]
            codes[left[same]] = len(words) - 1
            left = left[~same]
        if not len(left):
            rank = np.empty(len(words), dtype=np.int64)
            rank[np.argsort(np.array(words))] = np.arange(len(words))
            return len(words), rank[codes]
    values, inverse = np.unique(part, return_inverse=True)
    return len(values), inverse.astype(np.int64)


def _within(responses: Table, trials: Table) -> BoolArray:
    """Return which responses belong to one of the trials."""
    names = [name for name in IDENTITY if name in trials and name in responses]
    if not names or not len(trials) or not len(responses):
        return np.zeros(len(responses), dtype=np.bool_)
    codes = group_codes([np.concatenate([responses[name], trials[name]]) for name in names])
    return np.isin(codes[: len(responses)], codes[len(responses) :])
