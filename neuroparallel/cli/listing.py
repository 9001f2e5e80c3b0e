"""``tasks`` and ``scenarios``: lists of both."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from neuroparallel.cli.common import add_verb, on_screen

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verbs."""
    tasks = add_verb(verbs, "tasks", list_tasks, "List the tasks.")
    tasks.add_argument("--tag", help="only tasks with this tag")
    scenarios = add_verb(verbs, "scenarios", list_scenarios, "List the shipped scenarios.")
    scenarios.add_argument("--tag", help="only scenarios with this tag")


def list_tasks(options: argparse.Namespace) -> None:
    """Print the table of tasks."""
    from neuroparallel import tasks
    from neuroparallel.reporting.scenario_overview import first_sentence

    folders = {
        folder: [tasks.task_class(name) for name in names]
        for folder, names in tasks.tasks_by_folder(options.tag).items()
    }
    _print(
        "task",
        {
            folder: [(task.task_name(), first_sentence(task), task.tags) for task in classes]
            for folder, classes in folders.items()
        },
    )


def list_scenarios(options: argparse.Namespace) -> None:
    """Print the table of scenarios."""
    from neuroparallel import scenario

    found = map(scenario.Scenario.load, scenario.list_scenarios(options.tag))
    _print("scenario", {"": [(each.name, each.description, each.tags) for each in found]})


def _print(kind: str, sections: Mapping[str, Iterable[tuple[str, str, Iterable[str]]]]) -> None:
    """Print a table in sections, each under its title; an empty title is left out."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column(kind, style="bold", no_wrap=True)
    table.add_column("description")
    table.add_column("tags", style="dim")
    for title, rows in sections.items():
        if title:
            table.add_section()
            table.add_row(f"[underline]{title}[/underline]")
        for name, description, tags in rows:
            table.add_row(name, description, ", ".join(tags))
    on_screen().print(table)
