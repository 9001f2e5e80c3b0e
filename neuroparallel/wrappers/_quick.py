"""The step of a single environment with one agent, with everything that it needs at hand.

It does what `Pipeline.act` and `Pipeline.next` do. A step of the environment within takes about as long as ten
attribute look-ups and three small NumPy calls, so these are what is saved here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from neuroparallel.wrappers._pipeline import Pipeline

__all__ = ["gym_step", "parallel_step"]


def parallel_step(pipe: Pipeline, base: Any, otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The step of a PettingZoo environment with one agent; ``otherwise`` takes one in which it is not there."""
    base_step, (agent, now, fresh, own, program) = base.step, pipe.only()
    looks, pays, tells, acting, act = pipe.looks, pipe.pays, pipe.tells, pipe.acting, pipe.act

    def step(actions: Mapping[str, Any]) -> Any:
        if len(actions) != 1 or agent not in actions or not base.agents:
            return otherwise(actions)
        now.action = actions[agent]
        observations, rewards, terminations, truncations, infos = base_step(act(actions) if acting else actions)
        now.reward, now.info = rewards[agent], infos[agent]
        if tells:
            now.told = {}
        if looks:
            now.out = out = next(fresh)
            out[own] = observations[agent]
            observations = {agent: out} if len(observations) == 1 else {**observations, agent: out}
        for hook, part, _ in program:
            hook(part, now)
        if pays:
            rewards = {agent: now.reward}
        if tells:
            infos = {**infos, agent: {**now.info, **now.told}}
        return observations, rewards, terminations, truncations, infos

    return step


def gym_step(pipe: Pipeline, base: Any) -> Callable[[Any], Any]:
    """The step of a gymnasium environment."""
    base_step, (agent, now, fresh, own, program) = base.step, pipe.only()
    looks, tells, acting, act = pipe.looks, pipe.tells, pipe.acting, pipe.act

    def step(action: Any) -> Any:
        now.action = action
        inward = act({agent: action})[agent] if acting else action
        seen, now.reward, terminated, truncated, info = base_step(inward)
        now.info = info
        if tells:
            now.told = {}
        if looks:
            now.out = out = next(fresh)
            out[own] = seen
            seen = out
        for hook, part, _ in program:
            hook(part, now)
        if tells:
            info = {**info, **now.told}
        return seen, now.reward, terminated, truncated, info

    return step
