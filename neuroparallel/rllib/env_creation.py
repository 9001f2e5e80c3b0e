"""Creation of engines and environments from an ``env_config``, in this process or in a remote worker."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

from ray.tune.registry import register_env

from neuroparallel.environments import batch, parallel_env
from neuroparallel.scenario import Scenario
from neuroparallel.seeding import choose_seed, integer_bits, mix_int, name_bits

__all__ = [
    "BATCH_ENV",
    "STOCK_ENV",
    "build_engine",
    "build_stock",
    "env_config",
    "load_scenario",
    "options_of",
    "register",
    "scenario_of",
    "worker_seed",
]

BATCH_ENV = "neuroparallel"
STOCK_ENV = "neuroparallel-stock"
_LANES_PER_WORKER = 1_000_000
_stock_lanes = itertools.count()


def load_scenario(what: Any) -> Any:
    """Read a scenario from whatever names one: a shipped name, a file, a dict, a Scenario, a task."""
    return Scenario.load(what)


def env_config(
    scenario: Any,
    *,
    seed: int | None = None,
    dt: float | None = None,
    session: Mapping[str, int] | None = None,
    view: str | None = None,
) -> dict[str, Any]:
    """Describe an environment so that any worker can rebuild it: RLlib's ``env_config``.

    Args:
        scenario: A loaded scenario.
        seed: Seed of the environment, into which each worker hashes its own index; None: the scenario's, or else one
            drawn from entropy.
        dt: Step in ms; None as in the scenario.
        session: ``{"trials": n}`` or ``{"steps": n}``; None as in the scenario.
        view: "subjects" or "streams"; None for subjects.

    Returns:
        Plain data; the scenario as JSON text, since RLlib copies a configuration's every leaf in
        every iteration. A further key ``set`` may hold dotted changes to the scenario, as
        ``{"subjects.subject_0.streams.motion.params.sigma": 0.5}``, with Tune's search spaces as
        values.
    """
    config: dict[str, Any] = {
        "scenario": json.dumps(scenario.dump()),
        "seed": choose_seed(seed, scenario.seed, bits=31),
    }
    options = {"dt": dt, "session": dict(session) if session else None, "view": view}
    config.update({key: value for key, value in options.items() if value is not None})
    return config


def scenario_of(config: Mapping[str, Any]) -> Any:
    """Rebuild the scenario that an ``env_config`` describes, with its changes."""
    scenario = load_scenario(json.loads(config["scenario"]))
    changes = config.get("set")
    return scenario.replace(**changes) if changes else scenario


def options_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the time step, session and view of an ``env_config``, where it has its own."""
    return {key: config[key] for key in ("dt", "session", "view") if config.get(key) is not None}


def build_engine(config: Mapping[str, Any], record: bool = False) -> Any:
    """Make the batch engine that an ``env_config`` describes.

    Args:
        config: As `env_config` returns it, with ``lanes``.
        record: Keep a trial table, which training does not need.

    Returns:
        A batch engine.
    """
    return batch(
        scenario_of(config),
        lanes=int(config.get("lanes", 1)),
        seed=int(config.get("seed") or 0),
        record=record,
        **options_of(config),
    )


def build_stock(config: Mapping[str, Any]) -> Any:
    """Make one environment for RLlib's own runner, each with a lane of its own.

    RLlib seeds environment i of worker j with seed + i + j, so that workers would share them; the
    lane, which is hashed with the seed, keeps them apart.

    Args:
        config: As `env_config` returns it.

    Returns:
        RLlib's MultiAgentEnv.
    """
    from neuroparallel.rllib.adapter import to_multi_agent_env

    worker = int(getattr(config, "worker_index", 0) or 0)
    lane = worker * _LANES_PER_WORKER + next(_stock_lanes) % _LANES_PER_WORKER
    env = parallel_env(scenario_of(config), lane=lane, seed=int(config.get("seed") or 0), **options_of(config))
    return to_multi_agent_env(env)


def register(what: Any, name: str | None = None, **options: Any) -> str:
    """Make a scenario known to RLlib under a name, for configurations written by hand.

    Args:
        what: A scenario name, file, dict or Scenario.
        name: The name; ``neuroparallel/<scenario's name>`` by default.
        **options: As for `env_config`.

    Returns:
        The name, for ``config.environment(name)`` with RLlib's own runner.
    """
    scenario = load_scenario(what)
    name = name or f"neuroparallel/{scenario.name}"
    fixed = env_config(scenario, **options)
    register_env(name, lambda context: build_stock(_Context(fixed, context)))
    return name


class _Context(dict[str, Any]):
    """A fixed configuration that takes the worker's index from RLlib's context."""

    def __init__(self, fixed: Mapping[str, Any], context: Mapping[str, Any]) -> None:
        super().__init__({**fixed, **context})
        self.worker_index = int(getattr(context, "worker_index", 0) or 0)


def worker_seed(seed: int, *, worker: int, evaluation: bool = False, steps: int = 0) -> int:
    """Give each worker trials of its own, and fresh ones when a run is resumed.

    A hash and not a sum: with seed + index, run 0's second worker would see what run 1's first
    sees.

    Args:
        seed: The run's.
        worker: Index of the worker.
        evaluation: Whether it evaluates.
        steps: Steps sampled before (0 for a new run).

    Returns:
        0 to 2^63 - 1; the seed itself for the only worker of a new run.
    """
    if not (worker or evaluation or steps):
        return int(seed)
    bits = mix_int(integer_bits(seed) ^ name_bits("rllib.worker"))
    for part in (worker, int(evaluation), steps):
        bits = mix_int(bits ^ integer_bits(part))
    return bits >> 1


def register_own() -> None:
    """Make our environments known to Ray; again after `ray.shutdown`, which forgets them."""
    register_env(BATCH_ENV, build_engine)
    register_env(STOCK_ENV, build_stock)


register_own()
