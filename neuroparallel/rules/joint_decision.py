"""One decision for all: that of the member who is most confident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroparallel.errors import TaskError
from neuroparallel.outcomes import Outcome
from neuroparallel.rules import Resolution, Rule
from neuroparallel.task import Task


@dataclass(frozen=True, kw_only=True)
class JointDecision(Rule):
    """Let the member who said it was most confident decide, and pay all by that decision.

    How confident a member is, is what it said (its message) when it answered; ties are broken by lot.
    Nothing is decided unless all have answered. Where nobody can speak, every decision is by lot: the
    coin-flip model. The pay comes on top of what the tasks themselves pay: set their rewards to 0 if
    the joint decision is all that counts, and yoke the conditions, so that all are asked the same.

    Two members with sensitivities s1 and s2 who say how many standard deviations their evidence is
    from the criterion reach (s1 + s2) / sqrt(2) together; by lot they reach (s1 + s2) / 2.

    The notes say what was decided (0 if one did not answer), by whom (1 is the first of the group's
    streams), and whether it was right.

    Args:
        correct: What each member is paid if the joint decision is right.
        error: What each is paid if it is wrong.
        miss: What each is paid if one of them did not answer.

    Source:
        Bahrami, Olsen, Latham et al. 2010, Science 329:1081 (weighted confidence sharing). Koriat 2012,
        Science 336:360 (the most confident decides).
    """

    correct: float = 1.0
    error: float = 0.0
    miss: float = 0.0

    tags: ClassVar = ("social", "confidence")
    notes: ClassVar = ("joint_choice", "decider", "joint_correct")

    def check(self, players: Sequence[Task]) -> None:
        """Two members or more, who have the same choices."""
        self.need_players(players, 2)
        choices = [tuple(task.action_names()[1:]) for task in players]
        if len(set(choices)) > 1:
            raise TaskError(f"joint_decision: the members decide between different things: {choices}.")

    def resolve(self, end: Resolution) -> None:
        """Find the highest confidence, the higher lot among equals, and take over that member's choice."""
        most, lot = np.full(len(end), -1.0), np.zeros(len(end))
        joint, decider = np.zeros(len(end), np.int64), np.zeros(len(end), np.int64)
        right = np.zeros(len(end), bool)
        for player, (choice, said) in enumerate(zip(end.choice, end.message, strict=True)):
            ticket = end.random(f"lot.{player}")
            leads = (said > most) | ((said == most) & (ticket > lot))
            most, lot = np.where(leads, said, most), np.where(leads, ticket, lot)
            joint, decider = np.where(leads, choice, joint), np.where(leads, player + 1, decider)
            right = np.where(leads, end.outcome[player] == Outcome.CORRECT, right)
        all_answered = np.logical_and.reduce(end.choice > 0)
        end.pay[:] = np.where(all_answered, np.where(right, self.correct, self.error), self.miss)
        end.conditions.update(
            joint_choice=np.where(all_answered, joint, 0),
            decider=np.where(all_answered, decider, 0),
            joint_correct=all_answered & right,
        )
