"""``show``: all values of a scenario, and the course of a trial."""

from __future__ import annotations

import argparse
from typing import Any

from neuroparallel.cli.common import add_verb, add_what, load, on_screen

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verb."""
    description = (
        "Print all values of a scenario, the course of a trial and the criterion; the output is a scenario file."
    )
    parser = add_verb(verbs, "show", show, description)
    add_what(parser)


def show(options: argparse.Namespace) -> None:
    """Print the scenario."""
    from neuroparallel.reporting import describe_scenario

    console, text = on_screen(), describe_scenario(load(options))
    if console.is_terminal:
        from rich.syntax import Syntax

        console.print(Syntax(text, "yaml", theme="ansi_dark", background_color="default", word_wrap=True))
    else:
        print(text, end="")
