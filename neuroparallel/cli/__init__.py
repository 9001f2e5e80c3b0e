"""The command ``neuroparallel``: each verb is a few lines over a public function, in a file of its own."""

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
        arguments: What follows ``neuroparallel`` on the command line; None: of this process.

    Returns:
        Exit code: 0, 1 (``check`` found problems), 2 (it cannot be done; a message says why), 3 (a training
        did not meet its criterion), 130 (Ctrl-C).
    """
    try:
        from neuroparallel.cli.commands import perform  # takes half a second, in which Ctrl-C may come as well

        code = perform(arguments)
    except KeyboardInterrupt:
        code = say_stopped()
    if arguments is None:  # this process does nothing else
        _limit_leaving(code)
    return code


def _limit_leaving(code: int) -> None:
    """Limit the time that Ray takes to end: where its processes were killed, as by a signal to a whole job, 60 s."""
    if "ray" in sys.modules:
        limit = threading.Timer(MOST_LEAVING_S, os._exit, [code])
        limit.daemon = True
        limit.start()
