"""Check of a scenario file before anything is run: every problem, with file, line and key."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuroparallel.agents.seats import seats_of
from neuroparallel.environments import batch, compile_scenario, parallel_env
from neuroparallel.errors import MissingDependencyError, NeuroparallelError
from neuroparallel.records.safe_files import read_text
from neuroparallel.registry import entry_name
from neuroparallel.scenario import Scenario
from neuroparallel.scenario.yaml_source import MOST_BYTES, Source, read_yaml
from neuroparallel.user_code import permit_code

__all__ = ["check_file", "scenario_schema"]


def check_file(path: str | Path, *, code: bool = True) -> list[str]:
    """Find everything that is wrong in a scenario file.

    The ``train:`` and ``tune:`` sections are checked where the ``rllib`` extra is installed.

    Args:
        path: The file.
        code: Whether it may name Python code, which then runs; False makes that a problem.

    Returns:
        The problems, one per entry, each ``file:line: key: what is wrong``; empty if the file is good.
    """
    if not code:
        with permit_code(scenarios="none", policies="none"):
            return check_file(path)
    path = Path(path)
    try:
        scenario = Scenario.load(path if path.suffix in (".yaml", ".yml") or os.sep in str(path) else f"./{path}")
    except NeuroparallelError as error:
        return str(error).splitlines()
    source = read_yaml(read_text(path, MOST_BYTES), str(path))[1]
    problems = _place(source, "wrappers", lambda: _make_once(scenario))
    problems += _place(source, "subjects", lambda: seats_of(scenario))
    if importlib.util.find_spec("ray") and importlib.util.find_spec("torch"):
        if scenario.train is not None:
            problems += _place(source, "train", lambda: _check_train(scenario, playable=not problems))
        if scenario.tune is not None:
            problems += _place(source, "tune", lambda: _check_tune(scenario))
    return problems


def _place(source: Source, key: str, check: Callable[[], Any]) -> list[str]:
    """Return the problems that a check finds, each with its place in the file."""
    try:
        check()
    except MissingDependencyError:
        return []
    except NeuroparallelError as error:
        message = str(error)
        named = re.match(r"([\w.]+): ", message)
        word = re.search(r"setting '(\w+)'", message) or re.match(r"'?([a-z_][\w.]*)'? (?:is|cannot)", message)
        path = named[1].split(".") if named else [word[1]] if word else []
        path = path if path[:1] == [key] else [key, *path]
        return [f"{source.name}:{source.line(path)}: {'.'.join(path)}: {message[named.end() :] if named else message}"]
    return []


def _make_once(scenario: Scenario) -> None:
    """Make one lane with all wrappers; who plays on seats is checked by itself."""
    compile_scenario(scenario)
    scenario = scenario.replace(**{f"subjects.{name}.played_by": None for name in scenario.subjects})
    single = any(entry_name(entry).startswith("supersuit.") for entry in scenario.wrappers)
    if single:
        parallel_env(scenario, record=False)
    else:
        batch(scenario, lanes=1, record=False)


def _check_train(scenario: Scenario, playable: bool) -> None:
    from neuroparallel.rllib.settings import resolve
    from neuroparallel.rllib.training_plan import plan_for

    resolve(scenario.train, {})
    if playable:
        plan_for(scenario)


def _check_tune(scenario: Scenario) -> None:
    from neuroparallel.rllib.settings import split_space
    from neuroparallel.rllib.tuning import search_space

    split_space(search_space(scenario.tune or {}))


def scenario_schema() -> dict[str, Any]:
    """Return the JSON schema of scenario files, with which editors complete and check keys while one types."""
    schema = Scenario.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
