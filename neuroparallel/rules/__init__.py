"""The rules that couple streams: one file each, found by looking into this folder."""

from __future__ import annotations

from typing import Any

from neuroparallel.registry import Registry, built
from neuroparallel.rules._base import GroupDraw, Resolution, Rule

__all__ = ["GroupDraw", "Resolution", "Rule", "list_rules", "make_rule", "rule_class"]

_registry: Registry[Rule] = Registry("rule", Rule, __name__, __path__, lambda cls: cls.rule_name())


def list_rules() -> list[str]:
    """Name all rules, sorted."""
    return list(_registry.shipped)


def rule_class(name: str) -> type[Rule]:
    """Find a rule by its name, or one of your own by ``"package.module:ClassName"``.

    Raises:
        UnknownNameError: There is no such rule; names the nearest one.
        ArgumentError: It is no name at all.
    """
    return _registry.find(name)


def make_rule(name: str, /, **parameters: Any) -> Rule:
    """Make a rule, with some of its numbers changed.

    Args:
        name: As `list_rules` gives it, or ``"package.module:ClassName"``.
        **parameters: Fields of the rule.

    Returns:
        The rule.

    Raises:
        UnknownNameError: No such rule or parameter; names the nearest one.
        ArgumentError: A value does not fit.
    """
    return built(rule_class(name), name, parameters)
