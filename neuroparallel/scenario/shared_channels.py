"""What the streams of one subject may have in common: its hands, its eyes, a fixation cue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuroparallel.engine.layout import SubjectSpec
from neuroparallel.errors import ScenarioError
from neuroparallel.scenario.schema import Subject
from neuroparallel.task import Task

__all__ = ["check_shared", "why_one_agent"]


def check_shared(spec: Subject, tasks: Mapping[str, Task], key: str) -> None:
    """Refuse what the streams of a subject cannot have in common.

    Args:
        spec: The subject.
        tasks: The task of each of its streams, by the stream's name.
        key: Where the subject stands in the scenario, ``subjects.subject_0``.

    Raises:
        ScenarioError: A shared action, observation, fixation cue or response lock does not fit the tasks.
    """
    sizes = {short: len(task.action_names()) for short, task in tasks.items()}
    moving = any(task.movement is not None for task in tasks.values())
    if spec.action == "shared" and len(set(sizes.values())) > 1:
        raise ScenarioError(
            f"{key}.action: a shared action needs streams with equally many actions, not {sizes}; write action: "
            "factored, or give their tasks as many."
        )
    if spec.action == "shared" and moving and len(tasks) > 1:
        raise ScenarioError(f"{key}.action: a movement cannot be shared by several streams; write action: factored.")
    if spec.observation == "shared" and len(tasks) > 1:
        _check_shared_channels(tasks, f"{key}.observation")
    if spec.fixation != "own" and any("fixation" not in task.channel_groups() for task in tasks.values()):
        raise ScenarioError(
            f"{key}.fixation: a fused fixation cue needs a fixation channel in every stream; write fixation: own."
        )
    if spec.response_lock and moving:
        raise ScenarioError(f"{key}.response_lock: a movement cannot be held back; leave it out.")


def _check_shared_channels(tasks: Mapping[str, Task], key: str) -> None:
    """Refuse streams that cannot be shown on the same channels, whose noise is drawn once for all."""
    if any(task.sums for task in tasks.values()):
        raise ScenarioError(
            f"{key}: a task that adds up what is shown needs channels of its own; write observation: concat."
        )
    channels = {short: list(task.channel_groups().names) for short, task in tasks.items()}
    if len({tuple(names) for names in channels.values()}) > 1:
        raise ScenarioError(
            f"{key}: shared channels need streams with the same channels, not {channels}; write observation: concat."
        )
    noise = {short: _noise(task) for short, task in tasks.items()}
    first, *others = noise.values()
    if any(kinds != first for kinds in others):
        raise ScenarioError(
            f"{key}: shared channels have one noise, but the tasks declare {noise}; give them the same, or write "
            "observation: concat."
        )


def _noise(task: Task) -> dict[str, Any]:
    """What varies on each channel group of a task: a standard deviation, or what is counted."""
    kinds = task.channel_groups().noise
    return {name: getattr(task, kind) if isinstance(kind, str) else kind for name, kind in kinds.items()}


def why_one_agent(subject: SubjectSpec) -> str:
    """Why the streams of a subject cannot be an agent each: what they have in common; empty if nothing."""
    ties = (
        ("action", subject.action, "factored"),
        ("observation", subject.observation, "concat"),
        ("fixation", subject.fixation, "own"),
        ("response_lock", subject.lock and "on", "0"),
        ("message", subject.message and "his", "none"),
    )
    for key, found, needed in ties:
        if len(subject.streams) > 1 and found and found != needed:
            return (
                f"subjects.{subject.name}.{key} is {found!r}, which ties its streams together; an agent per stream "
                f"needs {key}: {needed}."
            )
    return ""
