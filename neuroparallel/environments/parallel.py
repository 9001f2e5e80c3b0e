"""The PettingZoo parallel environment: dictionaries by agent over the scalar engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from neuroparallel.engine.scalar import ScalarEngine
from neuroparallel.engine.snapshot import check_saved
from neuroparallel.engine.subject_spaces import factor_names
from neuroparallel.environments.actions import ActionReader, read_actions
from neuroparallel.environments.compile import Session, View, What, check_record, check_seed, compile_scenario
from neuroparallel.environments.engines import lane_engine
from neuroparallel.environments.render import RENDER_MODES, Film, Story, check_render_mode, events_of
from neuroparallel.errors import ArgumentError, UsageError, whole_number
from neuroparallel.records import Trials
from neuroparallel.scenario import Scenario
from neuroparallel.seeding import integer_bits

if TYPE_CHECKING:
    from neuroparallel.plotting.style import Figure

__all__ = ["ParallelEnvironment"]

Observation = NDArray[np.float32]
Info = dict[str, int]
StepResult = tuple[dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Info]]


class ParallelEnvironment(ParallelEnv):  # type: ignore[misc]
    """A PettingZoo parallel environment: every subject acts in every step of dt ms.

    A reset-to-end is a session of many trials. It ends for all agents in the same step, as a
    truncation; sessions that are given no length never end. Observations and dictionaries are fresh
    in every step.

    Args:
        what: A scenario or task: an object, a name, a path or a dictionary.
        dt: Time step in ms instead of the scenario's.
        seed: Seed of the first session, unless `reset` is given one; None: the scenario's, or else a new one for
            every environment.
        session: Length of a session: ``{"trials": n}`` or ``{"steps": n}``; ``"scenario"``: as the scenario says;
            None: it never ends.
        view: ``"subjects"`` or ``"streams"``: what an agent is.
        lane: Number of the lane of a batch that the environment equals.
        render_mode: None, ``"rgb_array"`` or ``"human"`` (a window that shows every step).
        record: Whether to keep a table of trials, or how many of the latest ones.

    Attributes:
        scenario: What is played.
        dt: Time step, ms.
        agents: Names of the subjects; empty before the first reset and after the end.
        possible_agents: Names of the subjects.
        render_mode: As given.

    Raises:
        ScenarioError: The scenario cannot be used.
        UnknownNameError: There is no such scenario or task.
        ArgumentError: An option is not allowed.
    """

    def __init__(
        self,
        what: What,
        *,
        dt: float | None = None,
        seed: int | None = None,
        session: Session = "scenario",
        view: View = "subjects",
        lane: int = 0,
        render_mode: str | None = None,
        record: bool | int = True,
    ) -> None:
        check_render_mode(render_mode)
        self.scenario: Scenario
        self.scenario, layout = compile_scenario(what, dt=dt, session=session, view=view)
        first = self.scenario.first_seed(seed)
        record = check_record(record)
        self._options = {"seed": first, "view": view, "lane": lane, "record": record}
        self._engine: ScalarEngine = lane_engine(self.scenario, layout, lane, first, record)
        self.dt = layout.dt
        self.metadata = {
            "name": self.scenario.name,
            "render_modes": RENDER_MODES,
            "is_parallelizable": True,
            "render_fps": 1000.0 / layout.dt,
        }
        self.render_mode = render_mode
        self.possible_agents = list(self._engine.possible_agents)
        self.agents: list[str] = []
        self._film = Film(self._engine, self.scenario.name, render_mode == "human") if render_mode else None
        self._advance = self._film.step if self._film else self._engine.step
        self._factors = {
            spec.name: factor_names(spec, [layout.streams[index].short for index in spec.streams])
            for spec in layout.subjects
        }
        self._readers = {
            agent: ActionReader(agent, self._engine.action_space(agent), self._factors[agent])
            for agent in self.possible_agents
        }
        self._only: ActionReader | None = None  # see `_begin`
        self._session_begun = False
        self._seen: list[bytes] | None = None  # the latest observations, for `state`; the arrays are the caller's
        self._story = Story(self._engine, self.scenario.name) if record else None
        moving = any(stream.moving for stream in self._engine.streams)
        self._keep = self._story.add if self._story and not moving else None  # a step, as it is
        self._np_random: np.random.Generator | None = None
        self._seed = first

    @property
    def begun(self) -> bool:
        """Whether a session was ever started."""
        return self._session_begun

    def remake(self, scenario: Scenario) -> ParallelEnvironment:
        """Return a new environment with the same options over another scenario."""
        return type(self)(scenario, **self._options, render_mode=self.render_mode)  # type: ignore[arg-type]

    # ---- spaces ----

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the observation space of an agent.

        It is a Box, float32, (channels,), unbounded because noise is Gaussian; or a Dict of these by stream.
        """
        return self._engine.observation_space(agent)

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Return the action space of an agent.

        It is Discrete (0 holds), or MultiDiscrete with a factor per stream and the message last. A movement is a Box;
        of several streams with a movement among them it is a Dict by stream.
        """
        return self._engine.action_space(agent)

    @property
    def observation_spaces(self) -> dict[str, spaces.Space[Any]]:
        """Observation space of each agent; see `observation_space`."""
        return {agent: self.observation_space(agent) for agent in self.possible_agents}

    @property
    def action_spaces(self) -> dict[str, spaces.Space[Any]]:
        """Action space of each agent; see `action_space`."""
        return {agent: self.action_space(agent) for agent in self.possible_agents}

    @property
    def state_space(self) -> spaces.Box:
        """Space of `state`: Box, float32, the channels of all agents one after the other."""
        boxes = [box for space in self.observation_spaces.values() for box in _boxes(space)]
        low, high = np.concatenate([box.low for box in boxes]), np.concatenate([box.high for box in boxes])
        return spaces.Box(low, high, dtype=np.float32)

    def state(self) -> Observation:
        """Return the observations of all agents as one vector, for learners with a common critic.

        Returns:
            float32, (channels of all agents,), in the order of ``possible_agents``; without what wrappers add.

        Raises:
            UsageError: `reset` was not called.
        """
        if self._seen is None:
            raise UsageError("state was called before reset; call reset first.")
        boxes = [box for space in self.observation_spaces.values() for box in _boxes(space)]
        seen = [np.frombuffer(part, np.float32) for part in self._seen]
        return np.concatenate([part[: box.shape[0]] for part, box in zip(seen, boxes, strict=True)])

    def channel_names(self, agent: str) -> tuple[str, ...]:
        """Return the name of every column of an agent's observation."""
        return self._engine.channel_names(agent)

    def factor_names(self, agent: str) -> tuple[str, ...]:
        """Return the name of every factor of an agent's action: its streams, and ``message`` if it has one."""
        return self._factors[agent]

    # ---- running ----

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, Info]]:
        """Start a session.

        Args:
            seed: A whole number: the first session of that seed. None: the next session of the
                present seed. (Seeds are hashed with the lane: seed 1 of lane 0 is not seed 0 of
                lane 1.)
            options: Not used.

        Returns:
            observations: float32, (channels,), by agent.
            infos: Whole numbers by agent and key: ``trial_end``, ``outcome``, ``trial``,
                ``ground_truth``, ``period``; with several streams also ``memory.outcome`` and so on.

        Raises:
            ArgumentError: The seed is no whole number, or below 0.
        """
        return self.reset_with_columns(seed, options, {})

    def reset_with_columns(
        self, seed: int | None, options: Mapping[str, Any] | None, columns: Mapping[str, int]
    ) -> tuple[dict[str, Observation], dict[str, Info]]:
        """Start a session with columns of zeros behind each observation, which wrappers fill in place.

        Args:
            seed: Seed, as for `reset`.
            options: Options, as for `reset`.
            columns: Number of columns by agent. There are none while steps are rendered, where an agent plays a
                subject, and in observations that are dictionaries.

        Returns:
            observations and infos, as of `reset`.
        """
        seed = check_seed(seed)
        if columns and self._film is None and isinstance(self._engine, ScalarEngine):
            observations, infos = self._engine.reset(seed, columns)
        else:
            observations, infos = self._engine.reset(seed)
        if seed is not None:
            self._seed, self._np_random = seed, None
        self._begin()
        self._seen = _packed(observations)
        if self._story:
            self._story.begin(self._seen, infos)
        if self._film:
            self._film.begin(observations, infos)
        return observations, infos

    def step(self, actions: Mapping[str, Any]) -> StepResult:
        """Advance by one time step.

        Args:
            actions: By agent: an int, a NumPy integer or a 0-d array of integers; one for each factor,
                in a sequence or an array, where actions are factored. Of a movement: floats, one per
                axis; a dictionary by stream where one of several streams has one.

        Returns:
            observations: float32, (channels,), by agent.
            rewards: By agent.
            terminations: Always False, as a session is cut and not finished.
            truncations: True, for all agents at once, when the session has ended.
            infos: As of `reset`; ``trial_end``, ``outcome`` and ``trial`` are about this step,
                ``ground_truth`` and ``period`` about the observation. All five are empty once the
                session is over.

        Raises:
            ActionError: An action is missing, of a wrong kind or out of range, or the agent does not
                exist; nothing has changed.
            UsageError: `reset` was not called.
        """
        reader = self._only
        if reader is None:
            return self._step_all(actions)
        agent = reader.agent
        try:
            action = actions[agent]
        except (KeyError, TypeError, IndexError):
            return self._step_all(actions)
        if len(actions) != 1:
            return self._step_all(actions)
        if type(action) is not int or action not in reader.legal:
            action = reader.read(action)
            actions = {agent: action}
        return self._step_one(agent, action, actions)

    def _step_one(self, agent: str, action: Any, actions: Mapping[str, Any]) -> StepResult:
        """Advance with a checked action of the only agent."""
        observations, rewards, ended, infos = self._advance(actions)
        seen = observations[agent]
        self._seen = known = [seen.tobytes()] if type(seen) is np.ndarray else _packed(observations)
        if self._keep is not None:
            self._keep((action, known, rewards, infos))
        elif self._story is not None:
            self._story.add((events_of(self._engine, agent, action), known, rewards, infos))
        if ended:
            self._end()
        return observations, rewards, {agent: False}, {agent: ended}, infos

    def _step_all(self, actions: Mapping[str, Any]) -> StepResult:
        """Advance with actions of any number of agents, which are checked here."""
        if not self._session_begun:
            raise UsageError("step was called before reset; call reset first.")
        if not self.agents:
            return {}, {}, {}, {}, {}
        return self._play(read_actions(self._readers, actions))

    def step_checked(self, actions: Mapping[str, Any]) -> StepResult:
        """Advance by one time step, with actions of all agents that a wrapper has checked; see `step`."""
        if self._only is not None:
            return self._step_one(self._only.agent, actions[self._only.agent], actions)
        if not self._session_begun:
            raise UsageError("step was called before reset; call reset first.")
        if not self.agents:
            return {}, {}, {}, {}, {}
        return self._play(actions)

    def _play(self, read: Mapping[str, Any]) -> StepResult:
        """Advance with checked actions."""
        observations, rewards, ended, infos = self._advance(read)
        self._seen = _packed(observations)
        if self._story is not None:
            done = {agent: events_of(self._engine, agent, action) for agent, action in read.items()}
            self._story.add((done if len(done) > 1 else done.popitem()[1], self._seen, rewards, infos))
        if ended:
            self._end()
        terminations = dict.fromkeys(observations, False)
        return observations, rewards, terminations, dict.fromkeys(observations, ended), infos

    def _begin(self) -> None:
        """Make all agents active; a single one has a faster path through `step`."""
        self.agents = list(self.possible_agents)
        self._session_begun = True
        self._only = self._readers[self.agents[0]] if len(self.agents) == 1 else None

    def _end(self) -> None:
        self.agents, self._only = [], None

    def render(self) -> NDArray[np.uint8] | None:
        """Draw the current trial: periods, channels, actions, ground truth and reward.

        Returns:
            uint8, (360 per agent, 640, 3); None without a ``render_mode``, or where it is ``"human"``: a window shows
            every step then.

        Raises:
            UsageError: `reset` was not called.
        """
        if self._film is None:
            return None
        picture = self._film.picture()
        return None if self.render_mode == "human" else picture

    def close(self) -> None:
        """Close the window of ``render_mode="human"``; there is nothing else to release."""
        if self._film:
            self._film.close()

    # ---- looking ----

    def plot(self, *, steps: int = 200, title: str | None = None) -> Figure:
        """Draw what was just played: periods, channels, actions, ground truth, rewards and outcomes of every agent.

        It goes back to the last `reset`, and at most 400 steps. What wrappers add to observations and rewards is not
        drawn.

        Args:
            steps: How many of the latest steps, at most.
            title: Shown above; None: the scenario and the agent.

        Returns:
            A ``matplotlib.figure.Figure``; ``env.plot().savefig("played.png")`` writes it.

        Raises:
            UsageError: Nothing was played since the last reset, or the environment keeps nothing (``record=False``).
            ArgumentError: ``steps`` is no whole number above 0.
        """
        from neuroparallel.plotting import plot_run  # matplotlib is slow to load, and seldom needed here

        whole_number(steps, "steps", 1)
        if self._story is None:
            raise UsageError("plot needs the steps that were played, and with record=False none is kept; leave it out.")
        return plot_run(self._story.traces(steps), title=title)

    def trials(self) -> Trials:
        """Return the table of all trials that have ended so far."""
        return self._engine.trials()

    def truth(self) -> dict[str, Any]:
        """Return the action that is right now, by agent; -1 where none is defined.

        Of a movement it is the number of the target that is right, 0 for none: not a movement.
        """
        return self._engine.truth()

    @property
    def origin(self) -> tuple[int, int, int]:
        """Folded seed, lane and number of the present session: the random numbers of our wrappers depend on them."""
        return integer_bits(self._seed), int(self._options["lane"]), self._engine.session

    @property
    def np_random_seed(self) -> int:
        """The seed of the present session: the one given to `reset` or to the environment, else the one drawn."""
        return int(self._seed)

    @property
    def np_random(self) -> np.random.Generator:
        """Random generator for wrappers of SuperSuit; the trials do not use it."""
        if self._np_random is None:
            self._np_random = np.random.default_rng([self._seed, int(self._options["lane"])])
        return self._np_random

    @np_random.setter
    def np_random(self, generator: np.random.Generator) -> None:
        self._np_random = generator

    # ---- saving ----

    def get_state(self) -> dict[str, Any]:
        """Return a copy of everything that changes, for `set_state`."""
        return {
            "name": self.scenario.name,
            "engine": self._engine.state(),
            "agents": list(self.agents),
            "session_begun": self._session_begun,
            "seed": self._seed,
            "seen": None if self._seen is None else list(self._seen),
            "np_random": self._np_random.bit_generator.state if self._np_random else None,
            "film": self._film.state() if self._film else None,
        }

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a state from `get_state` of an environment of the same scenario.

        Raises:
            ArgumentError: The state is of another scenario, or of another version of neuroparallel; nothing has
                changed.
        """
        if saved.get("name", self.scenario.name) != self.scenario.name:
            raise ArgumentError(f"the state is of scenario {saved['name']!r}; this one is {self.scenario.name!r}.")
        check_saved(saved, self.get_state())
        self._engine.set_state(saved["engine"])
        self._session_begun = saved["session_begun"]
        (self._begin if saved["agents"] else self._end)()
        self._seed, self._np_random = saved["seed"], None
        self._seen = None if saved["seen"] is None else list(saved["seen"])
        if saved["np_random"] is not None:
            self.np_random.bit_generator.state = saved["np_random"]
        if self._story:
            self._story.forget()  # its steps did not lead here
        if self._film and saved["film"]:
            self._film.set_state(saved["film"])

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as scenario, options and state: tables are compiled anew."""
        options = {**self._options, "render_mode": self.render_mode}
        return _rebuild, (type(self), self.scenario, options), self.get_state()

    def __setstate__(self, saved: dict[str, Any]) -> None:
        """Second half of unpickling."""
        self.set_state(saved)

    def __repr__(self) -> str:
        """Class and scenario."""
        return f"{type(self).__name__}({self.scenario.title})"


def _boxes(space: spaces.Space[Any]) -> list[spaces.Box]:
    """Return an observation space as boxes: itself, or its parts by stream."""
    parts = space.spaces.values() if isinstance(space, spaces.Dict) else [space]
    return [part for part in parts if isinstance(part, spaces.Box)]


def _packed(observations: Mapping[str, Any]) -> list[bytes]:
    """Return the bytes of all observations, by agent and stream, which cannot change."""
    parts: list[Any] = []
    for seen in observations.values():
        parts += seen.values() if isinstance(seen, Mapping) else [seen]
    return [part.tobytes() for part in parts]


def _rebuild(cls: type[ParallelEnvironment], scenario: Scenario, options: dict[str, Any]) -> ParallelEnvironment:
    return cls(scenario, **options)
