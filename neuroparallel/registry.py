"""Finding tasks, rules and modifiers, one file each in a folder or in folders of it, by the names in a scenario."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from neuroparallel.errors import ArgumentError, NeuroparallelError, UnknownNameError, nearest, own_code
from neuroparallel.user_code import check_permission

__all__ = ["Registry", "built", "check_options", "entry_name", "read_entry", "supplied", "supply", "with_tag"]

T = TypeVar("T")

_suppliers: dict[str, Callable[..., Any]] = {}


def supply(what: str, supplier: Callable[..., Any]) -> None:
    """Say who answers when a lower layer asks for something that only a higher layer has.

    Args:
        what: Name under which the lower layer asks.
        supplier: A function; it should import what it needs when it is called.
    """
    _suppliers[what] = supplier


def supplied(what: str) -> Callable[..., Any]:
    """Return the function that answers; see `supply`."""
    return _suppliers[what]


class Registry(Generic[T]):
    """The classes of one kind, by the names under which a scenario writes them.

    Args:
        kind: What they are, as an error names them: ``"task"``.
        base: The class that all of them extend.
        package: Name of the package in whose files the shipped ones stand.
        path: Its search path.
        name_of: Gives the name of a class.
    """

    def __init__(
        self, kind: str, base: type[T], package: str, path: Iterable[str], name_of: Callable[[type[T]], str]
    ) -> None:
        self.kind, self.base, self.name_of = kind, base, name_of
        self._package, self._path = package, list(path)
        self._own: dict[str, type[T]] = {}  # those of users, by the name under which a scenario can write them

    @cached_property
    def shipped(self) -> dict[str, type[T]]:
        """The shipped classes by name, sorted."""
        found = {}
        for info in pkgutil.walk_packages(self._path, f"{self._package}."):
            inside = info.name.removeprefix(f"{self._package}.").split(".")
            if info.ispkg or any(part.startswith("_") for part in inside):  # machinery, in a file or a folder
                continue
            module = importlib.import_module(info.name)
            for value in vars(module).values():
                if isinstance(value, type) and issubclass(value, self.base) and value.__module__ == module.__name__:
                    found[self.name_of(value)] = value
        return dict(sorted(found.items()))

    def folders(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Group shipped names by the folder in which their file lies; empty for the top one. Folders are sorted."""
        found: dict[str, list[str]] = {}
        for name in names:
            inside = self.shipped[name].__module__.removeprefix(f"{self._package}.")
            found.setdefault(inside.rpartition(".")[0], []).append(name)
        return dict(sorted(found.items()))

    def find(self, name: Any) -> type[T]:
        """Find a class by its name, or one of a user by ``"package.module:ClassName"``.

        Raises:
            UnknownNameError: There is none; names the nearest one.
            ArgumentError: It is no name at all, or names code where that is refused.
        """
        if not isinstance(name, str):
            raise ArgumentError(f"{name!r} is no name of a {self.kind}; list_{self.kind}s() gives them.")
        if name in self.shipped:
            return self.shipped[name]
        if name in self._own:
            return self._own[name]
        module, _, cls = name.partition(":")
        if not cls:
            raise UnknownNameError(f"there is no {self.kind} {name!r}.{nearest(name, self.shipped)}")
        check_permission(name)
        found = getattr(self._module(module, name), cls, None)
        if found is None:
            theirs = [key for key, value in vars(self._module(module, name)).items() if self._is_one(value)]
            raise UnknownNameError(f"{module} has no {self.kind} {cls!r}.{nearest(cls, theirs)}")
        if self._is_one(found):
            return found  # type: ignore[no-any-return]
        raise UnknownNameError(f"{name!r} is no {self.base.__name__}.")

    def _is_one(self, value: Any) -> bool:
        return isinstance(value, type) and issubclass(value, self.base) and value is not self.base

    def _module(self, module: str, name: str) -> Any:
        """A user's module; whatever is wrong in it is said with its line."""
        try:
            return importlib.import_module(module)
        except NeuroparallelError as error:
            raise type(error)(f"{self.kind} {name!r} cannot be imported: {error}") from error
        except Exception as error:
            missing = isinstance(error, ModuleNotFoundError)
            told = error if missing else own_code(error) or error
            where = ""
            if missing and getattr(error, "name", None) == module.split(".")[0]:
                where = " It is looked for where Python finds packages; the command looks in the present folder too."
            raise UnknownNameError(f"{self.kind} {name!r} cannot be imported: {told}.{where}") from error

    def reference(self, cls: type[T]) -> str:
        """The name under which a scenario writes a class; a user's own is remembered for this process."""
        name = self.name_of(cls)
        if self.shipped.get(name) is cls:
            return name
        name = f"{cls.__module__}:{cls.__qualname__}"
        self._own[name] = cls
        return name


def built(cls: type[T], name: str, values: dict[str, Any]) -> T:
    """Make an instance of a frozen dataclass from its fields.

    Raises:
        UnknownNameError: There is no such field; names the nearest one.
        ArgumentError: A value does not fit.
    """
    fields = {spec.name for spec in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise UnknownNameError(f"{name} has no parameter {key!r}.{nearest(key, fields)}")
    try:
        return cls(**values)
    except NeuroparallelError:
        raise
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{name}: {error}") from None


def entry_name(entry: Any) -> str:
    """The name of an entry of a list, written with options or without, and without ``_v0``; empty if it has none."""
    name = next(iter(entry), None) if isinstance(entry, Mapping) else entry
    return name.removesuffix("_v0") if isinstance(name, str) else ""


def read_entry(entry: Any, kind: str, example: str) -> tuple[str, dict[str, Any]]:
    """Read an entry of a list as a scenario file writes it: a name, or a mapping of one name to its options.

    Args:
        entry: What is written.
        kind: What it names, for an error: ``"modifier"``.
        example: A good one, for an error.

    Returns:
        Name and options.

    Raises:
        ArgumentError: It is neither.
    """
    if isinstance(entry, str):
        return entry, {}
    if isinstance(entry, Mapping) and len(entry) == 1:
        name, options = next(iter(entry.items()))
        if isinstance(name, str) and isinstance(options, (Mapping, type(None))):
            return name, dict(options or {})
    raise ArgumentError(f"{entry!r} is neither the name of a {kind} nor a name with its options, as in {example}.")


def check_options(taker: Callable[..., Any], name: str, options: Mapping[str, Any], skip: int = 0) -> None:
    """Refuse options that a class or function does not take, and ask for those that it needs.

    Args:
        taker: The class or function; one that takes any options is not asked.
        name: How an error calls it.
        options: What is given.
        skip: How many of its first parameters are no options.

    Raises:
        UnknownNameError: There is no such option; names the nearest one.
        ArgumentError: One is missing.
    """
    parameters = list(inspect.signature(taker).parameters.values())[skip:]
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = {parameter.name: parameter for parameter in parameters}
    for option in options:
        if option not in known:
            raise UnknownNameError(f"{name} has no option {option!r}.{nearest(str(option), known)}")
    for option, parameter in known.items():
        if option not in options and parameter.default is inspect.Parameter.empty:
            raise ArgumentError(f"{name} needs the option {option!r}.")


def with_tag(tag: str | None, names: Iterable[str], tags_of: Callable[[str], Sequence[str]], kind: str) -> list[str]:
    """The names that have a tag.

    Args:
        tag: The tag; None: all of them.
        names: What there is.
        tags_of: The tags of a name; not asked if all are wanted.
        kind: What is named, for an error: ``"task"``.

    Raises:
        UnknownNameError: None has it; names the nearest one.
    """
    if tag is None:
        return list(names)
    tags = {name: tags_of(name) for name in names}
    known = {word for words in tags.values() for word in words}
    if not isinstance(tag, str) or tag not in known:  # type: ignore[redundant-expr]
        raise UnknownNameError(f"no {kind} has the tag {tag!r}.{nearest(str(tag), known)}")
    return [name for name, words in tags.items() if tag in words]
