"""Functions that make environments and wrap them in the wrappers of their scenario."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from neuroparallel.environments.aec import AECEnvironment
from neuroparallel.environments.batch_environment import BatchEnvironment
from neuroparallel.environments.compile import Session, View, What
from neuroparallel.environments.engines import outer_wrappers, with_agents
from neuroparallel.environments.gym import GymEnvironment
from neuroparallel.environments.parallel import ParallelEnvironment
from neuroparallel.environments.registration import environment_id
from neuroparallel.environments.vector import VectorEnvironment
from neuroparallel.errors import ArgumentError, whole_number
from neuroparallel.scenario import Scenario
from neuroparallel.wrappers import apply_wrappers

__all__ = ["aec_env", "batch", "gym_env", "parallel_env", "vector_env"]


def parallel_env(
    what: What,
    *,
    dt: float | None = None,
    seed: int | None = None,
    session: Session = "usual",
    max_cycles: int | None = None,
    view: View = "subjects",
    lane: int = 0,
    render_mode: str | None = None,
    record: bool | int = True,
) -> ParallelEnvironment:
    """Make a PettingZoo parallel environment of a scenario or a task.

    Args:
        what: A shipped scenario's name, a task's name, a path to a ``.yaml`` file, a dictionary, a
            `Scenario` or a `Task`.
        dt: Time step in ms instead of the scenario's.
        seed: Seed of the first session, unless ``reset`` is given one; None: the scenario's, or else a
            new one for every environment.
        session: Length of a session, ``{"trials": n}`` or ``{"steps": n}`` (which end exactly then). By default it is
            the scenario's, or 100 trials if the scenario has none; None: it never ends.
        max_cycles: PettingZoo's word for ``session={"steps": n}``.
        view: ``"subjects"``: an agent is a subject. ``"streams"``: an agent is one stream of a
            subject, such as ``subject_0.memory``.
        lane: Number of the lane of ``batch`` that the environment equals, 0 or more.
        render_mode: None, ``"rgb_array"`` or ``"human"`` (a window that shows every step).
        record: Whether to keep a table of trials, or how many of the latest ones.

    Returns:
        A `ParallelEnvironment`, with the scenario's wrappers around it.

    Raises:
        ScenarioError: The scenario cannot be used; names file, line and key.
        UnknownNameError: There is no such scenario or task; names the nearest one.
        ArgumentError: An option is not allowed.
    """
    env = ParallelEnvironment(
        what,
        dt=dt,
        seed=seed,
        session=_session(session, max_cycles),
        view=view,
        lane=lane,
        render_mode=render_mode,
        record=record,
    )
    return apply_wrappers(env, outer_wrappers(env.scenario))


def aec_env(what: What, **options: Any) -> AECEnvironment:
    """Make a PettingZoo AEC environment, in which agents act one after the other.

    Args:
        what: Scenario or task, as for `parallel_env`.
        **options: Options of `parallel_env`.

    Returns:
        An `AECEnvironment` within PettingZoo's OrderEnforcingWrapper; ``aec_to_parallel`` gives the
        parallel environment back.

    Raises:
        NeuroparallelError: See `parallel_env`.
    """
    return cast(AECEnvironment, OrderEnforcingWrapper(AECEnvironment(parallel_env(what, **options))))


def gym_env(
    what: What,
    *,
    dt: float | None = None,
    seed: int | None = None,
    session: Session = "usual",
    max_cycles: int | None = None,
    view: View = "subjects",
    lane: int = 0,
    render_mode: str | None = None,
    record: bool | int = True,
) -> GymEnvironment:
    """Make a gymnasium environment of a scenario with one subject, or of a task.

    Args:
        what: Scenario or task, as for `parallel_env`.
        dt: Time step in ms instead of the scenario's.
        seed: Seed of the first session, unless ``reset`` is given one; None: the scenario's, or else a
            new one for every environment.
        session: Length of a session, ``{"trials": n}`` or ``{"steps": n}`` (which end exactly then). By default it is
            the scenario's, or 100 trials if the scenario has none; None: it never ends.
        max_cycles: PettingZoo's word for ``session={"steps": n}``.
        view: ``"subjects"`` or ``"streams"``.
        lane: Number of the lane of ``batch`` that the environment equals, 0 or more.
        render_mode: None, ``"rgb_array"`` or ``"human"`` (a window that shows every step).
        record: Whether to keep a table of trials, or how many of the latest ones.

    Returns:
        A `GymEnvironment`, with the scenario's wrappers around it.

    Raises:
        ArgumentError: There are several subjects, or an option is not allowed.
    """
    options: dict[str, Any] = {
        "dt": dt,
        "seed": seed,
        "session": _session(session, max_cycles),
        "view": view,
        "lane": lane,
        "render_mode": render_mode,
        "record": record,
    }
    env = GymEnvironment(what, **options)
    wrapped = apply_wrappers(env, outer_wrappers(env.scenario))
    env.spec = _spec(env.scenario, options)
    return wrapped


def vector_env(
    what: What,
    num_envs: int = 4096,
    *,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    dt: float | None = None,
    seed: int | None = None,
    session: Session = "usual",
    max_cycles: int | None = None,
    view: View = "subjects",
    record: bool | int = True,
) -> VectorEnvironment:
    """Make a gymnasium vector environment: one subject in many lanes, computed together.

    Args:
        what: Scenario or task, as for `parallel_env`, with one subject.
        num_envs: Number of lanes.
        autoreset_mode: ``NEXT_STEP``, ``SAME_STEP`` or ``DISABLED``; see `VectorEnvironment`.
        dt: Time step in ms instead of the scenario's.
        seed: Seed of the first session, unless ``reset`` is given one; None: the scenario's, or else a
            new one for every environment.
        session: Length of a session, ``{"trials": n}`` or ``{"steps": n}`` (which end exactly then). By default it is
            the scenario's, or 100 trials if the scenario has none; None: it never ends.
        max_cycles: PettingZoo's word for ``session={"steps": n}``.
        view: ``"subjects"`` or ``"streams"``.
        record: Whether to keep a table of trials, or how many of the latest ones.

    Returns:
        A `VectorEnvironment`, with the scenario's wrappers around it.

    Raises:
        ArgumentError: There are several subjects, or an option is not allowed.
    """
    options: dict[str, Any] = {
        "dt": dt,
        "seed": seed,
        "session": _session(session, max_cycles),
        "view": view,
        "record": record,
    }
    env = VectorEnvironment(what, num_envs, autoreset_mode=autoreset_mode, **options)
    env.spec = _spec(env.scenario, options)
    return apply_wrappers(env, outer_wrappers(env.scenario))


def batch(
    what: What,
    lanes: int = 4096,
    *,
    seed: int | None = None,
    dt: float | None = None,
    session: Session = "scenario",
    view: View = "subjects",
    record: bool | int = True,
) -> BatchEnvironment:
    """Make the batch environment of a scenario: arrays in and out, all subjects, many lanes.

    Lane i equals ``parallel_env(what, lane=i)`` with the same seed, bit for bit.

    Args:
        what: Scenario or task, as for `parallel_env`.
        lanes: Number of independent copies of the scenario.
        seed: Seed of the first session, unless ``reset`` is given one; None: the scenario's, or else a
            new one for every environment.
        dt: Time step in ms instead of the scenario's.
        session: Length of a session, ``{"trials": n}`` or ``{"steps": n}``; ``"scenario"``: as the scenario says (a
            session without a length never ends); None: it never ends.
        view: ``"subjects"`` or ``"streams"``.
        record: Whether to keep a table of trials, or how many of the latest ones.

    Returns:
        A `BatchEnvironment`, with the scenario's wrappers around it.

    Raises:
        ScenarioError: The scenario cannot be used; names file, line and key.
        UnknownNameError: There is no such scenario or task; names the nearest one.
        ArgumentError: An option is not allowed.
    """
    env = BatchEnvironment(what, lanes, seed=seed, dt=dt, session=session, view=view, record=record)
    seated: BatchEnvironment = with_agents(env, env.scenario)
    return apply_wrappers(seated, outer_wrappers(env.scenario))


def _session(session: Session, max_cycles: int | None) -> Session:
    """Return the length of a session, from ``session`` or ``max_cycles``."""
    if max_cycles is None:
        return session
    if session != "usual":
        raise ArgumentError(f"session is {session!r} and max_cycles is {max_cycles!r}; give one of them.")
    return {"steps": whole_number(max_cycles, "max_cycles", 1)}


def _spec(scenario: Scenario, options: Mapping[str, Any]) -> EnvSpec:
    """Return the plain data with which gymnasium.make makes the environment once more."""
    length = scenario.session.model_dump(exclude_none=True) if scenario.session is not None else None
    kept = {name: value for name, value in options.items() if name not in ("dt", "session")}  # the scenario has these
    return EnvSpec(
        id=environment_id(re.sub(r"[^\w.-]", "_", scenario.name)),
        entry_point="neuroparallel.environments:gym_env",
        vector_entry_point="neuroparallel.environments:vector_env",
        kwargs={"what": scenario.dump(), "session": length, **kept},
    )
