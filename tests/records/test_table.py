"""Tables: frozen, selectable, the same after a trip through a file."""

from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neuroparallel as npar
from neuroparallel.errors import (
    ArgumentError,
    MissingDependencyError,
    RecordError,
    UnknownNameError,
    UsageError,
)
from neuroparallel.records import Table


def example() -> Table:
    return Table(
        {
            "stream": np.array(["memory", "gng", "memory"]),
            "outcome": np.array(["correct", "error", "miss"]),
            "choice": np.array([1, 0, -1]),
            "coherence": np.array([6.4, np.nan, 12.8]),
        }
    )


def test_columns_are_read_only_and_cannot_be_replaced():
    table = example()
    with pytest.raises(ValueError, match="read-only"):
        table["choice"][0] = 2
    with pytest.raises(TypeError):
        table.columns["choice"] = np.zeros(3)
    with pytest.raises(AttributeError):
        table.columns = {}


def test_freezing_leaves_the_arrays_of_the_caller_as_they_were():
    values = np.arange(3)
    Table({"trial": values})
    values[0] = 7


def test_where_takes_one_value_or_several_and_finds_missing_numbers():
    table = example()
    assert table.where(stream="memory", outcome=("correct", "error"))["choice"].tolist() == [1]
    assert table.where(coherence=float("nan"))["stream"].tolist() == ["gng"]
    assert len(table.where(choice=[-1, 0])) == 2
    assert len(table.where(choice="left")) == 0


def test_an_unknown_column_is_a_key_error_that_names_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'outcome'"):
        example().where(outcom="correct")
    with pytest.raises(KeyError):
        example()["nothing_like_it"]


def test_select_takes_row_numbers_and_refuses_a_mask_of_another_length():
    assert example().select([2, 0])["choice"].tolist() == [-1, 1]
    assert len(example().select([])) == 0
    with pytest.raises(ArgumentError, match="one truth value per row: 3; found 2"):
        example().select(np.array([True, False]))
    with pytest.raises(ArgumentError, match="float64"):
        example().select(np.array([0.0, 1.0]))


def test_columns_of_different_length_or_shape_are_refused():
    with pytest.raises(ArgumentError, match="a 2, b 3"):
        Table({"a": np.zeros(2), "b": np.zeros(3)})
    with pytest.raises(ArgumentError, match="'a' must be one-dimensional"):
        Table({"a": np.zeros((2, 2))})


def test_concatenate_fills_what_a_table_lacks():
    side = Table({"stream": np.array(["motion"]), "side": np.array([2])})
    both = Table.concatenate([example(), side])
    np.testing.assert_array_equal(both["side"], [np.nan, np.nan, np.nan, 2.0])
    assert both["outcome"].tolist() == ["correct", "error", "miss", ""]
    with pytest.raises(ArgumentError, match="text in one table and numbers"):
        Table.concatenate([side, Table({"side": np.array(["left"])})])


def test_concatenate_ignores_the_type_of_columns_without_rows():
    empty = Table({"side": np.empty(0)})
    assert Table.concatenate([empty, Table({"side": np.array(["left"])})])["side"][0] == "left"
    assert len(Table.concatenate([])) == 0


def test_pickle_keeps_values_and_keeps_them_read_only():
    table = pickle.loads(pickle.dumps(example()))
    assert table.equals(example())
    assert not table["choice"].flags.writeable


def test_repr_shows_missing_values_and_how_many_rows_are_left_out():
    text = repr(Table({"x": np.append(np.nan, np.arange(14))}))
    assert "n/a" in text
    assert "... 5 more" in text
    assert repr(Table({"x": np.empty(0)})) == "Table of 0 rows: x"


def test_to_pandas_has_the_same_columns():
    frame = example().to_pandas()
    assert list(frame.columns) == ["stream", "outcome", "choice", "coherence"]
    assert frame["coherence"].isna().tolist() == [False, True, False]


# --- files ------------------------------------------------------------------------------------

# A text column comes back as text only if one of its entries cannot be read as something else.
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8).filter(
    lambda word: word != "n/a"
)
COLUMN_OF = {
    "reward": st.floats(allow_nan=True, width=64),
    "choice": st.integers(-1, 40),
    "lane": st.integers(0, 2**40),
    "stream": WORDS,
    "soa_ms": st.floats(allow_nan=True, width=64),
    "count": st.integers(-(10**17), 10**17),
    "catch": st.booleans(),
    'odour, "first"': WORDS,
}


@st.composite
def tables(draw: st.DrawFn) -> Table:
    rows = draw(st.integers(1, 6))
    columns = {name: np.array(draw(st.lists(kind, min_size=rows, max_size=rows))) for name, kind in COLUMN_OF.items()}
    columns['odour, "first"'] = np.char.add(columns['odour, "first"'], "!")
    # An infinite or missing float is as good as any; only its bits are not kept.
    return Table({name: columns[name] for name in draw(st.permutations(list(columns)))})


@settings(max_examples=150, deadline=None)
@given(tables(), st.sampled_from(["table.csv", "table.tsv"]))
def test_a_table_is_the_same_after_a_trip_through_a_file(
    tmp_path_factory: pytest.TempPathFactory, table: Table, name: str
):
    path = tmp_path_factory.mktemp("trip") / name
    table.to_csv(path)
    again = Table.read_csv(path)
    assert again.equals(table)
    assert [again[n].dtype.kind for n in again.columns] == [table[n].dtype.kind for n in table.columns]
    assert [p.name for p in path.parent.iterdir()] == [name]


def test_missing_values_are_written_as_in_bids(tmp_path: Path):
    example().to_csv(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == (
        "stream,outcome,choice,coherence\nmemory,correct,1,6.4\ngng,error,0,n/a\nmemory,miss,n/a,12.8\n"
    )


def test_pandas_reads_the_file_as_it_stands(tmp_path: Path):
    import pandas as pd

    example().to_csv(tmp_path / "t.csv")
    assert pd.read_csv(tmp_path / "t.csv")["coherence"].isna().sum() == 1


def test_a_file_that_pandas_wrote_reads_the_same(tmp_path: Path):
    frame = example().to_pandas()
    frame["choice"] = frame["choice"].where(frame["choice"] >= 0)  # now floats with a gap
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert Table.read_csv(tmp_path / "t.csv").equals(example())


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("old")
    broken = Table({"stream": np.array(["\ud800"])})  # a lone surrogate cannot be written
    with pytest.raises(UnicodeEncodeError):
        broken.to_csv(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no header"),
        ("trial,trial\n1,2\n", r"line 1, column 2: column name 'trial' appears twice"),
        ("trial,,lane\n", "line 1, column 2: has no name"),
        ("trial,lane\n0,0\n1\n", r"line 3, at column 'trial': 1 fields; the header has 2"),
        ("trial,lane\n0,0\n1,2,3\n", "line 3, at column 'lane': 3 fields; the header has 2"),
        ("trial,reward\n0,1.0\n1,much\n", "line 3, column 'reward': 'much' is not a number"),
        ("outcome\ncorect\n", "line 2, column 'outcome': 'corect' is not an outcome. Did you mean"),
        ("trial\n0\n1.5\n", "line 3, column 'trial': '1.5' is not a whole number"),
        ("trial\n0\nn/a\n", "line 3, column 'trial': a whole number is needed; it is missing"),
        ('trial\n"0\n', "line 2: unexpected end of data"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_column(tmp_path: Path, text: str, message: str):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(RecordError, match=message) as caught:
        Table.read_csv(path)
    assert "bad.csv" in str(caught.value)


def test_a_file_that_is_absent_or_not_text_is_refused(tmp_path: Path):
    with pytest.raises(RecordError, match=r"none\.csv: cannot be read: No such file"):
        Table.read_csv(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"trial\n\xff\xfe\n")
    with pytest.raises(RecordError, match="UTF-8"):
        Table.read_csv(tmp_path / "b.csv")


def test_blank_lines_and_a_byte_order_mark_do_no_harm(tmp_path: Path):
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbftrial\r\n4\r\n\r\n")
    assert Table.read_csv(tmp_path / "t.csv")["trial"].tolist() == [4]


@pytest.mark.parametrize(
    "text",
    ["side,strength\nleft,1\n\nright,2\n", 'side,strength\n"left",1\nright,2\n', "side,strength\r\nleft,1\r\nright,2"],
)
def test_blank_lines_and_quotes_change_nothing_in_the_table_that_is_read(tmp_path: Path, text: str):
    """Files without them are read by pandas, others by the standard library."""
    (tmp_path / "t.csv").write_bytes(text.encode())
    table = Table.read_csv(tmp_path / "t.csv")
    assert table["side"].tolist() == ["left", "right"]
    assert table["strength"].tolist() == [1, 2]


def test_lines_of_spaces_are_cells_of_a_table_of_one_column(tmp_path: Path):
    (tmp_path / "t.csv").write_text("note\na\n \nb\n")
    assert Table.read_csv(tmp_path / "t.csv")["note"].tolist() == ["a", " ", "b"]


def test_other_libraries_take_a_table_by_its_columns():
    """`dict` goes by `keys`, polars and pyarrow by Arrow's stream."""
    trials = npar.simulate("random_dots", trials=30)
    columns = dict(trials)
    assert list(columns) == list(trials.keys()) == list(trials)
    assert all(
        np.array_equal(columns[name], trials[name], equal_nan=columns[name].dtype.kind == "f") for name in trials
    )
    assert list(dict(trials.responses)) == list(trials.responses)


def test_a_data_frame_of_a_table_is_that_of_to_pandas():
    pandas = pytest.importorskip("pandas")
    trials = npar.simulate("random_dots", trials=30)
    for frame in (pandas.DataFrame(trials), pandas.DataFrame(dict(trials))):
        pandas.testing.assert_frame_equal(frame, trials.to_pandas())
    pandas.testing.assert_frame_equal(pandas.DataFrame(trials.responses), trials.responses.to_pandas())
    pandas.testing.assert_frame_equal(pandas.DataFrame(trials, columns=["choice"]), trials.to_pandas()[["choice"]])


def test_a_polars_frame_of_a_table_has_its_columns():
    polars = pytest.importorskip("polars")
    trials = npar.simulate("random_dots", trials=30)
    for columns in (trials, dict(trials)):
        frame = polars.DataFrame(columns)
        assert frame.columns == list(trials)
        assert frame["outcome"].to_list() == trials["outcome"].tolist()


def test_a_table_is_a_dictionary_that_cannot_be_changed_and_whose_length_is_its_rows():
    trials = npar.simulate("random_dots", trials=30)
    assert (len(trials), len(dict(trials)), trials.copy() is trials) == (
        len(trials["choice"]),
        len(trials.columns),
        True,
    )
    assert [name for name, _ in trials.items()] == list(trials)
    assert {trials: 1}[trials] == 1
    assert trials == trials
    assert trials != npar.Trials(dict(trials))
    for copied in (pickle.loads(pickle.dumps(trials)), copy.deepcopy(trials), copy.copy(trials), npar.Trials(trials)):
        assert copied.equals(trials)
        assert dict(copied).keys() == dict(trials).keys()
        assert type(copied) is npar.Trials
        with pytest.raises(ValueError, match="read-only"):
            copied["choice"][:] = 0
    change = [
        lambda: trials.__setitem__("choice", 1), lambda: trials.pop("choice"), lambda: trials.update(a=1),
        lambda: trials.clear(), lambda: trials.__delitem__("choice"), lambda: trials.setdefault("a", 1),
        lambda: trials.popitem(), lambda: trials.__ior__({}),
    ]  # fmt: skip
    for one in change:
        with pytest.raises(UsageError, match="a Trials cannot be changed"):
            one()
    assert not npar.Trials({"choice": []})


def test_a_table_is_read_as_an_arrow_stream():
    pyarrow = pytest.importorskip("pyarrow")
    trials = npar.simulate("random_dots", trials=30)
    read = pyarrow.table(trials)
    assert read.column_names == list(trials)
    assert read.num_rows == len(trials)
    assert read["outcome"].to_pylist() == trials["outcome"].tolist()
    assert read["trial"].to_pylist() == trials["trial"].tolist()


def test_an_arrow_stream_without_pyarrow_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match="pip install pyarrow"):
        npar.simulate("random_dots", trials=10).__arrow_c_stream__()
