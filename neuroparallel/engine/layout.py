"""The plain description that both engines play: streams, subjects and groups, names and numbers only."""

from __future__ import annotations

from dataclasses import dataclass, field

from neuroparallel.task import Task

__all__ = ["Game", "GroupSpec", "Layout", "Onset", "Partner", "StreamSpec", "SubjectSpec"]


@dataclass(frozen=True)
class Onset:
    """When a stream begins within its group's trial.

    Args:
        steps: Steps after the trial's start, or after the end of ``period`` of stream ``after``.
        after: Index of the stream that is waited for; -1 for the start of the trial.
        period: Index of the period of that stream whose end is waited for.
    """

    steps: int = 0
    after: int = -1
    period: int = -1


@dataclass(frozen=True)
class StreamSpec:
    """One task performed by one subject, with its own random branch."""

    name: str
    subject: int
    task: Task
    branch: str
    weight: float = 1.0
    onset: Onset = Onset()

    @property
    def short(self) -> str:
        """The stream's name within its subject: ``memory`` of ``subject_0.memory``."""
        return self.name.split(".", 1)[1]


@dataclass(frozen=True)
class SubjectSpec:
    """Who acts: an agent with one or more streams.

    Args:
        name: The agent's name.
        streams: Indices of its streams.
        action: ``"factored"`` (one factor per stream) or ``"shared"`` (one action for all).
        observation: ``"concat"`` or ``"shared"`` (means add up on the same channels).
        fixation: ``"own"``, ``"any"`` or ``"all"``: one fixation channel per stream, or a fused one.
        partners: Whose last choices are shown.
    """

    name: str
    streams: tuple[int, ...]
    action: str = "factored"
    observation: str = "concat"
    fixation: str = "own"
    partners: tuple[Partner, ...] = ()


@dataclass(frozen=True)
class Partner:
    """The choice that a partner's stream made in the last resolved trial, shown as one channel per choice."""

    stream: int
    choices: int


@dataclass(frozen=True)
class Game:
    """What a group pays for its members' choices together.

    Args:
        streams: The players, in the order of the pay-off table's axes.
        payoffs: For each combination of choices (first player slowest), what each player gets.
        choices: Number of choices of each player.
        missing: What every player gets if one of them made no choice.
    """

    streams: tuple[int, ...]
    payoffs: tuple[tuple[float, ...], ...]
    choices: tuple[int, ...]
    missing: float = 0.0


@dataclass(frozen=True)
class GroupSpec:
    """Streams that share a trial clock: drawn, started, awaited and resolved together.

    Args:
        name: Its name.
        branch: Its random branch.
        streams: Indices of its streams.
        mix: Which streams take part in a trial, with relative probabilities; empty: all of them.
        game: What is paid for the choices together.
        then: Index of the period all members go on to after resolving; -1 for none.
    """

    name: str
    branch: str
    streams: tuple[int, ...]
    mix: tuple[tuple[tuple[int, ...], float], ...] = ()
    game: Game | None = None
    then: tuple[int, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A scenario, compiled to what the engines need."""

    dt: float
    streams: tuple[StreamSpec, ...]
    subjects: tuple[SubjectSpec, ...]
    groups: tuple[GroupSpec, ...]
    session_trials: int = 0
    session_steps: int = 0
    seed: int = 0
    names: dict[str, int] = field(default_factory=dict, compare=False)
