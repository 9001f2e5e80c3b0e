"""Designs and channels with something added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neuroparallel.errors import TaskError
from neuroparallel.task import Channels
from neuroparallel.task.design import Factorial, Levels
from neuroparallel.task.trial import Trial

__all__ = ["added_factor", "replaced_factors", "shown_block", "with_channels"]


def added_factor(
    design: Factorial, name: str, values: Sequence[Any], weights: Sequence[float] | None = None
) -> Factorial:
    """The design with one more factor, the last of those with levels."""
    if name in design.names:
        raise TaskError(f"there is a condition {name!r} already.")
    return replaced_factors(design, {name: Levels(values, weights)})


def replaced_factors(design: Factorial, factors: dict[str, Any], without: Sequence[str] = ()) -> Factorial:
    """The design with some factors replaced, added or left out."""
    old: dict[str, Any] = {**design.factors, **design.laws}
    return Factorial(**{name: factor for name, factor in {**old, **factors}.items() if name not in without})


def with_channels(channels: Channels, **added: int) -> Channels:
    """The channels with further groups behind them."""
    groups: dict[str, Any] = {}
    for name, columns in channels.groups.items():
        alone = columns == (name,)
        groups[name] = 1 if alone else [column.removeprefix(f"{name}_") for column in columns]
    for name in added:
        if name in groups:
            raise TaskError(f"there is a channel {name!r} already.")
    return Channels(noise=channels.noise, **groups, **added)


def shown_block(trial: Trial, name: str, count: int) -> None:
    """Show in all periods, on a channel for each, which level from 1 on a condition has."""
    level = getattr(trial, name)
    trial.show(name, per_channel=[level == k for k in range(1, count + 1)], during=trial.periods)
