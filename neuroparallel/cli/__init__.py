"""The command ``neuroparallel``. Each verb is a file that calls a public function."""

import os
import sys
import threading
from collections.abc import Sequence

__all__ = ["INTERRUPTED", "NOT_PASSED", "is_command", "main", "stopped"]

INTERRUPTED = 130  # exit code after Ctrl-C
MOST_LEAVING_S = 15.0
NOT_PASSED = 3  # exit code of a training that did not meet its criterion


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Arguments after ``neuroparallel``. None: those of this process.

    Returns:
        Exit code: 0, 1 (``check`` found problems), 2 (an error; a message explains it), 3 (a training
        did not meet its criterion), 130 (Ctrl-C).
    """
    try:
        from neuroparallel.cli.commands import perform  # the import takes half a second; Ctrl-C may come during it

        code = perform(arguments)
    except KeyboardInterrupt:
        code = stopped()
    if arguments is None:  # this process runs only the command
        _limit_leaving(code)
    return code


def _limit_leaving(code: int) -> None:
    """Limit the time until Ray ends. After a signal that kills all processes of a job, Ray waits for 60 s."""
    if "ray" in sys.modules:
        limit = threading.Timer(MOST_LEAVING_S, os._exit, [code])
        limit.daemon = True
        limit.start()


def stopped() -> int:
    """Report that Ctrl-C stopped the command, and return the exit code."""
    print("neuroparallel: stopped.", file=sys.stderr)
    return INTERRUPTED


def is_command() -> bool:
    """Whether this process is the command ``neuroparallel`` (``-m`` while it starts), not a program that imports it."""
    return os.path.basename(sys.argv[0]) in ("neuroparallel", "neuroparallel.exe", "-m") if sys.argv else False
