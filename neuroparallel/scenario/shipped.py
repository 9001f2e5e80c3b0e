"""The scenario files that come with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from neuroparallel.scenario.yaml_source import Source, read_yaml

__all__ = ["read_shipped", "shipped_names"]


def _folder() -> Any:
    """Where the shipped scenarios lie: inside the installed package, or beside it in a checkout."""
    try:
        return resources.files("neuroparallel.scenarios")
    except ModuleNotFoundError:
        return Path(__file__).resolve().parents[2] / "scenarios"


def shipped_names() -> list[str]:
    """Name the files, without their ending, sorted."""
    return sorted(item.name[:-5] for item in _folder().iterdir() if item.name.endswith(".yaml"))


def read_shipped(name: str) -> tuple[dict[str, Any], Source]:
    """Read a file by its name without ending, as data and the source that knows its lines."""
    return read_yaml((_folder() / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml")
