"""Neuroscience tasks as agents of a PettingZoo parallel environment: dual tasks, several subjects, any batch size.

    import neuroparallel as npar
    env = npar.parallel_env("dpa_gng")

Everything public is listed in ``__all__`` and loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {  # public name: where it lives
    "Actions": "task",
    "BatchEngine": "engine.batch",
    "Bernoulli": "task",
    "Channels": "task",
    "Choice": "timing",
    "Dataset": "environments.dataset",
    "Draw": "task",
    "Factorial": "task",
    "GroupDraw": "rules",
    "Levels": "task",
    "Memory": "task",
    "Moment": "task",
    "Movement": "task",
    "Outcome": "outcomes",
    "Poisson": "task",
    "Resolution": "rules",
    "Response": "task",
    "Rewards": "task",
    "Rows": "task",
    "Rule": "rules",
    "Scenario": "scenario",
    "Step": "task",
    "Task": "task",
    "Timing": "timing",
    "Trial": "task",
    "Trials": "records",
    "TruncExp": "timing",
    "Uniform": "timing",
    "View": "task",
    "aec_env": "environments",
    "agents": None,
    "analysis": None,
    "batch": "environments",
    "errors": None,
    "gym_env": "environments",
    "list_rules": "rules",
    "list_scenarios": "scenario",
    "list_tasks": "tasks",
    "make_task": "tasks",
    "parallel_env": "environments",
    "plotting": None,
    "reporting": None,
    "rllib": None,
    "simulate": "agents",
    "testkit": None,
    "vector_env": "environments",
    "wrappers": None,
}

__all__ = [
    "Actions", "BatchEngine", "Bernoulli", "Channels", "Choice", "Dataset", "Draw", "Factorial", "GroupDraw",
    "Levels", "Memory", "Moment", "Movement", "Outcome", "Poisson", "Resolution", "Response", "Rewards", "Rows",
    "Rule", "Scenario", "Step", "Task", "Timing", "Trial", "Trials", "TruncExp", "Uniform", "View", "aec_env",
    "agents", "analysis", "batch", "errors", "gym_env", "list_rules", "list_scenarios", "list_tasks", "make_task",
    "parallel_env", "plotting", "reporting", "rllib", "simulate", "testkit", "vector_env", "wrappers",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOME[name]
    module = importlib.import_module(f"{__name__}.{home or name}")
    value = module if home is None else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _declared_evidence(task: str) -> Any:
    """The evidence that a task declares, for tables of trials: records and analyses do without tasks."""
    from neuroparallel.tasks import task_class

    return task_class(task).evidence_columns


def _register() -> None:
    """Make the ids known to gymnasium and PettingZoo, and what records ask of tasks: names only, nothing is loaded."""
    try:
        from neuroparallel.registry import supply

        supply("evidence", _declared_evidence)
        from neuroparallel.environments.registration import register_ids

        register_ids()
    except KeyboardInterrupt:  # loading gymnasium takes most of the time in which the command starts
        from neuroparallel.errors import is_command, say_stopped

        if not is_command():
            raise
        raise SystemExit(say_stopped()) from None


_register()
