"""What was right in the trial before says something about what is right now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError, nearest, one_of, probability
from neuroparallel.modifiers._base import Modifier, call_hook
from neuroparallel.modifiers._blocks import ORDERS, Blocks, read_length
from neuroparallel.modifiers._correct_actions import correct_actions, crop, drawn
from neuroparallel.modifiers._design import added_factor, shown_block, with_channels
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Channels, Draw, Memory, Task, is_finite_number
from neuroparallel.task.design import Factorial
from neuroparallel.task.trial import Trial

__all__ = ["TrialHistory"]

FIXED = ("repeat", "alternate", "clockwise", "counterclockwise", "independent")
DRAWN = ("permutation", "map")
AFTER_ERROR = ("same", "forget", "reset")

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class TrialHistory(Modifier):
    """Let what was right in the last trial make one answer more likely in the next: repeating, alternating ... blocks.

    Within a block the right answers form a Markov chain. What is drawn is the condition that decides what is right,
    so stimulus, truth and record agree in every task; difficulty and other conditions stay independent. All answers
    are equally frequent in the long run in blocks of the named kinds. What is right never depends on what the subject
    does, unless `after_error` says so. The column ``history_block`` of the trial table has the block, from 1.

    Args:
        blocks: What is favoured in each kind of block: ``repeat``, the same answer; ``alternate``, any other one;
            ``clockwise`` or ``counterclockwise``, the next one in the order of the actions; ``independent``, none;
            ``permutation``, a random order of the answers drawn anew for each block; ``map``, a random answer after
            each one, so that some may become rare; or the matrix itself, a row for what was right before.
        probability: That the favoured answer comes next; the others share the rest. A number, or one per block.
        block: Length of a block in trials: a number, ``{hazard: 0.0125}``, ``{uniform: [20, 100]}``,
            ``{truncated_exponential: {mean: 60, low: 20, high: 100}}``, a list, or nothing (the whole session).
        order: ``cycle``, ``random``: any other block, or ``any``: any block, the present one included. Kinds that are
            the same with two choices then count as one, and a new block begins when the number of choices changes.
            The first block of a session is drawn.
        after_error: After an error: ``same``, nothing is different; ``forget``, all answers are equally likely;
            ``reset``, that and another block begins; or the probability of the favoured answer, one for all blocks
            or one for each.
        renewal: Probability per trial that all random orders are drawn anew, which are then kept when their block
            comes again: a context that evolves. Nothing: they are drawn for each block.
        choices: The answers that form the chain; nothing: all that can be right, or with `variable_choices` before
            it all that can be right at the time. Trials in which something else is right come as the task draws them
            and leave the chain alone.
        show_block: Show the block to the subject, on a channel for each kind.

    Source:
        Hermoso-Mendizabal et al. 2020, Nat Commun 11:1057 (repeating and alternating blocks of 200 trials, 0.8);
        Molano-Mazon et al. 2023, Curr Biol 33:622 (more than two choices, contexts that evolve).
    """

    blocks: Any = ("repeat", "alternate")
    probability: Any = 0.8
    block: Any = 200
    order: str = "cycle"
    after_error: Any = "same"
    renewal: float | None = None
    choices: Any = None
    show_block: bool = False

    steers: ClassVar[bool] = True

    def longest_block(self) -> int:
        return read_length(self.block, "block").usual

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        blocks = (self.blocks,) if isinstance(self.blocks, str) else self.blocks
        if not isinstance(blocks, tuple) or not blocks:
            raise ArgumentError(f"blocks is {self.blocks!r}; it is a list of kinds: {', '.join(FIXED + DRAWN)}.")
        object.__setattr__(self, "blocks", blocks)
        for place, block in enumerate(blocks):
            if isinstance(block, str):
                one_of(block, FIXED + DRAWN, f"blocks.{place}")
            else:
                _check_matrix(block, f"blocks.{place}")
        self.per_block(self.probability, "probability")
        read_length(self.block, "block")
        one_of(self.order, ORDERS, "order")
        if isinstance(self.after_error, str):
            one_of(self.after_error, AFTER_ERROR, "after_error")
        else:
            self.per_block(self.after_error, "after_error")
        if self.renewal is not None:
            probability(self.renewal, "renewal")
            if not set(blocks) & set(DRAWN):
                raise ArgumentError(f"renewal: no block is drawn at random; write one of {', '.join(DRAWN)} in blocks.")

    def per_block(self, value: Any, name: str) -> list[float]:
        """A probability for each block, from one for all or a list; refuses what is none."""
        values = value if isinstance(value, tuple) else (value,) * len(self.blocks)
        if len(values) != len(self.blocks):
            raise ArgumentError(f"{name} is {value!r}; it is a number, or one for each of {len(self.blocks)} blocks.")
        return [probability(v, name) for v in values]

    # ---- the task ----

    def check(self, task: Task, dt: float) -> None:
        found = self._answers(task, dt)
        if not isinstance(self.after_error, str) and any(not isinstance(block, str) for block in self.blocks):
            raise self.refuse(task, "after_error is a probability of the favoured answer, and a matrix favours none.")
        for place, block in enumerate(self.blocks):
            if not isinstance(block, str) and len(block) != len(found):
                raise self.refuse(task, f"blocks.{place} has {len(block)} rows; {len(found)} answers can be right.")

    def _answers(self, task: Task, dt: float) -> tuple[int, ...]:
        possible = correct_actions(task, dt, self.name()).choices
        if self.choices is None:
            return possible
        names = list(task.action_names())
        wanted = self.choices if isinstance(self.choices, tuple) else (self.choices,)
        known = {str(a): a for a in possible} | {names[a]: a for a in possible}
        for choice in wanted:
            if str(choice) not in known:
                raise self.refuse(
                    task, f"{choice!r} is never right.{nearest(str(choice), [names[a] for a in possible])}"
                )
        answers = tuple(dict.fromkeys(known[str(choice)] for choice in wanted))
        if len(answers) < 2:
            raise self.refuse(task, "a chain needs two choices or more.")
        return answers

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self.name(), (read_length(self.block, "block"),) * len(self.blocks), self.order)

    def trials_back(self, task: Task) -> int:
        return max(14, task.trials_back())  # from which the present block is known well

    def memory(self, task: Task) -> dict[str, Memory]:
        width = len(task.action_names())
        found = self._blocks.memory() | {"trial_history.last": Memory(-1, np.int64)}
        if self.order == "any":
            found["trial_history.possible"] = Memory(0, np.int64)
        if set(self.blocks) & set(DRAWN):
            found["trial_history.favoured"] = Memory(np.zeros((len(self.blocks), width)), np.int64)
        return found

    def conditions(self, task: Task) -> Factorial:
        design = task.conditions()
        return added_factor(design, "history_block", range(1, len(self.blocks) + 1)) if self.show_block else design

    def notes(self, task: Task) -> tuple[str, ...]:
        return () if self.show_block else ("history_block",)

    def channels(self, task: Task) -> Channels:
        own = task.channel_groups()
        return with_channels(own, history_block=len(self.blocks)) if self.show_block else own

    def define(self, task: Task, trial: Trial) -> None:
        self.check(task, trial.dt)
        task.define(trial)
        if self.show_block:
            shown_block(trial, "history_block", len(self.blocks))

    # ---- the chain ----

    def sequence(self, task: Task, draw: Draw) -> None:
        """Draw what is right in this trial from what was right in the last one."""
        call_hook(task.sequence, draw)
        found = correct_actions(task, draw.dt, self.name())
        answers = np.array(self._answers(task, draw.dt))
        failed = (draw.outcome == Outcome.ERROR) & ~draw.first
        if self.order == "any":
            possible = self._possible(draw, answers)
            other = possible != draw.memory["trial_history.possible"]
            draw.memory["trial_history.possible"] = possible
            draw.memory["trial_history.last"] = np.where(other, -1, draw.memory["trial_history.last"])
            among = np.where((possible == 2)[:, None], self._different, True)
        else:
            other, among = np.zeros(len(draw), bool), None
        block, new = self._blocks.advance(draw, other | (failed & (self.after_error == "reset")), among)
        draw.conditions["history_block"] = block + 1 if self.show_block else (block + 1).astype(np.float64)
        which = np.ones(len(draw), bool)
        if self.choices is not None:
            which = np.isin(found.truth(draw.conditions), answers)
        last = draw.memory["trial_history.last"]
        odds = self._odds(draw, block, new, failed, last, answers)
        odds = crop(draw, answers, odds)
        place = drawn(odds, draw.random("trial_history.answer"))
        draw.memory["trial_history.last"] = np.where(which, place, last)
        found.steer(draw, answers[place], which, "trial_history.condition")

    @cached_property
    def _different(self) -> Booleans:
        """Which blocks are not the same as an earlier one if there are two choices, bool (blocks,)."""
        alike = ["alternate" if kind in ("clockwise", "counterclockwise") else kind for kind in self.blocks]
        return np.array([kind in DRAWN or kind not in alike[:place] for place, kind in enumerate(alike)])

    @staticmethod
    def _possible(draw: Draw, answers: Integers) -> Integers:
        """How many answers of the chain can be right at the time, int64 (n,)."""
        active = draw.memory.get("variable_choices.active")
        counts = np.full(len(draw), len(answers)) if active is None else active[:, answers].sum(axis=1)
        return counts.astype(np.int64)

    def _odds(
        self, draw: Draw, block: Integers, new: Booleans, failed: Booleans, last: Integers, answers: Integers
    ) -> list[Floats]:
        """How likely each answer is, by its place in the chain; (n,) each."""
        n, active = len(answers), draw.memory.get("variable_choices.active")
        active = None if active is None else active[:, answers]
        matrices, strengths, is_drawn = _tables(self, n)
        before, after = np.maximum(last, 0), failed.astype(np.int64)
        forgotten = (last < 0) | (failed & (self.after_error in ("forget", "reset")))
        if active is None:
            given = matrices[after, block, before]
        else:
            given = self._among(active, after, block, before)
            forgotten |= ~active[np.arange(len(draw)), before]
        if is_drawn.any():
            favoured, strength = self._favoured(draw, block, new, before, n), strengths[after, block]
        odds = []
        for k in range(n):
            odd = given[:, k]
            if is_drawn.any():
                odd = np.where(is_drawn[block], np.where(favoured == k, strength, (1 - strength) / (n - 1)), odd)
            odds.append(np.where(forgotten, 1.0 / n, odd))
        return odds

    def _among(self, active: Booleans, after: Integers, block: Integers, before: Integers) -> Floats:
        """Chances of the next answer where only some can be right: the named kinds are chains of those, (lanes, n)."""
        n = active.shape[1]
        rank = np.maximum(np.cumsum(active, axis=1) - 1, 0)
        left, place = rank[:, -1] + 1, rank[np.arange(len(rank)), before]
        ranked = np.take_along_axis(_shorter(self, n)[left, after, block, place], rank, axis=1)
        named = np.array([kind in FIXED for kind in self.blocks])
        given: Floats = np.where(named[block][:, None], ranked, _tables(self, n)[0][after, block, before])
        return given

    def _favoured(self, draw: Draw, block: Integers, new: NDArray[np.bool_], before: Integers, n: int) -> Integers:
        """The answer that a random order puts after the last one."""
        orders = draw.memory["trial_history.favoured"]
        renewed = draw.first
        if self.renewal is not None:
            renewed = draw.first | (draw.random("trial_history.renewal") < self.renewal)
        for number, kind in enumerate(self.blocks):
            if kind in DRAWN:
                begins = renewed if self.renewal is not None else new & (block == number)
                words = np.stack([draw.random(f"trial_history.order.{number}.{k}") for k in range(n)], axis=1)
                order = words.argsort(axis=1, kind="stable") if kind == "permutation" else (words * n).astype(np.int64)
                orders[:, number, :n] = np.where(begins[:, None], order, orders[:, number, :n])
        favoured: Integers = orders[np.arange(len(draw)), block, before]
        return favoured


@lru_cache(maxsize=64)
def _tables(history: TrialHistory, n: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """What the chain needs, for chains of n answers.

    Returns:
        float64, (2, blocks, n, n): chances of the next answer, after a correct trial or an error and by what was right
        before; float64, (2, blocks): the strengths of random orders; bool, (blocks,): which blocks have one.
    """
    count = len(history.blocks)
    usual = history.per_block(history.probability, "probability")
    failed = usual
    if not isinstance(history.after_error, str):
        failed = history.per_block(history.after_error, "after_error")
    matrices, strengths = np.zeros((2, count, n, n)), np.array([usual, failed])
    for after, chances in enumerate(strengths):
        for number, (kind, p) in enumerate(zip(history.blocks, chances, strict=True)):
            if kind not in DRAWN:
                matrices[after, number] = _matrix(kind, float(p), n)
    return matrices, strengths, np.array([kind in DRAWN for kind in history.blocks])


@lru_cache(maxsize=64)
def _shorter(history: TrialHistory, n: int) -> Floats:
    """Chances as in `_tables`, of chains of 0 to n answers of named kinds, float64 (n + 1, 2, blocks, n, n)."""
    chains, strengths = np.zeros((n + 1, 2, len(history.blocks), n, n)), _tables(history, n)[1]
    for number, kind in enumerate(history.blocks):
        for m in range(1, n + 1):
            for after in (0, 1):
                if kind in FIXED:
                    chains[m, after, number, :m, :m] = _matrix(kind, float(strengths[after, number]), m)
    return chains


def _matrix(kind: Any, p: float, n: int) -> Floats:
    """Chances of the next answer, a row for the one before; float64 (n, n)."""
    if not isinstance(kind, str):
        return np.array(kind, np.float64)
    if kind == "independent" or n == 1:
        return np.full((n, n), 1.0 / n)
    here = np.eye(n, dtype=bool)
    if kind == "alternate":
        return np.where(here, 1 - p, p / (n - 1))
    shift = {"repeat": 0, "clockwise": 1, "counterclockwise": -1}[kind]
    return np.where(np.roll(here, shift, axis=1), p, (1 - p) / (n - 1))


def _check_matrix(block: Any, where: str) -> None:
    rows = block if isinstance(block, tuple) else ()
    good = len(rows) > 1 and all(
        isinstance(row, tuple)
        and len(row) == len(rows)
        and all(is_finite_number(p) and 0 <= p <= 1 for p in row)
        and abs(sum(row) - 1) < 1e-9
        for row in rows
    )
    if not good:
        raise ArgumentError(
            f"{where} is {block!r}; it is the name of a kind ({', '.join(FIXED + DRAWN)}) or a square matrix of "
            "probabilities, each row adding up to 1."
        )
