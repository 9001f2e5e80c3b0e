"""Learning settings: what the call says, else what the scenario's `train:` section says, else what works."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.algorithms.ppo import PPOConfig

from neuroparallel.errors import ArgumentError, nearest, whole_number
from neuroparallel.task import is_finite_number

__all__ = ["TRAIN_ONLY", "Settings", "resolve"]

TRAIN_ONLY = (
    *("algorithm", "budget_s", "budget_steps", "budget_trials", "criterion", "curriculum"),
    *("evaluate_every_s", "evaluate_every_steps", "explore"),
)
"""Keys of a `train:` section that concern `train` and not the algorithm's configuration."""


@dataclass(frozen=True)
class Settings:
    """Everything about learning that is not RLlib's own.

    Attributes:
        lanes: Copies of the scenario that are sampled together.
        n_steps: Steps per lane between updates. None: a whole trial if the scenario has a memory, together with those
            before it that must be remembered, else 20.
        lstm: Units of the recurrent layer; 0 for none.
        hidden: Units of the layers before it.
        policies: Who learns together: "shared" (one network for all agents), "independent" (each its own), "streams"
            (each stream its own, an agent by itself), or agent to policy name. None: agents with the same spaces
            share one.
        epochs: Passes over the experience per update.
        minibatches: Parts into which a pass is divided.
        tmax: Longest memory, steps, for which LSTM biases are set. None: twice as many steps as above if the
            scenario has a memory, else PyTorch's own biases; 0 for PyTorch's own.
        num_env_runners: Remote workers; 0 samples in this process.
        stock: Use RLlib's own runner and connectors, over PettingZoo environments.
        dt: Step in ms; None as in the scenario.
        session: ``{"trials": n}`` or ``{"steps": n}``; None as in the scenario.
        view: "subjects" or "streams"; None for subjects.
    """

    lanes: int = 64
    n_steps: int | None = None
    lstm: int = 64
    hidden: tuple[int, ...] = (64,)
    policies: str | Mapping[str, str] | None = None
    epochs: int = 2
    minibatches: int = 2
    tmax: float | None = None
    num_env_runners: int = 0
    stock: bool = False
    dt: float | None = None
    session: Mapping[str, int] | None = None
    view: str | None = None

    @property
    def seen_by(self) -> str | None:
        """What an agent is: a subject or, if streams learn by themselves, a stream."""
        return "streams" if self.policies == "streams" else self.view

    def fitted(self, trial_steps: int, memory_steps: int, trials_back: int = 0) -> Settings:
        """Fill in what depends on the length of a trial, and warn if a memory cannot be bridged.

        Args:
            trial_steps: Longest trial.
            memory_steps: Longest time from the first stimulus to the response window; 0: no memory.
            trials_back: How many trials ago something was shown that a response depends on.
        """
        steps, tmax = self.n_steps, self.tmax
        remembered, span = memory_steps + trials_back * trial_steps, (1 + trials_back) * trial_steps
        if steps is None:
            steps = span if remembered else 20
        if tmax is None:
            tmax = 2.0 * span if remembered else 0.0
        fitted = replace(self, n_steps=int(steps), tmax=float(tmax), hidden=tuple(self.hidden))
        if remembered:
            _warn_of_short_memory(fitted, span, remembered, trials_back)
        return fitted


_OWN = {field.name for field in fields(Settings)}


def resolve(section: Mapping[str, Any] | None, given: Mapping[str, Any]) -> tuple[Settings, dict[str, Any]]:
    """Combine a scenario's `train:` section with a call's arguments; what the call gives wins.

    Args:
        section: The section; None if there is none. A setting of ours that is None counts as not given.
        given: The arguments; None counts as not given.

    Returns:
        Our own settings, and those for RLlib's ``config.training(...)``.

    Raises:
        ArgumentError: Unknown key, or a value that makes no sense.
    """
    merged = {key: value for key, value in (section or {}).items() if key not in TRAIN_ONLY}
    merged.update({key: value for key, value in given.items() if value is not None})
    known = _OWN | _training_keys()
    for key in merged:
        if key not in known:
            raise ArgumentError(f"There is no learning setting {key!r}.{nearest(key, known)}")
    own = {key: merged.pop(key) for key in list(merged) if key in _OWN}
    settings = Settings(**{key: value for key, value in own.items() if value is not None})
    _check(settings)
    for name, (low, high) in _RANGES.items():
        _check_number(name, merged.get(name), low, high)
    return settings, merged


_RANGES = {  # of RLlib's own settings that are plain numbers; what RLlib says of a wrong one comes late and at length
    "lr": (1e-12, math.inf),
    "gamma": (0.0, 1.0),
    "lambda_": (0.0, 1.0),
    "entropy_coeff": (0.0, math.inf),
    "vf_loss_coeff": (0.0, math.inf),
    "clip_param": (1e-12, math.inf),
    "grad_clip": (1e-12, math.inf),
}


def _check_number(name: str, value: Any, low: float, high: float) -> None:
    """Refuse what is no number, or outside its range; schedules and search spaces are RLlib's to judge."""
    if value is None or not isinstance(value, (str, bool, int, float)):
        return
    if isinstance(value, (str, bool)) or not (math.isfinite(value) and low <= value <= high):
        allowed = (
            "above 0" if 0 < low < 1e-6 else f"from {low:g} to {high:g}" if high < math.inf else f"{low:g} or more"
        )
        raise ArgumentError(f"{name} is {value!r}; it is a number {allowed}.")


def _training_keys() -> set[str]:
    keys: set[str] = set()
    for cls in (PPOConfig, AlgorithmConfig):
        keys |= set(inspect.signature(cls.training).parameters)
    return keys - {"self", "kwargs"}


_LEAST = {"lanes": 1, "n_steps": 1, "lstm": 0, "epochs": 1, "minibatches": 1, "num_env_runners": 0}


def _check(settings: Settings) -> None:
    """Refuse what would stop us, or RLlib, later and with less to say."""
    for name, least in _LEAST.items():
        if getattr(settings, name) is not None:
            whole_number(getattr(settings, name), name, least)
    if not isinstance(settings.hidden, (list, tuple)):
        raise ArgumentError(f"hidden is {settings.hidden!r}; it is a list of numbers of units, one for each layer.")
    for place, units in enumerate(settings.hidden):
        whole_number(units, f"hidden.{place}", 1)
    if settings.tmax is not None and not (
        is_finite_number(settings.tmax) and (settings.tmax == 0 or settings.tmax > 2)
    ):
        raise ArgumentError(f"tmax is {settings.tmax!r}; it is a number of steps above 2, or 0 for none.")
    if settings.dt is not None and not (is_finite_number(settings.dt) and settings.dt > 0):
        raise ArgumentError(f"dt is {settings.dt!r}; it is a number of ms above 0.")
    if not isinstance(settings.stock, bool):
        raise ArgumentError(f"stock is {settings.stock!r}; it is true or false.")
    if settings.session is not None and not isinstance(settings.session, Mapping):
        raise ArgumentError(f"session is {settings.session!r}; write {{trials: 100}} or {{steps: 1000}}.")
    _check_policies(settings)


def _check_policies(settings: Settings) -> None:
    known = ("shared", "independent", "streams")
    if settings.policies is not None and not isinstance(settings.policies, Mapping) and settings.policies not in known:
        raise ArgumentError(
            f"policies is {settings.policies!r}; it is one of {', '.join(known)}, or a mapping from agents to "
            f"policy names.{nearest(str(settings.policies), known)}"
        )
    if settings.policies == "streams" and settings.view not in (None, "streams"):
        raise ArgumentError(f"policies: streams makes every stream an agent, so view cannot be {settings.view!r}.")


def _warn_of_short_memory(settings: Settings, span: int, memory_steps: int, trials_back: int) -> None:
    steps, tmax = settings.n_steps or 0, settings.tmax or 0.0
    if not settings.lstm:
        _warn(
            f"The task must be remembered for {memory_steps} steps, but lstm=0 gives the network no memory. "
            "Set lstm=64."
        )
        return
    if steps < span:
        what = (
            f"{1 + trials_back} trials' {span} steps: what was shown {trials_back} trials ago"
            if trials_back
            else (f"trial's {span} steps: what was shown early in a trial")
        )
        _warn(
            f"n_steps is {steps}, shorter than the {what} gets little credit for a late response. Set n_steps={span}."
        )
    if 0 < tmax < memory_steps:
        _warn(
            f"tmax is {tmax:g} steps, shorter than the {memory_steps} steps to be remembered: the network's trace "
            f"fades too early. Set tmax={2 * span}."
        )


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=6)


def split_space(searched: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell what is searched in the task from what is searched in learning.

    Args:
        searched: Name to search space; names with dots are fields of the scenario.

    Returns:
        Those of the task, and those that RLlib's ``config.training`` takes (and ``seed``).

    Raises:
        ArgumentError: A name is neither; what shapes the network or the sampling cannot vary within
            an experiment.
    """
    task = {name: space for name, space in searched.items() if "." in name}
    learning = {name: space for name, space in searched.items() if "." not in name}
    known = _training_keys() | {"seed"}
    for name in learning:
        if name not in known:
            raise ArgumentError(
                f"{name!r} cannot be searched: it is no argument of RLlib's config.training and no dotted field of "
                f"the scenario.{nearest(name, known)}"
            )
    return task, learning
