"""Columns to a text file and back, with the standard library only."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from neuroparallel.errors import ArgumentError, RecordError, nearest
from neuroparallel.outcomes import Outcome
from neuroparallel.records.safe_files import open_regular, replace_file

PathLike: TypeAlias = str | os.PathLike[str]

MISSING = "n/a"
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
            reader = csv.reader(file, delimiter=_delimiter(source), strict=True)
            names = _header(source, next(reader, []))
            rows, lines = _rows(source, reader, names)
    except OSError as error:
        raise RecordError(f"{source}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise RecordError(f"{source}: not a text file in UTF-8 (byte {error.start}).") from error
    except csv.Error as error:
        raise RecordError(f"{source}, line {reader.line_num}: {error}.") from error
    cells: Iterable[tuple[str, ...]] = zip(*rows, strict=True) if rows else ((),) * len(names)
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


def _rows(source: Path, reader: Any, names: list[str]) -> tuple[list[list[str]], list[int]]:
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
    return rows, lines


def _parsed(source: Path, lines: list[int], name: str, cells: tuple[str, ...]) -> npt.NDArray[Any]:
    def convert(kind: str, pattern: re.Pattern[str], one: Callable[[str], Any]) -> list[Any]:
        for line, cell in zip(lines, cells, strict=True):
            if cell not in MISSING_NUMBERS and not pattern.fullmatch(cell):
                where = f"{source}, line {line}, column {name!r}"
                raise RecordError(f"{where}: {cell!r} is not {kind}.")
        return [one(cell) for cell in cells]

    if name in TEXT_COLUMNS:
        if name == "outcome":
            _check_outcomes(source, lines, cells)
        return np.array(["" if c == MISSING else c for c in cells], dtype=np.str_)
    if name in INTEGER_COLUMNS:
        absent = [line for line, c in zip(lines, cells, strict=True) if c in MISSING_NUMBERS]
        if absent and name not in NONE_IS_MINUS_ONE:
            where = f"{source}, line {absent[0]}, column {name!r}"
            raise RecordError(f"{where}: a whole number is needed; it is missing.")
        return np.array(convert("a whole number", _WHOLE, _whole), dtype=np.int64)
    if name in FLOAT_COLUMNS:
        return np.array(convert("a number or n/a", _NUMBER, _float), dtype=np.float64)
    return _guessed(cells)


def _check_outcomes(source: Path, lines: list[int], cells: tuple[str, ...]) -> None:
    """Refuse a word that no analysis would count."""
    known = {outcome.label for outcome in Outcome} | {MISSING}
    for line, cell in zip(lines, cells, strict=True):
        if cell not in known:
            where = f"{source}, line {line}, column 'outcome'"
            raise RecordError(f"{where}: {cell!r} is not an outcome.{nearest(cell, known)}")


def _guessed(cells: tuple[str, ...]) -> npt.NDArray[Any]:
    """The narrowest type that holds every entry of a condition column."""
    if cells and all(_INTEGER.fullmatch(c) for c in cells):
        return np.array([int(c) for c in cells], dtype=np.int64)
    if all(c in MISSING_NUMBERS or _NUMBER.fullmatch(c) for c in cells):
        return np.array([_float(c) for c in cells], dtype=np.float64)
    if all(c.lower() in _TRUTH for c in cells):
        return np.array([_TRUTH[c.lower()] for c in cells], dtype=np.bool_)
    return np.array(["" if c == MISSING else c for c in cells], dtype=np.str_)


def _float(cell: str) -> float:
    return float("nan") if cell in MISSING_NUMBERS else float(cell)


def _whole(cell: str) -> int:
    return -1 if cell in MISSING_NUMBERS else int(cell.split(".")[0])
