"""Neuroscience tasks as agents of a PettingZoo parallel environment: dual tasks, several subjects, any batch size.

    import neuroparallel as npar
    env = npar.parallel_env("dpa_gng")

Everything public is listed in ``__all__`` and loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what `__getattr__` loads, for type checkers
    from neuroparallel import (
        agents,
        analysis,
        errors,
        modifiers,
        plotting,
        reporting,
        rllib,
        testkit,
        wrappers,
    )
    from neuroparallel.agents import simulate
    from neuroparallel.engine.batch import BatchEngine
    from neuroparallel.environments import (
        AECEnvironment,
        BatchEnvironment,
        GymEnvironment,
        ParallelEnvironment,
        VectorEnvironment,
        aec_env,
        batch,
        gym_env,
        parallel_env,
        vector_env,
    )
    from neuroparallel.environments.dataset import Dataset
    from neuroparallel.outcomes import Outcome
    from neuroparallel.records import Trials
    from neuroparallel.rules import GroupDraw, Resolution, Rule, list_rules
    from neuroparallel.scenario import Scenario, list_scenarios
    from neuroparallel.task import (
        Actions,
        Bernoulli,
        Channels,
        Draw,
        Factorial,
        Levels,
        Memory,
        Moment,
        Movement,
        Poisson,
        Response,
        Rewards,
        Rows,
        Step,
        Task,
        View,
    )
    from neuroparallel.tasks import list_tasks, make_task
    from neuroparallel.timing import Choice, Timing, TruncExp, Uniform
    from neuroparallel.trial import Trial

__version__ = "0.1.0"

_HOME = {  # public name: its module; None: it is a module itself
    "AECEnvironment": "environments",
    "Actions": "task",
    "BatchEngine": "engine.batch",
    "BatchEnvironment": "environments",
    "Bernoulli": "task",
    "Channels": "task",
    "Choice": "timing",
    "Dataset": "environments.dataset",
    "Draw": "task",
    "Factorial": "task",
    "GroupDraw": "rules",
    "GymEnvironment": "environments",
    "Levels": "task",
    "Memory": "task",
    "Moment": "task",
    "Movement": "task",
    "Outcome": "outcomes",
    "ParallelEnvironment": "environments",
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
    "VectorEnvironment": "environments",
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
    "modifiers": None,
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
    "AECEnvironment", "Actions", "BatchEngine", "BatchEnvironment", "Bernoulli", "Channels", "Choice", "Dataset",
    "Draw", "Factorial", "GroupDraw", "GymEnvironment", "Levels", "Memory", "Moment", "Movement", "Outcome",
    "ParallelEnvironment", "Poisson", "Resolution", "Response", "Rewards", "Rows", "Rule", "Scenario", "Step", "Task",
    "Timing", "Trial", "Trials", "TruncExp", "Uniform", "VectorEnvironment", "View", "aec_env", "agents", "analysis",
    "batch", "errors", "gym_env", "list_rules", "list_scenarios", "list_tasks", "make_task", "modifiers",
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
