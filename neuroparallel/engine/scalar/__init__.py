"""The scalar engine: one lane of a scenario, in plain Python."""

from __future__ import annotations

from neuroparallel.engine.scalar.engine import ScalarEngine
from neuroparallel.engine.scalar.preview import PreviewEngine

__all__ = ["PreviewEngine", "ScalarEngine"]
