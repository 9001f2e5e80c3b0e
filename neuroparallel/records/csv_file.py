"""Columns of a table, written to a CSV or TSV file and read again."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from neuroparallel.errors import ArgumentError, RecordError, nearest
from neuroparallel.outcomes import Outcome
from neuroparallel.records.safe_files import open_regular, replace_file

PathLike: TypeAlias = str | os.PathLike[str]

MISSING = "n/a"
NAMES = "_name"  # ends the name of a column that says what the numbers in another one stand for
# Columns of the record tables whose type must not depend on the values that a file happens to have.
TEXT_COLUMNS = frozenset({"subject", "stream", "task", "outcome", "period"})
INTEGER_COLUMNS = frozenset({"session", "lane", "trial", "choice", "ground_truth", "action"})
FLOAT_COLUMNS = frozenset({"onset_s", "duration_s", "correct", "reward", "response_time_s", "time_s"})
# Integer columns in which -1 says "none", written n/a.
NONE_IS_MINUS_ONE = frozenset({"choice", "ground_truth"})

# Also read as missing: what other programs leave or write where a number is missing.
MISSING_NUMBERS = frozenset({MISSING, "", "nan", "NaN", "NA"})

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_WHOLE = re.compile(r"[+-]?\d{1,18}(\.0*)?")  # pandas writes integers so, where one is missing
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf)")
_TRUTH = {"true": True, "false": False}

# Raises an error about the cell at a place among the different cells of a column.
Refuse: TypeAlias = Callable[[int, str], None]


def write_columns(path: PathLike, columns: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write columns under a header line, by way of a temporary file beside the target."""
    target = _file(path)
    cells = [_written(name, values) for name, values in columns.items()]
    with replace_file(target, newline="") as file:
        writer = csv.writer(file, delimiter=_delimiter(target), lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*cells, strict=True))


def read_columns(path: PathLike) -> dict[str, npt.NDArray[Any]]:
    """Read columns; each error names file, line and column."""
    source = _file(path)
    try:
        with open_regular(source, newline="", encoding="utf-8-sig") as file:
            text = file.read()
    except OSError as error:
        raise RecordError(f"{source}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise RecordError(f"{source}: not a text file in UTF-8 (byte {error.start}).") from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(source), strict=True)
    try:
        names = _header(source, next(reader, []))
        cells = _regular_cells(text, len(names), _delimiter(source))
        lines: Sequence[int] = range(2, 2 + len(cells[0])) if cells else ()
        if cells is None:
            cells, lines = _cells(source, reader, names)
    except csv.Error as error:
        raise RecordError(f"{source}, line {reader.line_num}: {error}.") from error
    return {name: _parsed(source, lines, name, column) for name, column in zip(names, cells, strict=True)}


def _file(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentError(f"{path!r} is no file; give the path of one, as trials.csv.")
    return Path(path)


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix == ".tsv" else ","


def _written(name: str, values: npt.NDArray[Any]) -> list[str]:
    kind = values.dtype.kind
    items = values.tolist()
    if kind == "f":
        return [MISSING if item != item else repr(item) for item in items]
    if kind == "b":
        return ["true" if item else "false" for item in items]
    if name in NONE_IS_MINUS_ONE:
        return [MISSING if item == -1 else str(item) for item in items]
    return [str(item) or MISSING for item in items]


def _header(source: Path, names: list[str]) -> list[str]:
    if not names:
        raise RecordError(f"{source}, line 1: no header; a table starts with its column names.")
    other = next((mark for mark in ";\t," if len(names) == 1 and mark in names[0]), None)
    if other is not None:  # as spreadsheets write them in some countries, and all cells would be one
        raise RecordError(
            f"{source}, line 1: the names are separated by {other!r}; in a file of this name they are by "
            f"{_delimiter(source)!r} (tabs in .tsv, commas in all others)."
        )
    for number, name in enumerate(names, start=1):
        if not name or name in names[: number - 1]:
            problem = f"column name {name!r} appears twice" if name else "has no name"
            raise RecordError(f"{source}, line 1, column {number}: {problem}.")
    return names


def _regular_cells(text: str, width: int, delimiter: str) -> list[npt.NDArray[np.object_]] | None:
    """Read the cells below the header with pandas, which is fast.

    Args:
        text: The file.
        width: Number of columns.
        delimiter: What separates the cells of a line.

    Returns:
        The columns, as text; None unless each line of the file is one row with ``width`` cells and no quotes. Of
        other files pandas would drop blank lines and fill short ones.
    """
    import pandas as pd

    lines = text.count("\n")
    if '"' in text or text.count("\r") not in (0, lines) or "\0" in text or lines < 2:
        return None
    options = {"header": None, "skiprows": 1, "dtype": object, "na_filter": False, "skip_blank_lines": False}
    try:
        frame = pd.read_csv(io.StringIO(text), sep=delimiter, quoting=csv.QUOTE_NONE, low_memory=False, **options)
    except (pd.errors.ParserError, pd.errors.EmptyDataError):
        return None
    rows = lines - text.endswith("\n")  # the header is a line as well
    blank = width == 1 and bool((frame[0] == "").any())
    if frame.shape != (rows, width) or blank or text.count(delimiter) != (rows + 1) * (width - 1):
        return None
    return [frame[column].to_numpy(dtype=object) for column in frame]


def _cells(source: Path, reader: Any, names: list[str]) -> tuple[list[npt.NDArray[np.object_]], list[int]]:
    """Read the cells of any file, and the line on which each row ends."""
    rows, lines = [], []
    for row in reader:
        if not row:
            continue  # a blank line, as editors leave at the end
        if len(row) != len(names):
            last = names[min(len(row), len(names)) - 1]
            raise RecordError(
                f"{source}, line {reader.line_num}, at column {last!r}: {len(row)} fields; the header has {len(names)}."
            )
        rows.append(row)
        lines.append(reader.line_num)
    table = np.empty((len(rows), len(names)), dtype=object)
    if rows:
        table[:] = rows
    return list(table.T), lines


def _parsed(source: Path, lines: Sequence[int], name: str, cells: npt.NDArray[np.object_]) -> npt.NDArray[Any]:
    """Turn text into numbers, truth values or text, each different cell once."""
    import pandas as pd

    codes, different = pd.factorize(cells)  # in the order in which they appear, so the first bad one is the first
    distinct: list[str] = different.tolist()
    values: npt.NDArray[Any]

    def refuse(place: int, problem: str) -> None:
        line = lines[int((codes == place).argmax())]
        raise RecordError(f"{source}, line {line}, column {name!r}: {problem}")

    if name in TEXT_COLUMNS or name.endswith(NAMES):
        values = _texts(distinct)
        if name == "outcome":
            _check_outcomes(distinct, refuse)
    elif name in INTEGER_COLUMNS:
        values = _integers(distinct, name in NONE_IS_MINUS_ONE, refuse)
    elif name in FLOAT_COLUMNS:
        _check_numbers(distinct, "a number or n/a", _NUMBER, refuse)
        values = np.array([_float(cell) for cell in distinct], dtype=np.float64)
    else:
        values = _guessed(distinct)
    column: npt.NDArray[Any] = values[codes]
    return column


def _check_numbers(cells: list[str], kind: str, pattern: re.Pattern[str], refuse: Refuse) -> None:
    for place, cell in enumerate(cells):
        if cell not in MISSING_NUMBERS and not pattern.fullmatch(cell):
            refuse(place, f"{cell!r} is not {kind}.")


def _integers(cells: list[str], may_miss: bool, refuse: Refuse) -> npt.NDArray[np.int64]:
    missing = [place for place, cell in enumerate(cells) if cell in MISSING_NUMBERS]
    if missing and not may_miss:
        refuse(missing[0], "a whole number is needed; it is missing.")
    _check_numbers(cells, "a whole number", _WHOLE, refuse)
    return np.array([_whole(cell) for cell in cells], dtype=np.int64)


def _check_outcomes(cells: list[str], refuse: Refuse) -> None:
    """Refuse a word that no analysis would count."""
    known = {outcome.label for outcome in Outcome} | {MISSING}
    for place, cell in enumerate(cells):
        if cell not in known:
            refuse(place, f"{cell!r} is not an outcome.{nearest(cell, known)}")


def _texts(cells: list[str]) -> npt.NDArray[np.str_]:
    return np.array(["" if cell == MISSING else cell for cell in cells], dtype=np.str_)


def _guessed(cells: list[str]) -> npt.NDArray[Any]:
    """Return the narrowest type that holds every entry of a condition column."""
    if cells and all(_INTEGER.fullmatch(c) for c in cells):
        return np.array([int(c) for c in cells], dtype=np.int64)
    if all(c in MISSING_NUMBERS or _NUMBER.fullmatch(c) for c in cells):
        return np.array([_float(c) for c in cells], dtype=np.float64)
    if all(c.lower() in _TRUTH for c in cells):
        return np.array([_TRUTH[c.lower()] for c in cells], dtype=np.bool_)
    return _texts(cells)


def _float(cell: str) -> float:
    return float("nan") if cell in MISSING_NUMBERS else float(cell)


def _whole(cell: str) -> int:
    return -1 if cell in MISSING_NUMBERS else int(cell.split(".")[0])
