"""``bench``: measure speed as ratios, in one run."""

from __future__ import annotations

import argparse
import json
from typing import Any

from neuroparallel.cli.common import add_verb, on_screen
from neuroparallel.records.safe_files import write_text

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verb."""
    description = "Measure the speed relative to NeuroGym, NumPy's limit and hand-written PyTorch."
    parser = add_verb(verbs, "bench", bench, description)
    parser.add_argument(
        "--rounds", type=int, default=5, help="number of measurements of each side; the table shows medians (5)"
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="duration of a measurement (1)")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="measure only these rows")
    parser.add_argument("--list", action="store_true", help="print the names of the rows, and measure nothing")
    parser.add_argument("--json", metavar="FILE", help="also write the numbers to a JSON file")


def bench(options: argparse.Namespace) -> None:
    """Measure, and print the table."""
    from neuroparallel.benchmark import list_rows, measure_rows

    if options.list:
        for row in list_rows():
            on_screen().print(f"{row.name:18} {row.label}", markup=False)
        return
    with on_screen(error=True).status("measuring") as status:
        results = measure_rows(
            options.only, rounds=options.rounds, seconds=options.seconds, each=lambda name: status.update(name)
        )
    _print(results)
    if options.json:
        write_text(options.json, json.dumps([result.plain() for result in results], indent=1) + "\n")


def _print(results: Any) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name, side in (("row", "left"), ("what", "left"), ("ours", "right"), ("theirs", "right"), ("ratio", "right"),
                       ("wanted", "right"), ("", "left")):  # fmt: skip
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for result in results:
        table.add_row(result.name, result.what, result.ours, result.theirs, result.shown, result.wanted, result.verdict)
    console = on_screen()
    console.print(table)
    for result in results:
        if result.command:
            console.print(f"{result.name}: {result.command}", markup=False, style="dim", soft_wrap=True)
