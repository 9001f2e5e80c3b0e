"""What a training is to do: what a call and a scenario's ``train:`` section say, checked before anything begins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from neuroparallel.agents.goals import Goal, full_names, goal_of
from neuroparallel.errors import ArgumentError, NeuroparallelError
from neuroparallel.rllib.config import config_for
from neuroparallel.rllib.evaluation import who_draws
from neuroparallel.rllib.feedback import with_feedback
from neuroparallel.rllib.source import build_engine
from neuroparallel.rllib.stages import Stage
from neuroparallel.seeding import choose_seed
from neuroparallel.task import is_finite_number

__all__ = ["Plan", "plan_for"]

BUDGET_S = 60.0
EVALUATE_EVERY_S = 1.5


@dataclass(frozen=True)
class Plan:
    """What a training is to do.

    Attributes:
        scenario: What is learnt, with the settings of the call written into its ``train:`` section.
        stages: Of the curriculum; the scenario itself comes last.
        goal: What ends the training, with chance and ceiling.
        budget_s: Seconds of training in this sitting.
        every_s: Seconds of training between tests, at least.
        seed: Of environment and learning.
        draws: Agents that draw their actions in tests.
    """

    scenario: Any
    stages: list[Stage]
    goal: Goal
    budget_s: float
    every_s: float
    seed: int
    draws: tuple[str, ...]

    @property
    def criterion(self) -> dict[str, float]:
        """Full name of a stream to the share that must be right, 0 to 1; ``reward``, ``distance``."""
        return self.goal.criterion

    @property
    def env(self) -> dict[str, Any]:
        """The ``env_config`` of the scenario itself."""
        return self.stages[-1].env


def plan_for(
    scenario: Any,
    settings: Mapping[str, Any] | None = None,
    *,
    seed: int | None = None,
    budget_s: float | None = None,
    criterion: Mapping[str, float] | None = None,
    curriculum: Sequence[Mapping[str, Any]] | None = None,
    explore: bool | None = None,
) -> Plan:
    """Combine what a call says with the scenario's ``train:`` section; what the call says wins.

    Args:
        scenario: A loaded scenario.
        settings: As for `ppo_config`.
        seed: Seed of environment and learning; None: the scenario's, or else one drawn from entropy.
        budget_s: Seconds of training.
        criterion: Stream to the share that must be right, 0 to 1; ``reward`` to what is to be earned per trial. None:
            the scenario's, or that of its tasks; empty: train for the whole budget.
        curriculum: Changes to the scenario, one mapping of dotted names per stage.
        explore: Whether subjects draw their actions in tests; None: who plays a game does.

    Returns:
        The plan.

    Raises:
        ArgumentError: A setting does not exist or makes no sense.
    """
    scenario, settings = _written_out(with_feedback(scenario), settings or {})
    seed = choose_seed(seed, scenario.seed, bits=31)
    section = scenario.train or {}
    stages = _stages(scenario, _or(curriculum, section, "curriculum", ()), seed, settings)
    engine = build_engine({**stages[-1].env, "lanes": 1})
    return Plan(
        scenario=scenario,
        stages=stages,
        goal=_goal(scenario, criterion, list(engine.stream_names)),
        budget_s=_seconds(_or(budget_s, section, "budget_s", BUDGET_S), "budget_s"),
        every_s=_seconds(_or(None, section, "evaluate_every_s", EVALUATE_EVERY_S), "evaluate_every_s"),
        seed=seed,
        draws=who_draws(engine, _yes_or_no(_or(explore, section, "explore", None), "explore")),
    )


def _goal(scenario: Any, criterion: Mapping[str, float] | None, names: Sequence[str]) -> Goal:
    """The goal of the call, else of the scenario; an agent may be a stream here, but names are the same."""
    if criterion is None:
        return goal_of(scenario)
    least = full_names(criterion, names)
    if not least:
        return Goal(source="The call wants none.")
    return goal_of(scenario.replace(train={**(scenario.train or {}), "criterion": dict(criterion)}))


def _or(given: Any, section: Mapping[str, Any], name: str, usual: Any) -> Any:
    """What the call gives, else what the section says, else what is usual."""
    if given is None:
        given = section.get(name)
    return usual if given is None else given


def _stages(scenario: Any, curriculum: Any, seed: int, settings: Mapping[str, Any]) -> list[Stage]:
    """The configurations to go through; the network is the same in all, so its memory is that of the last."""
    if not isinstance(curriculum, (list, tuple)) or not all(isinstance(changes, Mapping) for changes in curriculum):
        raise ArgumentError(
            f"curriculum is {curriculum!r}; it is a list of stages, each a mapping of changes to the scenario, as "
            "[{timing.delay: 500}]."
        )
    final = config_for(scenario, seed=seed, **settings)
    inherited = {"tmax": final.rl_module_spec.model_config["tmax"], **settings}
    stages = []
    for number, changes in enumerate(curriculum):
        try:
            changed = scenario.replace(**changes)
            stage = Stage.of(config_for(changed, seed=seed, **inherited))
            own = (changed.train or {}).get("criterion")
            if own != (scenario.train or {}).get("criterion"):
                stage = replace(stage, criterion=full_names(own or {}, _streams(stage.env)))
        except NeuroparallelError as error:
            raise ArgumentError(f"curriculum.{number}: {error}") from None
        stages.append(stage)
    if stages and stages[-1].env == Stage.of(final).env:
        stages.pop()
    return [*stages, Stage.of(final)]


def _streams(env: Mapping[str, Any]) -> list[str]:
    """Full names of all streams."""
    return list(build_engine({**env, "lanes": 1}).stream_names)


def _written_out(scenario: Any, settings: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Move settings that a file can hold into the scenario, so that its run is repeated, and goes on, with the same."""
    if settings.get("algorithm"):  # the scenario's other settings are meant for another one
        return scenario, dict(settings)
    held = {key: _plain(value) for key, value in settings.items() if value is not None}
    held = {key: value for key, value in held.items() if value is not None}
    kept = {key: value for key, value in settings.items() if key not in held}
    if not held:
        return scenario, kept
    section = {**(scenario.train or {}), **held}
    policies = section.pop("policies", scenario.policies) if "policies" in held else scenario.policies
    return scenario.replace(train=None, policies=None).replace(train=section, policies=policies), kept


def _plain(value: Any) -> Any:
    """A setting as a file holds it, tuples as lists; None if it cannot."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return None


def _seconds(value: Any, what: str) -> float:
    if not is_finite_number(value) or value <= 0:
        raise ArgumentError(f"{what} is {value!r}; it is a number of seconds above 0.")
    return float(value)


def _yes_or_no(value: Any, what: str) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise ArgumentError(f"{what} is {value!r}; it is true or false.")
    return value
