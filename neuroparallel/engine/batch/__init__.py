"""The batch engine: all lanes of a scenario at once, in NumPy."""

from __future__ import annotations

from neuroparallel.engine.batch.engine import BatchEngine

__all__ = ["BatchEngine"]
