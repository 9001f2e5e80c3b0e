"""The plain description that both engines play: streams, subjects and groups, names and numbers only."""

from __future__ import annotations

from dataclasses import dataclass, field

from neuroparallel.engine.tables import Tables
from neuroparallel.rules import Rule
from neuroparallel.task import Task
from neuroparallel.timing import Law

__all__ = ["GroupSpec", "Layout", "Message", "Onset", "PartnerView", "StreamSpec", "SubjectSpec"]


@dataclass(frozen=True)
class Onset:
    """Onset of a stream within its group's trial.

    Args:
        steps: Steps after the trial's start, or after the end of ``period`` of stream ``after``.
        after: Index of the stream that is waited for; -1 for the start of the trial.
        period: Index of the period of that stream whose end is waited for.
        law: From which the time is drawn in every trial, instead of ``steps``.
    """

    steps: int = 0
    after: int = -1
    period: int = -1
    law: Law | None = None


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
class Message:
    """Message of a subject to others in every step, an action factor of its own.

    Args:
        levels: Number of levels; 0 is silence, and level k is shown as ``k / (levels - 1)``.
        cost: Cost of sending 1, per step.
    """

    levels: int
    cost: float = 0.0


@dataclass(frozen=True)
class PartnerView:
    """View of a partner: channels behind the subject's own.

    Args:
        kind: ``"choice"``, ``"reward"`` or ``"answer_message"`` (what was said with the answer) of the partner's last
            resolved trial, its ``"action"`` (the choice that stands in its present trial) or its ``"message"``.
        label: Name of the partner in the names of the channels.
        stream: Index of the partner's stream.
        subject: Index of the partner.
        choices: How many choices the partner has, holding left out.
        delay: Steps after which an action or message is seen, 1 or more.
    """

    kind: str
    label: str
    stream: int
    subject: int
    choices: int = 0
    delay: int = 1

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels: one for each choice, or one for a number."""
        if self.kind in ("choice", "action"):
            return tuple(f"{self.label}.{self.kind}_{choice}" for choice in range(1, self.choices + 1))
        return (f"{self.label}.{self.kind}",)

    @property
    def live(self) -> bool:
        """Whether it is of the present trial, and so shown with a latency."""
        return self.kind in ("action", "message")


@dataclass(frozen=True)
class SubjectSpec:
    """A subject: an agent with one or more streams.

    Args:
        name: The agent's name.
        streams: Indices of its streams.
        action: ``"factored"`` (one factor per stream) or ``"shared"`` (one action for all).
        routing: Where a shared action goes: ``"open_window"`` (to streams whose response window is open, to all if
            none is), ``"main_first"`` (to the first of these only) or ``"both"`` (always to all).
        observation: ``"concat"``, ``"shared"`` (means add up on the same channels) or ``"dict"`` (as concat for the
            engines; the environments split it by stream).
        fixation: ``"own"``, ``"any"`` or ``"all"``: one fixation channel per stream, or a fused one.
        lock: Steps after a response in which no other one is registered.
        partner_views: What is shown of partners.
        message: Message that the subject may send; None without one.
        cues: Indices of groups whose entry of the mix is shown.
    """

    name: str
    streams: tuple[int, ...]
    action: str = "factored"
    routing: str = "open_window"
    observation: str = "concat"
    fixation: str = "own"
    lock: int = 0
    partner_views: tuple[PartnerView, ...] = ()
    message: Message | None = None
    cues: tuple[int, ...] = ()


@dataclass(frozen=True)
class GroupSpec:
    """Streams that share a trial clock: drawn, started, awaited and resolved together.

    Args:
        name: Its name.
        branch: Its random branch.
        streams: Indices of its streams.
        mix: Which streams take part in a trial, with relative probabilities; empty: all of them.
        labels: How the entries of the mix are written.
        block: For how many trials an entry of the mix lasts.
        yoked: Conditions that are drawn once and given to all members that have them.
        abort_all: Whether an abort of one member ends the trial of all.
        deadline: Steps from the trial's start after which waiting ends; 0: none.
        patience: Steps from the end of the first member after which waiting ends; 0: none.
        rule: What couples the members.
        then: Index of the period that each member goes on to after resolving; empty for none.
        columns: What the rows of all members show of one: name of the column, index of the stream, its condition.
    """

    name: str
    branch: str
    streams: tuple[int, ...]
    mix: tuple[tuple[tuple[int, ...], float], ...] = ()
    labels: tuple[str, ...] = ()
    block: int = 1
    yoked: tuple[str, ...] = ()
    abort_all: bool = False
    deadline: int = 0
    patience: int = 0
    rule: Rule | None = None
    then: tuple[int, ...] = ()
    columns: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True)
class Layout:
    """A scenario, compiled to what the engines need.

    Args:
        dt: Time step, ms.
        streams: All streams; others refer to them by index.
        subjects: All subjects, in the order of the agents.
        groups: All groups.
        session_trials: Trials after which a session ends; 0: none.
        session_steps: Steps after which a session ends; 0: none.
        tables: The compiled task of each stream.
    """

    dt: float
    streams: tuple[StreamSpec, ...]
    subjects: tuple[SubjectSpec, ...]
    groups: tuple[GroupSpec, ...]
    session_trials: int = 0
    session_steps: int = 0
    tables: tuple[Tables, ...] = field(default=(), compare=False, repr=False)

    def tables_for(self, lanes: int) -> list[Tables]:
        """The compiled task of each stream for an engine of so many lanes."""
        return [tables.with_slots(lanes) for tables in self.tables]
