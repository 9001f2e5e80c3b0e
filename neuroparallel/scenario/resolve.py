"""Resolving a scenario: everything that may be left out is written out."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from neuroparallel.errors import ScenarioError, UnknownNameError
from neuroparallel.scenario.modifier_entries import distributed
from neuroparallel.scenario.schema import Group, Stream, stream_named
from neuroparallel.scenario.written import WrittenScenario

__all__ = ["branches_of", "full_name", "full_names", "groups_of", "resolve", "time_step"]


def time_step(scenario: WrittenScenario) -> float:
    """The scenario's dt in ms: its own, or that of its tasks if they agree."""
    if scenario.dt is not None:
        return scenario.dt
    steps = {name: stream.make().dt for name, stream in scenario.stream_items()}
    first, *others = steps
    for name in others:
        if steps[name] != steps[first]:
            raise ScenarioError(
                f"subjects.{name.replace('.', '.streams.')}.task: it has time steps of {steps[name]:g} ms, that of "
                f"{first} of {steps[first]:g} ms, and all keep one time; write which at the top, as "
                f"dt: {min(steps.values()):g}."
            )
    return steps[first]


def resolve(scenario: WrittenScenario) -> dict[str, Any]:
    """Write a scenario out: dt, branches, groups and every number of every task."""
    scenario = distributed(scenario)
    value = scenario.model_dump(exclude_none=True)
    value["dt"] = time_step(scenario)
    branches = branches_of(dict(scenario.stream_items()))
    for name, stream in scenario.stream_items():
        subject, key = name.split(".")
        value["subjects"][subject]["streams"][key] = stream.resolved() | {"branch": branches[name]}
    groups = groups_of(scenario)
    branches = branches_of(groups, "group.")
    value["groups"] = {
        name: group.model_dump(exclude_none=True) | {"branch": branches[name]} for name, group in groups.items()
    }
    return value


def branches_of(owners: Mapping[str, Stream] | Mapping[str, Group], prefix: str = "") -> dict[str, str]:
    """Return the branch of each stream or group: as written, or else the next unused number."""
    taken = {owner.branch for owner in owners.values()}
    free = (branch for number in itertools.count() if (branch := f"{prefix}{number}") not in taken)
    return {name: owner.branch or next(free) for name, owner in owners.items()}


def groups_of(scenario: WrittenScenario) -> dict[str, Group]:
    """The groups as written, and for streams in none of them one group per subject."""
    groups = dict(scenario.groups)
    grouped = {full for name, group in groups.items() for full in full_names(scenario, group, f"groups.{name}")}
    for subject, spec in scenario.subjects.items():
        left = tuple(f"{subject}.{key}" for key in spec.streams if f"{subject}.{key}" not in grouped)
        if left:
            name = subject
            while name in groups:
                name += "_rest"
            groups[name] = Group.model_validate({"streams": left})
    return groups


def full_names(scenario: WrittenScenario, group: Group, key: str) -> list[str]:
    """The group's members as ``subject.stream``."""
    return [full_name(scenario, name, f"{key}.streams") for name in group.streams]


def full_name(scenario: WrittenScenario, name: str, key: str, subject: str | None = None) -> str:
    """The name of a stream as ``subject.stream``; ``key`` is where it is written."""
    try:
        return stream_named(name, [full for full, _ in scenario.stream_items()], subject)
    except UnknownNameError as error:
        raise ScenarioError(f"{key}: {error}") from None
