"""The gymnasium environment: one subject in one lane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from neuroparallel.environments.compile import What
from neuroparallel.environments.parallel import ParallelEnvironment, StepResult
from neuroparallel.environments.render import RENDER_MODES
from neuroparallel.errors import ArgumentError, UsageError
from neuroparallel.records import Trials
from neuroparallel.scenario import Scenario

if TYPE_CHECKING:
    from neuroparallel.plotting.style import Figure

__all__ = ["GymEnvironment"]

Observation = NDArray[np.float32]


class GymEnvironment(gymnasium.Env[Observation, Any]):
    """A gymnasium environment of a scenario with one subject.

    Observations, rewards and infos are those of the `ParallelEnvironment`; a session ends as a
    truncation.

    Args:
        what: A scenario or task with one subject: an object, a name, a path or a dictionary.
        **options: Options of `ParallelEnvironment`: ``dt``, ``seed``, ``session``, ``view``, ``lane``,
            ``render_mode`` and ``record``.

    Attributes:
        scenario: What is played.
        dt: Time step, ms.
        agent: The subject's name.

    Raises:
        ArgumentError: There are several subjects, or an option is not allowed.
    """

    metadata = {"render_modes": RENDER_MODES, "render_fps": 10}  # noqa: RUF012, as gymnasium has it

    def __init__(self, what: What, **options: Any) -> None:
        self._parallel = ParallelEnvironment(what, **options)
        self.agent = only_agent(self._parallel.possible_agents, self._parallel.scenario.name)
        self.scenario, self.dt = self._parallel.scenario, self._parallel.dt
        self.metadata = {
            "render_modes": RENDER_MODES,
            "render_fps": self._parallel.metadata["render_fps"],
        }
        self.render_mode = self._parallel.render_mode
        self._seeded = False  # whether gymnasium's own generator has the seed
        self.observation_space = self._parallel.observation_space(self.agent)
        self.action_space = self._parallel.action_space(self.agent)

    @property
    def begun(self) -> bool:
        """Whether a session was ever started."""
        return self._parallel.begun

    @property
    def np_random_seed(self) -> int:
        """The seed in use: as given, the scenario's, or the one that was drawn."""
        return self._parallel.np_random_seed

    def remake(self, scenario: Scenario) -> GymEnvironment:
        """Return a new environment with the same options over another scenario."""
        return type(self)(scenario, **self._parallel._options, render_mode=self.render_mode)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a session; see `ParallelEnvironment.reset`.

        Returns:
            observation: float32, (channels,).
            info: Whole numbers by key.
        """
        return self.reset_with_columns(seed, options, {})

    def reset_with_columns(
        self, seed: int | None, options: Mapping[str, Any] | None, columns: Mapping[str, int]
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a session with columns of zeros behind each observation; see `ParallelEnvironment`."""
        observations, infos = self._parallel.reset_with_columns(seed, options, columns)
        super().reset(seed=seed if seed is not None or self._seeded else self.np_random_seed)
        self._seeded = True
        return observations[self.agent], infos[self.agent]

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Advance by one time step; see `ParallelEnvironment.step`.

        Raises:
            ActionError: The action is of a wrong kind or out of range; nothing has changed.
            UsageError: `reset` was not called, or the session is over.
        """
        return self._only(self._parallel.step({self.agent: action}))

    def step_checked(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Advance by one time step, with an action that a wrapper has checked; see `step`."""
        return self._only(self._parallel.step_checked({self.agent: action}))

    def _only(self, result: StepResult) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Return the results of the only agent."""
        agent = self.agent
        observations, rewards, _, truncations, infos = result
        if not observations:
            raise UsageError("step was called after the session had ended; call reset first.")
        return observations[agent], rewards[agent], False, truncations[agent], infos[agent]

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]
        """Draw the current trial, uint8 (360, 640, 3); None without a ``render_mode`` or with ``"human"``."""
        return self._parallel.render()

    def close(self) -> None:
        """Close the window of ``render_mode="human"``."""
        self._parallel.close()

    def plot(self, *, steps: int = 200, title: str | None = None) -> Figure:
        """Draw what was just played; see `ParallelEnvironment.plot`."""
        return self._parallel.plot(steps=steps, title=title)

    def channel_names(self) -> tuple[str, ...]:
        """Return the name of every column of the observation."""
        return self._parallel.channel_names(self.agent)

    def trials(self) -> Trials:
        """Return the table of all trials that have ended so far."""
        return self._parallel.trials()

    def truth(self) -> int | list[int]:
        """Return the action that is right now; -1 where none is defined."""
        truth: int | list[int] = self._parallel.truth()[self.agent]
        return truth

    @property
    def origin(self) -> tuple[int, int, int]:
        """Folded seed, lane and number of the present session; see `ParallelEnvironment.origin`."""
        return self._parallel.origin

    def get_state(self) -> dict[str, Any]:
        """Return a copy of everything that changes, for `set_state`."""
        return self._parallel.get_state()

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a state from `get_state` of an environment of the same scenario.

        Raises:
            ArgumentError: The state is of another one, or of another version of neuroparallel.
        """
        self._parallel.set_state(saved)

    def __repr__(self) -> str:
        """Class and scenario."""
        return f"{type(self).__name__}({self.scenario.title})"

    __str__ = __repr__


def only_agent(agents: list[str], scenario: str) -> str:
    """Return the only agent.

    Raises:
        ArgumentError: There are several.
    """
    if len(agents) > 1:
        raise ArgumentError(
            f"{scenario} has the agents {', '.join(agents)}; gymnasium knows one. Use parallel_env "
            "or batch, or a part of the scenario: scenario.only(...)."
        )
    return agents[0]
