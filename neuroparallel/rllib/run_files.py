"""Files of a training run, written and read again."""

from __future__ import annotations

import csv
import errno
import json
import math
import re
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neuroparallel.errors import ArgumentError, UsageError
from neuroparallel.records.json_file import SUMMARY
from neuroparallel.records.safe_files import complete_directory, replace_file, write_text

__all__ = [
    "CHECKPOINT",
    "check_vacant",
    "code_folders",
    "deferred",
    "explain_write_errors",
    "like_ctrl_c",
    "read_history",
    "resume_command",
    "uninterrupted",
    "write_history",
    "write_scenario",
    "write_summary",
]

CHECKPOINT = "checkpoint"  # directory in that of a run
HISTORY = "history.csv"
_LIKE_CTRL_C = ("SIGTERM", "SIGHUP")


def check_vacant(place: Path) -> None:
    """Refuse a directory in which a run is kept already, since another one would write over it.

    Raises:
        ArgumentError: There is a run; says how to go on with it.
    """
    if (place / SUMMARY).exists():
        raise ArgumentError(
            f"{place} holds a run already. Go on with it ({resume_command(place)}; in Python, "
            f"train(resume={str(place)!r})), or name another directory."
        )


def resume_command(place: Path) -> str:
    """Return the command that goes on with a run, from any folder."""
    return shlex.join(["neuroparallel", "train", "--resume", str(place.expanduser().resolve())])


@contextmanager
def explain_write_errors(place: Path) -> Iterator[None]:
    """Turn the system's errors, such as "no space left", into advice.

    Args:
        place: The run's directory, in which something is written.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            problem = "No space is left to write to {}. Free some (a run takes about 5 MB)"
        else:
            problem = f"{{}} cannot be written ({error.strerror or error}). Make it writable"
        last = complete_directory(place / CHECKPOINT)
        kept = f" The last checkpoint is whole: {last}." if last.is_dir() else ""
        raise UsageError(f"{problem.format(place)} or name another place (out=...).{kept}") from error


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C, SIGTERM and SIGHUP for a while: a second one must not lose what the first one keeps."""
    with _handling(dict.fromkeys(("SIGINT", *_LIKE_CTRL_C), signal.SIG_IGN)):
        yield


@contextmanager
def deferred() -> Iterator[None]:
    """Raise KeyboardInterrupt only at the end of the block if Ctrl-C, SIGTERM or SIGHUP come meanwhile."""
    came: list[int] = []
    with _handling(dict.fromkeys(("SIGINT", *_LIKE_CTRL_C), lambda number, _: came.append(number))):
        yield
    if came:
        raise KeyboardInterrupt


@contextmanager
def like_ctrl_c() -> Iterator[None]:
    """Handle SIGTERM and SIGHUP, which clusters and closed terminals send, as Ctrl-C is handled."""
    with _handling(dict.fromkeys(_LIKE_CTRL_C, _interrupt)):
        yield


def _interrupt(number: int, frame: Any) -> None:
    """Do what Ctrl-C does, also where the shell made this process ignore Ctrl-C, as it does with ``&``."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


@contextmanager
def _handling(handlers: Mapping[str, Any]) -> Iterator[None]:
    """Install signal handlers for a while; those that this system does not have, or that `nohup` ignores, stay."""
    if threading.current_thread() is not threading.main_thread():  # where there are no signals
        yield
        return
    before: dict[int, Any] = {}
    for name, handler in handlers.items():
        number = getattr(signal, name, None)
        if number is None or (signal.getsignal(number) is signal.SIG_IGN and name in _LIKE_CTRL_C):
            continue
        before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def code_folders(scenario: Any) -> list[str]:
    """Return the folders of the user's own files from which a scenario takes tasks, rules and the like.

    Args:
        scenario: A loaded scenario.

    Returns:
        Absolute paths, from which ``module:Class`` can be imported.
    """
    texts = _texts(scenario.dump())
    modules = [text.partition(":")[0] for text in texts if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text)]
    folders = []
    for name in dict.fromkeys(modules):
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None:
            path = Path(file).resolve()
            depth = name.count(".") + (path.name == "__init__.py")
            folders.append(str(path.parents[depth]))
    return list(dict.fromkeys(folders))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _texts(key)
            yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)


def write_scenario(place: Path, scenario: Any) -> None:
    """Write the resolved scenario, from which the run can be repeated."""
    write_text(place / "scenario.yaml", scenario.to_yaml())


def write_summary(place: Path, summary: Mapping[str, Any]) -> None:
    """Write ``summary.json``; numbers that are not finite become null."""
    write_text(place / SUMMARY, json.dumps(_plain(summary), indent=1, allow_nan=False) + "\n")


def write_history(place: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the learning curve, ``history.csv``: a row per evaluation."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with replace_file(place / HISTORY, newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


def read_history(place: Path) -> list[dict[str, Any]]:
    """Read the learning curve of an earlier run; empty if it has none.

    Raises:
        ArgumentError: It is no table, or a row has other fields than the header.
    """
    file = place / HISTORY
    if not file.is_file():
        return []
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            rows = [dict(row) for row in csv.DictReader(lines, strict=True)]
    except (OSError, ValueError, csv.Error) as error:
        raise ArgumentError(f"{file} cannot be read ({error}); it is damaged. Without it the run goes on.") from None
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise ArgumentError(
                f"{file}, row {number}: it has other fields than the header; it is damaged. Without it the run goes on."
            )
    return rows


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
