"""Task switching: the same digits and keys, now for one question, now for another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy import where

from neuroparallel.errors import ArgumentError, one_of, probability, whole_number
from neuroparallel.task import Actions, Channels, Criterion, Draw, Factorial, Levels, Memory, Response, Rewards, Task
from neuroparallel.timing import Timing
from neuroparallel.trial import Trial

PARITY, MAGNITUDE = 1, 2
LEFT, RIGHT = 1, 2
DIGITS = (1, 2, 3, 4, 6, 7, 8, 9)
POOLS = np.array([(2, 4, 7, 9), (1, 3, 6, 8)])  # digits whose two answers differ, and agree
RANK = np.array([0, 0, 0, 1, 1, 0, 2, 2, 3, 3])  # of each digit within its pool
SCHEDULES = ("cued", "alternating", "pure", "voluntary")


@dataclass(frozen=True, kw_only=True)
class TaskSwitching(Task):
    """Is the digit odd or even, or is it smaller or larger than five? The question changes from trial to trial.

    Every digit answers both questions with the same two keys (left for odd and for small, right for even and for
    large), so that its other answer agrees (``congruent``) or gets in the way. No digit comes twice in a row, and half
    of the digits are congruent, whatever came before.

    The record has the question as ``rule`` (1 parity, 2 magnitude) and whether it is another one than in the trial
    before as ``switch``; never in the first trial of a session. In the ``voluntary`` schedule the subject chooses: each
    question has a pair of keys of its own, one hand for each, and either answer is correct if it is right for its
    question. Nothing pays for variety; ``rule`` and ``switch`` are noted once it has answered (0 without an answer).

    Args:
        schedule: ``"cued"``: drawn anew in each trial, and cued. ``"alternating"``: in runs of fixed length, AABB.
            ``"pure"``: one question for a whole session. ``"voluntary"``: the subject's own choice, without a cue.
        p_switch: Probability of a switch (``cued``).
        run: Length of a run, trials (``alternating``).
        csi: Times from the cue to the digit, ms; one is drawn per trial.
        rsi: Times from the last response to the digit, ms, that of the cue included; one is drawn per trial.
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
    tags: ClassVar = ("task_switching", "reaction_time", "rules")
    dt: ClassVar[float] = 50.0
    signature: ClassVar = "switch_cost"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "rogers_monsell": {"schedule": "alternating", "csi": (0.0,), "rsi": (150.0, 300.0, 450.0, 600.0, 1200.0)},
        "arrington_logan": {"schedule": "voluntary", "csi": (0.0,), "rsi": (100.0, 1000.0)},
    }

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        one_of(self.schedule, SCHEDULES, "schedule")
        probability(self.p_switch, "p_switch")
        whole_number(self.run, "run", 1)
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
            design |= {"rule": (PARITY, MAGNITUDE), "switch": switch}
        return Factorial(**design)

    def note_names(self) -> tuple[str, ...]:
        return ("rule", "switch") if self.schedule == "voluntary" else ()

    def memory(self) -> dict[str, Memory]:
        return {"rule": Memory(0, np.int64)}

    def sequence(self, draw: Draw) -> None:
        """Draw a digit other than the last, and say which question is next."""
        now, before = draw.conditions, draw.previous["digit"]
        congruent = now["congruent"].astype(np.int64)
        barred = ~draw.first & (POOLS[congruent, RANK[before]] == before)
        place = np.floor(draw.random("digit") * where(barred, 3, 4)).astype(np.int64)
        now["digit"] = POOLS[congruent, place + (barred & (place >= RANK[before]))]
        if self.schedule == "voluntary":
            return
        if self.schedule == "alternating":
            now["switch"] = draw.trial % self.run == 0
        now["switch"] = now["switch"] & ~draw.first & (self.schedule != "pure")
        last = draw.previous["rule"]  # that of the present trial in the first one
        now["rule"] = where(now["switch"], PARITY + MAGNITUDE - last, last)

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
        last = response.memory["rule"]
        response.conditions["rule"] = chosen.astype(np.float64)
        response.conditions["switch"] = ((chosen > 0) & (last > 0) & (chosen != last)).astype(np.float64)
        response.memory["rule"] = where(chosen > 0, chosen, last)
