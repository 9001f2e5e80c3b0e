"""The gymnasium vector environment: one subject in many lanes at once, over the batch engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from neuroparallel.engine.batch import BatchEngine
from neuroparallel.engine.snapshot import check_saved
from neuroparallel.environments.compile import Session, View, What, check_record, check_seed, compile_scenario
from neuroparallel.environments.engines import batch_engine, splitter
from neuroparallel.environments.gym import only_agent
from neuroparallel.errors import ArgumentError, UsageError
from neuroparallel.records import Trials
from neuroparallel.scenario import Scenario
from neuroparallel.seeding import integer_bits

__all__ = ["VectorEnvironment"]

Array = NDArray[Any]
StepResult = tuple[Array, Array, Array, Array, dict[str, Any]]


class VectorEnvironment(VectorEnv[Array, Array, Array]):
    """A gymnasium vector environment of a scenario with one subject, in many independent lanes.

    All lanes are computed together with NumPy; there are no processes. With a seed that is a number,
    lane i equals ``gym_env(what, lane=i)`` reset with that seed; with a list of seeds, it equals
    ``gym_env(what)`` reset with the i-th one.

    Args:
        what: A scenario or task with one subject: an object, a name, a path or a dictionary.
        num_envs: Number of lanes.
        autoreset_mode: What happens where a session ends: ``NEXT_STEP`` (the next step starts the
            next one, whatever the action), ``SAME_STEP`` (it starts at once; the last observation
            and info stand in ``infos["final_obs"]`` and ``infos["final_info"]``) or ``DISABLED``
            (``reset(options={"reset_mask": mask})`` starts it).
        dt: Time step in ms instead of the scenario's.
        seed: Seed of the first session, unless `reset` is given one; None: the scenario's, or else a new one for
            every environment.
        session: Length of a session: ``{"trials": n}`` or ``{"steps": n}``; ``"scenario"``: as the scenario says;
            None: it never ends.
        view: ``"subjects"`` or ``"streams"``: what the agent is.
        record: Whether to keep a table of trials, or how many of the latest ones.

    Attributes:
        scenario: What is played.
        dt: Time step, ms.
        agent: The subject's name.
        autoreset_mode: As given.

    Raises:
        ArgumentError: There are several subjects, or an option is not allowed.
    """

    def __init__(
        self,
        what: What,
        num_envs: int = 4096,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        dt: float | None = None,
        seed: int | None = None,
        session: Session = "scenario",
        view: View = "subjects",
        record: bool | int = True,
    ) -> None:
        self.scenario, layout = compile_scenario(what, dt=dt, session=session, view=view)
        first = self.scenario.first_seed(seed)
        self.engine: BatchEngine = batch_engine(self.scenario, layout, num_envs, first, check_record(record))
        self.agent = only_agent(self.engine.possible_agents, self.scenario.name)
        self._split = splitter(self.engine.unwrapped, self.agent)
        self.num_envs, self.dt = self.engine.lanes, layout.dt
        self.autoreset_mode = _mode(autoreset_mode)
        if self.autoreset_mode is not AutoresetMode.NEXT_STEP and getattr(self.engine, "seats", None):
            raise ArgumentError(
                f"autoreset_mode is {self.autoreset_mode.name}, but agents on seats count the step in which a session "
                "begins anew, and so would play other trials than in gym_env; use NEXT_STEP."
            )
        self.metadata = {
            "name": self.scenario.name,
            "render_modes": [],
            "render_fps": 1000.0 / layout.dt,
            "autoreset_mode": self.autoreset_mode,
        }
        whole = self.engine.observation_space(self.agent)
        self.single_observation_space = self._split.space if self._split else whole
        self.single_action_space = self.engine.action_space(self.agent)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._over = np.zeros(self.num_envs, bool)
        self._options: dict[str, Any] = {"seed": first, "view": view, "record": record}

    @property
    def begun(self) -> bool:
        """Whether a session was ever started."""
        return self.engine.begun

    @property
    def np_random_seed(self) -> int | tuple[int, ...]:  # type: ignore[override]
        """The seed in use, or one per lane: as given, the scenario's, or the one that was drawn."""
        seed = self.engine.np_random_seed
        return seed if isinstance(seed, int) else tuple(seed)

    def remake(self, scenario: Scenario) -> VectorEnvironment:
        """Return a new environment with the same options over another scenario."""
        return type(self)(scenario, self.num_envs, autoreset_mode=self.autoreset_mode, **self._options)

    # ---- running ----

    def reset(
        self,
        *,
        seed: int | Sequence[int] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Array, dict[str, Any]]:
        """Start a session in every lane, or in some.

        Args:
            seed: A number: the first session of that seed. A list, one per lane: lane i is lane 0 of
                the i-th seed. None: the next session of the present seed.
            options: ``{"reset_mask": mask}``, bool (num_envs,): start one in these lanes only.

        Returns:
            observations: float32, (num_envs, channels).
            infos: Arrays (num_envs,) by key; ``_key`` says in which lanes ``key`` is new.

        Raises:
            ArgumentError: The seed or the mask does not fit.
        """
        seeds = self._seeds(seed)
        mask = (options or {}).get("reset_mask")
        if mask is not None:
            return self._reset_some(self._mask(mask), seeds)
        if seeds is not None:
            super().reset(seed=seeds if isinstance(seeds, int) else seeds[0])
        observations, infos = self.engine.reset(seeds)
        self._over[:] = False
        return self._shown(observations[self.agent]), self._infos(infos[self.agent], np.ones(self.num_envs, bool))

    def _reset_some(self, mask: NDArray[np.bool_], seeds: int | list[int] | None) -> tuple[Array, dict[str, Any]]:
        engine = self.engine
        if (engine.sessions < 0).all():
            raise UsageError("reset_mask was given before the first reset; call reset() first.")
        if seeds is not None:
            whole = isinstance(seeds, int)
            each = [seeds] * self.num_envs if isinstance(seeds, int) else seeds
            engine.seeds[mask] = np.array([integer_bits(one) for one in each], np.uint64)[mask]
            engine.lane_ids[mask] = np.arange(self.num_envs, dtype=np.uint64)[mask] if whole else 0
            engine.sessions[mask] = -1
        observations = engine.restart(mask)
        self._over[mask] = False
        return self._shown(observations[self.agent]), self._infos(engine.infos()[self.agent], mask)

    def step(self, actions: Any) -> StepResult:
        """Advance every lane by one time step.

        Args:
            actions: Integers, (num_envs,), or (num_envs, streams) where actions are factored. Of a
                movement, floats (num_envs, axes); a dictionary by stream where one of several has one.

        Returns:
            observations: float32, (num_envs, channels).
            rewards: float64, (num_envs,).
            terminations: bool, (num_envs,); always False.
            truncations: bool, (num_envs,); True where the session has ended.
            infos: Arrays (num_envs,) by key, see `ParallelEnvironment.step`; ``_key`` says in which
                lanes ``key`` stands.

        Raises:
            ActionError: An action is of a wrong kind or out of range; nothing has changed.
            UsageError: `reset` was not called, or (DISABLED) not for a lane whose session is over.
        """
        if self.autoreset_mode is AutoresetMode.DISABLED and self._over.any():
            raise UsageError(
                f"the session of lane {int(self._over.argmax())} is over; start the next one with "
                "reset(options={'reset_mask': mask}), or choose another autoreset_mode."
            )
        agent, everywhere = self.agent, np.ones(self.num_envs, bool)
        observations, rewards, terminations, truncations, infos = self.engine.step({agent: actions})
        over = truncations[agent]
        self._over = over.copy()
        seen, known = observations[agent], self._infos(infos[agent], everywhere)
        if self.autoreset_mode is AutoresetMode.SAME_STEP and over.any():
            seen, known = self._next_session(seen, known, over)
        return self._shown(seen), rewards[agent], terminations[agent], over, known

    def _shown(self, seen: Array) -> Any:
        """Return an observation, whole or split by stream."""
        return self._split(seen) if self._split else seen

    def _next_session(
        self, last: Array, known: dict[str, Any], over: NDArray[np.bool_]
    ) -> tuple[Array, dict[str, Any]]:
        """Start the next session where one ended, and keep the end of that one in the infos."""
        final = np.full(self.num_envs, None, dtype=object)
        for lane in over.nonzero()[0]:
            final[lane] = self._shown(last[lane].copy())
        keys = [key for key in known if not key.startswith("_")]
        ended = {}
        for key in keys:
            ended[key] = np.where(over, known[key], np.zeros_like(known[key]))
            ended[f"_{key}"] = over.copy()
        seen = self.engine.restart(over)[self.agent].copy(order="K")
        fresh = self.engine.infos()[self.agent]
        for key in keys:
            known[key] = np.where(over, fresh[key], known[key])
        known.update(final_obs=final, _final_obs=over.copy(), final_info=ended, _final_info=over.copy())
        self._over = np.zeros(self.num_envs, bool)
        return seen, known

    def _infos(self, infos: Mapping[str, Array], mask: NDArray[np.bool_]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, values in infos.items():
            result[key] = values
            result[f"_{key}"] = mask.copy()
        return result

    def _seeds(self, seed: Any) -> int | list[int] | None:
        if seed is None or isinstance(seed, (int, np.integer)):
            return check_seed(seed)
        if not isinstance(seed, (list, tuple, np.ndarray)) or len(seed) != self.num_envs:
            raise ArgumentError(
                f"seed is {seed!r}; it is a whole number, a list of {self.num_envs} (one per lane), or None."
            )
        seeds = [check_seed(one, f"seed[{lane}]") for lane, one in enumerate(seed)]
        if None in seeds:
            raise ArgumentError(f"seed[{seeds.index(None)}] is None; give every lane a number.")
        return [one for one in seeds if one is not None]

    def _mask(self, mask: Any) -> NDArray[np.bool_]:
        fits = isinstance(mask, np.ndarray) and mask.shape == (self.num_envs,)
        if not fits or mask.dtype != np.bool_ or not mask.any():
            raise ArgumentError(
                f"reset_mask is a NumPy array of {self.num_envs} bool, at least one of them True; got {mask!r}."
            )
        return np.array(mask, bool)

    def render(self) -> None:
        """Do nothing: a batch has no pictures; use `gym_env` with its ``lane``."""

    def plot(self, **_: Any) -> None:
        """Raise `UsageError`, as the steps of thousands of lanes are not kept.

        Raises:
            UsageError: Always; names what draws one lane.
        """
        raise UsageError(
            "a vector environment does not keep its steps; play a lane of it by itself, "
            "gym_env(what, lane=0), and plot that, or take reporting.watch."
        )

    # ---- looking ----

    def channel_names(self) -> tuple[str, ...]:
        """Return the name of every column of the observation."""
        return self.engine.channel_names(self.agent)

    def trials(self) -> Trials:
        """Return the table of all trials that have ended so far, in all lanes."""
        return self.engine.trials()

    def truth(self) -> Array:
        """Return the actions that are right now: int64, (num_envs,) or (num_envs, streams); -1: none."""
        return self.engine.truth()[self.agent]

    def get_state(self) -> dict[str, Any]:
        """Return a copy of everything that changes, for `set_state`."""
        return {"engine": self.engine.state(), "over": self._over.copy()}

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a state from `get_state` of an environment of the same scenario and size.

        Raises:
            ArgumentError: The state is of another one, or of another version of neuroparallel.
        """
        check_saved(saved, self.get_state())
        self.engine.set_state(saved["engine"])
        self._over = saved["over"].copy()

    def __repr__(self) -> str:
        """Class, scenario and number of lanes."""
        return f"{type(self).__name__}({self.scenario.title}, num_envs={self.num_envs})"


def _mode(mode: Any) -> AutoresetMode:
    for known in AutoresetMode:
        if mode is known or (isinstance(mode, str) and mode in (known.name, known.value)):
            return known
    names = ", ".join(known.name for known in AutoresetMode)
    raise ArgumentError(f"autoreset_mode is {mode!r}; it is one of {names}.")
