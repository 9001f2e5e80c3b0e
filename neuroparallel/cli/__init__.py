"""The command ``neuroparallel``: each verb is a few lines over a public function, in a file of its own."""

import os
import sys
from collections.abc import Sequence

__all__ = ["INTERRUPTED", "is_command", "main", "stopped"]

INTERRUPTED = 130  # exit code after Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What follows ``neuroparallel`` on the command line; None: of this process.

    Returns:
        Exit code: 0, 1 (``check`` found problems), 2 (it cannot be done; a message says why), 130 (Ctrl-C).
    """
    try:
        from neuroparallel.cli.commands import perform  # takes half a second, in which Ctrl-C may come as well

        code = perform(arguments)
    except KeyboardInterrupt:
        code = stopped()
    if arguments is None:  # this process does nothing else
        _leave_without_ray(code)
    return code


def _leave_without_ray(code: int) -> None:
    """Exit at once if Ray's processes were killed, as a signal to a whole job does: Ray would wait 60 s for them."""
    cluster = sys.modules.get("neuroparallel.rllib.cluster")
    if cluster is not None and cluster.ray_died():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def stopped() -> int:
    """Say that Ctrl-C was heard; returns the exit code."""
    print("neuroparallel: stopped.", file=sys.stderr)
    return INTERRUPTED


def is_command() -> bool:
    """Whether this process is the command, and not somebody's program: ``neuroparallel``, or ``-m`` while it starts."""
    return os.path.basename(sys.argv[0]) in ("neuroparallel", "neuroparallel.exe", "-m") if sys.argv else False
