"""Whether a scenario can be played: it is compiled, and a few trials of it are begun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from neuroparallel.engine.group import BatchGroup
from neuroparallel.engine.stream import BatchStream
from neuroparallel.engine.tables import Tables
from neuroparallel.errors import NeuroparallelError, ScenarioError, nearest
from neuroparallel.sequencing import check_modifiers
from neuroparallel.streams import build_layout

if TYPE_CHECKING:
    from neuroparallel.scenario import Scenario

__all__ = ["check_scenario"]

TRIED, TRIED_TRIALS = 16, 2  # lanes, and further trials of each, that are begun to see whether they can be


def check_scenario(scenario: Scenario) -> None:
    """Compile a scenario to see whether it can be played; raises what is wrong with it."""
    built = build_layout(scenario)
    agents = [*scenario.subjects, *(stream.name for stream in built.streams)]
    for name in scenario.policies if isinstance(scenario.policies, Mapping) else ():
        if name not in agents:
            raise ScenarioError(f"policies.{name}: there is no such agent.{nearest(name, agents)}")
    streams = []
    for stream in built.streams:
        check_modifiers(scenario, stream.name, stream.task, built.dt)
        try:
            streams.append(BatchStream(stream, Tables(stream.task, built.dt, TRIED), TRIED))
        except NeuroparallelError as error:
            key = f"subjects.{stream.name.replace('.', '.streams.')}"
            raise ScenarioError(f"{key}.timing: {error}") from None
    for group in built.groups:
        try:
            together = BatchGroup(group, streams, TRIED, built.dt)
        except NeuroparallelError as error:
            raise ScenarioError(f"groups.{group.name}.{error}") from None
        if together.coupling.draws:
            _try_out(together)


def _try_out(group: BatchGroup) -> None:
    """Begin some trials of a group, and end them at once: what cannot be imposed on a member shows then."""
    lanes, zeros = np.arange(TRIED), np.zeros(TRIED, np.uint64)
    try:
        for stream in group.streams.values():
            stream.begin(lanes, zeros, lanes.astype(np.uint64), zeros)
        group.begin(lanes, zeros, lanes.astype(np.uint64), zeros, 0)
        for _ in range(TRIED_TRIALS):
            group.cancel(lanes, 0)
            group.start(lanes, 0)
    except NeuroparallelError as error:
        raise ScenarioError(f"groups.{group.spec.name}: {error}") from None
