"""The command ``neuroparallel``. Each verb is a file that calls a public function."""

import os
import sys
import threading
from collections.abc import Sequence

from neuroparallel.cli.exit_codes import NOT_PASSED
from neuroparallel.errors import say_stopped

__all__ = ["NOT_PASSED", "main"]

MOST_LEAVING_S = 15.0


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
        code = say_stopped()
    if arguments is None:  # this process does nothing else
        _limit_leaving(code)
    return code


def _limit_leaving(code: int) -> None:
    """Limit the time until Ray ends. After a signal that kills all processes of a job, Ray waits for 60 s."""
    if "ray" in sys.modules:
        limit = threading.Timer(MOST_LEAVING_S, os._exit, [code])
        limit.daemon = True
        limit.start()
