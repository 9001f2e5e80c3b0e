"""The page of what is solved is what the files give."""

import json
from pathlib import Path

import pytest

from neuroparallel.cli import main
from neuroparallel.errors import ArgumentError
from neuroparallel.reporting import solved_page

ROOT = Path(__file__).resolve().parent.parent.parent
MACHINE = {"processor": "A processor", "cores": 2, "jobs": 1}


def row(seed, seconds=None, score=0.9, **more):
    return {
        "seed": seed,
        "passed": seconds is not None,
        "ended_by": "budget_s" if seconds is None else "criterion",
        "seconds_to_criterion": seconds,
        "steps_to_criterion": seconds and int(1000 * seconds),
        "score": {"a.task": [score, score - 0.01, score + 0.01]},
        "aborts": {"a.task": 0.0},
        "machine": MACHINE,
        **more,
    }


def write(place, name, *rows):
    content = {
        "scenario": name, "criterion": {"a.task": 0.8}, "source": "Somebody 2017", "chance": {"a.task": 0.5},
        "ceiling": {"a.task": 1.0}, "blind": {}, "settings": {"budget_s": 180.0}, "versions": {"ray": "2.60"},
        "seeds": rows,
    }  # fmt: skip
    (place / f"{name}.json").write_text(json.dumps(content))


def test_the_page_in_the_docs_is_what_the_files_give():
    assert (ROOT / "docs" / "solved.md").read_text(encoding="utf-8") == solved_page(ROOT / "benchmarks" / "solved"), (
        "run: neuroparallel solve --table"
    )


def test_the_median_is_over_scenarios_and_stands_before_the_table(tmp_path):
    for name, seconds in (("c", 9.0), ("a", 1.0), ("b", 3.0)):
        write(tmp_path, name, row(0, seconds), row(1, seconds + 1), row(2, seconds + 50))
    page = solved_page(tmp_path)
    assert "3 of 3 scenarios on this page are solved" in page
    assert page.index("median scenario: 4.0 s, 4 k steps") < page.index("| `a` |") < page.index("| `b` |")
    assert "None." in page


def test_a_seed_that_did_not_pass_counts_as_longer_than_all_others(tmp_path):
    write(tmp_path, "a", row(0, 2.0), row(1), row(2, 1.0))
    page = solved_page(tmp_path)
    assert "| `a` | 2 of 3 | 2.0 s, 2 k steps | 2.0, -, 1.0 |" in page
    write(tmp_path, "a", row(0, 2.0), row(1), row(2))
    assert "median scenario: not reached" in solved_page(tmp_path)


def test_the_median_of_two_scenarios_of_which_one_is_not_solved_is_not_reached(tmp_path):
    write(tmp_path, "a", row(0, 2.0))
    write(tmp_path, "b", row(0))
    assert "median scenario: not reached" in solved_page(tmp_path)


def test_what_is_not_solved_is_listed_with_the_reason(tmp_path):
    write(tmp_path, "a", row(0, 2.0))
    write(tmp_path, "b", row(0, 1.0), row(1, score=0.6, aborts={"a.task": 0.4}), row(2, score=0.7))
    write(tmp_path, "c", {**row(0), "ended_by": "error", "error": "ValueError", "score": {}})
    listed = solved_page(tmp_path).partition("## Not solved")[2]
    assert "`a`" not in listed
    assert "- `b`, seeds 1, 2: its limit of 180 s was reached; a.task was 0.700 of at least 0.800." in listed
    assert "- `c`, seed 0: ended by an error (ValueError)." in listed
    write(tmp_path, "b", row(1, score=0.6, aborts={"a.task": 0.4}))
    assert "40 % of a.task aborted" in solved_page(tmp_path)


def test_without_results_or_with_a_damaged_one_there_is_no_page(tmp_path):
    with pytest.raises(ArgumentError, match="no result"):
        solved_page(tmp_path)
    write(tmp_path, "a")
    with pytest.raises(ArgumentError, match="seeds is empty"):
        solved_page(tmp_path)
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(ArgumentError, match="damaged"):
        solved_page(tmp_path)


def test_the_command_writes_the_page(tmp_path, capsys):
    write(tmp_path, "a", row(0, 2.0))
    assert main(["solve", "--out", str(tmp_path), "--table", str(tmp_path / "docs" / "page.md")]) == 0
    assert (tmp_path / "docs" / "page.md").read_text(encoding="utf-8") == solved_page(tmp_path)
    assert main(["solve", "--out", str(tmp_path / "nothing"), "--table", str(tmp_path / "page.md")]) == 2
    assert "no result" in capsys.readouterr().err
