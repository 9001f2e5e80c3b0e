"""Reading scenario files so that an error can say file, line and key, and writing them."""

from __future__ import annotations

import re
import typing
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from neuroparallel.errors import ScenarioError, nearest

__all__ = ["Source", "read_value", "read_yaml", "write_yaml"]


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
    "string_pattern_mismatch": "it is a word or several, without / and \\",
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
            message = f"{right}; found {found!r}." if not isinstance(found, dict) else f"{right}."
            close = nearest(str(found), re.findall(r"'(\w+)'", right)) if item["type"] == "literal_error" else ""
            message += close if "Did you mean" in close else ""
            path = [part for part in path if not _UNION.match(part)]
            if path[-1] == "[key]":
                path, message = path[:-1], f"a name is text; write '{path[-2]}'."
        path, message = self._narrow(path, message, model)
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


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-3 is a number, as everybody means it (YAML 1.1 wants 1.0e-3 and reads a word otherwise)."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def read_value(text: str) -> Any:
    """Read a value as a scenario file would: ``1e-3``, ``[200, 300]``, ``{delay: 500}``.

    Raises:
        ScenarioError: It is no YAML.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ScenarioError(f"{text!r} is no YAML: {getattr(error, 'problem', None) or error}.") from None


def read_yaml(text: str, name: str) -> tuple[dict[str, Any], Source]:
    """Read the text of a scenario file.

    Args:
        text: YAML.
        name: Name of the file, for errors.

    Returns:
        The mapping it holds, and its `Source`.

    Raises:
        ScenarioError: It is no YAML, no mapping, or holds a key twice; names file and line.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
        value = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ScenarioError(f"{name}{line}: this is no YAML: {problem}.") from None
    except RecursionError:
        raise ScenarioError(f"{name}: a scenario file is not nested as deeply as this one.") from None
    if not isinstance(value, dict):
        raise ScenarioError(f"{name}:1: a scenario file is a mapping with name and subjects.")
    _refuse_twins(node, name, ())
    return value, Source(name, node)


def _refuse_twins(node: yaml.Node | None, name: str, around: tuple[yaml.Node | None, ...]) -> None:
    """YAML keeps only the last of two equal keys, silently; half an experiment must not vanish so.

    An anchor lets a mapping stand within itself, which has no end.
    """
    if node is not None and any(node is outer for outer in around):
        raise ScenarioError(f"{name}:{node.start_mark.line + 1}: what begins here stands once more within itself.")
    around = (*around, node)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            if key.value in seen:
                raise ScenarioError(
                    f"{name}:{key.start_mark.line + 1}: the key {key.value!r} stands here "
                    f"and in line {seen[key.value]}."
                )
            seen[key.value] = key.start_mark.line + 1
            _refuse_twins(value, name, around)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twins(value, name, around)


class _Dumper(yaml.SafeDumper):
    """Short lists of plain values stay on one line."""


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    flow = all(not isinstance(item, (list, dict)) for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flow)


_Dumper.add_representer(list, _list)


def write_yaml(value: dict[str, Any]) -> str:
    """Write a plain mapping as YAML, keys in their order."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))
