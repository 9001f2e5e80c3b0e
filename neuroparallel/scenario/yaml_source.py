"""Reading scenario files so that an error can say file, line and key, and writing them."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from neuroparallel.errors import ScenarioError, nearest

__all__ = ["MOST_BYTES", "Source", "check_plain", "read_value", "read_yaml", "write_yaml"]


_SAYS = {  # what is right, in the words of a file and not of pydantic, by its type of error
    "bool_parsing": "it is true or false",
    "bool_type": "it is true or false",
    "dict_type": "it is a mapping, with a key and a value in each line",
    "finite_number": "it is a finite number",
    "float_parsing": "it is a number",
    "float_type": "it is a number",
    "greater_than": "it is above {gt:g}",
    "greater_than_equal": "it is {ge:g} or more",
    "int_from_float": "it is a whole number",
    "int_parsing": "it is a whole number",
    "int_parsing_size": "it is a whole number, and not that long",
    "int_type": "it is a whole number",
    "less_than": "it is below {lt:g}",
    "less_than_equal": "it is {le:g} at most",
    "literal_error": "it is {expected}",
    "model_type": "it is a mapping, with a key and a value in each line",
    "string_type": "it is text",
    "too_short": "it has {min_length} entry at least",
    "tuple_type": "it is a list, as in [a, b]",
}
_UNION = re.compile(r"(literal|dict)\[")  # what pydantic puts into a path for each kind that a value may be of


class Source:
    """Where a scenario came from: it turns a validation error into file, line, key, and what would be right.

    Args:
        name: Name of the file, or of whatever else it came from.
        node: The YAML node tree, if there is a file.
    """

    def __init__(self, name: str, node: yaml.Node | None = None) -> None:
        self.name, self.node = name, node

    def line(self, path: list[str]) -> int | None:
        """Line of the deepest key of a path that exists in the file, from 1; None without a file."""
        if self.node is None:
            return None
        node, line = self.node, self.node.start_mark.line
        for key in path:
            step = _child(node, key)
            if step is None:
                break
            mark, node = step
            line = mark.start_mark.line
        return line + 1

    def explain(self, error: ValidationError, model: type[BaseModel]) -> str:
        """Say all that is wrong, one line each, with its place and the nearest valid name."""
        return "\n".join(dict.fromkeys(self._explain_one(item, model) for item in error.errors()))

    def located(self, message: str, model: type[BaseModel]) -> str:
        """Put before a message, which begins with a key, the file and the line of that key."""
        return self._at(*self._narrow([], message, model))

    def _explain_one(self, item: Any, model: type[BaseModel]) -> str:
        path = [str(part) for part in item["loc"]]
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = f"there is no such key.{nearest(path[-1], _keys_at(model, path[:-1]))}"
        elif item["type"] == "missing":
            message = "this key is missing."
        elif item["type"] != "value_error":
            found = item["input"]
            right = _SAYS[item["type"]].format(**item.get("ctx", {})) if item["type"] in _SAYS else message
            message = f"{right}; found {_shown(found)}." if not isinstance(found, dict) else f"{right}."
            close = nearest(str(found), re.findall(r"'(\w+)'", right)) if item["type"] == "literal_error" else ""
            message += close if "Did you mean" in close else ""
            path = [part for part in path if not _UNION.match(part)]
            if path[-1] == "[key]":
                path, message = path[:-1], f"a name is text; write '{path[-2]}'."
        return self._at(*self._narrow(path, message, model))

    def _at(self, path: list[str], message: str) -> str:
        line = self.line(path)
        where = f"{self.name}:{line}" if line else self.name
        return f"{where}: {'.'.join(path) or 'scenario'}: {message}"

    def _narrow(self, path: list[str], message: str, model: type[BaseModel]) -> tuple[list[str], str]:
        """A message that begins with a key, such as ``timing.delay: ``, says more exactly where it belongs."""
        inner = re.match(r"([\w.]+): ", message)
        if not inner:
            return path, message
        keys, rest = inner[1].split("."), message[inner.end() :]
        if keys[0] in model.model_fields:  # written from the top
            return keys, rest
        if keys[0] in _keys_at(model, path):
            return [*path, *keys], rest
        return path, message


def _child(node: yaml.Node, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return name, value
    if isinstance(node, yaml.SequenceNode) and key.isdigit() and int(key) < len(node.value):
        return node.value[int(key)], node.value[int(key)]
    return None


def _keys_at(model: Any, path: list[str]) -> list[str]:
    """The keys that a model allows at a path."""
    named = False  # the next key is a name that the user gave, as of a group, and no field
    for key in path:
        fields = getattr(model, "model_fields", None)
        if fields is None:
            return []
        if named:
            named = False
        elif key in fields:
            model, named = _model_in(fields[key].annotation), typing.get_origin(fields[key].annotation) is dict
    return list(getattr(model, "model_fields", {}))


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_in(part)
        if found is not None:
            return found
    return None


MOST_BYTES = 2**18  # of a scenario file; the largest shipped one has 7,000
MOST_NODES = 20_000  # keys, values and lists; the largest shipped one has 700
MOST_LEVELS = 50
LONGEST_NUMBER = 100  # characters
LARGEST_WHOLE = 10**LONGEST_NUMBER
_KINDS = {"null": "nothing", "bool": "true or false", "int": "whole number", "float": "number", "str": "text"}
_TAG = "tag:yaml.org,2002:"
_TAGS = {f"{_TAG}{kind}" for kind in (*_KINDS, "seq", "map", "merge")}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class _Refused(yaml.MarkedYAMLError):
    """YAML that is more, or something else, than a scenario file may hold."""


class _Loader(yaml.SafeLoader):
    """YAML with limits, in which 1e-3 is a number (YAML 1.1 wants 1.0e-3) and a date is text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.nodes = 0
        self.path: list[str] = []

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Count what there is, so that nothing endless is read to its end."""
        self.nodes += 1
        self.path.append(str(getattr(index, "value", index))[:40] if index is not None else "")
        if self.nodes > MOST_NODES or len(self.path) > MOST_LEVELS:
            much = f"more than {MOST_NODES:,} values" if self.nodes > MOST_NODES else f"more than {MOST_LEVELS} levels"
            key = ".".join(list(filter(None, self.path))[:8])
            raise _Refused(problem=f"{key}: a file holds no {much}", problem_mark=self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        self.path.pop()
        return node

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Read a value; one that is not what its tag says is refused with its line."""
        kind = node.tag.removeprefix(_TAG)
        if node.tag not in _TAGS:
            problem = f"a value has no tag {node.tag.removeprefix(_TAG)[:40]!r}; leave out the tag"
            raise _Refused(problem=problem, problem_mark=node.start_mark)
        if kind in ("int", "float") and len(node.value) > LONGEST_NUMBER:
            problem = f"a number has {LONGEST_NUMBER} digits at most; this one has {len(node.value):,}"
            raise _Refused(problem=problem, problem_mark=node.start_mark)
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
            problem = f"{str(node.value)[:40]!r} is not {_KINDS.get(kind, kind)}"
            raise _Refused(problem=problem, problem_mark=node.start_mark) from None


_Loader.yaml_implicit_resolvers = {
    first: [entry for entry in entries if entry[0] != f"{_TAG}timestamp"]
    for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def read_value(text: str) -> Any:
    """Read a value as a scenario file would: ``1e-3``, ``[200, 300]``, ``{delay: 500}``.

    Raises:
        ScenarioError: It is no YAML.
    """
    try:
        node, loader = _composed(text)
        if node is None:
            return None
        _check_node(node, (), {})
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ScenarioError(f"{_shown(text)} is no YAML: {getattr(error, 'problem', None) or error}.") from None


def read_yaml(text: str, name: str) -> tuple[dict[str, Any], Source]:
    """Read the text of a scenario file.

    Args:
        text: YAML.
        name: Name of the file, for errors.

    Returns:
        The mapping it holds, and its `Source`.

    Raises:
        ScenarioError: It is no YAML, no mapping, holds a key twice, or more than it may; names file and line.
    """
    node: yaml.Node | None = None
    try:
        node, loader = _composed(text)
        _check_node(node, (), {})
        value = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ScenarioError(_said(error, name, node)) from None
    if not isinstance(value, dict):
        raise ScenarioError(f"{name}:1: a scenario file is a mapping with name and subjects.")
    return value, Source(name, node)


def _composed(text: str) -> tuple[yaml.Node | None, _Loader]:
    loader = _Loader(text)
    return loader.get_single_node(), loader


def _said(error: yaml.YAMLError, name: str, node: yaml.Node | None) -> str:
    """Return an error for a file, with line and key."""
    mark = getattr(error, "problem_mark", None)
    where = f"{name}:{mark.line + 1}" if mark else name
    problem = getattr(error, "problem", None) or str(error)
    if not isinstance(error, _Refused):
        return f"{where}: this is no YAML: {problem}."
    key = ".".join(_keys_to(node, mark)) if node is not None else ""
    return f"{where}: {f'{key}: ' if key else ''}{problem}."


def _keys_to(node: yaml.Node, mark: Any) -> list[str]:
    """The keys that lead to a place in a file: at each level the last one that begins before it."""
    keys, level = [], 0
    while isinstance(node, yaml.CollectionNode) and level < MOST_LEVELS:
        level += 1
        if isinstance(node, yaml.MappingNode):
            parts = [(str(key.value), key, value) for key, value in node.value]
        else:
            parts = [(str(place), value, value) for place, value in enumerate(node.value)]
        before = [part for part in parts if part[1].start_mark.index <= mark.index]
        if not before:
            break
        keys.append(before[-1][0])
        node = before[-1][2]
        if node.start_mark.index > mark.index:
            break
    return keys


def _check_node(node: yaml.Node | None, around: tuple[yaml.Node, ...], sizes: dict[int, int]) -> int:
    """Refuse keys that stand twice and aliases that stand for too much; each part is looked at once.

    YAML keeps only the last of two equal keys, silently; half an experiment must not vanish so. An anchor lets a
    mapping stand within itself, which has no end, and ten lists of ten aliases each are ten billion values.

    Returns:
        How many values there are, aliases written out.
    """
    if node is None or not isinstance(node, yaml.CollectionNode):
        return 1
    if any(node is outer for outer in around):
        raise _Refused(problem="what begins here stands once more within itself", problem_mark=node.start_mark)
    if id(node) in sizes:
        return sizes[id(node)]
    inner, size = (*around, node), 1
    for value in _parts(node):
        size += 1 + _check_node(value, inner, sizes)
        if size > MOST_NODES:
            problem = f"with its aliases written out it is more than {MOST_NODES:,} values"
            raise _Refused(problem=problem, problem_mark=value.start_mark)
    sizes[id(node)] = size
    return size


def _parts(node: yaml.CollectionNode) -> list[yaml.Node]:
    """The values of a mapping or list; a key that is no word or stands twice is refused."""
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _Refused(problem="a key is a word, and no list or mapping", problem_mark=key.start_mark)
        if key.value in seen:
            problem = f"the key {key.value!r} stands here and in line {seen[key.value]}"
            raise _Refused(problem=problem, problem_mark=key.start_mark)
        seen[key.value] = key.start_mark.line + 1
    return [value for _, value in node.value]


def check_plain(value: Any, source: Source) -> None:
    """Refuse data that is too large to be a scenario, or that cannot be written to a file or be a name.

    Args:
        value: What is read from a file, or given as a dictionary.
        source: Where it came from.

    Raises:
        ScenarioError: There are too many values or levels, a number is too long, or a text holds control characters;
            names file, line and key.
    """
    left = MOST_NODES
    waiting: list[tuple[Any, tuple[str, ...]]] = [(value, ())]
    while waiting:
        part, path = waiting.pop()
        left -= 1
        problem = _problem(part, left, len(path))
        if problem:
            line = source.line(list(path))
            where = f"{source.name}:{line}" if line else source.name
            raise ScenarioError(f"{where}: {'.'.join(path) or 'scenario'}: {problem}.")
        if isinstance(part, Mapping):
            left -= len(part)
            waiting += [(key, path) for key in part if not isinstance(key, str) or _CONTROL.search(key)]
            waiting += [(inner, (*path, str(key)[:40])) for key, inner in part.items()]
        elif isinstance(part, (list, tuple)):
            waiting += [(inner, (*path, str(place))) for place, inner in enumerate(part)]


def _problem(part: Any, left: int, levels: int) -> str:
    """Return the problem with one value; empty if there is none."""
    if left < 0:
        return f"it is more than {MOST_NODES:,} values"
    if levels > MOST_LEVELS:
        return f"it is nested more than {MOST_LEVELS} levels deep"
    if isinstance(part, int) and abs(part) >= LARGEST_WHOLE:
        return f"a number has {LONGEST_NUMBER} digits at most"
    if isinstance(part, str) and (found := _CONTROL.search(part)):
        return f"a text holds no control characters; found {found[0]!r} in {_shown(part)}"
    return ""


def _shown(value: Any) -> str:
    """A value in an error, not too long."""
    try:
        text = repr(value)
    except ValueError:  # a number of more than 4,300 digits
        return "a number"
    return text if len(text) <= 200 else f"{text[:197]}..."


class _Dumper(yaml.SafeDumper):
    """Short lists of plain values stay on one line."""


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    flow = all(not isinstance(item, (list, dict)) for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flow)


_Dumper.add_representer(list, _list)


def write_yaml(value: dict[str, Any]) -> str:
    """Write a plain mapping as YAML, keys in their order."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))
