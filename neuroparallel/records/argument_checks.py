"""Checks of the arguments of analyses and plots against their annotations."""

from __future__ import annotations

import functools
import inspect
import os
import re
from collections.abc import Callable, Collection, Mapping
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np

from neuroparallel.errors import ArgumentError
from neuroparallel.records.table import Table
from neuroparallel.records.trace import Trace
from neuroparallel.records.trials import Trials

__all__ = ["checked"]

F = TypeVar("F", bound=Callable[..., Any])

_MOST_SHOWN = 60  # characters of what was found


def checked(function: F) -> F:
    """Refuse arguments of a wrong type before anything is calculated; what an annotation leaves open passes."""
    signature = inspect.signature(function)
    kinds = {name: _options(str(spec.annotation)) for name, spec in signature.parameters.items()}

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        for name, value in signature.bind(*arguments, **named).arguments.items():
            _check(function.__name__, name, value, kinds[name])
        return function(*arguments, **named)

    return call  # type: ignore[return-value]


def _options(annotation: str) -> tuple[str, ...]:
    """Return the types of which a value may be one: ``str | Sequence[str]`` to ``("str", "Sequence[str]")``."""
    return tuple(re.split(r" \| (?![^\[]*\])", annotation))


def _check(function: str, name: str, value: Any, options: tuple[str, ...]) -> None:
    if any(option not in _KINDS or _KINDS[option][0](value) for option in options):
        return
    wanted = " or ".join(_KINDS[option][1] for option in options)
    shown = repr(value)
    shown = shown if len(shown) <= _MOST_SHOWN and "\n" not in shown else f"a {type(value).__name__}"
    raise ArgumentError(
        f"{function}: {name} is {shown}; it is {wanted}.{_remedy(value) if 'Trials' in options else ''}"
    )


def _remedy(value: Any) -> str:
    """Return a hint how to make a trial table from what was given."""
    if type(value).__name__ == "DataFrame":
        return " Trials.from_pandas(frame) makes one of it."
    if isinstance(value, str):
        return " Trials.read_csv(path) reads one."
    return " Trials({'choice': [1, 2], ...}) makes one of columns." if isinstance(value, Mapping) else ""


def _number(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return False
    return isinstance(value, Real) and not np.isnan(float(value))


def _whole(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, Integral) and abs(int(value)) < 2**62


def _several(kind: Callable[[Any], bool], length: int | None = None) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        listed = isinstance(value, (Collection, np.ndarray)) and not isinstance(value, (str, bytes, Mapping))
        return listed and (length is None or len(value) == length) and all(kind(entry) for entry in value)

    return fits


def _numbers(value: Any) -> bool:
    try:
        return value is not None and np.asarray(value).dtype.kind in "biuf"
    except ValueError:  # rows of different lengths
        return False


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _traces(value: Any) -> bool:
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], Trials):  # what watch returns
        value = value[0]
    by_agent = isinstance(value, Mapping) and len(value) > 0 and all(isinstance(one, Trace) for one in value.values())
    return by_agent or isinstance(value, Trace)


_names = _several(_text)

_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "Trials": (lambda value: isinstance(value, Trials), "a trial table"),
    "None": (lambda value: value is None, "None"),
    "str": (_text, "a name"),
    "float": (_number, "a number"),
    "int": (_whole, "a whole number"),
    "bool": (lambda value: isinstance(value, (bool, np.bool_)), "True or False"),
    "Sequence[str]": (_names, "a list of names"),
    "npt.ArrayLike": (_numbers, "a number or several"),
    "Table": (lambda value: isinstance(value, Table), "a table"),
    "Traces": (_traces, "a trace, or what npar.reporting.watch returns"),
    "PathLike": (lambda value: isinstance(value, (str, os.PathLike)), "the path of a file"),
    "Mapping[str, npt.ArrayLike]": (lambda value: isinstance(value, Mapping), "a mapping of names to numbers"),
    "Lapses": (_text, "a word"),
    "Link": (_text, "a word"),
    "Axes": (lambda value: hasattr(value, "get_figure"), "axes of matplotlib"),
    "By": (lambda value: _text(value) or _names(value), "a name or a list of names"),
    "tuple[str, str]": (_several(_text, 2), "two names"),
    "tuple[int, int]": (_several(_whole, 2), "two whole numbers"),
    "tuple[float, float]": (_several(_number, 2), "two numbers"),
    "Mapping[str, Trials]": (
        lambda value: isinstance(value, Mapping) and all(isinstance(part, Trials) for part in value.values()),
        "a mapping of names to trial tables",
    ),
    "Mapping[float, Trials]": (
        lambda value: isinstance(value, Mapping) and all(isinstance(part, Trials) for part in value.values()),
        "a mapping of weights to trial tables",
    ),
}
