"""Machinery of the signal wrappers: everything that the file of a wrapper imports."""

from neuroparallel.wrappers._signal.action_channels import ActionChannels
from neuroparallel.wrappers._signal.adapters import BatchAdapter, GymAdapter, ParallelAdapter, VectorAdapter
from neuroparallel.wrappers._signal.signal import (
    MOST_STEPS,
    AgentState,
    AgentStep,
    Array,
    OneHot,
    Signal,
    masked,
    select,
)
from neuroparallel.wrappers._signal.stream_channels import evidence_rows, period_keys, spans

__all__ = [
    "MOST_STEPS",
    "ActionChannels",
    "AgentState",
    "AgentStep",
    "Array",
    "BatchAdapter",
    "GymAdapter",
    "OneHot",
    "ParallelAdapter",
    "Signal",
    "VectorAdapter",
    "evidence_rows",
    "masked",
    "period_keys",
    "select",
    "spans",
]
