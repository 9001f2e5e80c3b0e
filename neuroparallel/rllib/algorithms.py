"""Names and settings of the learning algorithms, and the reasons why others are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.rllib.action_distributions import Movements, choices_for
from neuroparallel.rllib.settings import Course, training_keys

__all__ = ["ALGORITHMS", "algorithm_of", "check_a2c", "check_algorithm", "section_for"]

ALGORITHMS = ("ppo", "a2c")
_REFUSED = ("appo", "dqn", "impala", "sac")
_OF_THE_ALGORITHM = {"lanes", "n_steps", "epochs", "minibatches"} | training_keys()
_FIXED_IN_A2C = {
    "epochs": "A2C passes once over its experience",
    "num_epochs": "A2C passes once over its experience",
    "minibatches": "A2C takes all experience at once",
    "minibatch_size": "A2C takes all experience at once",
    "clip_param": "in a single pass nothing is ever clipped",
    "use_kl_loss": "in a single pass the policy does not differ from the one that sampled",
    "kl_coeff": "in a single pass the policy does not differ from the one that sampled",
    "kl_target": "in a single pass the policy does not differ from the one that sampled",
}
_ALREADY_SO = {"epochs": 1, "num_epochs": 1, "minibatches": 1, "minibatch_size": None, "use_kl_loss": False}


def algorithm_of(section: Mapping[str, Any] | None) -> str:
    """Return the algorithm that a ``train:`` section names; ``ppo`` if it names none."""
    return str((section or {}).get("algorithm") or "ppo").lower()


def section_for(section: Mapping[str, Any] | None, algorithm: str) -> dict[str, Any]:
    """Return what a ``train:`` section says to an algorithm.

    Settings of learning that were written for another algorithm are left out. What concerns the subject (``network``,
    ``policies``, ``view``), the scenario or the length of the training stays.

    Args:
        section: The section; None if there is none.
        algorithm: Name of the algorithm that is to learn.
    """
    if algorithm == algorithm_of(section):
        return dict(section or {})
    kept = {key: value for key, value in (section or {}).items() if key not in _OF_THE_ALGORITHM}
    return {**kept, "algorithm": algorithm}


def check_a2c(settings: Mapping[str, Any]) -> None:
    """Refuse settings that have no effect on A2C.

    Args:
        settings: Of a ``train:`` section and a call, together.

    Raises:
        ArgumentError: There is one.
    """
    for key, reason in _FIXED_IN_A2C.items():
        value = settings.get(key)
        if value is not None and not (key in _ALREADY_SO and value == _ALREADY_SO[key]):
            raise ArgumentError(f"{key} is {value!r}, which would have no effect: {reason}. Use algorithm: ppo.")


def check_algorithm(name: str, probe: Any, course: Course) -> None:
    """Refuse an algorithm that does not exist, or that cannot learn the scenario here, and say why.

    Args:
        name: Lower-case name.
        probe: An engine of the scenario.
        course: The course of its trials.

    Raises:
        ArgumentError: It is not one of `ALGORITHMS`.
    """
    if name in ALGORITHMS:
        return
    if name not in _REFUSED:
        raise ArgumentError(
            f"train.algorithm: there is no algorithm {name!r}; it is {' or '.join(ALGORITHMS)}."
            f"{nearest(name, ALGORITHMS)}"
        )
    raise ArgumentError(f"train.algorithm: {_reason(name, probe, course)}. Use ppo or a2c.")


def _reason(name: str, probe: Any, course: Course) -> str:
    """Why one of RLlib's other algorithms is not offered for a scenario."""
    if name in ("appo", "impala"):
        return (
            f"{name.upper()} corrects for experience that remote workers sampled with an older policy; the batched "
            "runner samples with the policy that learns, so there is nothing to correct and it would be A2C"
        )
    spaces = {agent: choices_for(probe.action_space(agent), agent) for agent in probe.possible_agents}
    moves = [agent for agent, choices in spaces.items() if isinstance(choices, Movements)]
    chooses = [agent for agent in spaces if agent not in moves]
    if name == "dqn" and moves:
        return f"DQN chooses among numbered actions, and {moves[0]} moves along continuous axes"
    if name == "sac" and chooses:
        return f"SAC moves along continuous axes, and {chooses[0]} chooses among numbered actions"
    if course.remembered:
        return f"{name.upper()} keeps no memory, and this scenario must be remembered for {course.remembered} steps"
    return (
        f"{name.upper()} learns from single steps in a replay buffer, and the batched runner keeps the experience of "
        "one update only"
    )
