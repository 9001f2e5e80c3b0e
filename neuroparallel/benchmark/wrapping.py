"""What signal wrappers cost, ours and SuperSuit's, around a single environment and around a batch."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from neuroparallel import wrappers
from neuroparallel.benchmark.clocks import Side, Work, rate
from neuroparallel.benchmark.ours import LANES, SINGLE_STEPS, STEPS, dots
from neuroparallel.environments import batch, parallel_env
from neuroparallel.errors import MissingDependencyError

__all__ = ["FIVE", "MEASURED", "SEQUENCES", "SUPERSUIT", "wrapping_side"]

Wrap = Callable[[Any], Any]

# Each of ours by name: around what it is measured, and its options.
MEASURED: dict[str, tuple[str, dict[str, Any]]] = {
    "previous_reward": ("dots", {}),
    "previous_action": ("dots", {}),
    "previous_outcome": ("dots", {}),
    "noise": ("dots", {}),
    "frame_stack": ("dots", {}),
    "delay_observation": ("dots", {"steps": 2}),
    "pad_observation": ("dots", {"width": 5}),
    "pad_action": ("dots", {"actions": 4}),
    "clock": ("dots", {}),
    "sync_pulse": ("dots", {"periods": ["stimulus"]}),
    "sticky_action": ("dots", {}),
    "scale_reward": ("dots", {"factor": 2.0}),
    "joint_action": ("dual_random_dots", {}),
    "serial_access": ("dual_random_dots", {}),
    "serial_decision": ("dual_random_dots", {}),
    "share_attention": ("dual_random_dots", {}),
    "agent_indicator": ("matching_pennies", {}),
    "partner_view": ("matching_pennies", {}),
}
# Sequence wrappers, of which only trial starts know; around a batch.
SEQUENCES: dict[str, tuple[str, dict[str, Any]]] = {
    "trial_history": ("dots", {}),
    "side_bias": ("dots", {}),
    "catch_trials": ("dots", {}),
    "staircase": ("dots", {"condition": "coherence"}),
    "block_schedule": ("dots", {"blocks": [{}, {"rewards": {"correct": 2.0}}]}),
}
FIVE = ("previous_reward", "previous_action", "previous_outcome", "clock", "scale_reward")
# SuperSuit's wrapper of the same purpose, and its options.
SUPERSUIT: dict[str, tuple[str, dict[str, Any]]] = {
    "frame_stack": ("frame_stack_v1", {"stack_size": 4}),
    "delay_observation": ("delay_observations_v0", {"delay": 2}),
    "sticky_action": ("sticky_actions_v0", {"repeat_action_probability": 0.25}),
    "pad_action": ("pad_action_space_v0", {}),
    "pad_observation": ("pad_observations_v0", {}),
    "scale_reward": ("clip_reward_v0", {}),
    "agent_indicator": ("agent_indicator_v0", {}),
}


def wrapping_side() -> Side:
    """Agent-steps per second of processor time, bare and with each wrapper, each time around a fresh environment."""
    try:
        supersuit: Any = importlib.import_module("supersuit")
    except ImportError as error:
        raise MissingDependencyError("SuperSuit is not installed: pip install supersuit") from error
    works: dict[str, Work] = {}
    for what in dict.fromkeys(what for what, _ in MEASURED.values()):
        works |= {f"bare.{what}": _single(_env(what)), f"lanes.bare.{what}": _lanes(_batch(what))}
    for name, (what, options) in MEASURED.items():
        works |= {
            f"wrap.{name}": _single(_ours(name, _env(what), options)),
            f"lanes.{name}": _lanes(_ours(name, _batch(what), options)),
        }
    for name, (what, options) in SEQUENCES.items():
        works[f"lanes.{name}"] = _lanes(_ours(name, _batch(what), options))
    for name, (theirs, options) in SUPERSUIT.items():
        works[f"supersuit.{name}"] = _single(getattr(supersuit, theirs)(_env(MEASURED[name][0]), **options))
    works |= {"wrap.five": _single(_five(_env("dots"))), "lanes.five": _lanes(_five(_batch("dots")))}
    for work in works.values():
        work()  # warm up
    return Side(lambda seconds: {name: rate(work, seconds / 10) for name, work in works.items()})


def _env(what: str) -> Any:
    return parallel_env(dots() if what == "dots" else what, session=None)


def _batch(what: str) -> Any:
    return batch(dots() if what == "dots" else what, lanes=LANES)


def _ours(name: str, env: Any, options: dict[str, Any]) -> Any:
    return getattr(wrappers, f"{name}_v0")(env, **options)


def _five(env: Any) -> Any:
    for name in FIVE:
        env = _ours(name, env, MEASURED[name][1])
    return env


def _single(env: Any) -> Work:
    actions = _actions(env, SINGLE_STEPS // 5, None)
    env.reset(seed=0)

    def work() -> int:
        step = env.step
        for action in actions:
            step(action)
        return len(actions) * len(env.possible_agents)

    return work


def _lanes(env: Any) -> Work:
    actions = _actions(env, 16, env.lanes)
    env.reset(0)

    def work() -> int:
        for number in range(STEPS // 4):
            env.step(actions[number % 16])
        return STEPS // 4 * int(env.lanes) * len(env.possible_agents)

    return work


def _actions(env: Any, count: int, lanes: int | None) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    drawn = {agent: _drawn(env.action_space(agent), count, lanes, rng) for agent in env.possible_agents}
    return [dict(zip(drawn, each, strict=True)) for each in zip(*drawn.values(), strict=True)]


def _drawn(space: Any, count: int, lanes: int | None, rng: np.random.Generator) -> list[Any]:
    sizes = getattr(space, "nvec", None)
    shape = (count, *(() if lanes is None else (lanes,)), *(() if sizes is None else (len(sizes),)))
    drawn = rng.integers(space.n if sizes is None else sizes, size=shape)
    return drawn.tolist() if lanes is None and sizes is None else list(drawn)
