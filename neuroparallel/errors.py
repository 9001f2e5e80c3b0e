"""What can go wrong, and how it is said: where it happened, what was found, what would be right.

NeuroparallelError
├── ArgumentError           a value given in Python is not allowed (also a ValueError)
│   ├── ActionError         an action is missing, of a wrong kind or out of range
│   ├── TaskError           a task's definition contradicts itself
│   └── ScenarioError       a scenario file or dictionary cannot be used: file, line, key
├── UnknownNameError        a task, scenario, period ... of that name does not exist (also a KeyError)
├── UsageError              a call came at the wrong time, as step before reset (also a RuntimeError)
├── RecordError             a trial table cannot be read: file, line, column (also a ValueError)
└── MissingDependencyError  an optional package is not installed (also an ImportError)
"""

from __future__ import annotations

import difflib
import operator
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import Any

__all__ = [
    "INTERRUPTED",
    "ActionError",
    "ArgumentError",
    "MissingDependencyError",
    "NeuroparallelError",
    "RecordError",
    "ScenarioError",
    "TaskError",
    "UnknownNameError",
    "UsageError",
    "is_command",
    "nearest",
    "one_of",
    "own_code",
    "probability",
    "say_stopped",
    "whole_number",
]


class NeuroparallelError(Exception):
    """Anything that neuroparallel refuses; catch this one to catch all."""


class ArgumentError(NeuroparallelError, ValueError):
    """A value that was given is not allowed."""


class ActionError(ArgumentError):
    """An action is missing, of a wrong kind or out of range; the environment is left as it was."""


class TaskError(ArgumentError):
    """The definition of a task contradicts itself or does not fit its time step."""


class ScenarioError(ArgumentError):
    """A scenario cannot be used; the message names file, line and key."""


class UnknownNameError(NeuroparallelError, KeyError):
    """Nothing of that name exists; the message offers the nearest valid name."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class UsageError(NeuroparallelError, RuntimeError):
    """A call came at a time at which it makes no sense."""


class RecordError(NeuroparallelError, ValueError):
    """A trial table cannot be read; the message names file, line and column."""


class MissingDependencyError(NeuroparallelError, ImportError):
    """An optional package is missing; the message says what to install."""


_FORMER = {"strength": "coherence", "strengths": "coherences"}  # words that another one has replaced


def nearest(name: str, names: Iterable[str]) -> str:
    """Name the closest valid word, to end an error message with.

    Args:
        name: What was written.
        names: What may be written.

    Returns:
        `` Did you mean 'delay'?`` if one is close, otherwise `` Valid: a, b, c.``.
    """
    known = sorted(map(str, names))
    former = [_FORMER[name]] if _FORMER.get(name) in known else []
    close = former or difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    if close:
        return f" Did you mean {close[0]!r}?"
    return f" Valid: {', '.join(known)}." if known else " There are none."


def own_code(error: BaseException) -> str | None:
    """Say what went wrong in a user's own file, as in a task of theirs, and in which line.

    Args:
        error: What was caught.

    Returns:
        As in ``ZeroDivisionError: division by zero (my_tasks.py, line 31)``; None if no line of a user's had a part.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    paths = sysconfig.get_paths()
    kinds = ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
    others = [str(Path(__file__).parent), *(paths[kind] for kind in kinds)]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        name = frame.filename
        if not name.startswith(("<frozen", "<string>")) and not any(
            Path(folder) in Path(name).parents for folder in others
        ):
            return f"{type(error).__name__}: {error} ({name}, line {frame.lineno})"
    return None


def whole_number(value: Any, what: str, least: int = 0, most: int | None = None) -> int:
    """Take a whole number, as Python or NumPy writes it.

    Args:
        value: What was given.
        what: How to name it in an error.
        least: The smallest that is allowed.
        most: The largest that is allowed; None for any.

    Returns:
        The number.

    Raises:
        ArgumentError: It is no whole number, too small or too large.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise ArgumentError(f"{what} is {value!r}; it is a whole number, {least} or more.")
    if most is not None and number > most:
        raise ArgumentError(f"{what} is {value!r}; it is a whole number from {least} to {most}.")
    return number


def probability(value: Any, what: str) -> float:
    """Take a probability, as Python or NumPy writes it.

    Args:
        value: What was given.
        what: How to name it in an error.

    Returns:
        The number.

    Raises:
        ArgumentError: It is no number from 0 to 1.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise ArgumentError(f"{what} is {value!r}; it is a probability, 0 to 1.")
    return float(value)


def one_of(value: Any, words: Iterable[str], what: str) -> None:
    """Refuse what is none of some words.

    Raises:
        ArgumentError: It is none; names the nearest.
    """
    known = tuple(words)
    if value not in known:
        raise ArgumentError(f"{what} is {value!r}.{nearest(str(value), known)}")


INTERRUPTED = 130  # exit code after Ctrl-C


def is_command() -> bool:
    """Whether this process is the command, and not somebody's program: ``neuroparallel``, or ``-m`` while it starts."""
    return os.path.basename(sys.argv[0]) in ("neuroparallel", "neuroparallel.exe", "-m") if sys.argv else False


def say_stopped() -> int:
    """Print that Ctrl-C stopped the command; return the exit code."""
    print("neuroparallel: stopped.", file=sys.stderr)  # noqa: T201
    return INTERRUPTED
