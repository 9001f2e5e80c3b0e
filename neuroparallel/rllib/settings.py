"""Learning settings: those of the call, else of the scenario's `train:` section, else the defaults."""

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
from neuroparallel.rllib.networks.protocol import split_network
from neuroparallel.task import is_finite_number

__all__ = [
    "TRAIN_ONLY",
    "Course",
    "Settings",
    "overridden",
    "own_settings",
    "resolve",
    "short_memory",
    "split_space",
    "training_keys",
]

TRAIN_ONLY = (
    *("algorithm", "budget_s", "budget_steps", "budget_trials", "criterion", "curriculum"),
    *("evaluate_every_s", "evaluate_every_steps", "explore"),
)
"""Keys of a `train:` section that concern `train` and not the algorithm's configuration."""


@dataclass(frozen=True)
class Settings:
    """Everything about learning that is not RLlib's own.

    Attributes:
        lanes: Copies of the scenario that are sampled together. None: 32, or 64 where trials are short or have to be
            remembered (`fitted`).
        n_steps: Steps per lane between updates. None: a whole trial, together with those before it that must be
            remembered; without a memory at least 20 and at most 128.
        network: Name of a network, or a mapping with ``name`` and its options; None: an LSTM of 64 units.
        lstm: Short for an LSTM of so many units; 0 for a network without memory.
        hidden: Units of the dense layers in front of the network.
        skip: Whether the network sees the observation beside the dense features.
        hold_steps: Mean number of steps before an untrained subject responds. None: a quarter of the trial, or an even
            policy in trials of up to 8 steps; 0 for an even policy.
        credit: "trial": rewards of later trials do not count for an action; "session": they do, discounted. None:
            "session" in games, where others may answer a choice later, else "trial". RLlib's own runner (`stock`)
            knows "session" only.
        reward_scale: Factor on rewards in learning. None: 1, or less if random choices earn or lose more than 1 in a
            step, which then counts as 1.
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

    lanes: int | None = None
    n_steps: int | None = None
    network: str | Mapping[str, Any] | None = None
    lstm: int | None = None
    hidden: tuple[int, ...] = (64,)
    skip: bool = True
    hold_steps: float | None = None
    credit: str | None = None
    reward_scale: float | None = None
    policies: str | Mapping[str, str] | None = None
    epochs: int = 4
    minibatches: int = 4
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

    @property
    def network_spec(self) -> dict[str, Any]:
        """Name and options of the network."""
        if self.network is None:
            units = 64 if self.lstm is None else self.lstm
            return {"name": "lstm", "units": units} if units else {"name": "mlp"}
        name, options = split_network(self.network)
        return {"name": name, **options}

    def fitted(self, course: Course) -> Settings:
        """Fill in what depends on the course of a trial, and warn if a memory cannot be bridged."""
        remembers = bool(course.remembered)
        n_steps, tmax, lanes, hold, credit = self.n_steps, self.tmax, self.lanes, self.hold_steps, self.credit
        if n_steps is None:
            n_steps = course.span if remembers else min(max(course.span, 20), 128)
        if tmax is None:
            tmax = 2.0 * course.span if remembers else 0.0
        if lanes is None:
            lanes = 64 if course.trials_back or course.trial_steps < _SHORT else 32
        if hold is None:
            hold = course.trial_steps / 4 if course.trial_steps >= _SHORT else 0.0
        if credit is None:
            credit = "trial" if course.separate and not self.stock else "session"
        fitted = replace(
            self,
            n_steps=int(n_steps),
            tmax=float(tmax),
            lanes=lanes,
            hold_steps=float(hold),
            credit=credit,
            hidden=tuple(self.hidden),
        )
        for problem in short_memory(fitted.network_spec["name"], int(n_steps), float(tmax), course):
            warnings.warn(problem, UserWarning, stacklevel=4)
        return fitted


_SHORT = 9  # steps; in a shorter trial an even policy reaches every period


@dataclass(frozen=True)
class Course:
    """The course of a trial, from which learning settings follow.

    Attributes:
        dt: Step, ms.
        trial_steps: Longest trial, steps.
        memory_steps: Longest time from the first stimulus to the response window, steps; 0: no memory.
        trials_back: How many trials ago something happened that a response depends on.
        separate: Whether what a trial pays does not depend on what was done in earlier trials.
    """

    dt: float
    trial_steps: int
    memory_steps: int = 0
    trials_back: int = 0
    separate: bool = False

    @property
    def remembered(self) -> int:
        """Steps over which something must be remembered; 0 if nothing has to be."""
        return self.memory_steps + self.trials_back * self.trial_steps

    @property
    def span(self) -> int:
        """Steps of a trial and of those before it that must be remembered."""
        return (1 + self.trials_back) * self.trial_steps

    def training(self) -> dict[str, float]:
        """Return settings of RLlib that follow from time and not from the number of steps.

        Rewards are discounted with a time constant of 2 s, or a quarter of the trial if that is longer, and the
        reward for entropy is the same per second for every dt (up to 100 ms).
        """
        horizon_ms = max(2000.0, self.trial_steps * self.dt / 4)
        gamma = min(max(1.0 - self.dt / horizon_ms, 0.9), 0.999)
        return {"gamma": gamma, "lambda_": gamma, "entropy_coeff": 0.1 * min(1.0, self.dt / 100.0)}


_OWN = {field.name for field in fields(Settings)}


def overridden(section: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section with a call's arguments in place of its own; ``network`` and ``lstm`` replace each other.

    Args:
        section: A `train:` section.
        given: Arguments; None counts as not given.
    """
    given = {key: value for key, value in given.items() if value is not None}
    replaced = {"network": "lstm", "lstm": "network"}
    dropped = {replaced[key] for key in given if key in replaced}
    return {**{key: value for key, value in section.items() if key not in dropped}, **given}


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
    merged = {key: value for key, value in overridden(section or {}, given).items() if key not in TRAIN_ONLY}
    known = _OWN | training_keys()
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


def own_settings() -> set[str]:
    """Return the names of the library's own settings."""
    return set(_OWN)


def training_keys() -> set[str]:
    """Return the names of the arguments of RLlib's ``config.training``."""
    keys: set[str] = set()
    for cls in (PPOConfig, AlgorithmConfig):
        keys |= set(inspect.signature(cls.training).parameters)
    return keys - {"self", "kwargs"}


MOST_UNITS = 100_000  # of a layer
MOST_LAYERS = 100
_LIMITS = {
    "lanes": (1, 10_000_000),
    "n_steps": (1, 10_000_000),
    "lstm": (0, MOST_UNITS),
    "epochs": (1, 100_000),
    "minibatches": (1, 10_000_000),
    "num_env_runners": (0, 10_000),
}


def _check(settings: Settings) -> None:
    """Refuse what would stop us, or RLlib, later and with less to say."""
    for name, (least, most) in _LIMITS.items():
        if getattr(settings, name) is not None:
            whole_number(getattr(settings, name), name, least, most)
    _check_hidden(settings)
    if settings.tmax is not None and not (
        is_finite_number(settings.tmax) and (settings.tmax == 0 or settings.tmax > 2)
    ):
        raise ArgumentError(f"tmax is {settings.tmax!r}; it is a number of steps above 2, or 0 for none.")
    if settings.dt is not None and not (is_finite_number(settings.dt) and settings.dt > 0):
        raise ArgumentError(f"dt is {settings.dt!r}; it is a number of ms above 0.")
    for name in ("stock", "skip"):
        if not isinstance(getattr(settings, name), bool):
            raise ArgumentError(f"{name} is {getattr(settings, name)!r}; it is true or false.")
    if settings.session is not None and not isinstance(settings.session, Mapping):
        raise ArgumentError(f"session is {settings.session!r}; write {{trials: 100}} or {{steps: 1000}}.")
    _check_network(settings)
    _check_policies(settings)
    _check_rewards(settings)


def _check_hidden(settings: Settings) -> None:
    if not isinstance(settings.hidden, (list, tuple)):
        raise ArgumentError(f"hidden is {settings.hidden!r}; it is a list of numbers of units, one for each layer.")
    if len(settings.hidden) > MOST_LAYERS:
        raise ArgumentError(f"hidden: it has {len(settings.hidden)} layers; at most {MOST_LAYERS}.")
    for place, units in enumerate(settings.hidden):
        whole_number(units, f"hidden.{place}", 1, MOST_UNITS)


def _check_network(settings: Settings) -> None:
    if settings.hold_steps is not None and not (is_finite_number(settings.hold_steps) and settings.hold_steps >= 0):
        raise ArgumentError(f"hold_steps is {settings.hold_steps!r}; it is a number of steps, or 0 for an even policy.")
    if settings.network is not None:
        for key, value in split_network(settings.network)[1].items():
            most = MOST_LAYERS if key == "layers" else MOST_UNITS
            if isinstance(value, int) and not isinstance(value, bool) and abs(value) > most:
                raise ArgumentError(f"network.{key}: it is {value}; it is at most {most:,}.")
        if settings.lstm is not None:
            raise ArgumentError(
                f"network is {settings.network!r} and lstm is {settings.lstm!r}; lstm=64 is short for "
                "network={'name': 'lstm', 'units': 64}, so give one of them."
            )


def _check_policies(settings: Settings) -> None:
    known = ("shared", "independent", "streams")
    if settings.policies is not None and not isinstance(settings.policies, Mapping) and settings.policies not in known:
        raise ArgumentError(
            f"policies is {settings.policies!r}; it is one of {', '.join(known)}, or a mapping from agents to "
            f"policy names.{nearest(str(settings.policies), known)}"
        )
    if settings.policies == "streams" and settings.view not in (None, "streams"):
        raise ArgumentError(f"policies: streams makes every stream an agent, so view cannot be {settings.view!r}.")


def _check_rewards(settings: Settings) -> None:
    known = ("trial", "session")
    if settings.credit is not None and settings.credit not in known:
        raise ArgumentError(
            f"credit is {settings.credit!r}; it is trial or session.{nearest(str(settings.credit), known)}"
        )
    if settings.stock and settings.credit == "trial":
        raise ArgumentError("credit: trial needs the batched runner, so it does not go with stock: true.")
    scale = settings.reward_scale
    if scale is not None and not (is_finite_number(scale) and scale > 0):
        raise ArgumentError(f"reward_scale is {scale!r}; it is a number above 0.")
    if settings.stock and scale not in (None, 1):
        raise ArgumentError("reward_scale needs the batched learner, so it does not go with stock: true.")


def short_memory(network: str, n_steps: int, tmax: float, course: Course) -> list[str]:
    """Say what keeps a network from learning to remember what the task asks for.

    Args:
        network: Its name.
        n_steps: Steps per lane between updates.
        tmax: Longest memory for which its biases are set, steps; 0 for none.
        course: The course of a trial.

    Returns:
        A sentence for each problem, with what to set.
    """
    back, span = course.trials_back, course.span
    if not course.remembered:
        return []
    if network == "mlp":
        return [
            f"The task must be remembered for {course.remembered} steps, but the network has no memory "
            "(lstm=0, or network='mlp'). Set lstm=64."
        ]
    found = []
    if n_steps < span:
        what = (
            f"{1 + back} trials' {span} steps: what was shown {back} trials ago"
            if back
            else (f"trial's {span} steps: what was shown early in a trial")
        )
        found.append(
            f"n_steps is {n_steps}, shorter than the {what} gets little credit for a late response. Set n_steps={span}."
        )
    if 0 < tmax < course.remembered:
        found.append(
            f"tmax is {tmax:g} steps, shorter than the {course.remembered} steps to be remembered: the network's trace "
            f"fades too early. Set tmax={2 * span}."
        )
    return found


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
    known = training_keys() | {"seed"}
    for name in learning:
        if name not in known:
            raise ArgumentError(
                f"{name!r} cannot be searched: it is no argument of RLlib's config.training and no dotted field of "
                f"the scenario.{nearest(name, known)}"
            )
    return task, learning
