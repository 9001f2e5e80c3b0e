"""Ids for ``gymnasium.make`` and ``pettingzoo.make``: strings only, so that registering is cheap."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gymnasium
import pettingzoo

__all__ = ["NAMESPACE", "environment_id", "register_ids"]

NAMESPACE = "neuroparallel"
_PACKAGE = Path(__file__).resolve().parent.parent


def environment_id(name: str) -> str:
    """Return the id under which a task or scenario is registered: ``random_dots`` is ``RandomDots``.

    Args:
        name: Name of the task or shipped scenario.

    Returns:
        For example ``neuroparallel/RandomDots-v0``.
    """
    return f"{NAMESPACE}/{''.join(part.capitalize() for part in name.split('_'))}-v0"


def register_ids() -> None:
    """Register all tasks and shipped scenarios with PettingZoo, those of one subject with gymnasium.

    A task that a scenario of the same name hides has ``Task`` before its name: ``TaskMatchingPennies-v0``.
    Nothing is loaded for it: tasks and scenarios are known by their files. A second call does
    nothing.
    """
    scenarios = _scenarios()
    tasks = {path.stem for path in (_PACKAGE / "tasks").rglob("*.py") if not path.stem.startswith("_")}
    for name in sorted({*scenarios, *tasks}):
        if scenarios.get(name, 1) == 1:
            _register_gymnasium(environment_id(name), name)
        _register_pettingzoo(environment_id(name), name)
    for name in sorted(tasks & {*scenarios}):  # the scenario has the id of the same name
        hidden = environment_id(f"task_{name}"), f"task:{name}"
        _register_gymnasium(*hidden)
        _register_pettingzoo(*hidden)


def _scenarios() -> dict[str, int]:
    """Return the shipped scenarios by name, with their number of subjects."""
    folders = (_PACKAGE / "scenarios", _PACKAGE.parent / "scenarios")  # installed, or a checkout
    folder = next((folder for folder in folders if folder.is_dir()), folders[0])
    return {path.stem: _subjects(path.read_text("utf-8")) for path in folder.glob("*.yaml")}


def _subjects(text: str) -> int:
    """Return the number of subjects of a scenario file, read from its indentation, as parsing would be slow."""
    block = re.search(r"^subjects:[^\n]*\n((?:[ \t#][^\n]*\n?|\n)*)", text, re.MULTILINE)
    keys = re.findall(r"^( +)[A-Za-z]\w*:", block[1], re.MULTILINE) if block else []
    return sum(len(indent) == len(min(keys)) for indent in keys)


def _register_gymnasium(identity: str, name: str) -> None:
    if identity in gymnasium.registry:
        return
    gymnasium.register(
        identity,
        entry_point="neuroparallel.environments:gym_env",
        vector_entry_point="neuroparallel.environments:vector_env",
        kwargs={"what": name},
    )


def _register_pettingzoo(identity: str, name: str) -> None:
    register: Any = getattr(pettingzoo, "register", None)
    if register is None:  # before PettingZoo 1.27 there is no registry
        return
    for kind, registry in (
        ("parallel", pettingzoo.parallel_registry),
        ("aec", pettingzoo.aec_registry),
    ):
        if identity not in registry:
            entry = f"neuroparallel.environments:{kind}_env"
            register(kind, identity, entry, kwargs={"what": name})
