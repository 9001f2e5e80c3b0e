"""What the command returns, beside 0, 1 (a check found problems) and 2 (it cannot be done)."""

from neuroparallel.errors import INTERRUPTED

__all__ = ["INTERRUPTED", "NOT_PASSED"]

NOT_PASSED = 3  # a training did not meet its criterion
