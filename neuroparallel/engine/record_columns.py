"""The columns of the trial table that depend on the scenario: conditions, names of actions, and what is recorded."""

from __future__ import annotations

from neuroparallel.engine.coupling import condition_dtypes, group_conditions
from neuroparallel.engine.layout import GroupSpec, Layout
from neuroparallel.engine.tables import Tables
from neuroparallel.records import StreamInfo
from neuroparallel.records.partner_columns import PartnerColumn
from neuroparallel.task import Task

__all__ = ["ANSWER", "MESSAGE", "stream_info"]

MESSAGE = "message"  # column of the trial table: the message that a subject sent with its answer
ANSWER = "ground truth"  # recorded with each trial of a lazy task, whose tables hold another one afterwards


def stream_info(layout: Layout, index: int, tables: Tables) -> StreamInfo:
    """Return how the trial table describes a stream."""
    spec = layout.streams[index]
    group = next(group for group in layout.groups if index in group.streams)
    shared = group_conditions(group, [layout.streams[member] for member in group.streams])
    if layout.subjects[spec.subject].message is not None:
        shared = (*shared, MESSAGE)
    whose = spec.name.split(".")[0]  # also where every stream is an agent of its own
    beside = [member for member in group.streams if layout.streams[member].name.split(".")[0] == whose]
    return StreamInfo(
        whose,
        spec.short,
        spec.task.task_name(),
        (*tables.recorded, *(name for name in shared if name not in tables.recorded)),
        tuple(tables.periods),
        group.name if len(beside) > 1 else "",
        _names(spec.task),
        _columns(layout, group),
    )


def _names(task: Task) -> dict[str, dict[int, str]]:
    """Return the names of the numbers in the columns of a task's trials."""
    actions = dict(enumerate(task.action_names()))
    choices = {number: name for number, name in actions.items() if number}
    named = {
        column: dict(enumerate(words, start=1)) if words else choices for column, words in task.value_names.items()
    }
    return {"choice": actions, "ground_truth": actions, **named}


def _columns(layout: Layout, group: GroupSpec) -> tuple[PartnerColumn, ...]:
    """Return the columns in which the rows of a group show other members."""
    found = []
    for name, index, condition in group.columns:
        is_flag = condition_dtypes(layout.streams[index].task.conditions())[condition].kind == "b"
        without = tuple(entry for entry, (members, _) in enumerate(group.mix) if index not in members)
        found.append(PartnerColumn(name, index, condition, is_flag, without))
    return tuple(found)
