"""Compile a scenario for an environment; every factory starts here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np

from neuroparallel.engine.layout import Layout
from neuroparallel.errors import ArgumentError, nearest, whole_number
from neuroparallel.scenario import Scenario, What
from neuroparallel.scenario.modifier_entries import distributed
from neuroparallel.scenario.shared_channels import why_one_agent
from neuroparallel.wrappers import check_wrappers

__all__ = ["USUAL_SESSION", "Session", "View", "What", "check_record", "check_seed", "compile_scenario"]

MOST_RECORDS = 2**48  # more than any memory holds

View: TypeAlias = Literal["subjects", "streams"]
Session: TypeAlias = Mapping[str, int] | Literal["scenario", "usual"] | None
"""Length of a session.

``{"trials": n}`` or ``{"steps": n}``; ``"scenario"``: as the scenario says; ``"usual"``: the same, but 100 trials where
it says nothing; None: a session never ends.
"""

USUAL_SESSION = {"trials": 100}
"""Length of a session for programs that need an end, such as those with episode returns or autoresets."""


def compile_scenario(
    what: What,
    *,
    dt: float | None = None,
    session: Session = "scenario",
    view: View = "subjects",
) -> tuple[Scenario, Layout]:
    """Load and compile a scenario or task.

    Args:
        what: A scenario, the name of one, of a task, a path to a ``.yaml`` file, a dictionary, or a
            task.
        dt: Time step in ms instead of the scenario's.
        session: Length of a session, see `Session`.
        view: ``"subjects"``: an agent is a subject. ``"streams"``: an agent is one stream of one,
            such as ``subject_0.memory``.

    Returns:
        The scenario with the changes made, and the layout that both engines take.

    Raises:
        ScenarioError: The scenario or one of the options cannot be used.
        UnknownNameError: There is no scenario, task or wrapper of that name.
        ArgumentError: The view does not exist, or would not show the same trials.
    """
    scenario = distributed(Scenario.load(what, dt=dt))
    if session == "usual":
        session = "scenario" if scenario.session is not None else USUAL_SESSION
    if session != "scenario":
        if session is not None and not isinstance(session, Mapping):
            raise ArgumentError(f"session is {session!r}; it is {{'trials': n}}, {{'steps': n}}, or None for no end.")
        scenario = scenario.with_session(session)
    check_wrappers(scenario.wrappers)
    layout = scenario.layout
    if view == "streams":
        return scenario, _by_streams(layout)
    if view != "subjects":
        raise ArgumentError(f"there is no view {view!r}.{nearest(str(view), ('subjects', 'streams'))}")
    return scenario, layout


def _by_streams(layout: Layout) -> Layout:
    """Return the same streams, groups and branches, with every stream as an agent of its own."""
    for subject in layout.subjects:
        tied = why_one_agent(subject)
        if tied:
            raise ArgumentError(f"view='streams': {tied}")
    owners = [layout.subjects[stream.subject] for stream in layout.streams]
    subjects = tuple(
        replace(
            owner,
            name=stream.name,
            streams=(index,),
            # Who says something has one stream, so that stream and agent have the same number.
            partner_views=tuple(replace(sight, subject=sight.stream) for sight in owner.partner_views),
        )
        for index, (stream, owner) in enumerate(zip(layout.streams, owners, strict=True))
    )
    streams = tuple(replace(stream, subject=i) for i, stream in enumerate(layout.streams))
    return replace(layout, streams=streams, subjects=subjects)


def check_record(record: Any) -> int | bool:
    """Check that a value is a truth value, or a whole number of trials to keep.

    Raises:
        ArgumentError: It is something else.
    """
    if isinstance(record, (bool, np.bool_)):
        return bool(record)
    return min(whole_number(record, "record"), MOST_RECORDS)


def check_seed(seed: Any, what: str = "seed") -> int | None:
    """Check that a seed is None or a whole number of 0 or more, and return it as int.

    Raises:
        ArgumentError: It is something else.
    """
    if seed is None:
        return None
    return whole_number(seed, what)
