"""What a task is: channels, actions, timing, rewards and a design of conditions.

A task knows what is asked within a trial, and nothing of subjects, environments or engines. Its `define` fills a
state matrix for whole arrays of conditions at once; the few things a table cannot say go through hooks that are
called with arrays, one entry per lane that needs them.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, TaskError, UnknownNameError, nearest, one_of
from neuroparallel.records.evidence import Evidence
from neuroparallel.task.criterion import Criterion
from neuroparallel.task.design import Factorial, Levels, Rows
from neuroparallel.task.hooks import Bernoulli, Draw, Memory, Moment, Movement, Poisson, Response, Step, View
from neuroparallel.timing import Timing

if TYPE_CHECKING:
    from neuroparallel.task.trial import Trial

__all__ = [
    "Actions",
    "Bernoulli",
    "Channels",
    "Criterion",
    "Draw",
    "Factorial",
    "Levels",
    "Memory",
    "Moment",
    "Movement",
    "Poisson",
    "Response",
    "Rewards",
    "Rows",
    "Step",
    "Task",
    "View",
]


Noise: TypeAlias = "str | float | Bernoulli | Poisson"
LARGEST = (
    1e30  # of what is shown or paid: observations are float32, in which a thousand million times as much is infinite
)
SINGLE = "as observations are float32"


class Channels(Mapping[str, slice]):
    """The columns of a task's observation, in named groups.

    Args:
        noise: What varies from step to step, by group. A number, or the name of a field of the task, is the
            standard deviation of Gaussian noise for one millisecond: one step of dt ms gets that divided by
            sqrt(dt), so evidence per second does not depend on dt. It is on in every step, so that it never
            tells what is going on. `Bernoulli` and `Poisson` make the group show counted events instead; what
            `Trial.show` says is then their probability or count per step (``rate * trial.dt / 1000``).
        **groups: How many columns each group has, or their names.
    """

    def __init__(self, *, noise: Mapping[str, Noise] | None = None, **groups: int | Sequence[str]) -> None:
        self.groups: dict[str, tuple[str, ...]] = {}
        self._slices: dict[str, slice] = {}
        start = 0
        for name, columns in groups.items():
            if isinstance(columns, int):
                names = (name,) if columns == 1 else tuple(f"{name}_{i + 1}" for i in range(columns))
            else:
                names = tuple(f"{name}_{column}" for column in columns)
            self.groups[name] = names
            self._slices[name] = slice(start, start + len(names))
            start += len(names)
        self.noise: dict[str, Noise] = dict(noise or {})
        for name, kind in self.noise.items():
            if name not in groups:
                raise UnknownNameError(f"noise: there is no channel {name!r}.{nearest(name, groups)}")
            number = is_finite_number(kind) and 0 <= kind <= LARGEST  # type: ignore[operator]
            if not isinstance(kind, (str, Bernoulli, Poisson)) and not number:
                raise TaskError(
                    f"noise of {name!r} is {kind!r}; it is a standard deviation (a number from 0 to {LARGEST:g}, or "
                    "the name of a field of the task), Bernoulli() or Poisson()."
                )

    def __getitem__(self, name: str) -> slice:
        if name not in self._slices:
            raise UnknownNameError(f"there is no channel {name!r}.{nearest(name, self._slices)}")
        return self._slices[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._slices)

    def __len__(self) -> int:
        return len(self._slices)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every column."""
        return tuple(name for group in self.groups.values() for name in group)

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.names)


class Actions(tuple[str, ...]):
    """The names of a task's actions; the first one holds, fixates or withholds."""

    def __new__(cls, *names: str) -> Actions:
        if len(names) < 2:
            raise TaskError("a task has at least two actions: the one that holds, and a choice.")
        return super().__new__(cls, names)


class Rewards(Mapping[str, float]):
    """What each outcome pays.

    Args:
        **amounts: Any of ``correct, error, abort, miss, withheld`` (a correct withholding; as much as ``correct``
            if not given) and whatever else the task names.
    """

    def __init__(self, **amounts: float) -> None:
        self._amounts: dict[str, float] = {"correct": 1.0, "error": 0.0, "abort": 0.0, "miss": 0.0}
        for name, amount in amounts.items():
            if not is_finite_number(amount) or abs(amount) > LARGEST:
                raise ArgumentError(
                    f"rewards.{name} is {amount!r}; a reward is a number from {-LARGEST:g} to {LARGEST:g}, {SINGLE}."
                )
            self._amounts[name] = float(amount)
        self._amounts.setdefault("withheld", self._amounts["correct"])

    def __getitem__(self, name: str) -> float:
        if name not in self._amounts:
            raise UnknownNameError(f"rewards: there is no {name!r}.{nearest(name, self._amounts)}")
        return self._amounts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._amounts)

    def __len__(self) -> int:
        return len(self._amounts)

    def __hash__(self) -> int:
        return hash(tuple(sorted(self._amounts.items())))

    def __repr__(self) -> str:
        return f"Rewards({', '.join(f'{k}={v:g}' for k, v in self._amounts.items())})"

    def replace(self, changes: Mapping[str, float]) -> Rewards:
        """Pay some outcomes differently; an unknown name is an error that offers the nearest one."""
        for name in changes:
            if name not in self._amounts:
                raise UnknownNameError(f"rewards.{name}: there is no such reward.{nearest(name, self._amounts)}")
        return Rewards(**{**self._amounts, **changes})


def is_finite_number(value: Any) -> bool:
    """Whether a value is a number, as Python or NumPy writes it, and neither infinite nor NaN; a bool is none."""
    try:
        return not isinstance(value, bool) and isinstance(value, Real) and bool(np.isfinite(float(value)))
    except OverflowError:  # of a whole number with hundreds of digits
        return False


def _of_kind(value: Any, kind: str, where: str) -> Any:
    """A parameter as its annotation has it, if that speaks of numbers only; anything else passes as it is."""
    if isinstance(value, (list, np.ndarray)):
        value = tuple(value.tolist() if isinstance(value, np.ndarray) else value)
    if kind in ("int", "float"):
        if not is_finite_number(value) or (kind == "int" and (value != int(value) or abs(value) >= 10**18)):
            allowed = "a whole number of 18 digits at most" if kind == "int" else "a finite number"
            raise ArgumentError(f"{where} is {value!r}; it is {allowed}.")
        if kind == "float":
            if abs(value) > LARGEST:
                raise ArgumentError(f"{where} is {value!r}; it is a number from {-LARGEST:g} to {LARGEST:g}, {SINGLE}.")
            return value if abs(value) < 2**63 else float(value)  # as a whole number NumPy could not hold it
        return int(value)
    many = re.fullmatch(r"tuple\[(.+), \.\.\.\]", kind)
    few = re.fullmatch(r"tuple\[(\w+(?:, \w+)*)\]", kind)
    if many is None and few is None:
        return value
    kinds = few[1].split(", ") if few else []
    if not isinstance(value, tuple) or (kinds and len(value) != len(kinds)):
        raise ArgumentError(f"{where} is {value!r}; it is a sequence{f' of {len(kinds)}' if kinds else ''}.")
    kinds = kinds or [many[1]] * len(value) if many else kinds
    return tuple(_of_kind(entry, kinds[n], f"{where}[{n}]") for n, entry in enumerate(value))


def fitting_parameters(owner: Any) -> None:
    """Bring the fields of a frozen dataclass, a task or a rule, into the form that their annotations ask for.

    Raises:
        ArgumentError: A number is none, or a sequence has another length; names the field.
    """
    for spec in dataclasses.fields(owner):
        value = getattr(owner, spec.name)
        kind = spec.type.__name__ if spec.type in (int, float) else str(spec.type)
        fitting = _of_kind(value, kind, spec.name)
        if fitting is not value:
            object.__setattr__(owner, spec.name, fitting)


def class_name(owner: type) -> str:
    """The name of a class in scenario files: lower case with underscores."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", owner.__name__).lower()


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is asked within a trial.

    A subclass is a frozen dataclass: its fields are the parameters a user may change. It declares ``channels``
    and ``actions``, gives defaults to ``timing`` and ``rewards``, lists its `conditions` and fills in `define`.

    What the table cannot say goes through a hook, a method that a task simply has; a task pays for no hook that
    it does not have. A hook is called with arrays, one entry per lane that needs it, and may use elementwise
    operations only, so that a lane does not depend on its neighbours:

    - ``sequence(self, draw: Draw)``, when trials start: change the conditions that were drawn, and the memory.
    - ``observe(self, view: View)``, in every step before it is shown: change the means of the channels. It must
      depend on nothing but the view, and not change the memory, as a display may be asked for twice.
    - ``move(self, step: Step)``, in every step of a task that declares a ``movement`` and so has continuous
      actions: move what is remembered, and return an event per lane, int64 (n,): 0 for holding, or the number of
      the action (target) that was reached. The table, and all records, know the events only.
    - ``steer(self, moment: Moment)``, never in play, only when the oracle asks: the movement that is right at present,
      floats (n, axes); what is beyond the range of an axis counts as its end.
    - ``pay(self, response: Response)``, when a response marked ``pay=True`` was made: change reward and outcome.
      What was really seen until then, noise and all, is in it for the channel groups named in ``sums``.
    - ``memory(self)`` declares the arrays that hooks find under that name; they last for a session.

    Args:
        timing: Durations of the periods; a mapping changes the task's own.
        rewards: What outcomes pay; a mapping changes the task's own.
        early: What a response outside a response window does: ``"abort"`` ends the trial, ``"penalty"`` pays
            ``rewards["abort"]`` each time and lets it go on, ``"free"`` does nothing.
        commit: Which choice in a response window counts: the ``"first"``, the ``"last"`` (what is chosen when time runs
            out), or the first one that is held for so many ms.
    """

    timing: Timing = Timing()
    rewards: Rewards = Rewards()
    early: Literal["abort", "penalty", "free"] = "abort"
    commit: Any = "first"

    channels: ClassVar[Channels]
    actions: ClassVar[Actions]
    movement: ClassVar[Movement | None] = None  # continuous actions; `move` turns them into the above
    criterion: ClassVar[Criterion] = Criterion()  # when it counts as learnt
    tags: ClassVar[tuple[str, ...]] = ()
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    dt: ClassVar[float] = 100.0  # ms; what a scenario uses unless it says otherwise
    lazy: ClassVar[bool] = False  # define each trial's own rows even where the grid is small
    sums: ClassVar[tuple[str, ...]] = ()  # channel groups of which `pay` needs to know what was really shown
    signature: ClassVar[str | None] = None  # the analysis that it is known by, as a scenario names it
    evidence_columns: ClassVar[Evidence | None] = None  # which columns hold strength and side of the evidence
    value_names: ClassVar[
        Mapping[str, tuple[str, ...]]
    ] = {}  # what a condition's values 1, 2, ... are; (): the choices
    notes: ClassVar[tuple[str, ...]] = ()  # columns that are recorded but ask nothing of the table

    sequence: ClassVar[Callable[..., None] | None] = None
    pay: ClassVar[Callable[..., None] | None] = None
    observe: ClassVar[Callable[..., None] | None] = None
    move: ClassVar[Callable[..., NDArray[np.int64]] | None] = None
    steer: ClassVar[Callable[..., NDArray[Any]] | None] = None

    def __post_init__(self) -> None:
        default = type(self)
        one_of(self.early, ("abort", "penalty", "free"), "early")
        if self.commit not in ("first", "last") and not (is_finite_number(self.commit) and self.commit > 0):
            raise ArgumentError(f"commit is {self.commit!r}; it is first, last, or for how many ms a choice is held.")
        for name in ("timing", "rewards"):
            value = getattr(self, name)
            if not isinstance(value, (Timing, Rewards)):
                if not isinstance(value, Mapping):
                    raise ArgumentError(f"{name} is {value!r}; give a mapping of names to numbers.")
                object.__setattr__(self, name, getattr(default, name).replace(value))
        fitting_parameters(self)
        declared = getattr(default, "channels", None)
        for noise in declared.noise.values() if isinstance(declared, Channels) else ():
            if isinstance(noise, str) and not is_finite_number(getattr(self, noise, None)):
                raise TaskError(
                    f"{self.task_name()}: noise names {noise!r}, which is no field with a number."
                    f"{nearest(noise, self.parameters())}"
                )
            if isinstance(noise, str) and getattr(self, noise) < 0:
                raise ArgumentError(f"{noise} is {getattr(self, noise)!r}; a standard deviation is 0 or more.")

    @classmethod
    def task_name(cls) -> str:
        """The name of the task in scenario files: that of its class in lower case with underscores."""
        return class_name(cls)

    def conditions(self) -> Factorial:
        """The design: the factors that are drawn at the start of each trial."""
        return Factorial()

    def memory(self) -> dict[str, Memory]:
        """Arrays that the task remembers from trial to trial."""
        return {}

    def trials_back(self) -> int:
        """How many trials ago something was shown that an answer depends on; 0 where a trial can be done by itself."""
        return 0

    def learns_from_reward(self) -> bool:
        """Whether earlier rewards say what to choose now, as in a bandit; training then shows them to the subject."""
        return False

    def define(self, trial: Trial) -> None:
        """Fill in the state matrix for arrays of conditions; see `neuroparallel.task.trial.Trial`."""
        raise NotImplementedError

    def channel_groups(self) -> Channels:
        """The task's channels; overridden where their number depends on a parameter."""
        if not isinstance(getattr(self, "channels", None), Channels):
            raise TaskError(f"{type(self).__name__} has no channels; write channels: ClassVar = Channels(tone=2).")
        return self.channels

    def action_names(self) -> Actions:
        """The task's actions; overridden where their number depends on a parameter."""
        if not isinstance(getattr(self, "actions", None), Actions):
            raise TaskError(
                f'{type(self).__name__} has no actions; write actions: ClassVar = Actions("hold", "press").'
            )
        return self.actions

    def note_names(self) -> tuple[str, ...]:
        """Numbers that `sequence` and `pay` may set among the conditions, 0 otherwise, only to be recorded."""
        return self.notes

    def parameters(self) -> dict[str, Any]:
        """All fields but timing, rewards, early and commit, with their values."""
        return {
            spec.name: getattr(self, spec.name)
            for spec in dataclasses.fields(self)
            if spec.name not in ("timing", "rewards", "early", "commit")
        }
