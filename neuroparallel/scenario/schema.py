"""The parts of a scenario file: streams, subjects, groups and sessions, validated."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from neuroparallel.errors import NeuroparallelError, UnknownNameError, nearest
from neuroparallel.modifiers import layers, modify, read_modifier
from neuroparallel.rules import Rule, make_rule
from neuroparallel.task import LARGEST, Task
from neuroparallel.tasks import find_counterpart, make_task, plain_name, task_class
from neuroparallel.timing import Law, read_duration

__all__ = [
    "Game",
    "Group",
    "Message",
    "Number",
    "Onset",
    "Part",
    "Seen",
    "Session",
    "Stream",
    "Subject",
    "Whole",
    "check_file_name",
    "check_names",
    "plain",
    "stream_named",
]


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is no number")
    return value


Number: TypeAlias = Annotated[float, BeforeValidator(_no_truth_value)]  # YAML reads yes and on as true, which is no 1
Whole: TypeAlias = Annotated[int, BeforeValidator(_no_truth_value)]


class Part(BaseModel):
    """What all parts have in common: frozen, and nothing that is not asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Onset(Part):
    """When a stream begins: so many ms after the trial's start, or after the end of another stream's period.

    A period that is cut short by an abort has no end; a stream that waits for it is cancelled.
    """

    after: str | None = Field(None, description="stream.period whose end is waited for, e.g. memory.sample")
    ms: Any = Field(0.0, description="ms after that, or after the start of the trial: a number, a law or a list")

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            match = re.fullmatch(r"after\s+([\w.]+)(?:\s*\+\s*([\d.]+))?", value.strip())
            if not match:
                raise ValueError(f"{value!r} is no onset; write a number of ms, or: after memory.sample + 300")
            return {"after": match[1], "ms": float(match[2] or 0)}
        if (
            isinstance(value, Mapping) and "ms" not in value and value.keys() - {"after"}
        ):  # a law, beside `after` or alone
            law = {key: part for key, part in value.items() if key != "after"}
            return {"ms": law} | ({"after": value["after"]} if "after" in value else {})
        return value if isinstance(value, (Mapping, Onset)) else {"ms": value}

    @field_validator("ms")
    @classmethod
    def _a_time(cls, value: Any) -> Any:
        try:
            law = read_duration(value)
            earliest = law.bounds()[0] if isinstance(law, Law) else law
        except NeuroparallelError as error:
            raise ValueError(str(error)) from None
        if not 0 <= earliest < float("inf"):
            raise ValueError(f"the onset is {value!r}; it is a number of ms, 0 or more")
        return law.plain() if isinstance(law, Law) else law

    @property
    def law(self) -> Law | None:
        """From which the onset is drawn; None if it is fixed."""
        law = read_duration(self.ms)
        return law if isinstance(law, Law) else None


class Stream(Part):
    """One task performed by one subject."""

    task: str = Field(description="name of a task, or package.module:Class")
    preset: str | None = Field(None, description="a named set of the task's parameters")
    timing: dict[str, Any] = Field(default_factory=dict, description="period: ms or a law")
    rewards: dict[str, Number] = Field(default_factory=dict, description="outcome: reward")
    early: Literal["abort", "penalty", "free"] | None = Field(None, description="what an early response does")
    commit: Any = Field(
        None, description="which choice counts: first, last, or for how many ms a choice has to be held"
    )
    params: dict[str, Any] = Field(default_factory=dict, description="further parameters of the task")
    onset: Onset = Onset.model_validate({})
    weight: Number = Field(1.0, ge=-LARGEST, le=LARGEST, description="factor on the stream's rewards")
    branch: str = Field("", description="its random branch; travels with it through renaming and reordering")
    modifiers: tuple[Any, ...] = Field((), description="what changes how its trials are drawn, timed or laid out")

    @model_validator(mode="before")
    @classmethod
    def _by_its_own_name(cls, value: Any) -> Any:
        """NeuroGym's id of a task stands for the task here, with its numbers where no others are written."""
        if not isinstance(value, Mapping) or "task" not in value:
            return value
        try:
            found = find_counterpart(value["task"])
        except UnknownNameError as error:
            raise ValueError(f"task: {error}") from None
        if found is None:
            return {**value, "task": plain_name(value["task"])}
        timing = {**found.changes.get("timing", {}), **(value.get("timing") or {})}
        written = {"preset": found.preset, **value, "task": found.task}
        return {**written, "timing": timing} if timing else written

    @field_validator("branch", mode="before")
    @classmethod
    def _branch_as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) else value

    @field_validator("modifiers")
    @classmethod
    def _modifiers_as_written(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(plain(entry) for entry in value)

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
        written = {name: getattr(self, name) for name in ("timing", "rewards", "early", "commit")}
        changes |= {name: value for name, value in written.items() if value not in (None, {})}
        try:
            known = {spec.name for spec in dataclasses.fields(task_class(self.task))}
        except NeuroparallelError as error:
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
        params = {name: plain(value) for name, value in task.parameters().items()}
        return {
            "task": self.task,
            "timing": task.timing.plain(),
            "rewards": dict(task.rewards),
            "early": task.early,
            "commit": task.commit,
            "params": params,
            "onset": self.onset.model_dump(exclude_none=True),
            "weight": self.weight,
            "branch": self.branch,
            "modifiers": [{modifier.name(): modifier.plain()} for modifier in modifiers],
        }


class Seen(Part):
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


class Message(Part):
    """What a subject can say to others in every step: an action factor of its own."""

    levels: Whole = Field(2, ge=2, le=1_000_000, description="how many there are, silence included; shown as 0 to 1")
    cost: Number = Field(0.0, ge=-LARGEST, le=LARGEST, description="what saying 1 costs per step")


class Subject(Part):
    """Who acts: one agent, with one or more streams."""

    streams: dict[str, Stream] = Field(min_length=1)
    action: Literal["factored", "shared"] = "factored"
    routing: Literal["open_window", "main_first", "both"] | None = Field(
        None, description="where a shared action goes: to open windows (the default), to the first of them, or to all"
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

    @field_validator("played_by", mode="before")
    @classmethod
    def _says_who(cls, value: Any) -> Any:
        name = value.get("agent") if isinstance(value, Mapping) else value
        if isinstance(name, str) or value is None:
            return value
        raise ValueError(f"say who plays: wsls, or {{agent: wsls}} with its options beside it; found {value!r}")

    @field_validator("sees", mode="before")
    @classmethod
    def _names_mean_choices(cls, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            return value
        if not all(isinstance(name, str) for name in value):
            raise ValueError(f"{value!r} is no list of names of subjects")
        return {name: {"choice": True} for name in value}

    @field_validator("streams")
    @classmethod
    def _good_names(cls, streams: dict[str, Stream]) -> dict[str, Stream]:
        check_names(streams, "stream")
        return streams

    @model_validator(mode="after")
    def _routes_what_is_shared(self) -> Subject:
        if self.routing is not None and self.action != "shared":
            raise ValueError(
                f"routing: it says where a shared action goes, and this one is {self.action}; "
                "write action: shared, or leave routing out"
            )
        return self


class Game(Part):
    """What is paid for the choices of several subjects together."""

    payoffs: Any = Field(description="nested lists: payoffs[choice of 1st][choice of 2nd] = [pay of 1st, pay of 2nd]")
    miss: Number = Field(0.0, description="what every player gets if one of them makes no choice")


class Group(Part):
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
    columns: dict[str, str] | None = Field(
        None, description="columns in the rows of all members that show a condition of one: 'distractor: gonogo.go'"
    )
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


class Session(Part):
    """Length of a session: it ends with that trial of the first group, or with exactly that step."""

    trials: Whole | None = Field(None, ge=1, lt=2**62)
    steps: Whole | None = Field(None, ge=1, lt=2**62)

    @model_validator(mode="after")
    def _one_of_them(self) -> Session:
        if (self.trials is None) == (self.steps is None):
            raise ValueError("give either trials or steps")
        return self


def stream_named(name: str, names: Sequence[str], subject: str | None = None) -> str:
    """The full name, ``subject.stream``, of a stream that may be written without its subject.

    Args:
        name: ``"memory"`` or ``"subject_0.memory"``.
        names: The full names that there are.
        subject: Whose stream is meant if several have one of that name.

    Raises:
        UnknownNameError: There is none, or there are several; names the nearest, or all of these.
    """
    if name in names:
        return name
    found = [full for full in names if full.split(".")[1] == name]
    if f"{subject}.{name}" in found:
        return f"{subject}.{name}"
    if len(found) > 1:
        raise UnknownNameError(f"several streams are called {name!r}; write one of {', '.join(found)}.")
    if not found:
        raise UnknownNameError(f"there is no stream {name!r}.{nearest(name, names)}")
    return found[0]


LONGEST_NAME = 100  # characters; file systems allow 255 bytes


def check_file_name(name: str) -> str:
    """Refuse names that lead to another place, or to none, where they name a file or a directory."""
    if not name.strip() or re.search(r"[/\\]", name) or name in (".", ".."):
        raise ValueError(f"it is a word or several, without / and \\; found {name!r}")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"it has {len(name)} characters; {LONGEST_NAME} are allowed")
    return name


def check_names(names: Iterable[str], kind: str) -> None:
    """Refuse names that could not be parts of a dotted one."""
    for name in names:
        if len(name) > LONGEST_NAME:
            raise ValueError(f"{name[:20]}...: a {kind}'s name has {LONGEST_NAME} characters at most")
        if not re.fullmatch(r"[A-Za-z]\w*", name):
            raise ValueError(f"{name}: a {kind}'s name is a letter, and then letters, digits and underscores: {kind}_0")


def plain(value: Any) -> Any:
    """A parameter as a scenario file writes it."""
    if hasattr(value, "plain"):
        return value.plain()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        return value.item()
    return value.tolist() if hasattr(value, "tolist") else value
