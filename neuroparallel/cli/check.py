"""``check``: list the errors of scenario files, or print the schema for editors."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from neuroparallel.cli.common import add_no_code, add_verb, find_code_in, on_screen
from neuroparallel.errors import ArgumentError

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verb."""
    description = "Check scenario files and list their errors, each with line and key."
    parser = add_verb(verbs, "check", check, description)
    parser.add_argument("files", metavar="FILE", nargs="*", help="scenario file")
    add_no_code(parser)
    parser.add_argument(
        "--schema", action="store_true", help="print the JSON schema that editors use to complete and check keys"
    )


def check(options: argparse.Namespace) -> int:
    """Check the files, and return 1 if any has an error."""
    from neuroparallel.reporting import check_file, scenario_schema

    if options.schema:
        print(json.dumps(scenario_schema(), indent=1))
        return 0
    if not options.files:
        raise ArgumentError("check needs a FILE (or --schema).")
    wrong = 0
    for file in options.files:
        find_code_in(Path(file).parent)
        problems = check_file(file)
        wrong += bool(problems)
        for problem in problems:
            print(problem)
        if not problems:
            on_screen().print(f"{file}: good")
    return 1 if wrong else 0
