"""The scalar engine: one lane of a scenario, in plain Python."""

from __future__ import annotations

from neuroparallel.engine.scalar.engine import ScalarEngine

__all__ = ["ScalarEngine"]
