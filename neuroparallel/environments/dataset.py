"""Supervised data: what is seen, what is right, and where that counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents import OracleAgent
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.errors import ArgumentError, UnknownNameError, UsageError, nearest, whole_number
from neuroparallel.scenario import Scenario, What
from neuroparallel.task import is_finite_number

__all__ = ["Dataset", "Details"]

Batch: TypeAlias = tuple[NDArray[np.float32], NDArray[np.int64], "NDArray[np.bool_] | NDArray[np.float32]"]

# Small batches are made together, GROWTH times as many each time, until so many lanes run at once, or until
# what they see is so many numbers.
AHEAD_LANES = 16_384
AHEAD_VALUES = 6_000_000
GROWTH = 8


@dataclass(frozen=True)
class Details:
    """More about a batch; arrays of the shape of its targets.

    Attributes:
        period: int64. Number of the period that is shown, -1 where the stream is idle; that of the first stream if
            several share an action.
        trial_end: bool. This observation is the first one after the end of a trial.
        window: bool. A response is asked for.
    """

    period: NDArray[np.int64]
    trial_end: NDArray[np.bool_]
    window: NDArray[np.bool_]


class Dataset:
    """Endless labelled sequences for supervised training, made as fast as memory takes them.

    Sequence n, counted over all batches, is the beginning of lane n of the batch engine with the same seed,
    whatever the size of the batch; an oracle acts in it, so that trials follow each other. With ``continued``
    sequence i of every batch goes on where that of the last batch ended: for networks that carry their state
    over, and for tasks in which the trials long past matter, such as staircases.

    The scenario's wrappers, which change what a learner sees, are left out.

    No two batches share memory that is written again; with ``batch_first`` they are transposed views.

        inputs, targets, mask = npar.Dataset("random_dots", batch=64, steps=100)()

    Args:
        what: A shipped scenario's name, a task's name, a path to a ``.yaml`` file, a dictionary, a `Scenario` or a
            `Task`.
        batch: Number of sequences, 1 or more.
        steps: Length of a sequence in steps of dt, 1 or more.
        seed: 0 or more; None: the scenario's, or else a new one.
        dt: Time step in ms instead of the scenario's.
        subject: Whose data, if there are several subjects.
        batch_first: Axes are (batch, steps, ...), otherwise (steps, batch, ...).
        continued: Whether each batch goes on where the last one ended, instead of with new sessions.
        window_weight: If given, the mask is float32 instead of bool: this weight where a response is asked for, 1
            elsewhere, 0 where nothing is defined.

    Attributes:
        scenario: The scenario.
        subject: Whose data.
        dt: Time step, ms.
        channels: Name of each column of the inputs.
        streams: Name of each of the subject's streams, in the order of the last axis of targets.
        seed: The seed in use.
        actions: Number of actions of each stream: targets are 0 .. actions - 1.

    Raises:
        UnknownNameError: There is no such scenario, task or subject; names the nearest one.
        ArgumentError: A number is not allowed, there are several subjects and none was chosen, or somebody has to
            move: targets are numbered actions.
    """

    def __init__(
        self,
        what: What,
        batch: int = 64,
        steps: int = 100,
        seed: int | None = None,
        *,
        dt: float | None = None,
        subject: str | None = None,
        batch_first: bool = True,
        continued: bool = False,
        window_weight: float | None = None,
    ) -> None:
        if window_weight is not None and not (is_finite_number(window_weight) and window_weight >= 0):
            raise ArgumentError(f"window_weight is {window_weight!r}; it is a number, 0 or more, or None.")
        self.scenario = Scenario.load(what, dt=dt)
        self.batch, self.steps = whole_number(batch, "batch", 1), whole_number(steps, "steps", 1)
        self.batch_first, self.window_weight = batch_first, window_weight
        self._continued, self.seed = continued, self.scenario.first_seed(seed)
        self._layout = self.scenario.layout
        self._engine = BatchEngine(self._layout, self.batch, record=0)
        self._refuse_movements()
        self.dt, self.subject = self._engine.dt, self._chosen(subject)
        self._use(self._engine)
        self.channels = self._subject.names
        self.streams = [stream.spec.short for stream in self._subject.streams]
        self.actions = [int(n) for n in self._subject.sizes]
        self._oracle = OracleAgent()
        tables = [stream.tables for stream in self._engine.streams]
        self._gaps = any(t.lazy or bool((t.truth < 0).any()) for t in tables)  # windows without a right answer
        self._most = self._ahead()
        self._first = -1  # number of the engine's first lane
        self._observations: dict[str, NDArray[Any]] = {}
        self._infos: Mapping[str, Any] = {}
        self._block: Batch | None = None
        self._at = 0  # how many sequences of the block were handed out
        self._seen: list[tuple[Any, list[NDArray[np.int64]]]] = []
        self._details: list[NDArray[Any]] = []

    def _refuse_movements(self) -> None:
        for subject in self._engine.subjects:
            if subject.moving:
                raise ArgumentError(
                    f"{self.scenario.name}: {subject.spec.name} has to move, and targets are numbered actions; take a "
                    "part without movements, such as scenario.only(...)."
                )

    def _ahead(self) -> int:
        """How many lanes to run at once in the end: several batches, if these are small, for that costs little more."""
        values = self.steps * sum(len(subject.names) for subject in self._engine.subjects)
        return self.batch * max(1, min(AHEAD_LANES, AHEAD_VALUES // values) // self.batch)

    def _use(self, engine: BatchEngine) -> None:
        self._engine = engine
        self._subject = engine.subjects[engine.possible_agents.index(self.subject)]

    def _chosen(self, subject: str | None) -> str:
        names = self._engine.possible_agents
        if subject is None and len(names) > 1:
            raise ArgumentError(
                f"{self.scenario.name} has several subjects; choose one: subject={names[0]!r} ({', '.join(names)})."
            )
        if subject is not None and subject not in names:
            raise UnknownNameError(f"there is no subject {subject!r}.{nearest(subject, names)}")
        return subject or names[0]

    def __iter__(self) -> Iterator[Batch]:
        """Batches without end."""
        while True:
            yield self()

    def __call__(self) -> Batch:
        """Make the next batch.

        Returns:
            inputs: float32, (batch, steps, channels).
            targets: int64, (batch, steps), or (batch, steps, streams) if the subject has an action for each of
                several streams. The action that is right at each step, 0 (hold) where none is defined.
            mask: bool, of the shape of targets: where a target is defined, which it is not in a window without a
                right answer, as in a game. float32 with ``window_weight``.
        """
        if self._block is None or self._at == self._engine.lanes:
            self._block = None  # its memory may serve again
            self._block, self._at = self._made(), 0
        part = slice(self._at, self._at + self.batch)
        self._at += self.batch
        inputs, targets, mask = (self._turned(array[:, part]) for array in self._block)
        return inputs, targets, mask

    def _made(self) -> Batch:
        """The next sequences of all lanes, (steps, lanes, ...)."""
        self._go_on()
        core, agent, subject = self._engine, self.subject, self._subject
        inputs = np.empty((self.steps, len(self.channels), core.lanes), np.float32)
        targets = np.empty((self.steps, max(1, subject.factors), core.lanes), np.int64)
        self._seen, self._details = [], []
        for step in range(self.steps):
            inputs[step] = self._observations[agent].T
            truth = core.truth()
            targets[step] = truth[agent].T
            self._seen.append((self._infos[agent], [stream.row for stream in subject.streams]))
            if self._gaps and any(action.min() < 0 for action in truth.values()):
                truth = self._oracle.act(self._observations, self._infos, core)
            self._observations, _, _, _, self._infos = core.step(truth)
        mask = targets >= 0 if self._gaps else np.ones(targets.shape, bool)
        if self._gaps:
            targets[~mask] = 0
        return np.swapaxes(inputs, 1, 2), self._shaped(targets), self._shaped(self._weighted(mask))

    def _go_on(self) -> None:
        """Bring the engine to where the next sequences begin."""
        core = self._engine
        if self._first < 0:
            self._first = 0
            self._observations, self._infos = core.reset(self.seed)
        elif not self._continued:
            self._first += core.lanes
            if core.lanes < self._most:
                core = BatchEngine(self._layout, min(self._most, GROWTH * core.lanes), record=0)
                self._use(core)
                core.reset(self.seed)
            core.lane_ids[:] = np.arange(core.lanes, dtype=np.uint64) + np.uint64(self._first)
            core.sessions[:] = -1
            self._observations, self._infos = core.reset()

    def _weighted(self, mask: NDArray[np.bool_]) -> NDArray[Any]:
        if self.window_weight is None:
            return mask
        weight = np.where(self._windows(), np.float32(self.window_weight), np.float32(1.0))
        return np.where(mask, weight, np.float32(0.0))

    def _shaped(self, array: NDArray[Any]) -> NDArray[Any]:
        """From (steps, factors, lanes) to (steps, lanes, factors), or (steps, lanes) without factors."""
        return np.swapaxes(array, 1, 2) if self._subject.factors else array[:, 0]

    def _turned(self, array: NDArray[Any]) -> NDArray[Any]:
        return np.swapaxes(array, 0, 1) if self.batch_first else array

    @property
    def last(self) -> Details:
        """More about the batch made last.

        Raises:
            UsageError: None has been made yet.
        """
        if not self._seen:
            raise UsageError("last: no batch has been made yet; call the dataset first.")
        part = slice(self._at - self.batch, self._at)
        if not self._details:
            shown = (self._told("period"), self._told("trial_end"), self._windows())
            self._details = [self._shaped(array) for array in shown]
        return Details(*(self._turned(array[:, part]) for array in self._details))

    def _told(self, key: str) -> NDArray[Any]:
        """What the infos said, (steps, factors, lanes)."""
        keys = [f"{name}.{key}" for name in self.streams] if self._subject.factors else [key]
        return np.stack([np.stack([info[k] for k in keys]) for info, _ in self._seen])

    def _windows(self) -> NDArray[np.bool_]:
        """Where a response window was open, bool (steps, factors, lanes)."""
        tables = [stream.tables for stream in self._subject.streams]
        open_ = np.stack(
            [np.stack([t.window[row] for t, row in zip(tables, rows, strict=True)]) for _, rows in self._seen]
        )
        return open_ if self._subject.factors else np.asarray(open_.any(axis=1, keepdims=True))
