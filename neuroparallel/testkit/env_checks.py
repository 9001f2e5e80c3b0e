"""Is a PettingZoo parallel environment sound?"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from neuroparallel.testkit.acting import wrong_action
from neuroparallel.testkit.failures import ConformanceError

__all__ = ["check_env"]


def check_env(env: Any, *, steps: int = 500, seed: int = 1) -> None:
    """Check that a parallel environment keeps what PettingZoo and neuroparallel promise.

    Spaces are always the same objects and contain what is seen; the same seed gives the same session; what was
    returned stays as it was; infos are numbers with constant keys; a session ends for all agents at once; an action
    that is not allowed changes nothing.

    Args:
        env: A `pettingzoo.ParallelEnv`: ours, with wrappers or without, or another.
        steps: How long to play.
        seed: Which session.

    Raises:
        ConformanceError: A promise is broken; the message says where, and what to mend.
    """
    name = str(getattr(env, "metadata", {}).get("name", type(env).__name__))
    _spaces(env, name)
    first = _play(env, name, steps, seed)
    second = _play(env, name, steps, seed)
    for step, (one, other) in enumerate(zip(first, second, strict=True)):
        _same(one, other, f"{name}: step {step} after reset(seed={seed}), played twice", "Seed everything in reset.")
    _refusals(env, name, seed)


def _spaces(env: Any, name: str) -> None:
    for agent in env.possible_agents:
        for kind in ("observation_space", "action_space"):
            if getattr(env, kind)(agent) is not getattr(env, kind)(agent):
                raise ConformanceError(f"{name}: {kind}({agent!r}) is a new object at each call; make it once.")


def _play(env: Any, name: str, steps: int, seed: int) -> list[Any]:
    """Play at random, 50 steps of all actions and 50 of mostly holding in turn; what was seen, checked and copied."""
    rng = np.random.default_rng(seed)
    observations, infos = env.reset(seed=seed)
    keys = {agent: list(info) for agent, info in infos.items()}
    if list(observations) != list(env.agents) or list(infos) != list(env.agents):
        raise ConformanceError(f"{name}: reset does not return one observation and info for each of env.agents.")
    story, live = [_copied((observations, infos))], [(observations, infos)]
    for step in range(steps):
        _contained(env, name, observations, infos, keys, step)
        if not env.agents:
            observations, infos = env.reset()
            story.append(_copied((observations, infos)))
            live.append((observations, infos))
            continue
        acting = list(env.agents)
        calm = step // 50 % 2 == 1 and rng.random() < 0.95
        chosen = {agent: _some_action(env.action_space(agent), rng) for agent in acting}
        result = env.step(
            {agent: _held(env.action_space(agent), action) if calm else action for agent, action in chosen.items()}
        )
        _together(env, name, acting, result, step)
        observations, infos = result[0], result[4]
        story.append(_copied(result))
        live.append(result)
    for step, (told, kept) in enumerate(zip(live, story, strict=True)):
        _same(told, kept, f"{name}: what step {step} returned, read later", "Return fresh containers and arrays.")
    return story


def _some_action(space: Any, rng: np.random.Generator) -> Any:
    if hasattr(space, "nvec"):
        return rng.integers(0, space.nvec)
    if hasattr(space, "n"):
        return int(rng.integers(0, space.n)) + int(getattr(space, "start", 0))
    space.seed(int(rng.integers(2**31)))
    return space.sample()


def _held(space: Any, action: Any) -> Any:
    """The action that holds, or moves least, where the space has numbers for actions or axes of movement."""
    if isinstance(space, spaces.Dict):
        return {name: _held(part, action[name]) for name, part in space.items()}
    if isinstance(space, spaces.Box):
        return np.zeros_like(action).clip(space.low, space.high)
    if hasattr(space, "nvec"):
        return np.zeros_like(action)
    return int(getattr(space, "start", 0)) if hasattr(space, "n") else action


def _contained(env: Any, name: str, observations: Any, infos: Any, keys: dict[str, list[str]], step: int) -> None:
    for agent, seen in observations.items():
        space = env.observation_space(agent)
        if not space.contains(seen):
            found = f"{getattr(seen, 'dtype', type(seen).__name__)} of shape {getattr(seen, 'shape', None)}"
            raise ConformanceError(f"{name}: step {step}: the observation of {agent} ({found}) is not in {space}.")
        if list(infos[agent]) != keys[agent]:
            raise ConformanceError(f"{name}: step {step}: infos of {agent} have other keys than at reset.")
        for key, value in infos[agent].items():
            if not isinstance(value, (int, float, np.number, np.bool_, np.ndarray)):
                raise ConformanceError(
                    f"{name}: step {step}: infos[{key!r}] of {agent} is {value!r}; infos hold numbers only."
                )


def _together(env: Any, name: str, acting: list[str], result: Any, step: int) -> None:
    labels = ("observations", "rewards", "terminations", "truncations", "infos")
    for label, part in zip(labels, result, strict=True):
        if list(part) != acting:
            raise ConformanceError(f"{name}: step {step}: {label} are of {list(part)}; {acting} acted.")
    over = {agent: bool(result[2][agent]) or bool(result[3][agent]) for agent in acting}
    if len(set(over.values())) > 1:
        raise ConformanceError(f"{name}: step {step}: the session ended for some agents only: {over}.")
    if all(over.values()) != (not env.agents):
        raise ConformanceError(f"{name}: step {step}: env.agents is {env.agents}; it is empty once a session is over.")


def _copied(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _copied(value) for key, value in part.items()}
    if isinstance(part, (tuple, list)):
        return tuple(_copied(value) for value in part)
    return part.copy() if isinstance(part, np.ndarray) else part


def _same(a: Any, b: Any, where: str, fix: str) -> None:
    if isinstance(a, dict) and isinstance(b, dict):
        if list(a) != list(b):
            raise ConformanceError(f"{where}: {list(a)} became {list(b)}. {fix}")
        for key in a:
            _same(a[key], b[key], f"{where}: {key}", fix)
    elif isinstance(a, (tuple, list)):
        for one, other in zip(a, b, strict=True):
            _same(one, other, where, fix)
    elif not np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True):
        raise ConformanceError(f"{where}: {a!r} became {b!r}. {fix}")


def _refusals(env: Any, name: str, seed: int) -> None:
    """An action that does not exist is refused, and what follows is as if it had not been tried."""
    env.reset(seed=seed)
    plain = {
        agent: _held(env.action_space(agent), _some_action(env.action_space(agent), np.random.default_rng(0)))
        for agent in env.agents
    }
    expected = _copied(env.step(plain))
    env.reset(seed=seed)
    last = env.agents[-1]
    space = env.action_space(last)
    wrong = wrong_action(space, plain[last])
    if wrong is None:
        return
    try:
        env.step({**plain, last: wrong})
    except Exception:  # whatever a foreign environment raises
        _same(_copied(env.step(plain)), expected, f"{name}: a step after an action that was refused", "Check first.")
    else:
        raise ConformanceError(f"{name}: {last}'s action {wrong!r} is not in {space} but was taken; refuse it.")
