"""What a run leaves behind, and how it is read again."""

from __future__ import annotations

import csv
import errno
import json
import math
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neuroparallel.errors import ArgumentError, UsageError
from neuroparallel.records.json_file import SUMMARY

__all__ = [
    "check_vacant",
    "read_history",
    "replace_directory",
    "say_if_full",
    "uninterrupted",
    "write_history",
    "write_scenario",
    "write_summary",
]


def check_vacant(place: Path) -> None:
    """Refuse a directory in which a run is kept already, since another one would write over it.

    Raises:
        ArgumentError: There is a run; says how to go on with it.
    """
    if (place / SUMMARY).exists():
        raise ArgumentError(
            f"{place} holds a run already. Go on with it (neuroparallel train --resume {place}; in Python, "
            f"train(resume={str(place)!r})), or name another directory."
        )


@contextmanager
def say_if_full(place: Path) -> Iterator[None]:
    """Turn the system's "no space left" into advice.

    Args:
        place: Where something is written.

    Raises:
        UsageError: The disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UsageError(
            f"No space is left to write to {place}. Free some (a run takes about 5 MB) or name another place (out=...)."
        ) from error


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C do nothing for a while, since who presses it twice does not mean to lose what was learnt."""
    if threading.current_thread() is not threading.main_thread():  # where there are no signals
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)


@contextmanager
def replace_directory(place: Path) -> Iterator[Path]:
    """Write a directory beside an old one and put it in its place when it is complete.

    Args:
        place: The directory.

    Yields:
        Where to write.
    """
    fresh, old = place.with_name(place.name + ".new"), place.with_name(place.name + ".old")
    for left in (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def write_scenario(place: Path, scenario: Any) -> None:
    """Write the resolved scenario, from which the run can be repeated."""
    (place / "scenario.yaml").write_text(scenario.to_yaml(), encoding="utf-8")


def write_summary(place: Path, summary: Mapping[str, Any]) -> None:
    """Write ``summary.json``; numbers that are not finite become null."""
    text = json.dumps(_plain(summary), indent=1, allow_nan=False)
    fresh = place / f"{SUMMARY}.new"  # put in place when it is complete, so that there is a whole one at any time
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(place / SUMMARY)


def write_history(place: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the learning curve, ``history.csv``: a row per evaluation."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (place / "history.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


def read_history(place: Path) -> list[dict[str, Any]]:
    """Read the learning curve of an earlier run; empty if it has none."""
    file = place / "history.csv"
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as lines:
        return [dict(row) for row in csv.DictReader(lines)]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
