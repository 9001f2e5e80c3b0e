"""Modifiers of a scenario's ``wrappers`` list are handed to the streams that they are for."""

from __future__ import annotations

from typing import Any, TypeVar

from neuroparallel.errors import ArgumentError, NeuroparallelError, ScenarioError, UnknownNameError
from neuroparallel.modifiers import Modified, list_modifiers, modify, read_modifier
from neuroparallel.registry import entry_name, read_entry
from neuroparallel.scenario.schema import Stream, stream_named
from neuroparallel.scenario.written import WrittenScenario
from neuroparallel.task import Task

__all__ = ["check_modifiers", "distributed", "is_modifier"]

S = TypeVar("S", bound=WrittenScenario)


def is_modifier(entry: Any) -> bool:
    """Whether an entry of a ``wrappers`` list names a modifier."""
    return entry_name(entry) in list_modifiers()


def distributed(scenario: S) -> S:
    """The scenario with the modifiers of its ``wrappers`` list behind those of the streams; itself if there are none.

    Raises:
        ScenarioError: An entry names a stream that does not exist, or is no entry.
    """
    if not any(is_modifier(entry) for entry in scenario.wrappers):
        return scenario
    added = _by_stream(scenario)
    subjects = {}
    for subject, spec in scenario.subjects.items():
        streams = {}
        for key, stream in spec.streams.items():
            more = added[f"{subject}.{key}"]
            _check_together(stream, more)
            streams[key] = stream.model_copy(update={"modifiers": (*stream.modifiers, *(entry for _, entry in more))})
        subjects[subject] = spec.model_copy(update={"streams": streams})
    rest = tuple(entry for entry in scenario.wrappers if not is_modifier(entry))
    return scenario.model_copy(update={"subjects": subjects, "wrappers": rest})


def _check_together(stream: Stream, more: list[tuple[int, dict[str, Any]]]) -> None:
    """Put entries of the list around a stream's task, one after the other, to say which one does not fit."""
    task = stream.make()
    for place, entry in more:
        try:
            task = modify(task, [read_modifier(entry)])
        except NeuroparallelError as error:
            raise ScenarioError(f"wrappers.{place}: {error}") from None


def _by_stream(scenario: WrittenScenario) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    """For every stream the entries that are for it, with their places in the list."""
    names = [name for name, _ in scenario.stream_items()]
    found: dict[str, list[tuple[int, dict[str, Any]]]] = {name: [] for name in names}
    for place, entry in enumerate(scenario.wrappers):
        if not is_modifier(entry):
            continue
        key = f"wrappers.{place}"
        try:
            name, options = read_entry(entry, "wrapper", "{trial_history: {probability: 0.8}}")
        except ArgumentError as error:
            raise ScenarioError(f"{key}: {error}") from None
        wanted = options.get("streams")
        plain = {option: value for option, value in options.items() if option != "streams"}
        for full in names if wanted is None else _named(wanted, names, key):
            found[full].append((place, {name.removesuffix("_v0"): plain}))
    return found


def _named(wanted: Any, names: list[str], key: str) -> list[str]:
    """Full names of the streams that an entry is for."""
    if isinstance(wanted, str):
        wanted = [wanted]
    if not isinstance(wanted, (list, tuple)) or not wanted:
        raise ScenarioError(f"{key}: streams is {wanted!r}; it is a list of names of streams.")
    try:
        return [stream_named(str(name), names) for name in wanted]
    except UnknownNameError as error:
        raise ScenarioError(f"{key}: {error}") from None


def check_modifiers(scenario: WrittenScenario, name: str, task: Task, dt: float) -> None:
    """Ask all modifiers around a stream's task whether they fit.

    Args:
        scenario: As it was written, before `distributed`.
        name: The stream, ``subject.stream``.
        task: Its task.
        dt: Time step, ms.

    Raises:
        ScenarioError: One does not; names its place in the file.
    """
    while isinstance(task, Modified):
        try:
            task.modifier.check(task.inner, dt)
        except NeuroparallelError as error:
            raise ScenarioError(f"{_place(scenario, name, task.modifier.name())}: {error}") from None
        task = task.inner


def _place(scenario: WrittenScenario, name: str, modifier: str) -> str:
    """Where in the file a stream's modifier stands."""
    places = [place for place, entry in _by_stream(scenario)[name] if modifier in entry]
    if places:
        return f"wrappers.{places[0]}"
    stream = dict(scenario.stream_items())[name]
    own = [entry_name(entry) for entry in stream.modifiers]
    return f"subjects.{name.replace('.', '.streams.')}.modifiers.{own.index(modifier) if modifier in own else 0}"
