"""The step of a single environment with one agent, with everything that it needs at hand.

These do what `Pipeline.act` and `Pipeline.next` do. A step of the environment within takes about as long as ten small
NumPy calls, so that calls and look-ups count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from neuroparallel.wrappers._pipeline import Pipeline

__all__ = ["gym_step", "parallel_step"]


def parallel_step(pipe: Pipeline, base: Any) -> Callable[[Any], Any]:
    """The step of a PettingZoo environment with one agent."""
    agent, now, fresh, own, end, program = pipe.only()
    looks, pays, tells, acting = pipe.looks, pipe.pays, pipe.tells, pipe.acting
    base_step = _acted(pipe, base.step, agent, now) if acting else base.step

    def step(actions: Mapping[str, Any]) -> Any:
        result = base_step(actions)
        observations, rewards, terminations, truncations, infos = result
        if agent not in observations:  # the session is over
            return result
        if not acting:
            now.action = actions[agent]
        now.reward, now.info = rewards[agent], infos[agent]
        if tells:
            now.told = {}
        if looks:
            now.out = seen = observations[agent]
            if len(seen) != end:
                now.out = out = next(fresh)
                out[own] = seen
                observations = {agent: out} if len(observations) == 1 else {**observations, agent: out}
        for hook, part, _ in program:
            hook(part, now)
        if pays:
            rewards = {agent: now.reward}
        if tells:
            infos = {**infos, agent: {**now.info, **now.told}}
        return observations, rewards, terminations, truncations, infos

    return step


def _acted(pipe: Pipeline, base_step: Callable[[Any], Any], agent: str, now: Any) -> Callable[[Any], Any]:
    """The step of what is inside, with the action that the wrappers make of the one that was given."""
    act = pipe.act_only

    def step(actions: Mapping[str, Any]) -> Any:
        if agent in actions:
            action = act(agent, now, actions[agent])
            actions = {agent: action} if len(actions) == 1 else {**actions, agent: action}
        return base_step(actions)

    return step


def gym_step(pipe: Pipeline, base: Any) -> Callable[[Any], Any]:
    """The step of a gymnasium environment."""
    base_step, (agent, now, fresh, own, end, program) = base.step, pipe.only()
    looks, tells, acting, act = pipe.looks, pipe.tells, pipe.acting, pipe.act_only

    def step(action: Any) -> Any:
        if acting:
            seen, reward, terminated, truncated, info = base_step(act(agent, now, action))
        else:
            seen, reward, terminated, truncated, info = base_step(action)
            now.action = action
        now.reward, now.info = reward, info
        if tells:
            now.told = {}
        if looks:
            if len(seen) != end:
                out = next(fresh)
                out[own] = seen
                seen = out
            now.out = seen
        for hook, part, _ in program:
            hook(part, now)
        if tells:
            info = {**info, **now.told}
        return seen, now.reward, terminated, truncated, info

    return step
