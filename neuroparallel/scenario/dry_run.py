"""Trying a compiled scenario: a few trials of it are begun, and what cannot be played shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch.group import BatchGroup
from neuroparallel.engine.batch.stream import assembled
from neuroparallel.engine.layout import Layout
from neuroparallel.engine.record_columns import MESSAGE
from neuroparallel.errors import NeuroparallelError, ScenarioError, TaskError, nearest
from neuroparallel.outcomes import Outcome
from neuroparallel.records.trials import TRIAL_COLUMNS
from neuroparallel.rules import Rule
from neuroparallel.scenario.compile import located, place_of_errors
from neuroparallel.scenario.schema import check_file_name
from neuroparallel.scenario.shared_channels import why_one_agent
from neuroparallel.scenario.written import WrittenScenario
from neuroparallel.task import Factorial, Memory

__all__ = ["dry_run"]

TRIED, TRIED_TRIALS = 16, 2  # lanes, and further trials of each, that are begun to see whether they can be


def dry_run(scenario: WrittenScenario, layout: Layout) -> None:
    """Begin a few trials of a compiled scenario to see whether it can be played.

    Args:
        scenario: As it was written, for the places that errors name.
        layout: What it was compiled to.

    Raises:
        ScenarioError: It cannot be played; names the key.
    """
    _check_agents(scenario, layout)
    tables = layout.tables_for(TRIED)
    for stream, part in zip(layout.streams, tables, strict=True):
        with place_of_errors(stream):
            assembled([stream], [part], TRIED)
    ensemble, streams = assembled(layout.streams, tables, TRIED)
    for group in layout.groups:
        try:
            _check_rule(group.rule)
            together = BatchGroup(group, streams, ensemble, layout.dt)
        except NeuroparallelError as error:
            raise ScenarioError(f"groups.{group.name}.{error}") from None
        _check_columns(together)
        if together.coupling.draws:
            _try_out(together)


def _check_agents(scenario: WrittenScenario, built: Layout) -> None:
    """Who learns is there; and every stream by itself only where nothing ties it to another one."""
    agents = [*scenario.subjects, *(stream.name for stream in built.streams)]
    for name in scenario.policies if isinstance(scenario.policies, Mapping) else ():
        if name not in agents:
            raise ScenarioError(f"policies.{name}: there is no such agent.{nearest(name, agents)}")
    train = scenario.train or {}
    for key, names in (("policies", scenario.policies), ("train.policies", train.get("policies"))):
        for agent, name in names.items() if isinstance(names, Mapping) else ():
            try:
                check_file_name(str(name))  # RLlib names directories after policies
            except ValueError as error:
                raise ScenarioError(f"{key}.{agent}: {error}") from None
    tied = next(filter(None, map(why_one_agent, built.subjects)), "")
    said = {"policies": scenario.policies, "train.policies": train.get("policies"), "train.view": train.get("view")}
    for key, value in said.items():
        if value == "streams" and tied:
            raise ScenarioError(f"{key}: streams makes every stream an agent, but {tied}")


def _try_paying(group: BatchGroup, lanes: NDArray[np.int64]) -> None:
    """Let a rule pay for all kinds of answers, of each member another one; 0 is none."""
    members = list(group.streams.values())
    choice = np.stack([(lanes + place) % len(stream.spec.task.action_names()) for place, stream in enumerate(members)])
    outcome = np.where(choice > 0, Outcome.UNSCORED, Outcome.MISS).astype(np.uint8)
    time = np.where(choice > 0, 100.0 * (1 + lanes), np.nan)
    given = tuple(stream.values(lanes) for stream in members)
    nothing = np.zeros(choice.shape)
    keys = lanes.astype(np.uint64)
    pay, again = group.coupling.resolve(lanes, keys, lanes * 0, choice, outcome, time, nothing, given)
    name = group.spec.rule.rule_name() if group.spec.rule is not None else ""
    if pay.shape != choice.shape or again.shape != lanes.shape:
        raise TaskError(
            f"rule: {name} leaves pay of shape {pay.shape} and again of shape {again.shape}, which are {choice.shape} "
            f"and {lanes.shape} for {len(members)} members and {len(lanes)} lanes: fill end.pay[:] and end.again[:]."
        )
    if not np.isfinite(pay).all():
        found = pay[~np.isfinite(pay)][0]
        raise TaskError(f"rule: {name} pays {found} for some answers (0 is a choice that was not made); pay is finite.")


def _check_rule(rule: Rule | None) -> None:
    """What a rule of a user's own declares is of the right kind."""
    if rule is None:
        return
    design: Any = rule.conditions()
    if not isinstance(design, Factorial):
        raise TaskError(f"rule: {rule.rule_name()}: conditions() returns {design!r}; it returns a Factorial.")
    for name, memory in rule.memory().items():
        kept: Any = memory
        if not isinstance(kept, Memory):
            raise TaskError(f"rule: {rule.rule_name()}: memory() has {name} = {kept!r}; write Memory({kept!r}).")


def _check_columns(group: BatchGroup) -> None:
    """What a group and its members record has a column each in the trial table."""
    for stream in group.streams.values():
        for name in stream.tables.recorded:
            if name in group.names:
                raise ScenarioError(
                    f"groups.{group.spec.name}: {stream.spec.name} has a condition or note {name!r}, and so has the "
                    "group: the trial table cannot hold both. Choose another name."
                )
    for name in group.names:
        if name in TRIAL_COLUMNS or name == MESSAGE or group.names.count(name) > 1:
            raise ScenarioError(
                f"groups.{group.spec.name}.rule: a condition or note cannot be called {name!r}, as the trial table "
                "has a column of that name already; choose another one."
            )


def _try_out(group: BatchGroup) -> None:
    """Begin some trials of a group, end them at once and let its rule pay: what it cannot do shows then."""
    lanes, zeros = np.arange(TRIED), np.zeros(TRIED, np.uint64)
    try:
        for stream in group.streams.values():
            stream.begin(lanes, zeros, lanes.astype(np.uint64), zeros)
        group.begin(lanes, zeros, lanes.astype(np.uint64), zeros, 0)
        group.ensemble.start(0)
        for _ in range(TRIED_TRIALS):
            group.cancel(lanes, 0)
            group.start(lanes, 0)
            group.ensemble.start(0)
        if group.spec.rule is not None:
            _try_paying(group, lanes)
    except NeuroparallelError as error:
        dot = "." if str(error).startswith("rule: ") else ": "
        raise ScenarioError(f"groups.{group.spec.name}{dot}{error}") from None
    except Exception as error:
        raise located(error, f"groups.{group.spec.name}.rule") from error
