"""Parser of the command line, and error messages in one sentence."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import neuroparallel
from neuroparallel.cli import bench, check, evaluate, listing, report, run, show, solve, train, tune
from neuroparallel.cli.common import complain, find_code_in, note
from neuroparallel.errors import NeuroparallelError, own_code
from neuroparallel.user_code import Permission, permit_code

__all__ = ["build_parser", "perform"]

VERBS = (listing, show, check, run, train, tune, solve, evaluate, report, bench)
REFUSED = 2  # exit code


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="neuroparallel",
        description="Neuroscience tasks as multi-agent environments: inspect, run and train.",
        epilog="WHAT is the name of a scenario or of a task, or a path to a .yaml file. "
        "neuroparallel VERB --help describes a verb and its options.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {neuroparallel.__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for module in VERBS:
        module.add(verbs)
    return parser


def perform(arguments: Sequence[str] | None) -> int:
    """Run a command; see `neuroparallel.cli.main`."""
    options = build_parser().parse_args(arguments)
    with warnings.catch_warnings(), _permission(options):
        warnings.showwarning = _note_warning
        find_code_in(os.getcwd())
        try:
            return int(options.act(options) or 0)
        except NeuroparallelError as error:
            complain(_with_notes(str(error), error))
        except BrokenPipeError:  # the reader of the output has ended, as head and less do
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except OSError as error:
            complain(f"{error.filename or 'file'}: {error.strerror or error}.")
        except Exception as error:
            message = own_code(error)
            if message is None:  # an error of this package: show the traceback
                raise
            complain(_with_notes(message, error))
    return REFUSED


def _permission(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Return the permission to import code: by default any for scenario files, none for checkpoints."""
    code = getattr(options, "code", None)
    if code is not None:
        permission: Permission = "all" if code else "none"
        return permit_code(scenarios=permission, policies=permission)
    return permit_code(scenarios="all" if hasattr(options, "what") or hasattr(options, "files") else "imported")


def _with_notes(message: str, error: BaseException) -> str:
    """Append the notes of an error to its message, such as the directory of the training that it ended."""
    return "\n".join([message, *getattr(error, "__notes__", ())])


def _note_warning(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
    """Show user warnings without their line of code; hide other warnings, which concern developers only."""
    if issubclass(category, UserWarning) and not issubclass(category, DeprecationWarning):
        note(str(message))
