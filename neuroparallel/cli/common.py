"""Functions for all verbs: the console, ``WHAT`` and ``--set``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroparallel.errors import ArgumentError
from neuroparallel.user_code import code_is_found

if TYPE_CHECKING:
    from rich.console import Console

    from neuroparallel.scenario import Scenario

__all__ = [
    "RUNS",
    "add_code",
    "add_no_code",
    "add_set",
    "add_verb",
    "add_what",
    "changes_of",
    "chosen_seed",
    "complain",
    "find_code_in",
    "find_code_of",
    "load",
    "note",
    "on_screen",
    "print_table",
    "write_table",
]

RUNS = Path("runs")  # directory of runs, by the name of their scenario
PLAIN_WIDTH = 120  # width of tables that go into a file or a pipe


@cache
def _console(error: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    return Console(stderr=error, highlight=False, width=None if stream.isatty() else PLAIN_WIDTH)


def on_screen(error: bool = False) -> Console:
    """Return the console for results (stdout), or for progress and errors (stderr)."""
    return _console(error)


def complain(message: str) -> None:
    """Print an error message."""
    on_screen(error=True).print(f"[bold red]neuroparallel:[/] {_escaped(message)}", soft_wrap=True)


def note(message: str) -> None:
    """Print a note."""
    on_screen(error=True).print(f"[bold yellow]note:[/] {_escaped(message)}", soft_wrap=True)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def add_verb(verbs: Any, name: str, act: Any, description: str) -> argparse.ArgumentParser:
    """Add a verb to the parser.

    Args:
        verbs: The subparsers.
        name: The verb.
        act: Function of the verb; takes the options, returns an exit code or None.
        description: One sentence that describes the verb.
    """
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=description[0].lower() + description[1:-1], description=description
    )
    parser.set_defaults(act=act)
    return parser


def add_what(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """Add ``WHAT``, ``--set`` and ``--no-code``."""
    description = "name of a scenario or task (task:NAME if a scenario has the same name), or path to a .yaml file"
    if optional:
        parser.add_argument("what", metavar="WHAT", nargs="?", help=f"{description}; not needed with --resume DIR")
    else:
        parser.add_argument("what", metavar="WHAT", help=description)
    add_set(parser)
    add_no_code(parser)


def add_no_code(parser: Any) -> None:
    """Add ``--no-code``, for verbs that read scenario files."""
    parser.add_argument(
        "--no-code", dest="code", action="store_false", default=None,
        help="do not run Python code that a scenario file names (task: module:Class); such a file is an error",
    )  # fmt: skip


def add_code(parser: Any) -> None:
    """Add ``--code``, for verbs that read trained policies."""
    parser.add_argument(
        "--code", action="store_true", default=None,
        help="run the Python code that a checkpoint names (your own networks and tasks, module:Class); use it only for "
        "files that you trust",
    )  # fmt: skip


def add_set(parser: argparse.ArgumentParser) -> None:
    """Add ``--set key=value``."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="changes",
        help="change a field; KEY may contain dots and VALUE is YAML: --set timing.delay=500, "
        "--set subjects.subject_0.action=shared, --set train.lr=1e-3; may be repeated",
    )  # fmt: skip


def changes_of(texts: Iterable[str], flag: str = "--set") -> dict[str, Any]:
    """Read ``key=value`` texts; values are YAML.

    Args:
        texts: Arguments of the flag.
        flag: Name of the flag, for error messages.

    Raises:
        ArgumentError: There is no ``=``.
        ScenarioError: The value is not YAML.
    """
    from neuroparallel.scenario.yaml_source import read_value

    changes = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key.strip() and equals):
            example = "timing.delay=500" if flag == "--set" else "seed=1"
            raise ArgumentError(f"{flag} {text}: write key=value, as in {flag} {example}.")
        changes[key.strip()] = read_value(value)
    return changes


def find_code_in(folder: str | Path) -> None:
    """Make the modules of a folder importable, for names such as ``my_tasks:Oddball``."""
    place = str(Path(folder).resolve())
    if code_is_found() and place not in sys.path:
        sys.path.append(place)


def find_code_of(run: str | Path) -> None:
    """Make the folders importable in which a run found its tasks and rules when it was trained.

    Args:
        run: Directory of a run, or of its checkpoint.
    """
    from neuroparallel.records.json_file import SUMMARY, read_summary

    for place in (Path(run), Path(run).parent) if code_is_found() else ():
        if (place / SUMMARY).is_file():
            for folder in read_summary(place).get("code") or ():
                find_code_in(folder)
            return


def load(options: argparse.Namespace) -> Scenario:
    """Return the scenario that ``WHAT`` names, with the changes of ``--set``."""
    from neuroparallel.scenario import Scenario
    from neuroparallel.tasks import find_counterpart

    if Path(options.what).is_file():
        find_code_in(Path(options.what).parent)
    scenario = Scenario.load(options.what)
    found = find_counterpart(options.what)
    if found is not None:
        note(found.note(options.what))
    changes = changes_of(options.changes)
    return scenario.replace(**changes) if changes else scenario


def chosen_seed(given: int | None, default: int | None, bits: int = 53) -> int:
    """Return the seed to use, and print it if the command line does not name it."""
    from neuroparallel.seeding import choose_seed

    seed = choose_seed(given, default, bits)
    if given is None:
        on_screen().print(f"seed {seed} (repeat with --seed {seed})", markup=False)
    return seed


def print_table(table: Any) -> None:
    """Print a table of results, with numbers to four digits."""
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for name, values in table.columns.items():
        shown.add_column(name, justify="left" if values.dtype.kind == "U" else "right", no_wrap=True)
    for row in zip(*(values.tolist() for values in table.columns.values()), strict=True):
        shown.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row))
    on_screen().print(shown)


def write_table(table: Any, place: str) -> None:
    """Write a trial table as CSV, and create its directory."""
    if Path(place).is_dir():
        raise ArgumentError(f"{place} is a directory; name a file in it, such as trials.csv.")
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(place, names=True)
    on_screen().print(f"{len(table):,} trials written to {place}")
