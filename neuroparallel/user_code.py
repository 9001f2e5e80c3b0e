"""Permission to import Python code that a file names as ``module:Class``; every place that imports it asks here."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, TypeAlias

from neuroparallel.errors import ArgumentError

__all__ = ["Permission", "check_permission", "code_is_found", "named_code", "permit_code"]

Permission: TypeAlias = Literal["none", "imported", "all"]
"""``"none"``: refuse all code; ``"imported"``: take it from modules that this program has imported; ``"all"``."""

_scenarios: ContextVar[Permission] = ContextVar("scenarios", default="all")
_policies: ContextVar[Permission] = ContextVar("policies", default="imported")


@contextmanager
def permit_code(*, scenarios: Permission = "all", policies: Permission = "imported") -> Iterator[None]:
    """Set for a while which code files may name.

    A permission can be taken away inside such a block, but not given back.

    Args:
        scenarios: What scenario files may name.
        policies: What policy files may name, for networks as well as for the scenario in which they were trained.
    """
    before = _scenarios.get()
    lower: Permission = (
        "none" if "none" in (scenarios, before) else "imported" if "imported" in (scenarios, before) else "all"
    )
    first = _scenarios.set(lower)
    second = _policies.set("none" if _policies.get() == "none" else policies)
    try:
        yield
    finally:
        _policies.reset(second)
        _scenarios.reset(first)


def code_is_found() -> bool:
    """Whether scenario files may name modules that are not imported yet, so that it makes sense to look for them."""
    return _scenarios.get() == "all"


def check_permission(name: str, *, policy: bool = False, code: bool = False) -> None:
    """Refuse code that the present permission does not cover; to be called before a module is imported.

    Args:
        name: What a file names, ``module:Class``.
        policy: Whether the file is that of a policy.
        code: Whether the caller allows all code of policies, unless all code is refused.

    Raises:
        ArgumentError: It is refused; says how to allow it.
    """
    permission = (_policies if policy else _scenarios).get()
    if permission == "all" or (code and permission != "none"):
        return
    module = name.partition(":")[0]
    if permission == "none":
        raise ArgumentError(
            f"{name!r} is Python code, which is refused here. If you trust the file, allow it: leave out --no-code, "
            "or in Python code=False."
        )
    if module not in sys.modules:
        raise ArgumentError(
            f"{name!r} is Python code, which is not run without being asked for. If you trust the file, allow it with "
            f"--code (in Python: code=True), or import {module} first."
        )


_PROSE = re.compile(r"train\.(curriculum\.\d+\.train\.)?criterion\.source")  # where a colon is punctuation


def named_code(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Find every text with a colon in plain data, keys included: each can be the name of a class.

    Args:
        value: Mappings, lists, texts and numbers.
        path: Where it stands.

    Yields:
        The dotted key under which a name stands, and the name.
    """
    if isinstance(value, str):
        key = ".".join(path)
        if ":" in value and not _PROSE.fullmatch(key):
            yield key, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from named_code(key, path)
            yield from named_code(part, (*path, str(key)))
    elif isinstance(value, (list, tuple)):
        for place, part in enumerate(value):
            yield from named_code(part, (*path, str(place)))
