"""What a signal wrapper is: hooks on arrays with a row per channel, written once for one step and for many lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from neuroparallel.engine.batch import BatchEngine
from neuroparallel.errors import ArgumentError
from neuroparallel.wrappers._draws import Draws, Origin

__all__ = ["MOST_STEPS", "Ground", "Moment", "OneHot", "Part", "Signal", "either", "kind_of", "only"]

Array = NDArray[Any]
MOST_STEPS = 10_000  # that a wrapper goes back
MOST_ROWS = 1_000_000  # that a wrapper remembers of an agent in a lane: 4 MB


class Moment:
    """One agent in one step, as it is handed from the innermost wrapper to the outermost.

    Rows are channels or factors; in lanes, each row is an array (lanes,), otherwise a number. So the same lines
    serve both, as long as they work element by element.

    Attributes:
        out: What will be seen, (rows,) or (rows, lanes); a wrapper may change the rows up to its ``end``.
        action: What was done: a number or (lanes,); (factors,) or (factors, lanes) where there are several.
        reward: What was paid: a number or (lanes,).
        info: What is known, by key: a number or (lanes,).
        told: What wrappers add to the info.
        everyone: The moments of all agents; None stands for the action of one that did nothing.
        began: bool, (lanes,): where a session began in this step; None if nowhere.
    """

    __slots__ = ("action", "began", "everyone", "info", "out", "reward", "told")

    def __init__(self, everyone: dict[str, Moment]) -> None:
        self.out: Any = None
        self.action: Any = None
        self.reward: Any = 0.0
        self.info: Mapping[str, Any] = {}
        self.told: dict[str, Any] = {}
        self.everyone = everyone
        self.began: Any = None


class Part:
    """What one wrapper is for one agent: its spaces, the rows it may write, and what it remembers.

    Args:
        agent: Name of the agent.
        below: The next inner wrapper's part, or the spaces and channel names of the environment.
        lanes: How many; None for a single environment.
        origin: What its randomness hangs on.
        streams: The agent's streams, with a dot: ``("first.", "second.")``; ``("",)`` if there is but one.

    Attributes:
        inner: The action space of what is inside.
        names: Names of the channels, this wrapper's included.
        at: The first row that this wrapper adds.
        end: The row after its last one.
        memory: What it remembers by name, (rows,) or (rows, lanes); zero when a session begins.
        reads: Keys that the info must have.
        given: The action as it came from outside.
        own: What the wrapper has prepared for this agent.
        depth: How many wrappers of the same class are further in; each has randomness of its own.
    """

    def __init__(
        self, agent: str, below: Part | Ground, lanes: int | None, origin: Origin, streams: tuple[str, ...]
    ) -> None:
        self.agent, self.lanes, self.origin, self.streams = agent, lanes, origin, streams
        self.shape = () if lanes is None else (lanes,)
        self.observation_space: spaces.Space[Any] = below.observation_space
        self.action_space: spaces.Space[Any] = below.action_space
        self.inner = below.action_space
        self.names: list[str] = list(below.names)
        self.dtype: np.dtype[Any] = below.dtype
        self.at = self.end = len(self.names)
        self.memory: dict[str, Array] = {}
        self.draws: list[Draws] = []
        self.reads: list[str] = []
        self.given: Any = None
        self.own: Any = None
        self.depth = 0

    def add(self, names: Sequence[str], low: Any = -np.inf, high: Any = np.inf) -> None:
        """Add channels behind the others; ``low`` and ``high`` are numbers or one per channel."""
        box = self.box
        each = np.broadcast_to(np.asarray(low, self.dtype), len(names)), np.broadcast_to(high, len(names))
        self.names += names
        self.end = len(self.names)
        self.bound(np.concatenate([box.low, each[0]]), np.concatenate([box.high, each[1]]))

    def bound(self, low: Array, high: Array) -> None:
        """Say anew between what the channels stay."""
        dtype = self.dtype
        self.observation_space = spaces.Box(low.astype(dtype), high.astype(dtype), dtype=dtype.type)

    @property
    def box(self) -> spaces.Box:
        """The observations, of which `Signal` has made sure that they are a vector of floats."""
        assert isinstance(self.observation_space, spaces.Box)
        return self.observation_space

    def keep(self, name: str, rows: int, dtype: Any = None) -> None:
        """Remember rows from step to step, zero when a session begins."""
        if rows > MOST_ROWS:
            raise ArgumentError(f"it would remember {rows:,} numbers of {self.agent}; at most {MOST_ROWS:,}.")
        self.memory[name] = np.zeros((rows, *self.shape), self.dtype if dtype is None else dtype)

    def draw(self, purpose: str, rows: int, scale: float = 1.0) -> Draws:
        """Random numbers of this wrapper, agent and lane, ``rows`` of them in a step; normals times ``scale``."""
        drawn = Draws(f"{purpose}.{self.depth}.{self.agent}", rows, self.lanes, self.origin, scale)
        self.draws.append(drawn)
        return drawn

    def keys(self, what: str) -> list[str]:
        """Under which keys the info says something of each stream; they must be there."""
        keys = [f"{stream}{what}" for stream in self.streams]
        self.reads += keys
        return keys

    def begin(self, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget what was in the session before; in all lanes, or where the mask is True."""
        for array in self.memory.values():
            array[... if mask is None else (..., mask)] = 0
        for drawn in self.draws:
            drawn.begin(mask)

    def state(self) -> dict[str, Any]:
        """A copy of what is remembered."""
        memory = {name: array.copy() for name, array in self.memory.items()}
        return {"memory": memory, "draws": [drawn.state() for drawn in self.draws]}

    def set_state(self, saved: Mapping[str, Any], where: Any = True) -> None:
        """Go back to what was remembered; everywhere, or where the mask is True."""
        for name, array in self.memory.items():
            np.copyto(array, saved["memory"][name], where=where)
        for drawn, state in zip(self.draws, saved["draws"], strict=True):
            drawn.set_state(state, where)


class Ground:
    """What the innermost wrapper stands on: the spaces of the environment and the names of its channels."""

    def __init__(self, observation_space: Any, action_space: Any, names: Sequence[str]) -> None:
        self.observation_space, self.action_space, self.names = observation_space, action_space, names
        self.dtype: np.dtype[Any] = np.dtype(observation_space.dtype or np.float32)


class Signal:
    """A wrapper that changes what is seen, done, paid or told, in every step.

    A subclass says what it needs (`fit`) and overrides any of `act`, `show` and `see`; then it is complete:
    ``@wrapper`` of `neuroparallel.wrappers._forms` gives it a form for every kind of environment, and calling the
    class with an environment makes the one that fits.

    Attributes:
        looks: Whether it has to do with observations; then they must be a vector of floats.
        pays: Whether it changes rewards.
        tells: Whether it adds to the infos.
        env: What is wrapped.
        parts: What it is for each agent; while `fit` goes through them, those that follow are as they were inside.
    """

    _made_with: tuple[tuple[Any, ...], dict[str, Any]]
    forms: ClassVar[dict[str, type[Signal]]] = {}
    is_form: ClassVar[bool] = False
    looks: ClassVar[bool] = True
    pays: ClassVar[bool] = False
    tells: ClassVar[bool] = False

    env: Any
    parts: dict[str, Part]

    def __init__(self, env: Any) -> None:
        self._enter(env)

    def _enter(self, env: Any) -> None:
        """Put the form around an environment."""
        raise NotImplementedError

    def __new__(cls, env: Any = None, *args: Any, **options: Any) -> Signal:
        """Choose the form that fits the environment; a form is what it is."""
        form = cls if cls.is_form else cls.forms[kind_of(env, cls.__name__)]
        made = super().__new__(form)
        made._made_with = (args, options)
        return made

    def again(self, env: Any) -> Signal:
        """The same wrapper, with the same options, around another environment."""
        args, options = self._made_with
        return type(self)(env, *args, **options)

    def fit(self, me: Part) -> None:
        """Add channels, memory and randomness for an agent, change its spaces, or refuse with the reason."""

    def act(self, me: Part, now: Moment) -> None:
        """Change ``now.action`` on its way in."""

    def show(self, me: Part, now: Moment) -> None:
        """Fill the added rows with something about the step just taken; in a first observation they stay zero.

        They are zero before. Rewards are changed here too.
        """

    def see(self, me: Part, now: Moment) -> None:
        """Change or fill the rows up to ``me.end``, in every observation; what is told is told here."""

    def refuse(self, reason: str) -> ArgumentError:
        """The error that says why the environment cannot have this wrapper."""
        return ArgumentError(f"{type(self).__qualname__.split('.')[0]}: {reason}")

    def admit(self, me: Part) -> None:
        """Refuse observations to which no channels can be added."""
        space = me.observation_space
        is_vector = isinstance(space, spaces.Box) and len(space.shape) == 1
        if self.looks and not (is_vector and me.dtype.kind == "f"):
            raise self.refuse(
                f"{me.agent} observes {space}; it must be a Box of one dimension and floats (flatten it before)."
            )


def either(mask: Any, yes: Any, no: Any) -> Any:
    """One or the other, for a single truth value or one per lane."""
    return np.where(mask, yes, no) if isinstance(mask, np.ndarray) else (yes if mask else no)


def only(mask: Any, number: Any) -> Any:
    """A whole number where a mask is True and 0 elsewhere, for a single truth value or one per lane.

    A product takes a fifth of the time that `either` does, where the mask is as good as random.
    """
    return mask * number if isinstance(mask, np.ndarray) else (number if mask else 0)


class OneHot:
    """Which of some numbers was chosen, shown in a row for each.

    Args:
        count: How many numbers.
        first: The smallest that has a row; below it, all rows are zero.
    """

    def __init__(self, count: int, first: int = 0) -> None:
        self._count, self._first = count, first
        self._column = np.arange(first, first + count)[:, None]

    def write(self, out: Array, at: int, chosen: Any) -> None:
        """Fill the rows from ``at`` on, which are zero: ``chosen`` is a number or (lanes,)."""
        if out.ndim > 1:
            np.equal(self._column, chosen, out=out[at : at + self._count], casting="unsafe")
        elif chosen >= self._first:
            out[at + chosen - self._first] = 1.0


def kind_of(env: Any, wrapper: str) -> str:
    """Which form fits: ``batch``, ``vector``, ``gym`` or ``parallel``.

    Raises:
        ArgumentError: None does.
    """
    if isinstance(env, BatchEngine) or getattr(env, "is_batch", False):
        return "batch"
    for kind, family in (("vector", VectorEnv), ("gym", gymnasium.Env), ("parallel", ParallelEnv)):
        if isinstance(env, family):
            return kind
    raise ArgumentError(
        f"{wrapper}: {type(env).__name__} cannot be wrapped; it takes a batch, a gymnasium Env or "
        "VectorEnv, or a PettingZoo ParallelEnv. (Wrap the parallel environment before it is made "
        "an AEC one.)"
    )
