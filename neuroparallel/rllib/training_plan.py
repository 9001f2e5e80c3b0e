"""Training plan: settings of a call and of a scenario's ``train:`` section, checked before anything begins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from neuroparallel.agents.goals import Goal, full_names, goal_of
from neuroparallel.errors import ArgumentError, NeuroparallelError, whole_number
from neuroparallel.rllib.algorithms import algorithm_of, section_for
from neuroparallel.rllib.config import config_for
from neuroparallel.rllib.curriculum_trainer import Stage
from neuroparallel.rllib.env_creation import build_engine
from neuroparallel.rllib.evaluation import size_of_test, stream_names, who_draws
from neuroparallel.rllib.feedback import with_feedback
from neuroparallel.rllib.networks import build_network
from neuroparallel.rllib.settings import overridden
from neuroparallel.seeding import choose_seed
from neuroparallel.task import is_finite_number

__all__ = ["Budget", "Plan", "plan_for"]

BUDGET_STEPS, BUDGET_S = 5_000_000, 180.0  # where nobody gives a budget; the seconds are a safety limit
EVALUATE_EVERY = 10_000  # steps; a fraction of a second of training of a small task
TEST_LANES, TEST_TRIALS = 128, 4  # of a test in training
MOST_TESTING = 0.5  # steps of training for each step of testing, at least; a step of testing is much cheaper


@dataclass(frozen=True)
class Budget:
    """Limits of a sitting, which ends when the first of them is reached.

    Attributes:
        steps: Time steps over all lanes; None: no limit.
        trials: Trials that ended, over all lanes; None: no limit.
        seconds: Seconds of training, without evaluations; None: no limit. What a run with such a limit learns depends
            on how fast the machine is, if the limit is what ends it.
    """

    steps: int | None = None
    trials: int | None = None
    seconds: float | None = None

    def used_up(self, spent: Mapping[str, int], seconds: float) -> str:
        """Name the limit that is reached, as in a scenario file; empty if there is something left.

        Args:
            spent: ``steps`` and ``trials`` of this sitting.
            seconds: Seconds of training in this sitting.
        """
        if self.steps is not None and spent["steps"] >= self.steps:
            return "budget_steps"
        if self.trials is not None and spent["trials"] >= self.trials:
            return "budget_trials"
        return "budget_s" if self.seconds is not None and seconds >= self.seconds else ""

    def plain(self) -> dict[str, float]:
        """Return the limits as a scenario file writes them."""
        named = {"budget_steps": self.steps, "budget_trials": self.trials, "budget_s": self.seconds}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True)
class Plan:
    """Plan of a training.

    Attributes:
        scenario: What is learnt, with the settings of the call written into its ``train:`` section.
        stages: Of the curriculum; the scenario itself comes last.
        goal: What ends the training, with chance and ceiling.
        budget: How long this sitting may last.
        every_steps: Steps over all lanes between tests; tests come at multiples of it, counted over all sittings.
        every_s: Seconds of training between tests, for runs that ask for it; None: steps decide.
        seed: Of environment and learning.
        draws: Agents that draw their actions in tests.
    """

    scenario: Any
    stages: list[Stage]
    goal: Goal
    budget: Budget
    every_steps: int
    every_s: float | None
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

    def settings(self) -> dict[str, Any]:
        """Return what learning is done with in the last stage, as trackers show it."""
        return {"scenario": self.scenario.name, "seed": self.seed, **self.budget.plain(), **self.stages[-1].settings()}


def plan_for(
    scenario: Any,
    settings: Mapping[str, Any] | None = None,
    *,
    seed: int | None = None,
    budget_s: float | None = None,
    budget_steps: int | None = None,
    budget_trials: int | None = None,
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
        budget_steps: Time steps over all lanes.
        budget_trials: Trials over all lanes. If the call gives any budget, those of the scenario do not count.
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
    _check_network(stages[-1], engine)
    return Plan(
        scenario=scenario,
        stages=stages,
        goal=_goal(scenario, criterion, list(engine.stream_names)),
        budget=_budget({"budget_s": budget_s, "budget_steps": budget_steps, "budget_trials": budget_trials}, section),
        every_steps=_every_steps(section, engine),
        every_s=_seconds(section.get("evaluate_every_s"), "evaluate_every_s"),
        seed=seed,
        draws=who_draws(engine, _yes_or_no(_or(explore, section, "explore", None), "explore")),
    )


def _check_network(stage: Stage, engine: Any) -> None:
    """Make the network once, so that one that is wrong is refused before Ray starts; draws no random numbers."""
    model = stage.config.rl_module_spec.model_config
    inputs = int(engine.observation_space(engine.possible_agents[0]).shape[0])
    random_state = torch.get_rng_state()
    try:
        build_network(
            model["network"], inputs, dt=model["dt"], memory_steps=float(model["tmax"]), seed=int(model["seed"])
        )
    finally:
        torch.set_rng_state(random_state)


def _goal(scenario: Any, criterion: Mapping[str, float] | None, names: Sequence[str]) -> Goal:
    """Return the goal of the call, else of the scenario; an agent may be a stream here, but names are the same."""
    if criterion is None:
        return goal_of(scenario)
    least = full_names(criterion, names)
    if not least:
        return Goal(source="The call wants none.")
    return goal_of(scenario.replace(train={**(scenario.train or {}), "criterion": dict(criterion)}))


def _or(given: Any, section: Mapping[str, Any], name: str, usual: Any) -> Any:
    """Return the value of the call, else of the section, else the default."""
    if given is None:
        given = section.get(name)
    return usual if given is None else given


def _stages(scenario: Any, curriculum: Any, seed: int, settings: Mapping[str, Any]) -> list[Stage]:
    """Return the configurations to go through; the network is the same in all, so its memory is that of the last."""
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
                stage = replace(stage, criterion=full_names(own or {}, stream_names(stage.env)))
        except NeuroparallelError as error:
            raise ArgumentError(f"curriculum.{number}: {error}") from None
        stages.append(stage)
    if stages and stages[-1].env == Stage.of(final).env:
        stages.pop()
    return [*stages, Stage.of(final)]


def _written_out(scenario: Any, settings: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Move settings that a file can hold into the scenario, so that its run is repeated, and goes on, with the same."""
    held = {key: _plain(value) for key, value in settings.items() if value is not None}
    held = {key: value for key, value in held.items() if value is not None}
    kept = {key: value for key, value in settings.items() if key not in held}
    if not held:
        return scenario, kept
    algorithm = algorithm_of(held if "algorithm" in held else scenario.train)
    section = overridden(section_for(scenario.train, algorithm), held)
    policies = section.pop("policies", scenario.policies) if "policies" in held else scenario.policies
    return scenario.replace(train=None, policies=None).replace(train=section, policies=policies), kept


def _plain(value: Any) -> Any:
    """Return a setting as a file holds it, tuples as lists; None if it cannot."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return None


def _budget(given: Mapping[str, Any], section: Mapping[str, Any]) -> Budget:
    """Return the limits that the call gives; else those of the section; else the usual ones."""
    for found in (given, section):
        steps, trials = (_count(found.get(name), name) for name in ("budget_steps", "budget_trials"))
        budget = Budget(steps, trials, _seconds(found.get("budget_s"), "budget_s"))
        if budget.plain():
            return budget
    return Budget(BUDGET_STEPS, None, BUDGET_S)


def _every_steps(section: Mapping[str, Any], engine: Any) -> int:
    """Steps between tests: so many that most of the time is spent on training, however long a test is."""
    given = _count(section.get("evaluate_every_steps"), "evaluate_every_steps")
    lanes, trials = size_of_test(engine, TEST_LANES, TEST_TRIALS)
    return given or max(EVALUATE_EVERY, int(MOST_TESTING * lanes * trials * engine.trial_steps()))


def _count(value: Any, what: str) -> int | None:
    """Return a whole number, which may be written 5e6; None if nothing is given."""
    if value is None:
        return None
    return whole_number(int(value) if isinstance(value, float) and value.is_integer() else value, what, 1)


def _seconds(value: Any, what: str) -> float | None:
    if value is None:
        return None
    if not is_finite_number(value) or value <= 0:
        raise ArgumentError(f"{what} is {value!r}; it is a number of seconds above 0.")
    return float(value)


def _yes_or_no(value: Any, what: str) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise ArgumentError(f"{what} is {value!r}; it is true or false.")
    return value
