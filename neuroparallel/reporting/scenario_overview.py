"""Overview of a scenario: the resolved file, and the course of a trial."""

from __future__ import annotations

import inspect
import math
from typing import Any

from neuroparallel.agents.goals import goal_of
from neuroparallel.engine.layout import Layout, StreamSpec
from neuroparallel.engine.trial_lengths import memory_gap
from neuroparallel.environments import batch
from neuroparallel.environments.compile import USUAL_SESSION
from neuroparallel.modifiers import layers
from neuroparallel.scenario import Scenario
from neuroparallel.timing import Choice, Law

__all__ = ["describe_scenario", "first_sentence", "timeline"]

WIDTH = 60  # characters of a drawn trial


def first_sentence(thing: Any) -> str:
    """Return the first sentence of a docstring, on one line."""
    paragraph = (inspect.getdoc(thing) or "").partition("\n\n")[0]
    return " ".join(paragraph.split())


def describe_scenario(what: Any) -> str:
    """Write a scenario out, with the course of a trial and its criterion below it as comments.

    The whole is a scenario file again.

    Args:
        what: A scenario's or task's name, a file, a dictionary, a `Scenario` or a `Task`.

    Returns:
        YAML.
    """
    scenario = Scenario.load(what)
    lines = [*timeline(scenario), "", *goal_of(scenario).lines()]
    comments = "".join(f"# {line}".rstrip() + "\n" for line in lines)
    return f"{scenario.to_yaml()}\n{comments}"


def timeline(what: Any) -> list[str]:
    """Tell the course of a trial: periods and their times, channels, actions and spaces of every subject.

    Args:
        what: As of `describe_scenario`.

    Returns:
        Lines of text.
    """
    scenario = Scenario.load(what)
    engine = batch(scenario, lanes=1, record=False)
    steps = engine.trial_steps()
    lines = [f"A trial takes up to {steps} steps of {engine.dt:g} ms ({steps * engine.dt / 1000:g} s)."]
    lines += _memory_lines(engine)
    lines.append(_session_line(scenario))
    starts = _starts(engine.layout)
    total = max(starts[i] + sum(_typical(stream).values()) for i, stream in enumerate(engine.layout.streams))
    for index, stream in enumerate(engine.layout.streams):
        lines += ["", *_stream_lines(stream, starts[index], total, _waits_for(engine.layout, stream))]
    for subject in engine.layout.subjects:
        lines += ["", *_subject_lines(engine, subject.name)]
    return lines


def _memory_lines(engine: Any) -> list[str]:
    """Describe what has to be remembered within a trial, for how long, and until when."""
    lines = []
    for stream in engine.streams:
        gap = memory_gap(stream.tables)
        of = f"{stream.spec.name}: " if len(engine.streams) > 1 else ""
        time = f"up to {gap.steps * engine.dt / 1000:g} s"
        if gap.steps and gap.channels:
            lines.append(
                f"{of}What {gap.channels!r} shows in the period {gap.period!r} has to be remembered for {time}, until "
                f"{gap.window!r} begins."
            )
        elif gap.steps:
            lines.append(
                f"{of}The observe hook decides in each step what is shown; if it is shown at the start, it has to be "
                f"remembered for {time}, until {gap.window!r} begins."
            )
    return lines


def _session_line(scenario: Scenario) -> str:
    """Describe the length of a session."""
    if scenario.session is not None:
        (unit, count), *_ = scenario.session.model_dump(exclude_none=True).items()
        return f"A session lasts {count} {unit}."
    (unit, count), *_ = USUAL_SESSION.items()
    return f"A session of gym_env, parallel_env or vector_env lasts {count} {unit} unless session= says otherwise."


def _typical(stream: StreamSpec) -> dict[str, float]:
    """Length of each period in ms; of a drawn one the middle of its range."""
    laws = stream.task.timing.items()
    return {name: sum(law.bounds()) / 2 if isinstance(law, Law) else float(law) for name, law in laws}


def _starts(layout: Layout) -> list[float]:
    """When each stream begins, in ms from the start of the trial, if all periods come in their order."""
    known: dict[int, float] = {}

    def start(index: int) -> float:
        if index not in known:
            onset = layout.streams[index].onset
            known[index] = onset.steps * layout.dt
            if onset.law is not None:
                known[index] = _middle(onset.law, layout.dt)
            if onset.after >= 0:
                before = list(_typical(layout.streams[onset.after]).values())[: onset.period + 1]
                known[index] += start(onset.after) + sum(before)
        return known[index]

    return [start(index) for index in range(len(layout.streams))]


def _stream_lines(stream: StreamSpec, start: float, total: float, waits_for: str = "") -> list[str]:
    task = stream.task
    plain, modifiers = layers(task)
    lines = [f"{stream.name}: {task.task_name()}. {first_sentence(type(plain))}"]
    lines += [f"  {modifier.name()}: {first_sentence(type(modifier))}" for modifier in modifiers]
    if stream.onset.law is not None:
        since = f" after {waits_for}" if waits_for else ""
        lines.append(f"  begins {_range(stream.onset.law)}{since}, drawn in each trial; here at {start:g} ms")
    bar, now, names = "", start, []
    for name, ms in _typical(stream).items():
        law = task.timing[name]
        cells = max(1, round(ms / total * WIDTH)) if ms else 0
        bar += f"|{name[: cells - 1]:-<{cells - 1}}" if cells else ""
        length = f"{law.bounds()[0]:g} to {law.bounds()[1]:g}" if isinstance(law, Law) else f"{ms:g}"
        names.append(f"  {now:7g} ms  {name:<16} {length} ms" + (f", {_law(law)}" if isinstance(law, Law) else ""))
        now += ms
    return [*lines, "  " + " " * round(start / total * WIDTH) + bar + "|", *names]


def _waits_for(layout: Layout, stream: StreamSpec) -> str:
    """Return the period whose end a stream waits for, empty if it waits for none."""
    if stream.onset.after < 0:
        return ""
    other = layout.streams[stream.onset.after]
    return f"{other.name}.{list(other.task.timing)[stream.onset.period]}"


def _middle(law: Law, dt: float) -> float:
    """Return a time in the middle of what a law draws, and one that it can draw, ms."""
    if isinstance(law, Choice):
        return float(sorted(law.values)[len(law.values) // 2])
    return math.ceil(sum(law.bounds()) / 2 / dt) * dt


def _range(law: Law) -> str:
    """Describe a duration law."""
    if isinstance(law, Choice):
        *others, last = (f"{value:g}" for value in law.values)
        return f"at {', '.join(others)} or {last} ms" if others else f"at {last} ms"
    low, high = law.bounds()
    return f"at {low:g} to {high:g} ms ({_law(law)})"


def _law(law: Law) -> str:
    return next(iter(law.plain())).replace("_", " ")


def _subject_lines(engine: Any, agent: str) -> list[str]:
    subject = engine.layout.subjects[engine.possible_agents.index(agent)]
    tasks = [engine.layout.streams[index].task for index in subject.streams]
    shared = len(tasks) == 1 or subject.action == "shared"
    actions = [", ".join(f"{i} {name}" for i, name in enumerate(task.action_names())) for task in tasks]
    words = [engine.layout.streams[index].short for index in subject.streams]
    texts = actions[:1] if shared else [f"{word}: {text}" for word, text in zip(words, actions, strict=True)]
    names = engine.channel_names(agent)
    return [
        f"{agent}",
        f"  observation  {' '.join(str(engine.observation_space(agent)).split())}",
        f"  channels     {', '.join(names)}",
        f"  action       {engine.action_space(agent)}",
        *(f"  actions      {text}" for text in texts),
    ]
