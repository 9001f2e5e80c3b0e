"""Environments: a scenario as a PettingZoo, gymnasium or batch environment, each a thin layer over an engine.

Names are loaded at first use, so that registering ids at ``import neuroparallel`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroparallel.environments.aec import AECEnvironment
    from neuroparallel.environments.batch_environment import BatchEnvironment
    from neuroparallel.environments.compile import compile_scenario
    from neuroparallel.environments.factories import (
        aec_env,
        batch,
        gym_env,
        parallel_env,
        vector_env,
    )
    from neuroparallel.environments.gym import GymEnvironment
    from neuroparallel.environments.parallel import ParallelEnvironment
    from neuroparallel.environments.registration import register_ids
    from neuroparallel.environments.vector import VectorEnvironment

__all__ = [
    "AECEnvironment",
    "BatchEnvironment",
    "GymEnvironment",
    "ParallelEnvironment",
    "VectorEnvironment",
    "aec_env",
    "batch",
    "compile_scenario",
    "gym_env",
    "parallel_env",
    "register_ids",
    "vector_env",
]

_HOMES = {
    "AECEnvironment": "aec",
    "BatchEnvironment": "batch_environment",
    "GymEnvironment": "gym",
    "ParallelEnvironment": "parallel",
    "VectorEnvironment": "vector",
    "compile_scenario": "compile",
    "register_ids": "registration",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_HOMES.get(name, 'factories')}")
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
