"""A column-oriented table on NumPy arrays, the base of record tables and the result of analyses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from neuroparallel.errors import ArgumentError, MissingDependencyError, UnknownNameError, UsageError, nearest
from neuroparallel.records.csv_file import MISSING, PathLike, read_columns, write_columns

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

Array: TypeAlias = npt.NDArray[Any]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

PRINTED_ROWS = 10


@dataclass(frozen=True, eq=False, repr=False)
class Table(dict[str, Array]):
    """Named columns of equal length that cannot be changed once made.

    It is a dictionary of its columns, because a dictionary is what pandas' DataFrame reads column by column; but its
    length is the number of rows, and it cannot be changed. Columns are one-dimensional NumPy arrays of numbers, truth
    values or text, and are read-only.
    A missing number is ``nan`` and a missing text is the empty string.

    Attributes:
        columns: Column name to array, in display order; iterating gives the names.

    Raises:
        ArgumentError: A column is not one-dimensional, or its length differs from the others.
    """

    columns: Mapping[str, Array]

    def __post_init__(self) -> None:
        """Freeze the columns, after a check that they have one length."""
        given: Any = self.columns
        if not isinstance(given, Mapping):
            kind, name = type(given).__name__, type(self).__name__
            remedy = f"; {name}.from_pandas(frame) takes it" if kind == "DataFrame" else ""
            raise ArgumentError(f"{name}() takes a mapping of column names to arrays; found a {kind}{remedy}.")
        frozen = {name: _frozen(name, values) for name, values in self.columns.items()}
        lengths = {name: len(values) for name, values in frozen.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ArgumentError(f"Columns must have one length; found {shown}.")
        object.__setattr__(self, "columns", MappingProxyType(frozen))
        dict.update(self, frozen)  # the same arrays once more, for those who read dictionaries past their methods

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Make an empty one; what it is given is checked before it is kept."""
        return super().__new__(cls)

    __eq__ = object.__eq__  # see `equals`
    __ne__ = object.__ne__
    __hash__ = object.__hash__  # type: ignore[assignment]

    def _refuse(self, *_: Any, **__: Any) -> Any:
        """Refuse to be changed."""
        name = type(self).__name__
        raise UsageError(f"a {name} cannot be changed; make another one: {name}({{**table, 'column': values}}).")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def copy(self) -> Self:
        """Return the table itself, as it cannot be changed."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as attributes: the entries follow from the columns."""
        return _empty, (type(self),), self.__getstate__()

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> Array:
        """One column, read-only; an unknown name says which is meant and which exist."""
        try:
            return self.columns[name]
        except (KeyError, TypeError):
            raise self._unknown(name) from None

    def __iter__(self) -> Iterator[str]:
        """Return the names of the columns, in display order."""
        return iter(self.columns)

    def __array__(self, *_: Any, **__: Any) -> Array:
        """Refuse to be one array: columns of several types are none."""
        name = type(self).__name__
        raise ArgumentError(
            f"a {name} is no array: its columns have several types; take one column, dict(table), or to_pandas()."
        )

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Return the table for all that read Arrow's C stream, as ``polars.DataFrame(table)`` does.

        Raises:
            MissingDependencyError: pyarrow is not installed.
        """
        try:
            import pyarrow  # type: ignore[import-untyped]
        except ImportError as error:
            raise MissingDependencyError(
                "reading a table as an Arrow stream needs pyarrow, which is not installed: pip install pyarrow"
            ) from error
        arrays = {name: pyarrow.array(values) for name, values in self.columns.items()}
        return pyarrow.table(arrays).__arrow_c_stream__(requested_schema)

    def __contains__(self, name: object) -> bool:
        """Whether there is a column of this name."""
        return name in self.columns

    def __getstate__(self) -> dict[str, Any]:
        """Plain dictionaries, because a mapping proxy cannot be pickled."""
        return {**self.__dict__, "columns": dict(self.columns)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore and freeze again: pickle forgets that an array was read-only."""
        for name, value in state.items():
            object.__setattr__(self, name, value)
        Table.__post_init__(self)

    def __repr__(self) -> str:
        """Return the first rows, aligned, as plain text."""
        head = f"{type(self).__name__} of {len(self)} rows"
        if not len(self):
            return f"{head}: {', '.join(self.columns)}"
        cells = [[name, *map(_shown, v[:PRINTED_ROWS])] for name, v in self.columns.items()]
        widths = [max(map(len, column)) for column in cells]
        rows = ("  ".join(map(str.rjust, row, widths)) for row in zip(*cells, strict=True))
        tail = [f"... {len(self) - PRINTED_ROWS} more"] if len(self) > PRINTED_ROWS else []
        return "\n".join([head, *rows, *tail])

    def mask(self, **values: Any) -> BoolArray:
        """Mark the rows in which every named column has the value asked for.

        Args:
            **values: Column name to a value, or to several values any of which will do
                (``stream="memory", outcome=("correct", "error")``). ``nan`` finds missing numbers.

        Returns:
            bool, (rows,).

        Raises:
            UnknownNameError: There is no such column.
        """
        kept = np.ones(len(self), dtype=np.bool_)
        for name, wanted in values.items():
            kept &= _matches(self[name], wanted)
        return kept

    def where(self, **values: Any) -> Self:
        """Keep the rows in which every named column has the value asked for; see ``mask``."""
        return self.select(self.mask(**values))

    def select(self, mask: npt.ArrayLike) -> Self:
        """Keep the marked rows.

        Args:
            mask: bool, (rows,), or the row numbers to keep, integers, in any order.

        Returns:
            A new table of the same kind.

        Raises:
            ArgumentError: The mask is not of that type, or not one entry per row.
        """
        picked = self._picked(mask)
        return type(self)({name: values[picked] for name, values in self.columns.items()})

    def equals(self, other: Table) -> bool:
        """Whether another table has the same columns and values; two missing numbers are equal."""
        return list(self.columns) == list(other.columns) and all(
            np.array_equal(values, other.columns[name], equal_nan=values.dtype.kind in "fc")
            for name, values in self.columns.items()
        )

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as a pandas DataFrame with the same columns."""
        import pandas as pd

        return pd.DataFrame(dict(self.columns))

    @classmethod
    def from_pandas(cls, frame: pd.DataFrame) -> Self:
        """Make a table of a pandas DataFrame; its index is left out.

        Args:
            frame: Columns of numbers, truth values or text, read as those of a file are.

        Raises:
            ArgumentError: It is no DataFrame.
            RecordError: A column is malformed; names line (the header is line 1) and column.
        """
        if not (hasattr(frame, "to_csv") and hasattr(frame, "columns")) or isinstance(frame, Table):
            raise ArgumentError(f"from_pandas() takes a DataFrame; found a {type(frame).__name__}.")
        with TemporaryDirectory() as folder:
            file = Path(folder) / "frame.csv"
            frame.to_csv(file, index=False, na_rep=MISSING)
            return cls.read_csv(file)

    def to_csv(self, path: PathLike) -> None:
        """Write the table as text; a file of that name is replaced only once all is written.

        Args:
            path: The file; tabs separate the columns if it ends in ``.tsv``, commas otherwise.
                Missing values are written ``n/a``, as in BIDS.
        """
        write_columns(path, self.columns)

    @classmethod
    def read_csv(cls, path: PathLike) -> Self:
        """Read a table that was written by ``to_csv``, or an animal's of the same columns.

        A column whose entries are all whole numbers is read as integers, all numbers or ``n/a``
        as floats, all true or false as bool, anything else as text.

        Args:
            path: The file; tabs separate the columns if it ends in ``.tsv``, commas otherwise.

        Raises:
            RecordError: The file is missing, empty or malformed; names file, line and column.
        """
        return cls(read_columns(path))

    @classmethod
    def concatenate(cls, tables: Sequence[Self]) -> Self:
        """Concatenate tables row-wise; a column that one of them lacks is missing there.

        Args:
            tables: At least none; their columns may differ.

        Raises:
            ArgumentError: A column holds text in one table and numbers in another.
        """
        return cls(stack_columns([table.columns for table in tables], [len(t) for t in tables]))

    def require(self, *names: str) -> None:
        """Refuse a table that lacks one of these columns; names it and those that exist."""
        for name in names:
            if name not in self.columns:
                raise self._unknown(name)

    def _unknown(self, name: object) -> UnknownNameError:
        return UnknownNameError(f"No column {name!r}.{nearest(str(name), self.columns)}")

    def _picked(self, mask: npt.ArrayLike) -> Array:
        picked = np.asarray(mask)
        if picked.size == 0 and picked.ndim == 1 and picked.dtype.kind == "f":
            picked = picked.astype(np.int64)  # an empty list selects no row
        if picked.dtype.kind not in "biu" or picked.ndim != 1:
            raise ArgumentError(
                "select() takes a one-dimensional array of bool or of row numbers; "
                f"found {picked.dtype} of shape {picked.shape}."
            )
        if picked.dtype.kind == "b" and len(picked) != len(self):
            raise ArgumentError(f"select() takes one truth value per row: {len(self)}; found {len(picked)}.")
        return picked


def _empty(kind: type[Table]) -> Table:
    """Return a table before its attributes are restored."""
    return kind.__new__(kind)


def stack_columns(parts: Sequence[Mapping[str, Array]], lengths: Sequence[int]) -> dict[str, Array]:
    """Stack columns of several tables; absent ones become ``nan`` or the empty string."""
    names = list(dict.fromkeys(name for part in parts for name in part))
    return {name: _stacked(name, [part.get(name) for part in parts], lengths) for name in names}


def _stacked(name: str, parts: list[Array | None], lengths: Sequence[int]) -> Array:
    # An empty column has no say in the type: it may have been read from a file without rows.
    present = [p for p in parts if p is not None and len(p)] or [p for p in parts if p is not None]
    is_text = {p.dtype.kind == "U" for p in present}
    if len(is_text) > 1:
        raise ArgumentError(f"Column {name!r} holds text in one table and numbers in another.")
    fill = "" if is_text == {True} else np.nan
    filled = [
        np.full(length, fill, dtype=present[0].dtype if fill == "" else np.float64) if part is None else part
        for part, length in zip(parts, lengths, strict=True)
        if length
    ]
    return np.concatenate(filled) if filled else present[0][:0]


def _frozen(name: str, values: npt.ArrayLike) -> Array:
    array = np.asarray(values)
    if array.dtype.kind == "O":
        array = array.astype(str)
    if array.ndim != 1:
        raise ArgumentError(f"Column {name!r} must be one-dimensional; its shape is {array.shape}.")
    view = array.view()
    view.flags.writeable = False
    return view


def _matches(column: Array, wanted: Any) -> BoolArray:
    several = isinstance(wanted, (list, tuple, set, frozenset, range, np.ndarray))
    hit = np.zeros(len(column), dtype=np.bool_)
    for value in list(wanted) if several else [wanted]:
        if isinstance(value, (float, np.floating)) and np.isnan(value):
            hit |= np.isnan(column) if column.dtype.kind == "f" else False
        elif isinstance(value, str) == (column.dtype.kind == "U"):
            hit |= column == value
    return hit


def _shown(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return "n/a" if np.isnan(value) else f"{value:.4g}"
    return str(value)
