"""From a scenario to the layout the engines play: streams, subjects, groups, with all names resolved."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroparallel.engine import layout as plan
from neuroparallel.errors import NeuroparallelError, ScenarioError, nearest
from neuroparallel.rule import Rule
from neuroparallel.scenario_parts import Group, Stream
from neuroparallel.sequencing import distributed
from neuroparallel.task import Task
from neuroparallel.ties import check_ties
from neuroparallel.timing import exact_steps

if TYPE_CHECKING:
    from neuroparallel.scenario import Scenario

__all__ = ["build_layout", "explicit"]


def time_step(scenario: Scenario) -> float:
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


def explicit(scenario: Scenario) -> dict[str, Any]:
    """Write a scenario out: dt, branches, groups and every number of every task."""
    scenario = distributed(scenario)
    value = scenario.model_dump(exclude_none=True)
    value["dt"] = time_step(scenario)
    branches = _branches({name: stream.branch for name, stream in scenario.stream_items()}, "")
    for name, stream in scenario.stream_items():
        subject, key = name.split(".")
        value["subjects"][subject]["streams"][key] = stream.resolved() | {"branch": branches[name]}
    groups = groups_of(scenario)
    branches = _branches({name: group.branch for name, group in groups.items()}, "group.")
    value["groups"] = {
        name: group.model_dump(exclude_none=True) | {"branch": branches[name]} for name, group in groups.items()
    }
    return value


def _branches(written: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The branch of everybody: as written, or else the next number that nobody has written."""
    taken = set(written.values())
    free = (branch for number in itertools.count() if (branch := f"{prefix}{number}") not in taken)
    return {name: branch or next(free) for name, branch in written.items()}


def groups_of(scenario: Scenario) -> dict[str, Group]:
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


def full_names(scenario: Scenario, group: Group, key: str) -> list[str]:
    """The group's members as ``subject.stream``."""
    return [_full_name(scenario, name, f"{key}.streams") for name in group.streams]


def _full_name(scenario: Scenario, name: str, key: str, subject: str | None = None) -> str:
    names = [full for full, _ in scenario.stream_items()]
    if name in names:
        return name
    if subject is not None and f"{subject}.{name}" in names:
        return f"{subject}.{name}"
    short = [full for full in names if full.split(".")[1] == name]
    if len(short) == 1:
        return short[0]
    raise ScenarioError(f"{key}: there is no stream {name!r}.{nearest(name, names)}")


def build_layout(scenario: Scenario, session: Mapping[str, int] | None = None) -> plan.Layout:
    """Compile a scenario.

    Args:
        scenario: A resolved or unresolved scenario.
        session: Length of a session instead of the scenario's, ``{"trials": n}`` or ``{"steps": n}``.

    Returns:
        The layout both engines take.

    Raises:
        ScenarioError: Streams, groups or games contradict each other; names the key.
    """
    scenario = distributed(scenario)
    dt = time_step(scenario)
    names = {name: index for index, (name, _) in enumerate(scenario.stream_items())}
    subjects = list(scenario.subjects)
    tasks = {name: stream.make() for name, stream in scenario.stream_items()}
    branches = _branches({name: stream.branch for name, stream in scenario.stream_items()}, "")
    streams = tuple(
        plan.StreamSpec(
            name=name,
            subject=subjects.index(name.split(".")[0]),
            task=tasks[name],
            branch=branches[name],
            weight=stream.weight,
            onset=_onset(scenario, name, stream, tasks, names, dt),
        )
        for name, stream in scenario.stream_items()
    )
    shared = groups_of(scenario)
    branches = _branches({name: group.branch for name, group in shared.items()}, "group.")
    groups = tuple(_group(scenario, name, group, branches[name], names, tasks, dt) for name, group in shared.items())
    _check_groups(scenario, groups, streams)
    limits = dict(session) if session is not None else {}
    if session is None and scenario.session is not None:
        limits = scenario.session.model_dump(exclude_none=True)
    return plan.Layout(
        dt=dt,
        streams=streams,
        subjects=tuple(_subject(scenario, name, names, tasks, dt) for name in subjects),
        groups=groups,
        session_trials=limits.get("trials", 0),
        session_steps=limits.get("steps", 0),
        seed=scenario.seed,
    )


def _onset(
    scenario: Scenario,
    name: str,
    stream: Stream,
    tasks: Mapping[str, Task],
    names: Mapping[str, int],
    dt: float,
) -> plan.Onset:
    key = f"subjects.{name.replace('.', '.streams.')}.onset"
    law = stream.onset.law
    if law is not None:
        law.steps(dt, up=True)
        return plan.Onset(law=law)
    steps = int(np.ceil(stream.onset.ms / dt - 1e-9))  # onsets round up
    exact_steps(steps * dt, dt, f"{key}: it")  # refuses what is too long to be counted
    if stream.onset.after is None:
        return plan.Onset(steps)
    target, _, period = stream.onset.after.rpartition(".")
    if not target:
        raise ScenarioError(f"{key}: after {stream.onset.after!r} names no period; write stream.period.")
    full = _full_name(scenario, target, key, name.split(".")[0])
    if full == name:
        raise ScenarioError(f"{key}: a stream cannot wait for itself.")
    periods = list(tasks[full].timing)
    if period not in periods:
        raise ScenarioError(f"{key}: {target} has no period {period!r}.{nearest(period, periods)}")
    if tasks[full].timing[period] == 0:
        raise ScenarioError(f"{key}: {target}.{period} lasts 0 ms, so its end never comes; wait for another period.")
    _refuse_cycle(scenario, name, key)
    return plan.Onset(steps, names[full], periods.index(period))


def _refuse_cycle(scenario: Scenario, name: str, key: str) -> None:
    streams = dict(scenario.stream_items())
    seen, at = [name], name
    while streams[at].onset.after is not None:
        after = str(streams[at].onset.after).rpartition(".")[0]
        at = _full_name(scenario, after, key, at.split(".")[0])
        if at in seen:
            raise ScenarioError(
                f"{key}: streams wait for each other in a circle: {' -> '.join([*seen, at])}; let one of them begin at "
                "a time of its own, as onset: 300."
            )
        seen.append(at)


def _group(
    scenario: Scenario,
    name: str,
    group: Group,
    branch: str,
    names: Mapping[str, int],
    tasks: Mapping[str, Task],
    dt: float,
) -> plan.GroupSpec:
    key = f"groups.{name}"
    members = full_names(scenario, group, key)
    return plan.GroupSpec(
        name=name,
        branch=branch,
        streams=tuple(names[member] for member in members),
        mix=_mix(scenario, group, members, names, key),
        labels=tuple(group.mix),
        block=group.block,
        yoked=group.yoked,
        abort_all=group.abort == "trial",
        deadline=_steps_up(group.deadline, dt, f"{key}.deadline"),
        patience=_steps_up(group.patience, dt, f"{key}.patience"),
        rule=_rule(group, [tasks[member] for member in members], key),
        then=_then(group, members, tasks, key),
    )


def _steps_up(ms: float, dt: float, key: str) -> int:
    """A time in steps, rounded up."""
    steps = int(np.ceil(ms / dt - 1e-9))
    exact_steps(steps * dt, dt, f"{key}: it")
    return steps


def _rule(group: Group, players: list[Task], key: str) -> Rule | None:
    rule = group.make_rule()
    if rule is not None:
        try:
            rule.check(players)
        except NeuroparallelError as error:
            raise ScenarioError(f"{key}.{'rule' if group.game is None else 'game'}: {error}") from None
    return rule


def _mix(
    scenario: Scenario, group: Group, members: list[str], names: Mapping[str, int], key: str
) -> tuple[tuple[tuple[int, ...], float], ...]:
    """Who takes part in each entry of a group's mix, and how likely it is."""
    if group.block > 1 and not group.mix:
        raise ScenarioError(f"{key}.block: it says for how long an entry of the mix lasts; the group has no mix.")
    if group.mix and (min(group.mix.values()) < 0 or sum(group.mix.values()) <= 0):
        raise ScenarioError(f"{key}.mix: probabilities are 0 or more, and not all 0.")
    entries = {
        entry: tuple(names[_member(scenario, part, members, key)] for part in entry.split("+")) for entry in group.mix
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


def _member(scenario: Scenario, part: str, members: list[str], key: str) -> str:
    full = _full_name(scenario, part.strip(), f"{key}.mix")
    if full not in members:
        raise ScenarioError(f"{key}.mix: {part.strip()!r} is not in this group.{nearest(part.strip(), members)}")
    return full


def _then(group: Group, members: list[str], tasks: Mapping[str, Task], key: str) -> tuple[int, ...]:
    if group.then is None:
        return ()
    result = []
    for member in members:
        periods = list(tasks[member].timing)
        if group.then not in periods:
            raise ScenarioError(f"{key}.then: {member} has no period {group.then!r}.{nearest(group.then, periods)}")
        result.append(periods.index(group.then))
    return tuple(result)


def _subject(
    scenario: Scenario, name: str, names: Mapping[str, int], tasks: Mapping[str, Task], dt: float
) -> plan.SubjectSpec:
    spec = scenario.subjects[name]
    members = [f"{name}.{key}" for key in spec.streams]
    key = f"subjects.{name}"
    check_ties(spec, {short: tasks[f"{name}.{short}"] for short in spec.streams}, key)
    return plan.SubjectSpec(
        name,
        tuple(names[m] for m in members),
        action=spec.action,
        routing=spec.routing,
        observation=spec.observation,
        fixation=spec.fixation,
        lock=_steps_up(spec.response_lock, dt, f"{key}.response_lock"),
        sights=_sights(scenario, name, names, tasks, dt),
        message=None if spec.message is None else plan.Message(spec.message.levels, spec.message.cost),
        cues=_cues(scenario, members),
    )


def _cues(scenario: Scenario, members: list[str]) -> tuple[int, ...]:
    """The groups whose entry of the mix the subject is shown."""
    cues = []
    for number, (name, group) in enumerate(groups_of(scenario).items()):
        if group.cue and not group.mix:
            raise ScenarioError(f"groups.{name}.cue: it tells which entry of the mix is on; the group has no mix.")
        if group.cue and set(members) & set(full_names(scenario, group, f"groups.{name}")):
            cues.append(number)
    return tuple(cues)


def _sights(
    scenario: Scenario, name: str, names: Mapping[str, int], tasks: Mapping[str, Task], dt: float
) -> tuple[plan.Sight, ...]:
    """What a subject is shown of others, one entry for each of their streams and kinds of information."""
    subjects, key = list(scenario.subjects), f"subjects.{name}.sees"
    entries = []
    for other, seen in scenario.subjects[name].sees.items():
        if other not in scenario.subjects or other == name:
            others = [subject for subject in subjects if subject != name]
            raise ScenarioError(f"{key}: there is no other subject {other!r}.{nearest(other, others)}")
        if (seen.message or seen.answer_message) and scenario.subjects[other].message is None:
            which = "message" if seen.message else "answer_message"
            raise ScenarioError(f"{key}.{other}.{which}: {other} has nothing to say; give it message: {{levels: 2}}.")
        entries += [(other, f"{other}.{stream}", seen, first) for first, stream in _numbered(scenario, other)]
    sights = []
    for number, (other, full, seen, first) in enumerate(entries):
        label = "partner" if len(entries) == 1 else f"partner_{number}"
        whose = (label, names[full], subjects.index(other))
        choices = len(tasks[full].action_names()) - 1
        if seen.choice:
            sights.append(plan.Sight("choice", *whose, choices))
        if seen.reward:
            sights.append(plan.Sight("reward", *whose))
        if seen.answer_message:
            sights.append(plan.Sight("answer_message", *whose))
        if seen.action:
            sights.append(plan.Sight("action", *whose, choices, _latency(seen.action, dt, f"{key}.{other}.action")))
        if seen.message and first:  # a message is the subject's, not that of each stream
            sights.append(plan.Sight("message", *whose, 0, _latency(seen.message, dt, f"{key}.{other}.message")))
    return tuple(sights)


def _numbered(scenario: Scenario, subject: str) -> list[tuple[bool, str]]:
    return [(number == 0, stream) for number, stream in enumerate(scenario.subjects[subject].streams)]


def _latency(ms: float, dt: float, key: str) -> int:
    """After how many steps something is seen: rounded up, and one at least, as nobody sees what is yet to be done."""
    if ms < dt:
        raise ScenarioError(f"{key}: the latency is {ms:g} ms; it is dt = {dt:g} ms or more.")
    return _steps_up(ms, dt, key)


def _check_groups(scenario: Scenario, groups: tuple[plan.GroupSpec, ...], streams: tuple[plan.StreamSpec, ...]) -> None:
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
    keys = [(stream.branch, f"subjects.{stream.name.replace('.', '.streams.')}") for stream in streams]
    owners: dict[str, str] = {}
    for branch, key in [*keys, *((group.branch, f"groups.{group.name}") for group in groups)]:
        if branch in owners:
            raise ScenarioError(f"{key}.branch: {owners[branch]} has the branch {branch!r} too; give each its own.")
        owners[branch] = key
