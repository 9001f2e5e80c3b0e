"""Task switching: the same digits and keys, now for one question, now for another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy import where

from neuroparallel.errors import ArgumentError, one_of, probability, whole_number
from neuroparallel.task import Actions, Channels, Criterion, Draw, Factorial, Levels, Memory, Response, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.task.urn import Urn
from neuroparallel.timing import Timing

PARITY, MAGNITUDE = 1, 2
LEFT, RIGHT = 1, 2
DIGITS = (1, 2, 3, 4, 6, 7, 8, 9)
PAIRS = np.array([[[(7, 9), (2, 4)], [(1, 3), (6, 8)]], [[(2, 4), (7, 9)], [(1, 3), (6, 8)]]])  # [rule, congruent, key]
# Whether the right key is repeated and the digit congruent, each combination 4 times in 16 draws: numbers 0 to 3.
AFTER = {"repeat": Urn("after repeats", (4, 4, 4, 4)), "switch": Urn("after switches", (4, 4, 4, 4))}
SCHEDULES = ("cued", "alternating", "pure", "voluntary")


@dataclass(frozen=True, kw_only=True)
class TaskSwitching(Task):
    """Is the digit odd or even, or is it smaller or larger than five? The question changes from trial to trial.

    Every digit answers both questions with the same two keys (left for odd and for small, right for even and for
    large), so that its other answer agrees (``congruent``) or gets in the way. No digit comes twice in a row, and half
    of the digits are congruent, whatever came before.

    The record has the question as ``rule`` (1 parity, 2 magnitude) and whether it is another one than in the trial
    before as ``switch``; never in the first trial of a session. ``response_repetition`` says whether the right key is
    that of the trial before. Of 16 switches in a row exactly 8 repeat it, 4 of them congruent, and so do 8 of 16
    repetitions of the question, so neither congruence nor the last key says anything about the next one.

    In the ``voluntary`` schedule the subject chooses: each question has a pair of keys of its own, one hand for each,
    and either answer is correct if it is right for its question. Nothing pays for variety; ``rule``, ``switch`` and
    ``response_repetition`` (left or right as in the last answer, whatever its question) are noted once it has answered
    (0 without an answer). In each 16 trials the right key of the question answered last is the same again in 8, 4 of
    them congruent; so it is for the other question.

    Args:
        schedule: ``"cued"``: drawn anew in each trial, and cued. ``"alternating"``: in runs of fixed length, AABB.
            ``"pure"``: one question for a whole session. ``"voluntary"``: the subject's own choice, without a cue.
        p_switch: Probability of a switch (``cued``).
        run: Length of a run, trials (``alternating``).
        csi: Times from the cue to the digit, ms; one is drawn per trial.
        rsi: Times from the last response to the digit, ms, that of the cue included; one is drawn per block.
        rsi_block: Length of a block with the same ``rsi``, trials; 1: it is drawn for each trial.
        sigma: Noise of cue and digit for one ms; a step of dt ms has s.d. sigma / sqrt(dt).

    Source:
        Rogers & Monsell 1995, J Exp Psychol Gen 124:207 (alternating runs); Meiran 1996, J Exp Psychol Learn Mem Cogn
        22:1423 (cues); Arrington & Logan 2004, Psychol Sci 15:610 (voluntary). Their intervals are the presets.
    """

    schedule: Literal["cued", "alternating", "pure", "voluntary"] = "cued"
    p_switch: float = 0.5
    run: int = 2
    csi: tuple[float, ...] = (100.0, 600.0, 1200.0)
    rsi: tuple[float, ...] = (1200.0,)
    rsi_block: int = 1
    sigma: float = 1.0
    timing: Timing = Timing(wait=0, cue=0, stimulus=2500)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(
        fixation=1,
        cue=("parity", "magnitude"),
        digit=tuple(str(digit) for digit in DIGITS),
        noise={"cue": "sigma", "digit": "sigma"},
    )
    actions: ClassVar = Actions("hold", "left", "right")
    criterion: ClassVar = Criterion(source="0.9 of the trials; who ignores the question is right in 3/4", correct=0.9)
    value_names: ClassVar = {"rule": ("parity", "magnitude")}
    tags: ClassVar = ("task_switching", "reaction_time", "rules")
    dt: ClassVar[float] = 50.0
    signature: ClassVar = "switch_cost"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "rogers_monsell": {
            "schedule": "alternating",
            "csi": (0.0,),
            "rsi": (150.0, 300.0, 450.0, 600.0, 1200.0),
            "rsi_block": 32,
        },
        "arrington_logan": {"schedule": "voluntary", "csi": (0.0,), "rsi": (100.0, 1000.0), "rsi_block": 32},
    }

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        one_of(self.schedule, SCHEDULES, "schedule")
        probability(self.p_switch, "p_switch")
        whole_number(self.run, "run", 1)
        whole_number(self.rsi_block, "rsi_block", 1)
        if not (self.csi and self.rsi) or min(self.csi) < 0 or max(self.csi) > min(self.rsi):
            raise ArgumentError(
                f"csi is {self.csi!r} and rsi {self.rsi!r}; a cue comes 0 ms or more before the digit, and after the "
                "last response, so no csi is longer than any rsi."
            )

    def action_names(self) -> Actions:
        if self.schedule == "voluntary":
            return Actions("hold", *(f"{rule}_{key}" for rule in ("parity", "magnitude") for key in ("left", "right")))
        return self.actions

    def conditions(self) -> Factorial:
        design: dict[str, Any] = {"digit": DIGITS, "congruent": (True, False), "rsi_ms": self.rsi, "csi_ms": self.csi}
        if self.schedule != "voluntary":
            switch = Levels((True, False), (self.p_switch, 1 - self.p_switch))
            design |= {"rule": (PARITY, MAGNITUDE), "switch": switch, "response_repetition": (True, False)}
        return Factorial(**design)

    def note_names(self) -> tuple[str, ...]:
        return ("rule", "switch", "response_repetition") if self.schedule == "voluntary" else ()

    def memory(self) -> dict[str, Memory]:
        answered = {
            "rule": Memory(0, np.int64),
            "key": Memory(0, np.int64),
        }  # what was answered last, and what was right
        return {**answered, **AFTER["repeat"].memory(), **AFTER["switch"].memory()}

    def sequence(self, draw: Draw) -> None:
        """Say which question is next, and draw a digit other than the last."""
        now = draw.conditions
        now["rsi_ms"] = where(draw.trial % self.rsi_block == 0, now["rsi_ms"], draw.previous["rsi_ms"])
        if self.schedule == "voluntary":
            rule, key = draw.memory["rule"], draw.memory["key"]
            known = rule > 0
            repeated = self._balanced(draw, known, np.zeros(len(draw), bool))
            self._draw_digit(
                draw, where(known, rule, PARITY), where(known, key == RIGHT, draw.random("key") < 0.5), repeated
            )
            return
        if self.schedule == "alternating":
            now["switch"] = draw.trial % self.run == 0
        now["switch"] = now["switch"] & ~draw.first & (self.schedule != "pure")
        last = draw.previous["rule"]  # that of the present trial in the first one
        now["rule"] = where(now["switch"], PARITY + MAGNITUDE - last, last)
        repeated = self._balanced(draw, ~draw.first, now["switch"])
        before = where(draw.first, draw.random("key") < 0.5, self._is_right(draw.previous["digit"], last))
        now["response_repetition"] = repeated & ~draw.first
        self._draw_digit(draw, now["rule"], before, repeated)

    def _balanced(self, draw: Draw, drawn: Any, switch: Any) -> Any:
        """Draw congruence, and whether the right key is repeated, without replacement: apart for switches and repeats.

        Trials that follow none, as the first one, take nothing out.
        """
        after = {
            name: AFTER[name].draw(draw, where=drawn & mine) for name, mine in (("repeat", ~switch), ("switch", switch))
        }
        kind = where(switch, after["switch"], after["repeat"])
        draw.conditions["congruent"] = kind % 2 == 1
        return kind >= 2

    def _draw_digit(self, draw: Draw, rule: Any, before_right: Any, repeated: Any) -> None:
        """Draw a digit, other than the last, whose right key under a rule repeats the one before, or does not."""
        now, before = draw.conditions, draw.previous["digit"]
        right = where(repeated, before_right, ~before_right).astype(np.int64)
        pair = PAIRS[rule - PARITY, now["congruent"].astype(np.int64), right]
        place = where(draw.random("digit") < 0.5, 0, 1)
        barred = ~draw.first & ((pair[:, 0] == before) | (pair[:, 1] == before))
        place = where(barred, pair[:, 0] == before, place).astype(np.int64)
        now["digit"] = where(place == 0, pair[:, 0], pair[:, 1])

    def _is_right(self, digit: Any, rule: Any) -> Any:
        """Return whether the right key is the answer."""
        return where(rule == PARITY, digit % 2 == 0, digit > 5)

    def define(self, trial: Trial) -> None:
        odd, small = trial.digit % 2 == 1, trial.digit < 5
        parity, magnitude = where(odd, LEFT, RIGHT), where(small, LEFT, RIGHT)
        trial.lasts("wait", trial.rsi_ms - trial.csi_ms)
        trial.lasts("cue", trial.csi_ms)
        trial.show("fixation", during=("wait", "cue"))
        trial.show("digit", per_channel=[trial.digit == digit for digit in DIGITS], during="stimulus")
        if self.schedule == "voluntary":
            trial.answer(np.stack([parity, RIGHT + magnitude], axis=1), during="stimulus", pay=True)
            return
        asked = trial.rule == PARITY
        trial.show("cue", per_channel=(asked, ~asked), during=("cue", "stimulus"))
        trial.answer(where(asked, parity, magnitude), during="stimulus")

    def pay(self, response: Response) -> None:
        """Note which question was chosen; it pays nothing by itself."""
        chosen = where(response.action > RIGHT, MAGNITUDE, where(response.action > 0, PARITY, 0))
        last, key = response.memory["rule"], response.memory["key"]
        again = (chosen > 0) & (last > 0)
        right = where(self._is_right(response.conditions["digit"], chosen), RIGHT, LEFT)
        response.conditions["rule"] = chosen.astype(np.float64)
        response.conditions["switch"] = (again & (chosen != last)).astype(np.float64)
        response.conditions["response_repetition"] = (again & (right == key)).astype(np.float64)
        response.memory["rule"] = where(chosen > 0, chosen, last)
        response.memory["key"] = where(chosen > 0, right, key)
