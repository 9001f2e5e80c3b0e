"""A stack of signal wrappers as one flat list of hooks, so that five wrappers are not five times the calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from neuroparallel.wrappers._checking import check_action
from neuroparallel.wrappers._draws import Origin
from neuroparallel.wrappers._signal import Array, Ground, Moment, Part, Signal

__all__ = ["Pipeline", "Stage", "Told"]

Stage = tuple[Signal, dict[str, Part]]
Operation = tuple[Callable[[Any, Moment], None], Any, Moment]
Arrays = dict[str, Any]
Mask = NDArray[np.bool_]

AHEAD = 256  # observations of a single environment that are allocated together


class Pipeline:
    """What all our wrappers around one environment do in a step, from the innermost to the outermost.

    The observation is copied once, into rows enough for all wrappers, and each works on these in place. A
    wrapper around a wrapper of ours takes over its stages, and goes past it to the environment.

    Args:
        grounds: Spaces and channel names of the environment, by agent.
        stages: Our wrappers, innermost first, each with its parts by agent.
        lanes: How many; None for a single environment.
        origin: What the wrappers' randomness hangs on.
        roomy: Whether the environment is one of ours that leaves room behind its observations if it is asked to: then
            they need not be copied.
    """

    def __init__(
        self, grounds: dict[str, Ground], stages: Sequence[Stage], lanes: int | None, origin: Origin, roomy: bool
    ) -> None:
        self.grounds, self.stages, self.lanes, self.origin, self.roomy = grounds, list(stages), lanes, origin, roomy
        self.outermost = self.stages[-1][1]
        self.signals = [signal for signal, _ in self.stages]
        self.looks = any(signal.looks for signal in self.signals)
        self.pays = any(signal.pays for signal in self.signals)
        self.tells = any(signal.tells for signal in self.signals)
        self.acting = any(_overrides(signal, "act") for signal in self.signals)
        self._reads = [(part.agent, key) for part in self._parts() for key in part.reads]
        self._last: Arrays = {}
        self._arrange()

    def _arrange(self) -> None:
        """Write down the hooks in their order; they are methods of the wrappers, so a pickle leaves them out."""
        agents = list(self.outermost)
        self._moments: dict[str, Moment] = {}
        self._moments.update((agent, Moment(self._moments)) for agent in agents)
        self._programs: dict[tuple[tuple[str, ...], ...], list[Operation]] = {}
        self._program = self._program_of(tuple(agents), tuple(agents))
        self._count = len(agents)
        self._fresh: dict[str, Iterator[Array]] = {}
        self._acts = [(signal.act, parts) for signal, parts in reversed(self.stages) if _overrides(signal, "act")]
        self._legal = {} if self.lanes is not None else {a: _legal(p.action_space) for a, p in self.outermost.items()}
        self._own = {agent: slice(0, len(ground.names)) for agent, ground in self.grounds.items()}
        if self.lanes is None and self.looks:
            self._fresh = {agent: _rows(part.end, part.dtype) for agent, part in self.outermost.items()}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_program": [], "_programs": {}, "_fresh": {}, "_moments": {}, "_acts": []}

    def options(self, options: Any) -> Any:
        """The options of the environment's reset, which ask for room if there is any to be had."""
        if not (self.roomy and self.looks):
            return options
        room = {agent: part.end - len(self.grounds[agent].names) for agent, part in self.outermost.items()}
        return {**(options or {}), "room": room}

    def _parts(self) -> Iterator[Part]:
        for _, parts in self.stages:
            yield from parts.values()

    def _program_of(self, acted: tuple[str, ...], present: tuple[str, ...]) -> list[Operation]:
        """The hooks of a step in which some agents acted and some are there, one of whom may just have appeared."""
        found = self._programs.get((acted, present))
        if found is not None:
            return found
        program: list[Operation] = []
        moments, lanes = self._moments, self.lanes is not None
        stayed = [agent for agent in present if agent in acted]
        for signal, parts in self.stages:
            if _overrides(signal, "act"):
                program += [(_take_given, parts[agent], moments[agent]) for agent in stayed]
            if _overrides(signal, "show"):
                program += [(signal.show, parts[agent], moments[agent]) for agent in stayed]
            if lanes:
                program += [(_begin_lanes, parts[agent], moments[agent]) for agent in stayed]
            program += [(_begin, parts[agent], moments[agent]) for agent in present if agent not in acted]
            if _overrides(signal, "see"):
                program += [(signal.see, parts[agent], moments[agent]) for agent in present]
        self._programs[acted, present] = program
        return program

    def only(self) -> tuple[str, Moment, Any, slice, int, list[Operation]]:
        """The one agent of a single environment: its name, moment, fresh rows, own rows, their number, and hooks."""
        if not self._programs:
            self._arrange()
        ((agent, now),) = self._moments.items()
        end = self.outermost[agent].end if self.roomy else -1
        return agent, now, self._fresh.get(agent), self._own[agent], end, self._program

    # ---- on the way in ----

    def act_only(self, agent: str, now: Moment, action: Any) -> Any:
        """As `act`, for the one agent of a single environment."""
        if type(action) is not int or action not in self._legal[agent]:
            action = check_action(agent, self.outermost[agent].action_space, action, None)
        now.action = action
        for act, parts in self._acts:
            part = parts[agent]
            part.given = now.action
            act(part, now)
        return now.action if type(now.action) is int else self._inward(agent)

    def act(self, actions: Mapping[str, Any]) -> Arrays:
        """What the environment is to be told, from what the outermost wrapper was told.

        Raises:
            ActionError: An action is of a wrong kind or out of range; nothing has changed.
        """
        if not self._programs:
            self._arrange()
        moments, outermost = self._moments, self.outermost
        for agent, action in actions.items():
            if type(action) is int and action in self._legal.get(agent, ()):
                moments[agent].action = action
            elif agent in moments:
                moments[agent].action = check_action(agent, outermost[agent].action_space, action, self.lanes)
        for act, parts in self._acts:
            for agent in actions:
                if agent in parts:
                    parts[agent].given = moments[agent].action
                    act(parts[agent], moments[agent])
        return {agent: self._inward(agent) if agent in moments else actions[agent] for agent in actions}

    def _inward(self, agent: str) -> Any:
        action = self._moments[agent].action
        if type(action) is int:
            return action
        if isinstance(action, np.ndarray) and action.ndim > 1:
            return action.T
        return (
            int(action)
            if isinstance(action, np.integer) or (type(action) is np.ndarray and not action.ndim)
            else action
        )

    # ---- on the way out ----

    def next(
        self, observations: Arrays, actions: Mapping[str, Any], rewards: Arrays, infos: Arrays, began: Any = None
    ) -> tuple[Arrays, Arrays, Arrays]:
        """What is seen, paid and told after a step.

        Args:
            observations: Of the environment, by agent; likewise rewards and infos.
            actions: As the outermost wrapper was given them.
            rewards: What was paid.
            infos: What is known.
            began: bool, (lanes,): where the step was the beginning of a session.

        Returns:
            observations, rewards and infos.
        """
        if not self._programs:  # the first step after unpickling, when all wrappers are whole again
            self._arrange()
        program = self._program
        if self.lanes is None and not (len(observations) == len(actions) == self._count):
            program = self._partly(observations, actions)
        for agent, now in self._moments.items():
            if agent in observations:
                self._take(agent, now, observations[agent], infos.get(agent))
                now.reward = rewards.get(agent, 0.0)
                if not self.acting and agent in actions:
                    now.action = actions[agent] if self.lanes is None else _inside(actions[agent])
                now.began = began
        for hook, part, now in program:
            hook(part, now)
        return self._handed(observations, rewards, infos, began)

    def _partly(self, observations: Arrays, actions: Mapping[str, Any]) -> list[Operation]:
        """The program when not all agents are there."""
        present = tuple(agent for agent in self._moments if agent in observations)
        acted = tuple(agent for agent in present if agent in actions)
        for agent, now in self._moments.items():
            if agent not in acted:
                now.action, now.reward = None, 0.0
        return self._program_of(acted, present)

    def first(self, observations: Arrays, infos: Arrays, mask: Mask | None = None) -> tuple[Arrays, Arrays]:
        """What is seen and told when a session begins; in all lanes, or where the mask is True."""
        if not self._programs:
            self._arrange()
        before = [part.state() for part in self._parts()] if mask is not None else []
        last = self._last
        for agent, key in self._reads:
            self._demand(agent, key, infos)
        present = tuple(agent for agent in self._moments if agent in observations)
        for agent in present:
            self._take(agent, self._moments[agent], observations[agent], infos.get(agent))
            self._moments[agent].began = None
        for hook, part, now in self._program_of((), present):
            hook(part, now)
        seen, _, known = self._handed(observations, {}, infos)
        if mask is None:
            return seen, known
        for part, saved in zip(self._parts(), before, strict=True):
            part.set_state(saved, ~mask)
        seen = {agent: np.where(mask[:, None], array, last[agent]) for agent, array in seen.items()}
        self._last = {agent: array.copy(order="K") for agent, array in seen.items()}
        return seen, known

    def _demand(self, agent: str, key: str, infos: Arrays) -> None:
        if agent in infos and key not in infos[agent]:
            raise self.signals[-1].refuse(
                f"the infos of {agent} have no {key!r}, which one of {', '.join(map(repr, self.signals))} reads; "
                "neuroparallel's own environments tell it."
            )

    def _take(self, agent: str, now: Moment, seen: Any, info: Any) -> None:
        now.info = {} if info is None else info
        if self.tells:
            now.told = {}
        if not self.looks:
            return
        if self.lanes is None and self.roomy and len(seen) == self.outermost[agent].end:
            now.out = seen
        elif self.lanes is None:
            now.out = out = next(self._fresh[agent])
            out[self._own[agent]] = seen
        else:
            part = self.outermost[agent]
            now.out = out = np.zeros((part.end, self.lanes), part.dtype)
            out[self._own[agent]] = seen.T

    def _handed(
        self, observations: Arrays, rewards: Arrays, infos: Arrays, began: Any = None
    ) -> tuple[Arrays, Arrays, Arrays]:
        moments, lanes = self._moments, self.lanes is not None
        if self.looks:
            outs = {a: moments[a].out.T if lanes else moments[a].out for a in moments if a in observations}
            observations = {**observations, **outs}
        if lanes:
            self._last = {agent: np.copy(array, order="K") for agent, array in observations.items()}
        if self.pays:
            rewards = {a: moments[a].reward if a in moments else r for a, r in rewards.items()}
            if began is not None:
                rewards = {a: np.where(began, 0.0, r) for a, r in rewards.items()}
        if self.tells:
            infos = {a: self._with_told(i, moments[a].told) if a in moments else i for a, i in infos.items()}
        return observations, rewards, infos

    def _with_told(self, info: Any, told: dict[str, Any]) -> Any:
        return {**info, **told} if isinstance(info, dict) else Told(info, told)

    def told_again(self, infos: Arrays) -> Arrays:
        """Infos of the present moment with what was told last."""
        return {a: self._with_told(i, self._moments[a].told) for a, i in infos.items()} if self.tells else infos

    # ---- saving ----

    def state(self) -> dict[str, Any]:
        """A copy of all that the wrappers remember."""
        return {
            "parts": [part.state() for part in self._parts()],
            "origin": self.origin.state(),
            "last": {agent: np.copy(array) for agent, array in self._last.items()},
        }

    def set_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to what the wrappers remembered."""
        for part, state in zip(self._parts(), saved["parts"], strict=True):
            part.set_state(state)
        self.origin.set_state(saved["origin"])
        self._last = {agent: np.copy(array) for agent, array in saved["last"].items()}


class Told(Mapping[str, Any]):
    """Infos of a batch with what wrappers add; the others are still made when asked for."""

    def __init__(self, inside: Mapping[str, Any], told: dict[str, Any]) -> None:
        self._inside, self._told = inside, told

    def __getitem__(self, key: str) -> Any:
        return np.copy(self._told[key]) if key in self._told else self._inside[key]

    def __iter__(self) -> Iterator[str]:
        yield from self._inside
        yield from self._told

    def __len__(self) -> int:
        return len(self._inside) + len(self._told)


def _inside(action: Any) -> Any:
    """Actions of many lanes with factors on the first axis."""
    array = np.asarray(action)
    return array.T if array.ndim > 1 else array


def _take_given(part: Part, now: Moment) -> None:
    now.action = part.given


def _begin(part: Part, now: Moment) -> None:
    part.begin()
    if now.out is not None:
        now.out[part.at : part.end] = 0


def _begin_lanes(part: Part, now: Moment) -> None:
    if now.began is not None:
        part.begin(now.began)
        if now.out is not None:
            now.out[part.at : part.end, now.began] = 0


def _overrides(signal: Signal, hook: str) -> bool:
    return getattr(type(signal), hook) is not getattr(Signal, hook)


def _legal(space: spaces.Space[Any]) -> frozenset[int]:
    """The actions of a Discrete space that a look-up can check."""
    if not isinstance(space, spaces.Discrete) or int(space.n) > 1000:
        return frozenset()
    first = int(space.start)
    return frozenset(range(first, first + int(space.n)))


def _rows(width: int, dtype: Any) -> Iterator[Array]:
    """Fresh rows of zeros, of which many are made at once."""
    while True:
        yield from np.zeros((AHEAD, width), dtype)
