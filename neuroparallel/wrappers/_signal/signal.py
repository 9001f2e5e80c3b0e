"""Base class of the signal wrappers: hooks on arrays with a row per channel, for a single environment or many lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from neuroparallel.engine.batch import BatchEngine
from neuroparallel.errors import ArgumentError
from neuroparallel.wrappers._signal.randomness import Draws, Origin

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MOST_STEPS", "AgentState", "AgentStep", "BaseSpaces", "OneHot", "Signal", "kind_of", "masked", "select"]

Array = NDArray[Any]
MOST_STEPS = 10_000  # largest delay or number of frames of a wrapper
MOST_ROWS = 1_000_000  # largest memory of a wrapper for an agent in a lane: 4 MB


class AgentStep:
    """One agent in one step: observation, action, reward and info, passed from the innermost wrapper to the outermost.

    A row is a channel or a factor: an array (lanes,) in a batch, otherwise a number. The same code serves both if it
    works element by element.

    Attributes:
        out: Observation, (rows,) or (rows, lanes); a wrapper may change the rows up to its ``end``.
        action: A number or (lanes,); (factors,) or (factors, lanes) where there are several. None: no action.
        reward: A number or (lanes,).
        info: Info of the environment, by key: a number or (lanes,).
        added_info: Entries that wrappers add to the info.
        agents: The steps of all agents, by name.
        began: bool, (lanes,): lanes in which a session began in this step; None if there are none.
    """

    __slots__ = ("action", "added_info", "agents", "began", "info", "out", "reward")

    def __init__(self, agents: dict[str, AgentStep]) -> None:
        self.out: Any = None
        self.action: Any = None
        self.reward: Any = 0.0
        self.info: Mapping[str, Any] = {}
        self.added_info: dict[str, Any] = {}
        self.agents = agents
        self.began: Any = None


class AgentState:
    """State of one wrapper for one agent: its spaces, the rows it may write, and its memory.

    Args:
        agent: Name of the agent.
        below: State of the next inner wrapper, or spaces and channel names of the environment.
        lanes: Number of lanes; None for a single environment.
        origin: Seed, lane and session, on which the random numbers depend.
        streams: The agent's streams, with a dot: ``("first.", "second.")``; ``("",)`` if there is only one.

    Attributes:
        inner: Action space of the next inner wrapper or of the environment.
        names: Names of the channels, this wrapper's included.
        at: First row that this wrapper adds.
        end: Row after its last one.
        memory: Arrays by name, (rows,) or (rows, lanes); zero when a session begins.
        required_info: Keys that the info must have.
        given: Action before this wrapper changed it.
        data: Whatever the wrapper has prepared for this agent in `Signal.fit`.
        depth: Number of inner wrappers of the same class; each has its own random numbers.
    """

    def __init__(
        self, agent: str, below: AgentState | BaseSpaces, lanes: int | None, origin: Origin, streams: tuple[str, ...]
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
        self.required_info: list[str] = []
        self.given: Any = None
        self.data: Any = None
        self.depth = 0

    def add(self, names: Sequence[str], low: Any = -np.inf, high: Any = np.inf) -> None:
        """Append channels; ``low`` and ``high`` are numbers or one per channel."""
        box = self.box
        each = np.broadcast_to(np.asarray(low, self.dtype), len(names)), np.broadcast_to(high, len(names))
        self.names += names
        self.end = len(self.names)
        self.bound(np.concatenate([box.low, each[0]]), np.concatenate([box.high, each[1]]))

    def bound(self, low: Array, high: Array) -> None:
        """Set new bounds of all channels."""
        dtype = self.dtype
        self.observation_space = spaces.Box(low.astype(dtype), high.astype(dtype), dtype=dtype.type)

    @property
    def box(self) -> spaces.Box:
        """The observation space, which `Signal` has checked to be a vector of floats."""
        assert isinstance(self.observation_space, spaces.Box)
        return self.observation_space

    def keep(self, name: str, rows: int, dtype: Any = None) -> None:
        """Allocate memory of some rows, zero when a session begins."""
        if rows > MOST_ROWS:
            raise ArgumentError(f"it would remember {rows:,} numbers of {self.agent}; at most {MOST_ROWS:,}.")
        self.memory[name] = np.zeros((rows, *self.shape), self.dtype if dtype is None else dtype)

    def draw(self, purpose: str, rows: int, scale: float = 1.0) -> Draws:
        """Return a source of ``rows`` random numbers per step; normals are multiplied by ``scale``."""
        drawn = Draws(f"{purpose}.{self.depth}.{self.agent}", rows, self.lanes, self.origin, scale)
        self.draws.append(drawn)
        return drawn

    def keys(self, what: str) -> list[str]:
        """Return the info key of each stream for ``what``, and require these keys."""
        keys = [f"{stream}{what}" for stream in self.streams]
        self.required_info += keys
        return keys

    def begin(self, mask: NDArray[np.bool_] | None = None) -> None:
        """Clear the memory at the beginning of a session; in all lanes, or where the mask is True."""
        for array in self.memory.values():
            array[... if mask is None else (..., mask)] = 0
        for drawn in self.draws:
            drawn.begin(mask)

    def state(self) -> dict[str, Any]:
        """Return a copy of the memory."""
        memory = {name: array.copy() for name, array in self.memory.items()}
        return {"memory": memory, "draws": [drawn.state() for drawn in self.draws]}

    def set_state(self, saved: Mapping[str, Any], where: Any = True) -> None:
        """Restore the memory; everywhere, or where the mask is True."""
        for name, array in self.memory.items():
            np.copyto(array, saved["memory"][name], where=where)
        for drawn, state in zip(self.draws, saved["draws"], strict=True):
            drawn.set_state(state, where)


class BaseSpaces:
    """Spaces and channel names of the environment inside all wrappers, for one agent."""

    def __init__(self, observation_space: Any, action_space: Any, names: Sequence[str]) -> None:
        self.observation_space, self.action_space, self.names = observation_space, action_space, names
        self.dtype: np.dtype[Any] = np.dtype(observation_space.dtype or np.float32)


class Signal:
    """Wrapper that changes observations, actions, rewards or infos in every step.

    A subclass says in `fit` what it needs and overrides any of `act`, `after_step` and `observe`. Each subclass gets
    an adapter for every kind of environment, as classes ``PreviousReward.Parallel`` and so on; to call the class with
    an environment makes the adapter that fits. The adapters are ordinary classes that can be found by their name, so
    plain pickle finds them too.

    Attributes:
        changes_observations: Whether it adds or changes channels; then observations must be a vector of floats.
        changes_rewards: Whether it changes rewards.
        adds_infos: Whether it adds to the infos.
        env: The wrapped environment.
        parts: State for each agent. During `fit`, the states of later agents are still those from inside.
    """

    _made_with: tuple[tuple[Any, ...], dict[str, Any]]
    base_adapters: ClassVar[dict[str, type[Signal]]] = {}  # by kind of environment; see `adapters`
    adapters: ClassVar[dict[str, type[Signal]]] = {}
    is_adapter: ClassVar[bool] = False
    changes_observations: ClassVar[bool] = True
    changes_rewards: ClassVar[bool] = False
    adds_infos: ClassVar[bool] = False

    env: Any
    parts: dict[str, AgentState]

    def __init_subclass__(cls) -> None:
        """Make the adapters of a wrapper."""
        if cls.is_adapter:
            return
        cls.adapters = {}
        for kind, base in Signal.base_adapters.items():
            name = kind.capitalize()
            members = {"__module__": cls.__module__, "is_adapter": True, "base_adapter": base, "__doc__": cls.__doc__}
            adapter = type(name, (cls, base), members)
            adapter.__qualname__ = f"{cls.__qualname__}.{name}"
            setattr(cls, name, adapter)
            cls.adapters[kind] = adapter

    def __init__(self, env: Any) -> None:
        self._wrap(env)

    def _wrap(self, env: Any) -> None:
        """Wrap an environment; every adapter has its own way."""
        raise NotImplementedError

    def __new__(cls, env: Any = None, *args: Any, **options: Any) -> Self:
        """Make the adapter that fits the environment."""
        adapter: Any = cls if cls.is_adapter else cls.adapters[kind_of(env, cls.__name__)]
        made: Self = super().__new__(adapter)
        made._made_with = (args, options)
        return made

    def again(self, env: Any) -> Signal:
        """Return the same wrapper, with the same options, around another environment."""
        args, options = self._made_with
        return type(self)(env, *args, **options)

    def fit(self, me: AgentState) -> None:
        """Add channels, memory and random numbers for an agent, change its spaces, or raise `error`."""

    def act(self, me: AgentState, now: AgentStep) -> None:
        """Change ``now.action`` before it reaches the environment."""

    def after_step(self, me: AgentState, now: AgentStep) -> None:
        """Fill the added rows with something about the step just taken, or change the reward.

        It does not run for the first observation of a session, in which the added rows stay zero.
        """

    def observe(self, me: AgentState, now: AgentStep) -> None:
        """Change or fill the rows up to ``me.end`` in every observation, or add to the info."""

    def error(self, reason: str) -> ArgumentError:
        """Return the error that says why the environment cannot have this wrapper."""
        return ArgumentError(f"{type(self).__qualname__.split('.')[0]}: {reason}")

    def check_observations(self, me: AgentState) -> None:
        """Raise `error` if channels cannot be added to the observations."""
        space = me.observation_space
        is_vector = isinstance(space, spaces.Box) and len(space.shape) == 1
        if self.changes_observations and not (is_vector and me.dtype.kind == "f"):
            raise self.error(
                f"{me.agent} observes {space}; it must be a Box of one dimension and floats (flatten it before)."
            )


def select(mask: Any, yes: Any, no: Any) -> Any:
    """Return ``yes`` where the mask is True and ``no`` elsewhere, for a single truth value or one per lane."""
    return np.where(mask, yes, no) if isinstance(mask, np.ndarray) else (yes if mask else no)


def masked(mask: Any, number: Any) -> Any:
    """Return a whole number where the mask is True and 0 elsewhere, for a single truth value or one per lane.

    For a random mask, a product takes a fifth of the time of `select`.
    """
    return mask * number if isinstance(mask, np.ndarray) else (number if mask else 0)


class OneHot:
    """One-hot code of a number, with a row for each of its values.

    Args:
        count: Number of values.
        first: Smallest value that has a row; below it, all rows are zero.
    """

    def __init__(self, count: int, first: int = 0) -> None:
        self._count, self._first = count, first
        self._column = np.arange(first, first + count)[:, None]

    def write(self, out: Array, at: int, chosen: Any) -> None:
        """Fill the rows from ``at`` on, which are zero before; ``chosen`` is a number or (lanes,)."""
        if out.ndim > 1:
            np.equal(self._column, chosen, out=out[at : at + self._count], casting="unsafe")
        elif chosen >= self._first:
            out[at + chosen - self._first] = 1.0


def kind_of(env: Any, wrapper: str) -> str:
    """Return the kind of an environment: ``batch``, ``vector``, ``gym`` or ``parallel``.

    Raises:
        ArgumentError: It is none of these.
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
