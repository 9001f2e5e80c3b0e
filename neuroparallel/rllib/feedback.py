"""Feedback: the observations that a subject needs to learn from its own rewards."""

from __future__ import annotations

from typing import Any

from neuroparallel.agents.protocol import engine_of
from neuroparallel.rllib.env_creation import build_engine, env_config

__all__ = ["with_feedback"]

_SHOWN = ("previous_action", "previous_reward")
_SESSION = {"trials": 100}


def with_feedback(scenario: Any) -> Any:
    """Return the scenario as it is trained: with what tasks that are learnt from reward need.

    In a bandit, what to choose follows from what was chosen and paid before. A network whose actions are drawn does
    not know what it chose, so it observes its last action and reward; and sessions have an end, so that each begins
    with other chances. Scenarios without such a task are returned unchanged.

    Args:
        scenario: A loaded scenario.

    Source:
        Wang, Kurth-Nelson, Kumaran et al. 2018, Nat Neurosci 21:860.
    """
    core = engine_of(build_engine({**env_config(scenario), "lanes": 1}))
    if not any(stream.tables.task.learns_from_reward() for stream in core.streams):
        return scenario
    present = {next(iter(entry)) if isinstance(entry, dict) else entry for entry in scenario.wrappers}
    missing = [name for name in _SHOWN if name not in present]
    changes: dict[str, Any] = {"wrappers": [*scenario.wrappers, *missing]} if missing else {}
    if scenario.session is None:
        changes["session"] = _SESSION
    return scenario.replace(**changes) if changes else scenario
