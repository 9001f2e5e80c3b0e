"""Exit codes of the command, besides 0, 1 (a check found problems) and 2 (an error)."""

from neuroparallel.errors import INTERRUPTED

__all__ = ["INTERRUPTED", "NOT_PASSED"]

NOT_PASSED = 3  # a training did not meet its criterion
