"""Base classes of a task: channels, actions, timing, rewards and conditions, its trial, and the hooks that it may use.

A task file needs nothing else:

    from neuroparallel.task import Actions, Channels, Factorial, Rewards, Task, Trial
"""

from __future__ import annotations

from neuroparallel.task.criterion import Criterion
from neuroparallel.task.design import Factorial, Levels, Rows
from neuroparallel.task.hooks import (
    Bernoulli,
    Draw,
    Memory,
    Moment,
    Movement,
    Poisson,
    Response,
    Step,
    View,
)
from neuroparallel.task.task import (
    LARGEST,
    SINGLE,
    Actions,
    Channels,
    Rewards,
    Task,
    class_name,
    fitting_parameters,
    is_finite_number,
)
from neuroparallel.task.trial import Trial

__all__ = [
    "LARGEST",
    "SINGLE",
    "Actions",
    "Bernoulli",
    "Channels",
    "Criterion",
    "Draw",
    "Factorial",
    "Levels",
    "Memory",
    "Moment",
    "Movement",
    "Poisson",
    "Response",
    "Rewards",
    "Rows",
    "Step",
    "Task",
    "Trial",
    "View",
    "class_name",
    "fitting_parameters",
    "is_finite_number",
]
