"""``report``: summary and figures of a run."""

from __future__ import annotations

import argparse
from typing import Any

from neuroparallel.cli.common import add_code, add_verb, find_code_of, on_screen
from neuroparallel.records.json_file import SUMMARY

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verb."""
    parser = add_verb(verbs, "report", report, "Print the summary of a run, and draw its figures again.")
    parser.add_argument("run", metavar="RUN_DIR", help="directory of a run, or of several runs (then the latest one)")
    add_code(parser)
    parser.add_argument("--seed", type=int, default=1, help="seed of the trial that is drawn (1)")


def report(options: argparse.Namespace) -> None:
    """Print and draw."""
    from neuroparallel.reporting import draw_run, find_policy, summarize_policy, summarize_run

    place = find_policy(options.run)
    find_code_of(place)
    console = on_screen()
    is_run = (place / SUMMARY).is_file()
    text = summarize_run(place) if is_run else summarize_policy(place, seed=options.seed, code=bool(options.code))
    console.print(text, markup=False, soft_wrap=True)
    for file in draw_run(place, seed=options.seed, code=bool(options.code)):
        console.print(f"drawn: {file}", markup=False)
