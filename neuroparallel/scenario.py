"""Scenarios: who performs which tasks, as frozen and validated data that can be compared, printed and saved."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pkgutil
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from neuroparallel.errors import (
    ArgumentError,
    NeuroparallelError,
    ScenarioError,
    UnknownNameError,
    nearest,
)
from neuroparallel.modifiers import layers, list_modifiers, modify, read_modifier
from neuroparallel.rule import Rule
from neuroparallel.rules import make_rule
from neuroparallel.scenario_file import Source, read_yaml, write_yaml
from neuroparallel.task import Task
from neuroparallel.tasks import list_tasks, make_task, reference, task_class
from neuroparallel.timing import Law, read_duration

__all__ = ["Group", "Onset", "Scenario", "Stream", "Subject", "list_scenarios"]


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is no number")
    return value


Number: TypeAlias = Annotated[float, BeforeValidator(_no_truth_value)]  # YAML reads yes and on as true, which is no 1
Whole: TypeAlias = Annotated[int, BeforeValidator(_no_truth_value)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Onset(_Part):
    """When a stream begins: so many ms after the trial's start, or after the end of another stream's period.

    A period that is cut short by an abort has no end; a stream that waits for it is cancelled.
    """

    after: str | None = Field(None, description="stream.period whose end is waited for, e.g. memory.sample")
    ms: Any = Field(0.0, description="ms after that, or after the start of the trial; there also a law or a list")

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            match = re.fullmatch(r"after\s+([\w.]+)(?:\s*\+\s*([\d.]+))?", value.strip())
            if not match:
                raise ValueError(f"{value!r} is no onset; write a number of ms, or: after memory.sample + 300")
            return {"after": match[1], "ms": float(match[2] or 0)}
        if isinstance(value, Mapping) and not value.keys() & {"after", "ms"} and value:
            return {"ms": dict(value)}
        return value if isinstance(value, (Mapping, Onset)) else {"ms": value}

    @field_validator("ms")
    @classmethod
    def _a_time(cls, value: Any) -> Any:
        try:
            law = read_duration(value, "onset")
            earliest = law.bounds()[0] if isinstance(law, Law) else law
        except NeuroparallelError as error:
            raise ValueError(str(error)) from None
        if not 0 <= earliest < float("inf"):
            raise ValueError(f"the onset is {value!r}; it is a number of ms, 0 or more")
        return law.plain() if isinstance(law, Law) else law

    @model_validator(mode="after")
    def _drawn_from_the_start(self) -> Onset:
        if self.after is not None and self.law is not None:
            raise ValueError("an onset that is drawn counts from the start of the trial; leave out `after`, or the law")
        return self

    @property
    def law(self) -> Law | None:
        """From which the onset is drawn; None if it is fixed."""
        law = read_duration(self.ms)
        return law if isinstance(law, Law) else None


class Stream(_Part):
    """One task performed by one subject."""

    task: str = Field(description="name of a task, or package.module:Class")
    preset: str | None = Field(None, description="a named set of the task's parameters")
    timing: dict[str, Any] = Field(default_factory=dict, description="period: ms or a law")
    rewards: dict[str, Number] = Field(default_factory=dict, description="outcome: reward")
    early: Literal["abort", "penalty", "free"] | None = Field(None, description="what an early response does")
    params: dict[str, Any] = Field(default_factory=dict, description="further parameters of the task")
    onset: Onset = Onset.model_validate({})
    weight: Number = Field(1.0, description="factor on the stream's rewards")
    branch: str = Field("", description="its random branch; travels with it through renaming and reordering")
    modifiers: tuple[Any, ...] = Field((), description="what changes how its trials are drawn, timed or laid out")

    @field_validator("branch", mode="before")
    @classmethod
    def _branch_as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) else value

    @field_validator("modifiers")
    @classmethod
    def _modifiers_as_written(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(_plain(entry) for entry in value)

    @model_validator(mode="after")
    def _makes_a_task(self) -> Stream:
        self.make()
        return self

    def make(self) -> Task:
        """The task with the parameters and modifiers of this stream."""
        changes: dict[str, Any] = {**self.params}
        for name in ("timing", "rewards"):
            if name in changes:
                raise ValueError(f"params.{name}: write {name} beside params, not in it")
        if self.timing:
            changes["timing"] = self.timing
        if self.rewards:
            changes["rewards"] = self.rewards
        if self.early is not None:
            changes["early"] = self.early
        try:
            known = {spec.name for spec in dataclasses.fields(task_class(self.task))}
        except UnknownNameError as error:
            raise ValueError(f"task: {error}") from None
        for name in self.params:
            if name not in known:
                raise ValueError(f"params.{name}: {self.task} has no such parameter.{nearest(name, known)}")
        try:
            task = make_task(self.task, self.preset, **changes)
        except NeuroparallelError as error:
            raise ValueError(str(error)) from None
        return self._modified(task)

    def _modified(self, task: Task) -> Task:
        for place, entry in enumerate(self.modifiers):
            try:
                task = modify(task, [read_modifier(entry)])
            except NeuroparallelError as error:
                raise ValueError(f"modifiers.{place}: {error}") from None
        return task

    def resolved(self) -> dict[str, Any]:
        """Everything written out, as a scenario file would."""
        task, modifiers = layers(self.make())
        params = {name: _plain(value) for name, value in task.parameters().items()}
        return {
            "task": self.task,
            "timing": task.timing.plain(),
            "rewards": dict(task.rewards),
            "early": task.early,
            "params": params,
            "onset": self.onset.model_dump(exclude_none=True),
            "weight": self.weight,
            "branch": self.branch,
            "modifiers": [{modifier.name(): modifier.plain()} for modifier in modifiers],
        }


class Seen(_Part):
    """What a subject is shown of another one."""

    choice: bool = Field(False, description="its last choice, from the end of the trial on")
    reward: bool = Field(False, description="what it earned in its last trial, from the end of the trial on")
    answer_message: bool = Field(False, description="what it said with its last answer, from the end of the trial on")
    action: Number | None = Field(
        None, gt=0, description="the choice that stands in its present trial, after so many ms"
    )
    message: Number | None = Field(None, gt=0, description="what it says, after so many ms")

    @model_validator(mode="after")
    def _something(self) -> Seen:
        if not (self.choice or self.reward or self.answer_message or self.action or self.message):
            raise ValueError(
                "nothing is seen; write one or more of choice: true, reward: true, action: 100, message: 100"
            )
        return self


class Message(_Part):
    """What a subject can say to others in every step: an action factor of its own."""

    levels: Whole = Field(2, ge=2, description="how many there are, silence included; shown as 0 to 1")
    cost: Number = Field(0.0, description="what saying 1 costs per step")


class Subject(_Part):
    """Who acts: one agent, with one or more streams."""

    streams: dict[str, Stream] = Field(min_length=1)
    action: Literal["factored", "shared"] = "factored"
    routing: Literal["open_window", "main_first", "both"] = Field(
        "open_window", description="where a shared action goes: to open windows, to the first of them, or to all"
    )
    response_lock: Number = Field(0.0, ge=0, description="ms after a response in which no other is registered")
    observation: Literal["concat", "shared", "dict"] = "concat"
    fixation: Literal["own", "any", "all"] = "own"
    sees: dict[str, Seen] = Field(
        default_factory=dict, description="what is shown of other subjects; a list of names shows their last choice"
    )
    message: Message | None = None
    played_by: str | dict[str, Any] | None = Field(
        None, description="a reference agent (or {agent: name, option: ...}), or the directory of a training run"
    )

    @field_validator("played_by")
    @classmethod
    def _says_who(cls, value: Any) -> Any:
        if isinstance(value, dict) and not isinstance(value.get("agent"), str):
            raise ValueError("say who plays: {agent: wsls}, with the agent's options beside it")
        return value

    @field_validator("sees", mode="before")
    @classmethod
    def _names_mean_choices(cls, value: Any) -> Any:
        return {name: {"choice": True} for name in value} if isinstance(value, (list, tuple)) else value

    @field_validator("streams")
    @classmethod
    def _good_names(cls, streams: dict[str, Stream]) -> dict[str, Stream]:
        for name in streams:
            if not re.fullmatch(r"[A-Za-z]\w*", name):
                raise ValueError(f"{name}: a stream's name is letters, digits and underscores")
        return streams


class Game(_Part):
    """What is paid for the choices of several subjects together."""

    payoffs: Any = Field(description="nested lists: payoffs[choice of 1st][choice of 2nd] = [pay of 1st, pay of 2nd]")
    miss: Number = Field(0.0, description="what every player gets if one of them makes no choice")


class Group(_Part):
    """Streams that share a trial clock."""

    streams: tuple[str, ...] = Field(min_length=1, description="subject.stream")
    mix: dict[str, Number] = Field(
        default_factory=dict,
        description="who takes part, with relative probability: 'memory + gonogo': 2",
    )
    block: Whole = Field(1, ge=1, description="for how many trials an entry of the mix lasts")
    cue: bool = Field(False, description="show every subject of the group which entry of the mix is on")
    yoked: tuple[str, ...] = Field((), description="conditions that are drawn once and given to all members")
    abort: Literal["stream", "trial"] = Field("stream", description="what an abort ends")
    deadline: Number = Field(0.0, ge=0, description="ms after which nobody is waited for; 0: none")
    patience: Number = Field(
        0.0, ge=0, description="ms after the first member is done after which nobody is waited for; 0: none"
    )
    game: Game | None = None
    rule: dict[str, dict[str, Any]] | None = Field(None, description="what couples the members: its name, parameters")
    then: str | None = Field(None, description="period to which all members go on once the group has resolved")
    branch: str = ""

    @field_validator("branch", mode="before")
    @classmethod
    def _branch_as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) else value

    @field_validator("rule", mode="before")
    @classmethod
    def _a_name_alone(cls, value: Any) -> Any:
        return {value: {}} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _makes_a_rule(self) -> Group:
        self.make_rule()
        return self

    def make_rule(self) -> Rule | None:
        """What couples the members; None if nothing does."""
        if self.game is not None and self.rule is not None:
            raise ValueError("rule: a game is a rule already; leave out one of the two")
        try:
            if self.game is not None:
                return make_rule("payoff_matrix", payoffs=self.game.payoffs, miss=self.game.miss)
            if self.rule is None:
                return None
            if len(self.rule) != 1:
                raise ValueError(f"rule: {list(self.rule)} are {len(self.rule)} rules; a group has one")
            name, parameters = next(iter(self.rule.items()))
            return make_rule(name, **parameters)
        except NeuroparallelError as error:
            raise ValueError(f"{'rule' if self.game is None else 'game'}: {error}") from None


class Session(_Part):
    """How long a session lasts; it ends at the end of a trial of the first group."""

    trials: Whole | None = Field(None, ge=1, lt=2**62)
    steps: Whole | None = Field(None, ge=1, lt=2**62)

    @model_validator(mode="after")
    def _one_of_them(self) -> Session:
        if (self.trials is None) == (self.steps is None):
            raise ValueError("give either trials or steps")
        return self


class Scenario(_Part):
    """An experiment: subjects, the streams of tasks they perform, and what couples these.

    Scenarios are frozen; `replace` gives a changed one. `load` reads shipped names, files and dictionaries,
    `dump` gives everything written out, and ``Scenario.load(scenario.dump()) == scenario.resolve()``.

    Attributes:
        name: The scenario's name.
        dt: Time step in ms; None takes that of the tasks.
        seed: Default seed of environments.
        session: Length of a session; None never ends.
        subjects: By name, in the order of the agents.
        groups: By name; streams that share a trial clock. Left out, the streams of a subject form a group.
        wrappers: What is applied on top, in order; see `neuroparallel.wrappers`.
        policies: Who learns together: ``shared``, ``independent``, ``streams``, or agent to policy.
        train: Settings for training, see `neuroparallel.rllib`.
        tune: Search space for tuning.
    """

    name: str = Field(pattern=r"^[^/\\]+$", description="also the name of the folder of its runs")
    description: str = ""
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    dt: Number | None = Field(None, gt=0, description="time step, ms")
    seed: Whole = Field(0, ge=0)
    session: Session | None = None
    subjects: dict[str, Subject] = Field(min_length=1)
    groups: dict[str, Group] = Field(default_factory=dict)
    wrappers: tuple[Any, ...] = ()
    policies: Literal["shared", "independent", "streams"] | dict[str, str] | None = Field(
        None, description="who learns together: all, none, streams by themselves, or agent to name of a policy"
    )
    train: dict[str, Any] | None = None
    tune: dict[str, Any] | None = None

    @field_validator("subjects")
    @classmethod
    def _good_names(cls, subjects: dict[str, Subject]) -> dict[str, Subject]:
        for name in subjects:
            if not re.fullmatch(r"[A-Za-z]\w*", name):
                raise ValueError(f"{name}: a subject's name is letters, digits and underscores, e.g. subject_0")
        return subjects

    @field_validator("wrappers")
    @classmethod
    def _known_wrappers(cls, entries: tuple[Any, ...]) -> tuple[Any, ...]:
        """Names only, as the files beside this one have them; options are checked when they are applied."""
        if not entries:
            return entries
        folder = Path(__file__).parent / "wrappers"
        known = [m.name for m in pkgutil.iter_modules([str(folder)]) if not m.name.startswith("_")] + list_modifiers()
        for position, entry in enumerate(entries):
            name = next(iter(entry), None) if isinstance(entry, Mapping) else entry
            if not isinstance(name, str) or name.startswith("supersuit."):
                continue
            if name.removesuffix("_v0") not in known:
                raise ValueError(f"wrappers.{position}: there is no wrapper {name!r}.{nearest(name, known)}")
        return entries

    @model_validator(mode="after")
    def _compiles(self) -> Scenario:
        from neuroparallel.streams import check_scenario

        try:
            check_scenario(self)
        except NeuroparallelError as error:
            raise ValueError(str(error)) from None
        return self

    # ---- reading and writing ----

    @classmethod
    def load(cls, what: Scenario | Task | Mapping[str, Any] | str | os.PathLike[str]) -> Scenario:
        """Read a scenario.

        Args:
            what: The name of a shipped scenario or of a task, a path to a ``.yaml`` file, a dictionary, a `Task`,
                or a scenario, which is returned as it is.

        Returns:
            The scenario.

        Raises:
            ScenarioError: Something in it is not allowed; names file, line, key, and what would be.
            ArgumentError: It is none of these.
            UnknownNameError: There is no scenario, task or file of that name.
        """
        if isinstance(what, Scenario):
            return what
        if isinstance(what, Task):
            return cls._of_task(what)
        if isinstance(what, Mapping):
            return cls._validate(dict(what), Source("scenario"))
        if not isinstance(what, (str, os.PathLike)):
            raise ArgumentError(
                f"{what!r} is no scenario; give the name of a scenario or task, a path to a .yaml file, a dictionary, "
                "a Scenario or a Task."
            )
        text = os.fspath(what)
        if text.endswith((".yaml", ".yml")) or os.sep in text:
            return cls._read(Path(text))
        if text in list_scenarios():
            return _shipped(text)
        if text in list_tasks() or ":" in text:
            return cls._of_task(task_class(text)())
        names = {*list_scenarios(), *list_tasks()}
        raise UnknownNameError(f"there is no scenario, task or file {text!r}.{nearest(text, names)}")

    @classmethod
    def _read(cls, path: Path) -> Scenario:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ScenarioError(f"{path}: the file cannot be read ({reason}).") from None
        value, source = read_yaml(text, str(path))
        return cls._validate(value, source)

    @classmethod
    def _validate(cls, value: dict[str, Any], source: Source) -> Scenario:
        try:
            return cls.model_validate(value).resolve()
        except ValidationError as error:
            raise ScenarioError(source.explain(error, cls)) from None

    @classmethod
    def _of_task(cls, task: Task) -> Scenario:
        task, modifiers = layers(task)
        default = type(task)()
        stream: dict[str, Any] = {"task": reference(type(task))}
        if task.timing != default.timing:
            stream["timing"] = task.timing.plain()
        if dict(task.rewards) != dict(default.rewards):
            stream["rewards"] = dict(task.rewards)
        stream["early"] = task.early
        stream["params"] = {
            name: _plain(value) for name, value in task.parameters().items() if value != getattr(default, name)
        }
        stream["modifiers"] = [{modifier.name(): modifier.plain()} for modifier in modifiers]
        name = task.task_name()
        return cls._validate(
            {
                "name": name,
                "tags": list(task.tags),
                "subjects": {"subject_0": {"streams": {name: stream}}},
            },
            Source(name),
        )

    def resolve(self) -> Scenario:
        """The same scenario with everything explicit: dt, groups, branches, each task's numbers."""
        from neuroparallel.streams import explicit

        return Scenario.model_construct_checked(explicit(self))

    @classmethod
    def model_construct_checked(cls, value: dict[str, Any]) -> Scenario:
        """Validate what was made explicit."""
        return cls.model_validate(value)

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
        paths = {key: self._full_key(key).split(".") for key in changes}
        for key in sorted(changes, key=lambda key: not _is_preset(paths[key])):  # presets first: others change them
            put = _put_preset if _is_preset(paths[key]) else _put
            put(value, paths[key], changes[key], key)
        return Scenario._validate(value, Source(self.name))

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
        """
        matches = [(s, k) for s, subject in self.subjects.items() for k in subject.streams if stream in (k, f"{s}.{k}")]
        if len(matches) != 1:
            names = [f"{s}.{k}" for s, subject in self.subjects.items() for k in subject.streams]
            raise UnknownNameError(f"{self.name} has no single stream {stream!r}.{nearest(stream, names)}")
        name, key = matches[0]
        value = self.dump()
        spec = value["subjects"][name]["streams"][key]
        spec["onset"] = {"ms": 0.0}
        value.pop("groups", None)
        value.pop("policies", None)
        value.pop("train", None)
        value.pop("tune", None)
        value["name"] = f"{self.name}.{key}"
        value["subjects"] = {name: {"streams": {key: spec}}}
        return Scenario._validate(value, Source(self.name))

    @property
    def title(self) -> str:
        """The name, and behind it the modifiers of its streams in their order: ``random_dots, trial_history``."""
        names = [
            next(iter(entry)) if isinstance(entry, dict) else str(entry)
            for _, s in self.stream_items()
            for entry in s.modifiers
        ]
        return ", ".join([self.name, *dict.fromkeys(names)])

    def stream_items(self) -> Iterator[tuple[str, Stream]]:
        """All streams, as ("subject_0.memory", stream), in order."""
        for subject, spec in self.subjects.items():
            for key, stream in spec.streams.items():
                yield f"{subject}.{key}", stream

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def __reduce__(self) -> tuple[Any, ...]:
        return (_from_dump, (self.dump(),))


def _from_dump(value: dict[str, Any]) -> Scenario:
    return Scenario.model_validate(value)


def _put(value: Any, path: list[str], change: Any, key: str) -> None:
    for step in path[:-1]:
        if not isinstance(value, dict):
            raise ScenarioError(f"{key}: {step!r} cannot be reached.")
        value = value.setdefault(step, {})
    if isinstance(value, list):
        raise ScenarioError(f"{key}: a list cannot be changed by key; give the whole list.")
    old = value.get(path[-1])
    if (
        isinstance(old, dict)
        and isinstance(change, Mapping)
        and path[-1] in ("timing", "rewards", "params", "subjects", "train")
    ):
        value[path[-1]] = {**old, **{name: _plain(item) for name, item in change.items()}}
    else:
        value[path[-1]] = _plain(change)


def _is_preset(path: list[str]) -> bool:
    return path[-1] == "preset" and path[-3:-2] == ["streams"]


def _put_preset(value: Any, path: list[str], change: Any, key: str) -> None:
    """Write out a preset: everything else of the stream is written out already, and would win over its name."""
    at = ".".join(path[:-1])
    stream = functools.reduce(lambda part, step: part.get(step, {}), path[:-1], value)
    presets = task_class(stream["task"]).presets if "task" in stream else {}
    if change not in presets:
        raise ScenarioError(f"{key}: {stream.get('task')} has no preset {change!r}.{nearest(str(change), presets)}")
    for name, preset in presets[change].items():
        here = name if name in Stream.model_fields else f"params.{name}"
        _put(value, f"{at}.{here}".split("."), preset, key)


def _plain(value: Any) -> Any:
    """A parameter as a scenario file writes it."""
    if hasattr(value, "plain"):
        return value.plain()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        return value.item()
    return value.tolist() if hasattr(value, "tolist") else value


def _folder() -> Any:
    """Where the shipped scenarios lie: inside the installed package, or beside it in a checkout."""
    try:
        return resources.files("neuroparallel.scenarios")
    except ModuleNotFoundError:
        return Path(__file__).resolve().parent.parent / "scenarios"


def list_scenarios() -> list[str]:
    """Names of the shipped scenarios, sorted."""
    return sorted(item.name[:-5] for item in _folder().iterdir() if item.name.endswith(".yaml"))


@functools.cache
def _shipped(name: str) -> Scenario:
    path = _folder() / f"{name}.yaml"
    value, source = read_yaml(path.read_text(encoding="utf-8"), f"{name}.yaml")
    return Scenario._validate(value, source)
