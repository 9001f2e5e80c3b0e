"""The file format of a trained policy, which cannot run code.

``neuroparallel.json`` describes the environment, the policies and their networks; ``policy.safetensors`` holds the
weights. RLlib's own checkpoint files, which are pickles, are not read here.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from ray.rllib.core.rl_module.torch import TorchRLModule

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.rllib.module import ActorCritic
from neuroparallel.rllib.tensor_file import read_tensors, write_tensors
from neuroparallel.user_code import check_permission, named_code

__all__ = ["METADATA", "NETWORKS", "WEIGHTS", "check_code", "check_description", "read_networks", "write_policy"]

METADATA = "neuroparallel.json"
WEIGHTS = "policy.safetensors"
FORMAT = 1
NETWORKS: dict[str, type[TorchRLModule]] = {"ActorCritic": ActorCritic}
"""Network classes of the library by their name in a policy file; others are named ``module:Class``."""
_MOST_CHANNELS = 1_000_000
_MOST_CHOICES = 1_000_000


def write_policy(
    place: Path,
    env: Mapping[str, Any],
    names: Mapping[str, str],
    modules: Mapping[str, Any],
    *,
    draws: Iterable[str] = (),
    train: Mapping[str, Any] | None = None,
) -> None:
    """Write a policy.

    Args:
        place: Directory, which exists.
        env: The ``env_config`` it learnt with.
        names: Agent to policy name.
        modules: Policy name to network.
        draws: Agents that draw their actions when they are tested.
        train: Learning settings, as in a scenario's ``train:`` section, with which training can go on.
    """
    weights = {
        f"{name}/{key}": value.detach().cpu().numpy()
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    description = {
        "format": FORMAT,
        "env": dict(env),
        "policies": dict(names),
        "draws": sorted(draws),
        "train": dict(train or {}),
        "networks": {name: _describe(module) for name, module in modules.items()},
    }
    write_tensors(place / WEIGHTS, weights)
    (place / METADATA).write_text(json.dumps(description, indent=1, default=_number), encoding="utf-8")


def check_description(place: Path, data: Mapping[str, Any]) -> None:
    """Refuse a description whose parts are of another kind than `write_policy` writes.

    Args:
        place: Directory of the policy, for the message.
        data: The content of its ``neuroparallel.json``.

    Raises:
        ArgumentError: A part is missing or of another kind.
    """
    where = place / METADATA
    if data.get("format", FORMAT) != FORMAT:
        raise ArgumentError(f"{where}: format is {data['format']!r}; this version of neuroparallel reads {FORMAT}.")
    env, names, draws = data["env"], data["policies"], data.get("draws", [])
    if not isinstance(env, dict) or not isinstance(env.get("scenario", "{}"), str):
        raise ArgumentError(f"{where}: env is no description of an environment.")
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise ArgumentError(f"{where}: policies is no mapping from agents to policy names.")
    if not isinstance(draws, list) or not set(map(str, draws)) <= set(names):
        raise ArgumentError(f"{where}: draws is no list of agents.")
    if not isinstance(data.get("train", {}), dict) or not isinstance(data.get("networks", {}), dict):
        raise ArgumentError(f"{where}: train and networks are mappings.")


def check_code(place: Path, data: Mapping[str, Any], *, code: bool = False) -> None:
    """Import the code that a policy's scenario names, if that is allowed, so that it can be loaded afterwards.

    Args:
        place: Directory of the policy, for the message.
        data: The content of its ``neuroparallel.json``, checked.
        code: As of `read_networks`.

    Raises:
        ArgumentError: The scenario names code that is refused, or is damaged.
    """
    where = f"{place / METADATA}: env.scenario"
    try:
        scenario = json.loads(data["env"].get("scenario", "{}"))
        parts = {"subjects": _tasks(scenario), "groups": _rules(scenario), "set": data["env"].get("set")}
    except (ValueError, AttributeError, RecursionError) as error:
        raise ArgumentError(f"{where} is no scenario ({error}); the file is damaged.") from None
    sections = [{key: scenario.get(key) for key in ("train", "tune")}, {"train": data.get("train")}]
    for part in (parts, *sections):
        for key, name in named_code(part):
            _import(f"{where}: {key}", name, code)


def _tasks(scenario: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {key: stream.get("task") for key, stream in subject.get("streams", {}).items()}
        for name, subject in scenario.get("subjects", {}).items()
    }


def _rules(scenario: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(group.get("rule") or ()) for name, group in (scenario.get("groups") or {}).items()}


def read_networks(place: Path, data: Mapping[str, Any], *, code: bool = False) -> dict[str, Any]:
    """Build the networks of a policy and load their weights.

    Args:
        place: Directory of the policy.
        data: The content of its ``neuroparallel.json``, checked.
        code: Import a network class ``module:Class`` that is not part of the library. False refuses it, unless
            its module is imported already.

    Returns:
        Policy name to network.

    Raises:
        ArgumentError: A network is missing, damaged or of an unknown kind.
    """
    described = data.get("networks") or {}
    missing = [name for name in data["policies"].values() if name not in described]
    if missing:
        raise ArgumentError(
            f"{place / METADATA} describes no network of {missing[0]!r}; it is damaged, or of another version of "
            "neuroparallel."
        )
    weights = read_tensors(place / WEIGHTS)
    return {name: _network(place, name, described[name], weights, code) for name in set(data["policies"].values())}


def _network(place: Path, name: str, entry: Any, weights: Mapping[str, Any], code: bool) -> Any:
    where = f"the network {name!r} in {place}"
    if not isinstance(entry, dict) or not isinstance(entry.get("settings"), dict):
        raise ArgumentError(f"{where} is not described; the file is damaged.")
    cls = _class(where, entry.get("network"), code)
    _check_code(where, entry["settings"].get("network"), code)
    arguments = {
        "observation_space": _read_space(where, entry.get("observations")),
        "action_space": _read_space(where, entry.get("actions")),
        "model_config": entry["settings"],
    }
    mine = {key.rpartition("/")[2]: value for key, value in weights.items() if key.rpartition("/")[0] == name}
    try:
        with torch.device("meta"):  # shapes only, so that a description of a huge network takes no memory
            expected = {key: tuple(value.shape) for key, value in cls(**arguments).state_dict().items()}
    except Exception as error:  # settings of any kind may be in a file
        raise ArgumentError(
            f"{where} cannot be built ({type(error).__name__}: {error}); the file is damaged, or of another version."
        ) from error
    _check_weights(where, expected, mine)
    with torch.random.fork_rng(devices=[]):  # so that loading does not change what is drawn afterwards
        module = cls(**arguments)
    module.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in mine.items()})
    return module


def _check_weights(where: str, expected: Mapping[str, tuple[int, ...]], found: Mapping[str, Any]) -> None:
    for key in expected.keys() ^ found.keys():
        raise ArgumentError(
            f"{where}: the weights {key!r} are {'missing' if key in expected else 'of no layer'}; the file is damaged."
        )
    for key, shape in expected.items():
        if found[key].shape != shape:
            raise ArgumentError(
                f"{where}: the weights {key!r} have the shape {found[key].shape}; its settings ask for {shape}."
            )
        if not np.isfinite(found[key]).all():
            raise ArgumentError(f"{where}: the weights {key!r} are not finite.")


def _describe(module: Any) -> dict[str, Any]:
    cls = type(module)
    known = [name for name, network in NETWORKS.items() if network is cls]
    return {
        "network": known[0] if known else f"{cls.__module__}:{cls.__qualname__}",
        "settings": dict(module.model_config),
        "observations": _write_space(module.observation_space),
        "actions": _write_space(module.action_space),
    }


def _check_code(where: str, network: Any, code: bool) -> None:
    """Refuse the network of an actor-critic if it is the user's own and its module is not imported."""
    name = network.get("name") if isinstance(network, dict) else network
    if isinstance(name, str) and ":" in name:
        _import(where, name, code)


def _class(where: str, name: Any, code: bool) -> type[TorchRLModule]:
    """Find a network class; a file alone never has a module imported."""
    if name in NETWORKS:
        return NETWORKS[name]
    module, colon, attribute = str(name).partition(":")
    if not colon:
        raise ArgumentError(f"{where}: there is no network {str(name)[:80]!r}.{nearest(str(name)[:80], NETWORKS)}")
    _import(where, str(name), code)
    cls = getattr(sys.modules[module], attribute, None)
    if not (isinstance(cls, type) and issubclass(cls, TorchRLModule)):
        raise ArgumentError(f"{where}: {name} is no subclass of RLlib's TorchRLModule.")
    return cls


def _import(where: str, name: str, code: bool) -> None:
    """Import the module of a class ``module:Class`` if that is allowed."""
    module = name.partition(":")[0]
    try:
        check_permission(name, policy=True, code=code)
    except ArgumentError as error:
        raise ArgumentError(f"{where}: {error}") from None
    if module in sys.modules:
        return
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise ArgumentError(f"{where}: {module} cannot be imported ({error}).") from error


def _write_space(space: gym.Space[Any]) -> dict[str, Any]:
    if isinstance(space, gym.spaces.Discrete):
        return {"discrete": int(space.n), "start": int(space.start)}
    if isinstance(space, gym.spaces.MultiDiscrete):
        return {"multi_discrete": [int(n) for n in space.nvec.ravel()]}
    if isinstance(space, gym.spaces.Box) and len(space.shape) == 1:
        bounds = {key: _bound(getattr(space, key)) for key in ("low", "high")}
        return {"box": int(space.shape[0]), "dtype": str(space.dtype), **bounds}
    raise ArgumentError(f"a policy file cannot hold the space {space}; it holds Discrete, MultiDiscrete and flat Box.")


def _bound(values: Any) -> Any:
    """Return a bound as JSON, which has no infinite numbers: one entry if all are alike."""
    parts = [value if math.isfinite(value) else str(value) for value in map(float, values)]
    return parts[0] if len(set(parts)) == 1 else parts


def _read_space(where: str, entry: Any) -> gym.Space[Any]:
    try:
        if "discrete" in entry:
            return gym.spaces.Discrete(_count(entry["discrete"], _MOST_CHOICES), start=int(entry.get("start", 0)))
        if "multi_discrete" in entry:
            sizes = [_count(n, _MOST_CHOICES) for n in entry["multi_discrete"]]
            return gym.spaces.MultiDiscrete(sizes[: _count(len(sizes), 1000)])
        size = _count(entry["box"], _MOST_CHANNELS)
        dtype: Any = {"float32": np.float32, "float64": np.float64}[entry["dtype"]]
        low, high = (np.broadcast_to(np.asarray(entry[key], dtype), size) for key in ("low", "high"))
        return gym.spaces.Box(low.copy(), high.copy(), dtype=dtype)
    except (TypeError, ValueError, KeyError, AssertionError, OverflowError) as error:
        raise ArgumentError(
            f"{where}: what it sees or does is not described ({error!r}); the file is damaged."
        ) from None


def _count(value: Any, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(f"{str(value)[:40]} is no number from 1 to {most}")
    return value


def _number(value: Any) -> Any:
    """NumPy's numbers as JSON's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} cannot be written to a policy file")
