"""Hooks of a stack of signal wrappers as one flat list, so that five wrappers do not cost five times the calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuroparallel.wrappers._signal.action_check import check_action
from neuroparallel.wrappers._signal.randomness import Origin
from neuroparallel.wrappers._signal.signal import AgentState, AgentStep, Array, BaseSpaces, Signal

__all__ = ["AddedInfos", "BaseEnvironment", "Pipeline", "Stage"]

Stage = tuple[Signal, dict[str, AgentState]]
Hook = tuple[Callable[[Any, AgentStep], None], Any, AgentStep]
Arrays = dict[str, Any]
Mask = NDArray[np.bool_]

_NOTHING: Mapping[str, Any] = {}
AHEAD = 256  # observations of a single environment that are allocated together


class BaseEnvironment(Protocol):
    """A single environment inside all wrappers, with dictionaries by agent.

    Attributes:
        reserves_columns: Whether it can leave columns of zeros behind its observations.
        step_checked: As `step`, with checked actions of all agents; None if the environment always checks.
    """

    reserves_columns: bool
    step_checked: Callable[[Any], Any] | None

    @property
    def step(self) -> Callable[[Any], Any]:
        """Advance by one time step."""

    def reset(self, seed: Any, options: Any, columns: Mapping[str, int]) -> tuple[Arrays, Arrays]:
        """Start a session, with columns of zeros behind each observation if the environment can."""


class Pipeline:
    """Everything that our wrappers around one environment do in a step, from the innermost to the outermost.

    The observation is copied once, into rows enough for all wrappers, and each works on these in place. A
    wrapper around a wrapper of ours takes over its stages and calls the environment directly.

    Args:
        base_spaces: Spaces and channel names of the environment, by agent.
        stages: Our wrappers, innermost first, each with its state by agent.
        lanes: Number of lanes; None for a single environment.
        origin: Seed, lane and session, on which the wrappers' random numbers depend.
        base: The environment, if it is a single one.
    """

    def __init__(
        self,
        base_spaces: dict[str, BaseSpaces],
        stages: Sequence[Stage],
        lanes: int | None,
        origin: Origin,
        base: BaseEnvironment | None,
    ) -> None:
        self.base_spaces, self.stages, self.lanes, self.origin = base_spaces, list(stages), lanes, origin
        self.base = base
        self.outermost = self.stages[-1][1]
        self.signals = [signal for signal, _ in self.stages]
        self.changes_observations = any(signal.changes_observations for signal in self.signals)
        self.changes_rewards = any(signal.changes_rewards for signal in self.signals)
        self.adds_infos = any(signal.adds_infos for signal in self.signals)
        self.acting = any(_overrides(signal, "act") for signal in self.signals)
        self._required = [(part.agent, key) for part in self._parts() for key in part.required_info]
        self._last: Arrays = {}
        self._arrange()

    def _arrange(self) -> None:
        """List the hooks in their order; they are methods of the wrappers, so a pickle leaves them out."""
        agents = list(self.outermost)
        self._steps: dict[str, AgentStep] = {}
        self._steps.update((agent, AgentStep(self._steps)) for agent in agents)
        self._programs: dict[tuple[tuple[str, ...], ...], list[Hook]] = {}
        self._program = self._program_of(tuple(agents), tuple(agents))
        self._count = len(agents)
        self._acts = [(signal.act, parts) for signal, parts in reversed(self.stages) if _overrides(signal, "act")]
        self._legal = {agent: _legal(part.action_space) for agent, part in self.outermost.items()}
        self._own = {agent: slice(0, len(base.names)) for agent, base in self.base_spaces.items()}
        # Length of an observation with columns for the wrappers behind it, which need not be copied.
        reserved = self.base is not None and self.base.reserves_columns
        self._full = {agent: part.end if reserved else -1 for agent, part in self.outermost.items()}
        self._order = [(agent, now, self._full[agent]) for agent, now in self._steps.items()]
        self._passes = self.lanes is None and not (self.changes_rewards or self.adds_infos)  # no `_results` needed
        self._fresh: dict[str, Iterator[Array]] = {}
        if self.lanes is None and self.changes_observations:
            self._fresh = {agent: _rows(part.end, part.dtype) for agent, part in self.outermost.items()}
        self._advance: Any = None if self.base is None else self.base.step
        known = [base.action_space for base in self.base_spaces.values()]
        known += [part.action_space for part in self.outermost.values()]
        checks_all = all(isinstance(space, _CHECKED) for space in known)
        self._advance_checked = self.base.step_checked if self.base is not None and checks_all else None

    def __getstate__(self) -> dict[str, Any]:
        return {
            **self.__dict__,
            "_program": [],
            "_programs": {},
            "_fresh": {},
            "_steps": {},
            "_order": [],
            "_acts": [],
            "_advance": None,
            "_advance_checked": None,
        }

    def _parts(self) -> Iterator[AgentState]:
        for _, parts in self.stages:
            yield from parts.values()

    def _program_of(self, acted: tuple[str, ...], present: tuple[str, ...]) -> list[Hook]:
        """Return the hooks of a step in which some agents acted and some are present, one of whom may be new."""
        found = self._programs.get((acted, present))
        if found is not None:
            return found
        program: list[Hook] = []
        steps, lanes = self._steps, self.lanes is not None
        stayed = [agent for agent in present if agent in acted]
        for signal, parts in self.stages:
            if _overrides(signal, "act"):
                program += [(_restore_given, parts[agent], steps[agent]) for agent in stayed]
            if _overrides(signal, "after_step"):
                program += [(signal.after_step, parts[agent], steps[agent]) for agent in stayed]
            if lanes:
                program += [(_begin_lanes, parts[agent], steps[agent]) for agent in stayed]
            program += [(_begin, parts[agent], steps[agent]) for agent in present if agent not in acted]
            if _overrides(signal, "observe"):
                program += [(signal.observe, parts[agent], steps[agent]) for agent in present]
        self._programs[acted, present] = program
        return program

    # ---- a single environment ----

    def reset(self, seed: Any, options: Any) -> tuple[Arrays, Arrays]:
        """Start a session of a single environment; returns observations and infos by agent."""
        assert self.base is not None
        columns = {a: part.end - len(self.base_spaces[a].names) for a, part in self.outermost.items()}
        observations, infos = self.base.reset(seed, options, columns if self.changes_observations else {})
        self.origin.reset(seed)
        return self.first(observations, infos)

    def step(self, actions: Mapping[str, Any]) -> Any:
        """Advance a single environment by one time step."""
        if not self._programs:  # the first step after unpickling, when all wrappers are complete again
            self._arrange()
        advance, inward = self._advance, actions
        if self.acting:
            inward = self.act(actions)
            if self._advance_checked is not None and inward.keys() == self._steps.keys():
                advance = self._advance_checked
        observations, rewards, terminations, truncations, infos = advance(inward)
        program = self._program
        if not len(observations) == len(actions) == self._count:
            program = self._partly(observations, actions)
        observations, rewards, infos = self._run(program, observations, actions, rewards, infos, None)
        return observations, rewards, terminations, truncations, infos

    # ---- actions ----

    def act(self, actions: Mapping[str, Any]) -> Arrays:
        """Return the actions for the environment, from those that the outermost wrapper was given.

        Raises:
            ActionError: An action is of a wrong kind or out of range; nothing has changed.
        """
        if not self._programs:
            self._arrange()
        steps, outermost, legal = self._steps, self.outermost, self._legal
        inward = dict(actions)
        for agent, action in actions.items():
            if agent not in steps:
                continue
            if type(action) is int and action in legal[agent]:
                steps[agent].action = action
            else:
                steps[agent].action = check_action(agent, outermost[agent].action_space, action, self.lanes)
        for act, parts in self._acts:
            for agent in actions:
                if agent in parts:
                    part, now = parts[agent], steps[agent]
                    part.given = now.action
                    act(part, now)
        for agent in actions:
            if agent in steps:
                action = steps[agent].action
                inward[agent] = action if type(action) is int else _inward(action)
        return inward

    # ---- observations, rewards and infos ----

    def next(
        self, observations: Arrays, actions: Mapping[str, Any], rewards: Arrays, infos: Arrays, began: Any = None
    ) -> tuple[Arrays, Arrays, Arrays]:
        """Run the hooks after a step of many lanes.

        Args:
            observations: Observations of the environment, by agent; likewise rewards and infos.
            actions: Actions that the outermost wrapper was given.
            rewards: Rewards of the environment.
            infos: Infos of the environment.
            began: bool, (lanes,): lanes in which the step was the beginning of a session.

        Returns:
            observations, rewards and infos.
        """
        if not self._programs:  # the first step after unpickling, when all wrappers are complete again
            self._arrange()
        return self._run(self._program, observations, actions, rewards, infos, began)

    def _run(
        self,
        program: list[Hook],
        observations: Arrays,
        actions: Mapping[str, Any],
        rewards: Arrays,
        infos: Arrays,
        began: Any,
    ) -> tuple[Arrays, Arrays, Arrays]:
        """Write a step of the environment to the steps of all agents, run the hooks, and return the results."""
        changes, adds, widened = self.changes_observations, self.adds_infos, observations
        given, single = not self.acting and actions, self.lanes is None
        for agent, now, full in self._order:
            if agent not in observations:
                continue
            now.info, now.reward = infos.get(agent, _NOTHING), rewards.get(agent, 0.0)
            if given and agent in actions:
                now.action = actions[agent] if single else _factors_first(actions[agent])
            if adds:
                now.added_info = {}
            if changes:
                now.out = seen = observations[agent]
                if len(seen) != full:
                    widened = {**widened, agent: self._widen(agent, now, seen)}
            if not single:
                now.began = began
        for hook, part, now in program:
            hook(part, now)
        if self._passes:
            return widened, rewards, infos
        return self._results(widened, rewards, infos, began)

    def _partly(self, observations: Arrays, actions: Mapping[str, Any]) -> list[Hook]:
        """Return the hooks of a step in which not all agents are present."""
        present = tuple(agent for agent in self._steps if agent in observations)
        acted = tuple(agent for agent in present if agent in actions)
        for agent, now in self._steps.items():
            if agent not in acted:
                now.action, now.reward = None, 0.0
        return self._program_of(acted, present)

    def first(self, observations: Arrays, infos: Arrays, mask: Mask | None = None) -> tuple[Arrays, Arrays]:
        """Run the hooks at the beginning of a session; in all lanes, or where the mask is True."""
        if not self._programs:
            self._arrange()
        before = [part.state() for part in self._parts()] if mask is not None else []
        last = self._last
        for agent, key in self._required:
            self._check_info(agent, key, infos)
        present = tuple(agent for agent in self._steps if agent in observations)
        seen, _, known = self._run(self._program_of((), present), observations, {}, {}, infos, None)
        if mask is None:
            return seen, known
        for part, saved in zip(self._parts(), before, strict=True):
            part.set_state(saved, ~mask)
        seen = {agent: np.where(mask[:, None], array, last[agent]) for agent, array in seen.items()}
        self._last = {agent: array.copy(order="K") for agent, array in seen.items()}
        return seen, known

    def _check_info(self, agent: str, key: str, infos: Arrays) -> None:
        if agent in infos and key not in infos[agent]:
            raise self.signals[-1].error(
                f"the infos of {agent} have no {key!r}, which one of {', '.join(map(repr, self.signals))} reads; "
                "neuroparallel's own environments have it."
            )

    def _widen(self, agent: str, now: AgentStep, seen: Any) -> Array:
        """Return a copy of an observation with columns for all wrappers, whose rows ``now.out`` are."""
        if self.lanes is None:
            now.out = out = next(self._fresh[agent])
            out[self._own[agent]] = seen
            return out
        part = self.outermost[agent]
        now.out = out = np.zeros((part.end, self.lanes), part.dtype)
        out[self._own[agent]] = seen.T
        return out.T

    def _results(
        self, observations: Arrays, rewards: Arrays, infos: Arrays, began: Any
    ) -> tuple[Arrays, Arrays, Arrays]:
        steps = self._steps
        if self.lanes is not None:
            self._last = {agent: np.copy(array, order="K") for agent, array in observations.items()}
        if self.changes_rewards:
            rewards = dict(rewards)
            for agent, now, _ in self._order:
                if agent in rewards:
                    rewards[agent] = now.reward if began is None else np.where(began, 0.0, now.reward)
        if self.adds_infos:
            infos = {a: _with_added(i, steps[a].added_info) if a in steps else i for a, i in infos.items()}
        return observations, rewards, infos

    def with_added_infos(self, infos: Arrays) -> Arrays:
        """Return infos of the present time with what wrappers added last."""
        if not self.adds_infos:
            return infos
        return {agent: _with_added(info, self._steps[agent].added_info) for agent, info in infos.items()}

    # ---- saving ----

    def state(self) -> dict[str, Any]:
        """Return a copy of the memory of all wrappers."""
        return {
            "parts": [part.state() for part in self._parts()],
            "origin": self.origin.state(),
            "last": {agent: np.copy(array) for agent, array in self._last.items()},
        }

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Restore the memory of all wrappers."""
        for part, state in zip(self._parts(), saved["parts"], strict=True):
            part.set_state(state)
        self.origin.set_state(saved["origin"])
        self._last = {agent: np.copy(array) for agent, array in saved["last"].items()}


class AddedInfos(Mapping[str, Any]):
    """Infos of a batch with entries that wrappers add; the others are still made when asked for."""

    def __init__(self, inside: Mapping[str, Any], added: dict[str, Any]) -> None:
        self._inside, self._added = inside, added

    def __getitem__(self, key: str) -> Any:
        return np.copy(self._added[key]) if key in self._added else self._inside[key]

    def __iter__(self) -> Iterator[str]:
        yield from self._inside
        yield from self._added

    def __len__(self) -> int:
        return len(self._inside) + len(self._added)


_CHECKED = (spaces.Discrete, spaces.MultiDiscrete, spaces.Box)  # spaces whose actions `check_action` checks


def _with_added(info: Any, added: dict[str, Any]) -> Any:
    return {**info, **added} if isinstance(info, dict) else AddedInfos(info, added)


def _inward(action: Any) -> Any:
    """Return an action in the form that environments take: lanes first, single numbers as int."""
    if type(action) is int:
        return action
    if isinstance(action, np.ndarray) and action.ndim:
        return action.T if action.ndim > 1 else action
    is_number = isinstance(action, np.integer) or (type(action) is np.ndarray and not action.ndim)
    return int(action) if is_number else action


def _factors_first(action: Any) -> Any:
    """Return the actions of many lanes with factors on the first axis."""
    array = np.asarray(action)
    return array.T if array.ndim > 1 else array


def _restore_given(part: AgentState, now: AgentStep) -> None:
    now.action = part.given


def _begin(part: AgentState, now: AgentStep) -> None:
    part.begin()
    if now.out is not None:
        now.out[part.at : part.end] = 0


def _begin_lanes(part: AgentState, now: AgentStep) -> None:
    if now.began is not None:
        part.begin(now.began)
        if now.out is not None:
            now.out[part.at : part.end, now.began] = 0


def _overrides(signal: Signal, hook: str) -> bool:
    return getattr(type(signal), hook) is not getattr(Signal, hook)


def _legal(space: spaces.Space[Any]) -> frozenset[int]:
    """Return the actions of a Discrete space for a quick check."""
    if not isinstance(space, spaces.Discrete) or int(space.n) > 1000:
        return frozenset()
    first = int(space.start)
    return frozenset(range(first, first + int(space.n)))


def _rows(width: int, dtype: Any) -> Iterator[Array]:
    """Generate arrays of zeros, of which many are allocated at once."""
    while True:
        yield from np.zeros((AHEAD, width), dtype)
