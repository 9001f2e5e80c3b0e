"""``solve``: measure the training time of shipped scenarios."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroparallel.cli.common import add_verb, note, on_screen
from neuroparallel.cli.exit_codes import NOT_PASSED

if TYPE_CHECKING:
    from neuroparallel.rllib import Progress

__all__ = ["add"]

PLACE, TABLE = Path("benchmarks/solved"), Path("docs/solved.md")


def add(verbs: Any) -> None:
    """Add the verb."""
    description = "Train shipped scenarios with their defaults and several seeds, and save the time that each took."
    parser = add_verb(verbs, "solve", solve, description)
    parser.add_argument("names", metavar="NAME", nargs="*", help="shipped scenario (default: all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="seeds to train (0 1 2)")
    parser.add_argument("--out", type=Path, default=PLACE, metavar="DIR", help=f"directory of the results ({PLACE})")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="trainings at the same time (1)")
    parser.add_argument("--again", action="store_true", help="repeat seeds that have results already")
    parser.add_argument(
        "--table", type=Path, nargs="?", const=TABLE, metavar="FILE",
        help=f"write the results as a page, and train nothing ({TABLE})",
    )  # fmt: skip


def solve(options: argparse.Namespace) -> int:
    """Train, or write the page."""
    if options.table is not None:
        from neuroparallel.reporting import write_solved

        write_solved(options.out, options.table)
        on_screen().print(f"Written to {options.table}", markup=False, soft_wrap=True)
        return 0
    from neuroparallel.rllib import solve as train_all

    console = on_screen(error=True)
    with console.status("preparing") as status, _advised():

        def show(name: str, seed: int, progress: Progress) -> None:
            status.update(f"{name}, seed {seed}: {progress.steps:,} steps, {progress.seconds:.0f} s of training")

        results = train_all(
            options.names or None,
            seeds=options.seeds,
            out=options.out,
            jobs=options.jobs,
            again=options.again,
            progress=show,
            done=lambda name, row: console.print(_line(name, row), markup=False, soft_wrap=True),
        )
    rows = [row for result in results.values() for row in result["seeds"] if row["seed"] in options.seeds]
    passed = sum(row["passed"] for row in rows)
    message = f"{passed} of {len(rows)} trainings met their criterion. Kept in {options.out}"
    on_screen().print(message, markup=False, soft_wrap=True)
    return 0 if passed == len(rows) else NOT_PASSED


@contextmanager
def _advised() -> Iterator[None]:
    """After Ctrl-C, print how to continue."""
    try:
        yield
    except KeyboardInterrupt:
        note("Finished trainings are kept. To continue, repeat the command (without --again).")
        raise


def _line(name: str, row: Mapping[str, Any]) -> str:
    """Return the result of a training in one line."""
    if row["passed"]:
        verdict = f"passed after {row['seconds_to_criterion']:.1f} s, {row['steps_to_criterion']:,} steps"
    else:
        verdict = f"not passed ({row.get('error') or row['ended_by']})"
    return f"{name}, seed {row['seed']}: {verdict}"
