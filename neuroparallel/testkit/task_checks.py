"""Is a task sound by itself?"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from neuroparallel.agents import list_agents, simulate
from neuroparallel.agents.task_model import drawn_conditions
from neuroparallel.engine.tables import Tables
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Trials
from neuroparallel.scenario import Scenario
from neuroparallel.task import Task
from neuroparallel.task.trial import Trial
from neuroparallel.tasks import make_task
from neuroparallel.testkit.comparing import differences
from neuroparallel.testkit.failures import ConformanceError
from neuroparallel.testkit.scenario_checks import check_scenario

__all__ = ["check_task"]

COLUMNS = ("mean", "steps", "reward", "outcome", "next", "pays", "truth", "truth_after")
WHOLE = ("window", "held", "final", "clocks")


def check_task(task_or_name: Task | str, *, dt: float | None = None, trials: int = 2000, **options: Any) -> None:
    """Check that a task is sound: its definition, its truth, and, by `check_scenario`, its play.

    `define` gives a condition the same rows whether it is alone or among others; the task survives pickling and
    being written to a scenario file; an oracle gets every trial right; and nobody earns more than the oracle. There is
    no oracle to compare with where the subject has to move and no `steer` hook says how, and in trials without a
    ground truth, as of foraging; trials that end unscored (a sure bet) are not compared either.

    Args:
        task_or_name: A task, or the name of one.
        dt: Time step in ms, if not the task's own.
        trials: How many to play with each reference agent.
        **options: For `check_scenario`.

    Raises:
        ConformanceError: A promise is broken; the message says where, and what to mend.
        TaskError: The task does not compile.
        UnknownNameError: There is no task of that name.
    """
    task = make_task(task_or_name) if isinstance(task_or_name, str) else task_or_name
    if not isinstance(task, Task):
        raise ArgumentError(f"{task!r} is no task; give an object such as RandomDots(), or a name.")
    step = type(task).dt if dt is None else dt
    _written_down(task)
    _elementwise(task, step)
    scenario = Scenario.load(task).replace(dt=step)
    if task.movement is None or task.steer is not None:
        _nobody_beats_the_oracle(task, scenario, trials)
    check_scenario(scenario, **options)


def _written_down(task: Task) -> None:
    """A task is a value: it can be copied by pickle and by a scenario file."""
    name = task.task_name()
    if not (type(task).__doc__ or "").strip() or (type(task).__doc__ or "").startswith(f"{type(task).__name__}("):
        raise ConformanceError(f"{name}: the class has no docstring; say in a sentence what the subject is asked.")
    copied = pickle.loads(pickle.dumps(task))
    if copied != task or hash(copied) != hash(task):
        raise ConformanceError(f"{name}: pickle makes another task of it; its fields have to be comparable values.")
    scenario = Scenario.load(task)
    stream = next(iter(Scenario.load(scenario.dump()).stream_items()))[1]
    if stream.make() != task:
        raise ConformanceError(
            f"{name}: a scenario file makes another task of it; its fields have to be numbers, names, or sequences "
            "of these."
        )


def _elementwise(task: Task, dt: float) -> None:
    """The rows of a condition do not depend on which others are defined with it."""
    together = drawn_conditions(Tables(task, dt, 1), 24)
    n = 24
    many = _defined(task, together, n, dt)
    again = _defined(task, together, n, dt)
    if not np.isfinite(many.mean).all():
        i, period, channel = np.argwhere(~np.isfinite(many.mean))[0]
        shown = {name: values[i] for name, values in together.items()}
        where = f"{task.task_name()}: channel {task.channel_groups().names[channel]!r}"
        raise ConformanceError(
            f"{where} shows {many.mean[i, period, channel]} "
            f"in period {list(task.timing)[period]!r} of the condition {shown}; look for a division by 0 in define."
        )
    for i in range(n):
        alone = _defined(task, {name: values[i : i + 1] for name, values in together.items()}, 1, dt)
        for column in COLUMNS:
            whole = getattr(many, column)
            if differences(whole, getattr(again, column)).any():
                raise ConformanceError(f"{task.task_name()}: define, called twice, gives another {column}.")
            if differences(whole[i : i + 1], getattr(alone, column)).any():
                shown = {name: values[i] for name, values in together.items()}
                raise ConformanceError(
                    f"{task.task_name()}: define gives the condition {shown} another {column} alone than among others; "
                    "use elementwise operations on the conditions only."
                )
        for flag in WHOLE:
            if differences(getattr(many, flag), getattr(alone, flag)).any():
                raise ConformanceError(f"{task.task_name()}: which periods are a {flag} depends on the conditions.")


def _defined(task: Task, conditions: dict[str, Any], n: int, dt: float) -> Trial:
    trial = Trial(task, conditions, n, dt)
    task.define(trial)
    trial.finish()
    return trial


def _nobody_beats_the_oracle(task: Task, scenario: Scenario, trials: int) -> None:
    """What the truth says is right is right, and pays."""
    name = task.task_name()
    oracle = _with_truth(simulate(scenario, "oracle", trials))
    for outcome in ("error", "abort", "miss"):
        wrong = oracle["outcome"] == outcome
        if wrong.any():
            row = int(wrong.argmax())
            shown = {key: values[row] for key, values in oracle.columns.items() if key in task.conditions().names}
            raise ConformanceError(
                f"{name}: doing what is right ended in {outcome!r}, in the condition {shown}; the truth of a window "
                "and what its actions lead to contradict each other."
            )
    if not len(oracle):
        return
    for agent in list_agents():
        try:
            other = _with_truth(simulate(scenario, agent, trials))
        except ArgumentError:  # not every agent can play every task
            continue
        if not len(other):
            continue
        more = other["reward"].mean() - oracle["reward"].mean()
        error = np.sqrt((other["reward"].var() + oracle["reward"].var()) / min(len(other), len(oracle)))
        if more > 4 * error + 1e-9:
            raise ConformanceError(
                f"{name}: the agent {agent!r} earns {other['reward'].mean():.4g} a trial and the oracle only "
                f"{oracle['reward'].mean():.4g}; what is right has to pay."
            )


def _with_truth(table: Trials) -> Trials:
    """The trials in which something was right, and that were scored."""
    return table.select((table["ground_truth"] >= 0) & (table["outcome"] != "unscored"))
