"""Compiling a scenario to the layout that the engines play: numbers for names, and the tables of every task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from neuroparallel.engine import layout as plan
from neuroparallel.engine.tables import Tables
from neuroparallel.errors import NeuroparallelError, ScenarioError, TaskError, UnknownNameError, nearest, own_code
from neuroparallel.records.trials import TRIAL_COLUMNS
from neuroparallel.rules import Rule
from neuroparallel.scenario.modifier_entries import check_modifiers, distributed
from neuroparallel.scenario.resolve import branches_of, full_name, full_names, groups_of, time_step
from neuroparallel.scenario.schema import Group, Seen, Stream, stream_named
from neuroparallel.scenario.shared_channels import check_shared
from neuroparallel.scenario.written import WrittenScenario
from neuroparallel.task import LARGEST, SINGLE, Task
from neuroparallel.timing import exact_steps

__all__ = ["build_layout", "located", "place_of_errors"]


def build_layout(
    scenario: WrittenScenario, session: Mapping[str, int] | None = None, written: WrittenScenario | None = None
) -> plan.Layout:
    """Compile a scenario: its streams, subjects and groups by number, and the tables of every task.

    Args:
        scenario: A resolved or unresolved scenario.
        session: Length of a session instead of the scenario's, ``{"trials": n}`` or ``{"steps": n}``.
        written: The scenario before it was resolved, in which an error names the place; None: the same.

    Returns:
        The layout both engines take.

    Raises:
        ScenarioError: Streams, groups or games contradict each other, or a task cannot be compiled; names the key.
    """
    draft = _Draft.of(distributed(scenario))
    limits = dict(session) if session is not None else {}
    if session is None and scenario.session is not None:
        limits = scenario.session.model_dump(exclude_none=True)
    streams, groups = draft.stream_specs(), draft.group_specs()
    _check_groups(groups, streams)
    subjects = tuple(draft.subject_spec(name) for name in scenario.subjects)
    return plan.Layout(
        dt=draft.dt,
        streams=streams,
        subjects=subjects,
        groups=groups,
        session_trials=limits.get("trials", 0),
        session_steps=limits.get("steps", 0),
        tables=tuple(_compiled(stream, draft.dt, written or scenario) for stream in streams),
    )


def _compiled(stream: plan.StreamSpec, dt: float, written: WrittenScenario) -> Tables:
    """The tables of a stream's task."""
    with place_of_errors(stream):
        check_modifiers(written, stream.name, stream.task, dt)
        tables = Tables(stream.task, dt, 1)
        _check_shown(tables)
        return tables


@contextmanager
def place_of_errors(stream: plan.StreamSpec) -> Iterator[None]:
    """Say of an error in a stream's task where the stream stands, and of one in a user's code its line."""
    key = f"subjects.{stream.name.replace('.', '.streams.')}"
    try:
        yield
    except ScenarioError:
        raise
    except NeuroparallelError as error:
        raise ScenarioError(f"{key}.timing: {error}") from None
    except Exception as error:
        raise located(error, f"{key}.task: {stream.task.task_name()}") from error


def located(error: Exception, where: str) -> Exception:
    """An error of a user's own task or rule, with its line; any other as it is."""
    line = own_code(error)
    return error if line is None else ScenarioError(f"{where}: {line}")


def _check_shown(tables: Tables) -> None:
    """Refuse means and drifts with which observations could become infinite; infinite ones never get here."""
    names, sample = tables.channels.names, tables.sample
    for shown in (tables.mean, tables.slope, sample.mean.T, None if sample.slope is None else sample.slope.T):
        if shown is not None and (largest := np.abs(shown.reshape(len(names), -1)).max(axis=1)).max() > LARGEST:
            channel = int(largest.argmax())
            raise TaskError(
                f"{tables.task.task_name()}: channel {names[channel]!r} shows {largest[channel]:g}; it is "
                f"{LARGEST:g} at most, {SINGLE}."
            )


@dataclass(frozen=True)
class _Draft:
    """A scenario on its way to a layout.

    Attributes:
        scenario: With its modifiers handed to the streams.
        dt: Time step, ms.
        streams: By full name, in order; their place is their number.
        tasks: What each stream asks, by full name.
        groups: By name, those included that nobody wrote.
    """

    scenario: WrittenScenario
    dt: float
    streams: dict[str, Stream]
    tasks: dict[str, Task]
    groups: dict[str, Group]

    @classmethod
    def of(cls, scenario: WrittenScenario) -> _Draft:
        streams = dict(scenario.stream_items())
        tasks = {name: stream.make() for name, stream in streams.items()}
        return cls(scenario, time_step(scenario), streams, tasks, groups_of(scenario))

    def number(self, stream: str) -> int:
        """The number of a stream in the layout."""
        return list(self.streams).index(stream)

    def steps_up(self, ms: float, key: str) -> int:
        """A time in steps, rounded up; refuses what is too long to be counted."""
        steps = int(np.ceil(ms / self.dt - 1e-9))
        exact_steps(steps * self.dt, self.dt, f"{key}: it")
        return steps

    # ---- streams ----

    def stream_specs(self) -> tuple[plan.StreamSpec, ...]:
        """All streams, in order."""
        branches, subjects = branches_of(self.streams), list(self.scenario.subjects)
        return tuple(
            plan.StreamSpec(
                name=name,
                subject=subjects.index(name.split(".")[0]),
                task=self.tasks[name],
                branch=branches[name],
                weight=stream.weight,
                onset=self.onset(name),
            )
            for name, stream in self.streams.items()
        )

    def onset(self, name: str) -> plan.Onset:
        """When a stream begins."""
        key, onset = f"subjects.{name.replace('.', '.streams.')}.onset", self.streams[name].onset
        if onset.law is not None:
            onset.law.steps(self.dt, up=True)
        steps = self.steps_up(onset.ms, key) if onset.law is None else 0
        if onset.after is None:
            return plan.Onset(steps, law=onset.law)
        target, _, period = onset.after.rpartition(".")
        if not target:
            raise ScenarioError(f"{key}: after {onset.after!r} names no period; write stream.period.")
        full = full_name(self.scenario, target, key, name.split(".")[0])
        if full == name:
            raise ScenarioError(f"{key}: a stream cannot wait for itself.")
        timing = self.tasks[full].timing
        if period not in timing:
            raise ScenarioError(f"{key}: {target} has no period {period!r}.{nearest(period, timing)}")
        if timing[period] == 0:
            raise ScenarioError(
                f"{key}: {target}.{period} lasts 0 ms, so its end never comes; wait for another period."
            )
        self.refuse_circle(name, key)
        return plan.Onset(steps, self.number(full), list(timing).index(period), onset.law)

    def refuse_circle(self, name: str, key: str) -> None:
        """Refuse streams that wait for each other."""
        seen, at = [name], name
        while self.streams[at].onset.after is not None:
            after = str(self.streams[at].onset.after).rpartition(".")[0]
            at = full_name(self.scenario, after, key, at.split(".")[0])
            if at in seen:
                raise ScenarioError(
                    f"{key}: streams wait for each other in a circle: {' -> '.join([*seen, at])}; let one of them "
                    "begin at a time of its own, as onset: 300."
                )
            seen.append(at)

    # ---- groups ----

    def group_specs(self) -> tuple[plan.GroupSpec, ...]:
        """All groups, in order."""
        branches = branches_of(self.groups, "group.")
        return tuple(self.group_spec(name, group, branches[name]) for name, group in self.groups.items())

    def group_spec(self, name: str, group: Group, branch: str) -> plan.GroupSpec:
        """One group."""
        key = f"groups.{name}"
        members = full_names(self.scenario, group, key)
        return plan.GroupSpec(
            name=name,
            branch=branch,
            streams=tuple(self.number(member) for member in members),
            mix=self.mix(group, members, key),
            labels=tuple(group.mix),
            block=group.block,
            yoked=group.yoked,
            abort_all=group.abort == "trial",
            deadline=self.steps_up(group.deadline, f"{key}.deadline"),
            patience=self.steps_up(group.patience, f"{key}.patience"),
            rule=_rule(group, [self.tasks[member] for member in members], key),
            then=self.then(group, members, key),
            columns=self.columns(group, members, key),
        )

    def columns(self, group: Group, members: list[str], key: str) -> tuple[tuple[str, int, str], ...]:
        """Which conditions of one member stand in the rows of all: the column, the stream and its condition."""
        if not group.columns:
            return ()
        own = {name for member in members for name in self.tasks[member].conditions().names}
        found = []
        for name, source in group.columns.items():
            stream, _, condition = source.rpartition(".")
            member = _member(stream, members, f"{key}.columns.{name}")
            known = self.tasks[member].conditions().names
            if condition not in known:
                raise ScenarioError(
                    f"{key}.columns.{name}: {member} has no condition {condition!r}.{nearest(condition, known)}"
                )
            if name in own or name in TRIAL_COLUMNS or name in ("group_trial", "mix"):
                raise ScenarioError(f"{key}.columns.{name}: the trial table has a column of this name; take another.")
            found.append((name, self.number(member), condition))
        return tuple(found)

    def mix(self, group: Group, members: list[str], key: str) -> tuple[tuple[tuple[int, ...], float], ...]:
        """Who takes part in each entry of a group's mix, and how likely it is."""
        if group.block > 1 and not group.mix:
            raise ScenarioError(f"{key}.block: it says for how long an entry of the mix lasts; the group has no mix.")
        if group.mix and (min(group.mix.values()) < 0 or sum(group.mix.values()) <= 0):
            raise ScenarioError(f"{key}.mix: probabilities are 0 or more, and not all 0.")
        entries = {
            entry: tuple(self.number(_member(part.strip(), members, f"{key}.mix")) for part in entry.split("+"))
            for entry in group.mix
        }
        written: dict[frozenset[int], str] = {}
        for entry, streams in entries.items():
            who = frozenset(streams)
            if len(who) < len(streams):
                raise ScenarioError(f"{key}.mix: {entry!r} names a stream twice.")
            if who in written:
                raise ScenarioError(f"{key}.mix: {entry!r} is {written[who]!r} once more; write it once, with the sum.")
            written[who] = entry
        return tuple((streams, group.mix[entry]) for entry, streams in entries.items())

    def then(self, group: Group, members: list[str], key: str) -> tuple[int, ...]:
        """The number of the period to which each member goes on; nothing if they do not."""
        if group.then is None:
            return ()
        result = []
        for member in members:
            periods = list(self.tasks[member].timing)
            if group.then not in periods:
                raise ScenarioError(f"{key}.then: {member} has no period {group.then!r}.{nearest(group.then, periods)}")
            result.append(periods.index(group.then))
        return tuple(result)

    # ---- subjects ----

    def subject_spec(self, name: str) -> plan.SubjectSpec:
        """One subject."""
        spec, key = self.scenario.subjects[name], f"subjects.{name}"
        members = [f"{name}.{stream}" for stream in spec.streams]
        check_shared(spec, {stream: self.tasks[f"{name}.{stream}"] for stream in spec.streams}, key)
        return plan.SubjectSpec(
            name,
            tuple(self.number(member) for member in members),
            action=spec.action,
            routing=spec.routing or "open_window",
            observation=spec.observation,
            fixation=spec.fixation,
            lock=self.steps_up(spec.response_lock, f"{key}.response_lock"),
            partner_views=self.sights(name),
            message=None if spec.message is None else plan.Message(spec.message.levels, spec.message.cost),
            cues=self.cues(members),
        )

    def cues(self, members: list[str]) -> tuple[int, ...]:
        """The groups whose entry of the mix a subject is shown."""
        cues = []
        for number, (name, group) in enumerate(self.groups.items()):
            if group.cue and not group.mix:
                raise ScenarioError(f"groups.{name}.cue: it tells which entry of the mix is on; the group has no mix.")
            if group.cue and set(members) & set(full_names(self.scenario, group, f"groups.{name}")):
                cues.append(number)
        return tuple(cues)

    def sights(self, name: str) -> tuple[plan.PartnerView, ...]:
        """What a subject is shown of others, one entry for each of their streams and kinds of information."""
        subjects, key = self.scenario.subjects, f"subjects.{name}.sees"
        watched = []
        for other, seen in subjects[name].sees.items():
            if other not in subjects or other == name:
                others = [subject for subject in subjects if subject != name]
                raise ScenarioError(f"{key}: there is no other subject {other!r}.{nearest(other, others)}")
            if (seen.message or seen.answer_message) and subjects[other].message is None:
                which = "message" if seen.message else "answer_message"
                raise ScenarioError(
                    f"{key}.{other}.{which}: {other} has nothing to say; give it message: {{levels: 2}}."
                )
            # A message is the subject's, not that of each stream.
            watched += [(other, stream, seen, not place) for place, stream in enumerate(subjects[other].streams)]
        sights: list[plan.PartnerView] = []
        for number, (other, stream, seen, speaks) in enumerate(watched):
            label = "partner" if len(watched) == 1 else f"partner_{number}"
            sights += self.sights_of(f"{other}.{stream}", seen, label, f"{key}.{other}", speaks)
        return tuple(sights)

    def sights_of(self, stream: str, seen: Seen, label: str, key: str, speaks: bool) -> Iterator[plan.PartnerView]:
        """What is shown of one stream."""
        whose = (label, self.number(stream), list(self.scenario.subjects).index(stream.split(".")[0]))
        choices = len(self.tasks[stream].action_names()) - 1
        if seen.choice:
            yield plan.PartnerView("choice", *whose, choices)
        if seen.reward:
            yield plan.PartnerView("reward", *whose)
        if seen.answer_message:
            yield plan.PartnerView("answer_message", *whose)
        if seen.action:
            yield plan.PartnerView("action", *whose, choices, self.latency(seen.action, f"{key}.action"))
        if seen.message and speaks:
            yield plan.PartnerView("message", *whose, 0, self.latency(seen.message, f"{key}.message"))

    def latency(self, ms: float, key: str) -> int:
        """After how many steps something is seen: one at least, as nobody sees what is yet to be done."""
        if ms < self.dt:
            raise ScenarioError(f"{key}: the latency is {ms:g} ms; it is dt = {self.dt:g} ms or more.")
        return self.steps_up(ms, key)


def _rule(group: Group, players: list[Task], key: str) -> Rule | None:
    """What couples the members of a group, once it has been asked whether they fit."""
    rule = group.make_rule()
    if rule is not None:
        try:
            rule.check(players)
        except NeuroparallelError as error:
            raise ScenarioError(f"{key}.{'rule' if group.game is None else 'game'}: {error}") from None
    return rule


def _member(part: str, members: list[str], key: str) -> str:
    """The full name of a member that an entry of the mix or a column names; other groups may have streams so called."""
    if not any(part in (full, full.split(".")[1]) for full in members):
        raise ScenarioError(f"{key}: {part!r} is not in this group.{nearest(part, members)}")
    try:
        return stream_named(part, members)
    except UnknownNameError as error:
        raise ScenarioError(f"{key}: {error}") from None


def _check_groups(groups: tuple[plan.GroupSpec, ...], streams: tuple[plan.StreamSpec, ...]) -> None:
    """Refuse streams that are in two groups, and that wait for one that may not take part."""
    seen: dict[int, str] = {}
    for group in groups:
        for index in group.streams:
            if index in seen:
                raise ScenarioError(f"groups.{group.name}: {streams[index].name} is already in group {seen[index]}.")
            seen[index] = group.name
            after = streams[index].onset.after
            if after >= 0 and after not in group.streams:
                raise ScenarioError(
                    f"groups.{group.name}: {streams[index].name} waits for {streams[after].name}, which is in "
                    "another group; put both into one."
                )
        for members, _ in group.mix:
            for index in members:
                after = streams[index].onset.after
                if after >= 0 and after not in members:
                    raise ScenarioError(
                        f"groups.{group.name}.mix: {streams[index].short} waits for {streams[after].short}, which is "
                        "not in the same entry; add it, or change the onset."
                    )
    _check_branches(groups, streams)


def _check_branches(groups: tuple[plan.GroupSpec, ...], streams: tuple[plan.StreamSpec, ...]) -> None:
    """Refuse two streams or groups whose random numbers would be the same."""
    keys = [(stream.branch, f"subjects.{stream.name.replace('.', '.streams.')}") for stream in streams]
    owners: dict[str, str] = {}
    for branch, key in [*keys, *((group.branch, f"groups.{group.name}") for group in groups)]:
        if branch in owners:
            raise ScenarioError(f"{key}.branch: {owners[branch]} has the branch {branch!r} too; give each its own.")
        owners[branch] = key
