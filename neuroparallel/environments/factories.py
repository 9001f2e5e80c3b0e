"""The functions that make environments: they compile, choose the shell, and put wrappers on top."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from neuroparallel.environments.aec import AECEnvironment
from neuroparallel.environments.compile import Session, View, What, check_record, compile_scenario
from neuroparallel.environments.gym import GymEnvironment
from neuroparallel.environments.parallel import ParallelEnvironment
from neuroparallel.environments.registration import environment_id
from neuroparallel.environments.shells import batch_engine, outer_wrappers
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
) -> Any:
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
        lane: Which lane of ``batch`` to equal, 0 or more.
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


def aec_env(what: What, **options: Any) -> Any:
    """Make a PettingZoo AEC environment, in which agents act one after the other.

    Args:
        what: As of `parallel_env`.
        **options: As of `parallel_env`.

    Returns:
        An `AECEnvironment` within PettingZoo's OrderEnforcingWrapper; ``aec_to_parallel`` gives the
        parallel environment back.

    Raises:
        NeuroparallelError: As of `parallel_env`.
    """
    return OrderEnforcingWrapper(AECEnvironment(parallel_env(what, **options)))


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
) -> Any:
    """Make a gymnasium environment of a scenario with one subject, or of a task.

    Args:
        what: As of `parallel_env`.
        dt: Time step in ms instead of the scenario's.
        seed: Seed of the first session, unless ``reset`` is given one; None: the scenario's, or else a
            new one for every environment.
        session: Length of a session, ``{"trials": n}`` or ``{"steps": n}`` (which end exactly then). By default it is
            the scenario's, or 100 trials if the scenario has none; None: it never ends.
        max_cycles: PettingZoo's word for ``session={"steps": n}``.
        view: ``"subjects"`` or ``"streams"``.
        lane: Which lane of ``batch`` to equal, 0 or more.
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
    wrapped.unwrapped.spec = _spec(env.scenario, options)
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
) -> Any:
    """Make a gymnasium vector environment: one subject in many lanes, computed together.

    Args:
        what: As of `parallel_env`, with one subject.
        num_envs: How many lanes.
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
    env = VectorEnvironment(
        what,
        num_envs,
        autoreset_mode=autoreset_mode,
        dt=dt,
        seed=seed,
        session=_session(session, max_cycles),
        view=view,
        record=record,
    )
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
) -> Any:
    """Make the batch engine of a scenario: arrays in and out, all subjects, many lanes.

    Lane i equals ``parallel_env(what, lane=i)`` with the same seed, bit for bit.

    Args:
        what: As of `parallel_env`.
        lanes: How many independent copies of the scenario.
        seed: Seed of the first session, unless ``reset`` is given one; None: the scenario's, or else a
            new one for every environment.
        dt: Time step in ms instead of the scenario's.
        session: Length of a session, ``{"trials": n}`` or ``{"steps": n}``; ``"scenario"``: as the scenario says (a
            session without a length never ends); None: it never ends.
        view: ``"subjects"`` or ``"streams"``.
        record: Whether to keep a table of trials, or how many of the latest ones.

    Returns:
        A `BatchEngine`, with the scenario's wrappers around it.

    Raises:
        ScenarioError: The scenario cannot be used; names file, line and key.
        UnknownNameError: There is no such scenario or task; names the nearest one.
        ArgumentError: An option is not allowed.
    """
    engine = _engine(what, lanes, seed=seed, dt=dt, session=session, view=view, record=record)
    return apply_wrappers(engine, outer_wrappers(engine.scenario))


def _engine(what: What, lanes: int, *, view: View, seed: int | None, record: bool | int, **options: Any) -> Any:
    """The batch engine by itself, which knows how to be made anew over another scenario."""
    scenario, layout = compile_scenario(what, view=view, **options)
    first = scenario.first_seed(seed)
    engine = batch_engine(scenario, layout, lanes, first, check_record(record))
    engine.unwrapped.maker = partial(_engine, lanes=lanes, view=view, seed=first, record=record)
    return engine


def _session(session: Session, max_cycles: int | None) -> Session:
    """The length of a session, in whichever word it was given."""
    if max_cycles is None:
        return session
    if session != "usual":
        raise ArgumentError(f"session is {session!r} and max_cycles is {max_cycles!r}; give one of them.")
    return {"steps": whole_number(max_cycles, "max_cycles", 1)}


def _spec(scenario: Scenario, options: Mapping[str, Any]) -> EnvSpec:
    """What gymnasium.make needs to make the environment once more, as plain data."""
    length = scenario.session.model_dump(exclude_none=True) if scenario.session is not None else None
    kept = {name: value for name, value in options.items() if name not in ("dt", "session")}  # the scenario has these
    return EnvSpec(
        id=environment_id(re.sub(r"[^\w.-]", "_", scenario.name)),
        entry_point="neuroparallel.environments:gym_env",
        vector_entry_point="neuroparallel.environments:vector_env",
        kwargs={"what": scenario.dump(), "session": length, **kept},
    )
