"""How a check says what is wrong."""

from __future__ import annotations

from neuroparallel.errors import NeuroparallelError

__all__ = ["ConformanceError"]


class ConformanceError(NeuroparallelError, AssertionError):
    """Something breaks a promise of neuroparallel's; the message says where, and how to mend it."""
