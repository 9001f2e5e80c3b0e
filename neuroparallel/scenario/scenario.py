"""Scenarios: who performs which tasks, as frozen and validated data that can be compared, printed and saved."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import PrivateAttr, ValidationError, ValidationInfo, model_validator

from neuroparallel import seeding
from neuroparallel.engine.layout import Layout
from neuroparallel.errors import (
    ArgumentError,
    NeuroparallelError,
    ScenarioError,
    UnknownNameError,
    nearest,
)
from neuroparallel.modifiers import layers
from neuroparallel.records.safe_files import read_text
from neuroparallel.registry import with_tag
from neuroparallel.scenario.compile import build_layout
from neuroparallel.scenario.dry_run import dry_run
from neuroparallel.scenario.overrides import override
from neuroparallel.scenario.resolve import resolve
from neuroparallel.scenario.schema import Session, Stream, plain, stream_named
from neuroparallel.scenario.shipped import read_shipped, shipped_names
from neuroparallel.scenario.written import WrittenScenario
from neuroparallel.scenario.yaml_source import MOST_BYTES, Source, check_plain, read_yaml, write_yaml
from neuroparallel.task import Task
from neuroparallel.tasks import TASK_PREFIX, find_counterpart, list_tasks, make_task, reference, task_class
from neuroparallel.user_code import check_permission, named_code, permit_code

__all__ = ["Scenario", "What", "list_scenarios"]

What: TypeAlias = "Scenario | Task | Mapping[str, Any] | str | os.PathLike[str]"  # whatever names a scenario


class Scenario(WrittenScenario):
    """An experiment: subjects, the streams of tasks they perform, and what couples these.

    Scenarios are frozen; `replace` gives a changed one. `load` reads shipped names, files and dictionaries,
    `dump` gives everything written out, and ``Scenario.load(scenario.dump()) == scenario.resolve()``.

    Attributes:
        name: The scenario's name.
        signature: The analysis that it is known by, such as ``prp``; None: that of its task, if it has one stream or
            is a game; ``none``: no analysis.
        dt: Time step in ms; None takes that of the tasks.
        seed: Seed of environments that are given none; None: each draws its own.
        session: Length of a session; None never ends.
        subjects: By name, in the order of the agents.
        groups: By name; streams that share a trial clock. Left out, the streams of a subject form a group.
        wrappers: What is applied on top, in order; see `neuroparallel.wrappers`.
        policies: Who learns together: ``shared``, ``independent``, ``streams``, or agent to policy.
        train: Settings for training, see `neuroparallel.rllib`.
        tune: Search space for tuning.
    """

    _layout: Layout | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _can_be_played(self, info: ValidationInfo) -> Scenario:
        """Compile the scenario and try the result; errors name the place in the scenario as it was written."""
        written: WrittenScenario = (info.context or {}).get("written", self)
        try:
            _check_learning_code(self)
            layout = build_layout(self, written=written)
            dry_run(written, layout)
        except NeuroparallelError as error:
            raise ValueError(str(error)) from None
        self._layout = layout
        return self

    @property
    def layout(self) -> Layout:
        """The compiled scenario, which both engines play. It is made once and kept."""
        if self._layout is None:
            self._layout = build_layout(self)
        return self._layout

    # ---- reading and writing ----

    @classmethod
    def load(cls, what: What, *, dt: float | None = None, code: bool = True) -> Scenario:
        """Read a scenario.

        Args:
            what: The name of a shipped scenario or of a task, a path to a ``.yaml`` file, a dictionary, a `Task`,
                or a scenario, which is returned as it is. A scenario comes before a task of the same name; ``"task:"``
                before the name means the task (``"task:matching_pennies"``). NeuroGym's id of a task means the task
                that stands for it, with the preset ``neurogym``; the description says so.
            dt: Time step in ms instead of the scenario's.
            code: Whether it may name Python code (``task: module:Class``), which is imported and so runs. False refuses
                it; see ``docs/security.md``.

        Returns:
            The scenario.

        Raises:
            ScenarioError: Something in it is not allowed; names file, line, key, and what would be.
            ArgumentError: It is none of these.
            UnknownNameError: There is no scenario, task or file of that name.
        """
        if code:
            return cls._load(what, dt)
        with permit_code(scenarios="none", policies="none"):
            return cls._load(what.dump() if isinstance(what, Scenario) else what, dt)

    @classmethod
    def _load(cls, what: What, dt: float | None) -> Scenario:
        if isinstance(what, Scenario):
            return what if dt is None else what.replace(dt=dt)
        if isinstance(what, Task):
            return cls._of_task(what, dt)
        if isinstance(what, Mapping):
            return cls._validate(dict(what), Source("scenario"), dt)
        if not isinstance(what, (str, os.PathLike)):
            raise ArgumentError(
                f"{what!r} is no scenario; give the name of a scenario or task, a path to a .yaml file, a dictionary, "
                "a Scenario or a Task."
            )
        text = os.fspath(what)
        if text.endswith((".yaml", ".yml")) or os.sep in text:
            return cls._read(Path(text), dt)
        name = text.removeprefix(TASK_PREFIX)
        if name != text and name.islower():  # a class of somebody's module task.py is not
            return cls._of_task(task_class(name)(), dt)
        found = find_counterpart(text)
        if found is not None:
            return cls._of_task(make_task(text), dt, found.note(text))
        if text in shipped_names():
            return _shipped(text) if dt is None else _shipped(text).replace(dt=dt)
        if text in list_tasks() or ":" in text:
            return cls._of_task(task_class(text)(), dt)
        names = {*shipped_names(), *list_tasks()}
        raise UnknownNameError(f"there is no scenario, task or file {text!r}.{nearest(text, names)}")

    @classmethod
    def _read(cls, path: Path, dt: float | None) -> Scenario:
        try:
            text = read_text(path, MOST_BYTES)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ScenarioError(f"{path}: the file cannot be read ({reason}).") from None
        value, source = read_yaml(text, str(path))
        return cls._validate(value, source, dt)

    @classmethod
    def _validate(cls, value: dict[str, Any], source: Source, dt: float | None = None) -> Scenario:
        """The path from plain data to a scenario: schema, resolve, compile, dry run, each once.

        The last two are in `_can_be_played`, as scenarios that are made in other ways are compiled as well.
        """
        check_plain(value, source)
        try:
            written = WrittenScenario.model_validate(value)
            explicit = resolve(written)
            if dt is not None:
                explicit["dt"], source = dt, Source(written.name)
            return cls.model_validate(explicit, context={"written": written})
        except ValidationError as error:
            raise ScenarioError(source.explain(error, cls)) from None
        except NeuroparallelError as error:
            raise ScenarioError(source.located(str(error), cls)) from None

    @classmethod
    def _of_task(cls, task: Task, dt: float | None = None, description: str = "") -> Scenario:
        task, modifiers = layers(task)
        default = type(task)()
        stream: dict[str, Any] = {"task": reference(type(task))}
        if task.timing != default.timing:
            stream["timing"] = task.timing.plain()
        if dict(task.rewards) != dict(default.rewards):
            stream["rewards"] = dict(task.rewards)
        stream["early"], stream["commit"] = task.early, task.commit
        stream["params"] = {
            name: plain(value) for name, value in task.parameters().items() if value != getattr(default, name)
        }
        stream["modifiers"] = [{modifier.name(): modifier.plain()} for modifier in modifiers]
        name = task.task_name()
        return cls._validate(
            {
                "name": name,
                "description": description,
                "tags": list(task.tags),
                "subjects": {"subject_0": {"streams": {name: stream}}},
            },
            Source(name),
            dt,
        )

    def first_seed(self, seed: Any = None) -> int:
        """Return the seed with which randomness begins: the one given, else the scenario's, else a new one.

        Args:
            seed: A whole number, 0 or more; None: none is given.

        Raises:
            ArgumentError: The seed is something else.
        """
        return seeding.choose_seed(seed, self.seed, bits=31)

    def resolve(self) -> Scenario:
        """The same scenario with everything explicit: dt, groups, branches, each task's numbers."""
        return Scenario.model_validate(resolve(self), context={"written": self})

    def dump(self) -> dict[str, Any]:
        """Everything written out, as plain dictionaries, lists and numbers."""
        return json.loads(self.model_dump_json(exclude_none=True))  # type: ignore[no-any-return]

    def to_yaml(self) -> str:
        """The scenario as the text of a scenario file."""
        return write_yaml(self.dump())

    # ---- changing ----

    def replace(self, **changes: Any) -> Scenario:
        """Change some fields.

        Args:
            **changes: New values by key; dots reach inside (``**{"subjects.subject_0.action": "shared"}``). In a
                scenario of one stream the stream's own keys may be written alone: ``timing={"delay": 500}``.

        Returns:
            A new scenario.

        Raises:
            ScenarioError: A key does not exist or a value is not allowed.
        """
        value = self.dump()
        override(value, {key: (self._full_key(key).split("."), change) for key, change in changes.items()})
        return Scenario._validate(value, Source(self.name))

    def with_session(self, session: Mapping[str, int] | None) -> Scenario:
        """Change the length of a session, for which nothing has to be compiled again.

        Args:
            session: ``{"trials": n}`` or ``{"steps": n}``; None: it never ends.

        Returns:
            A new scenario.

        Raises:
            ScenarioError: The length is not allowed.
        """
        try:
            length = None if session is None else Session.model_validate(dict(session))
        except ValidationError:
            return self.replace(session=dict(session or {}))  # which says what is wrong
        limits = length.model_dump(exclude_none=True) if length is not None else {}
        changed = self.model_copy(update={"session": length})
        changed._layout = replace(
            self.layout, session_trials=limits.get("trials", 0), session_steps=limits.get("steps", 0)
        )
        return changed

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Scenario:
        """Copy the scenario; one with other fields is compiled anew when its `layout` is asked for."""
        copied = super().model_copy(update=update, deep=deep)
        if update:
            copied._layout = None
        return copied

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scenario) and self.__dict__ == other.__dict__

    def _full_key(self, key: str) -> str:
        if key.split(".")[0] in type(self).model_fields:
            return key
        streams = [f"subjects.{s}.streams.{k}" for s, subject in self.subjects.items() for k in subject.streams]
        if len(streams) == 1:
            first = key.split(".")[0]
            inside = key if first in Stream.model_fields else f"params.{key}"
            return f"{streams[0]}.{inside}"
        raise ScenarioError(f"{self.name}: there is no key {key!r}.{nearest(key, type(self).model_fields)}")

    def only(self, stream: str) -> Scenario:
        """The scenario of one stream alone; its trials are the same, bit for bit, as long as nothing couples to it.

        Args:
            stream: ``"memory"`` or ``"subject_0.memory"``.

        Returns:
            A scenario with one subject and one stream.

        Raises:
            UnknownNameError: There is no such stream, or several; names the nearest, or all of these.
        """
        name, key = stream_named(stream, [full for full, _ in self.stream_items()]).split(".")
        value = self.dump()
        spec = value["subjects"][name]["streams"][key]
        spec["onset"] = {"ms": 0.0}
        value.pop("groups", None)
        value.pop("policies", None)
        value.pop("train", None)
        value.pop("tune", None)
        value.pop("signature", None)
        value["name"] = f"{self.name}.{key}"
        value["subjects"] = {name: {"streams": {key: spec}}}
        return Scenario._validate(value, Source(self.name))

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def __reduce__(self) -> tuple[Any, ...]:
        return (_from_dump, (self.dump(),))


def _check_learning_code(scenario: Scenario) -> None:
    """Refuse code in the sections about learning at once; it would be imported later, when a training begins."""
    for key, name in named_code({"train": scenario.train, "tune": scenario.tune}):
        try:
            check_permission(name)
        except ArgumentError as error:
            raise ScenarioError(f"{key}: {error}") from None


def _from_dump(value: dict[str, Any]) -> Scenario:
    return Scenario.model_validate(value)


def list_scenarios(tag: str | None = None) -> list[str]:
    """Name the shipped scenarios.

    Args:
        tag: Only scenarios with this tag, for example ``"dual_task"``.

    Returns:
        Names, sorted.

    Raises:
        UnknownNameError: No scenario has that tag; names the nearest one.
    """
    return with_tag(tag, shipped_names(), lambda name: _shipped(name).tags, "scenario")


@functools.cache
def _shipped(name: str) -> Scenario:
    return Scenario._validate(*read_shipped(name))
