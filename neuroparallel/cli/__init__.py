"""The command ``neuroparallel``: each verb is a few lines over a public function, in a file of its own."""

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
        arguments: What follows ``neuroparallel`` on the command line; None: of this process.

    Returns:
        Exit code: 0, 1 (``check`` found problems), 2 (it cannot be done; a message says why), 3 (a training
        did not meet its criterion), 130 (Ctrl-C).
    """
    try:
        from neuroparallel.cli.commands import perform  # takes half a second, in which Ctrl-C may come as well

        code = perform(arguments)
    except KeyboardInterrupt:
        code = stopped()
    if arguments is None:  # this process does nothing else
        _limit_leaving(code)
    return code


def _limit_leaving(code: int) -> None:
    """Limit the time that Ray takes to end: where its processes were killed, as by a signal to a whole job, 60 s."""
    if "ray" in sys.modules:
        limit = threading.Timer(MOST_LEAVING_S, os._exit, [code])
        limit.daemon = True
        limit.start()


def stopped() -> int:
    """Say that Ctrl-C was heard; returns the exit code."""
    print("neuroparallel: stopped.", file=sys.stderr)
    return INTERRUPTED


def is_command() -> bool:
    """Whether this process is the command, and not somebody's program: ``neuroparallel``, or ``-m`` while it starts."""
    return os.path.basename(sys.argv[0]) in ("neuroparallel", "neuroparallel.exe", "-m") if sys.argv else False
