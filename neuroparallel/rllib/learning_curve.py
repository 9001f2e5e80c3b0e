"""Learning curve of a training, a row for each evaluation, and the summary at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuroparallel.agents.goals import DISTANCE, REWARD
from neuroparallel.outcomes import Outcome
from neuroparallel.rllib.curriculum_trainer import Trainer
from neuroparallel.rllib.evaluation import Score
from neuroparallel.rllib.run_files import code_folders
from neuroparallel.rllib.training_plan import Plan

__all__ = ["curve_row", "run_summary"]

_SHOWN = (Outcome.ABORT.label, Outcome.MISS.label)  # outcomes of which the learning curve has the share


def curve_row(trainer: Trainer, plan: Plan, score: Score) -> dict[str, Any]:
    """Return the row of an evaluation, as ``history.csv`` holds it.

    Args:
        trainer: Who learns, after the latest update.
        plan: What is to be done.
        score: Of the evaluation.
    """
    row = {"seconds": round(trainer.seconds, 3), **trainer.counters(), "stage": trainer.stage + 1}
    row["reward_per_trial"] = round(score.reward_per_trial, 4)
    row.update({name: round(value, 4) for name, value in score.correct.items()})
    if plan.goal.equilibrium:
        row[DISTANCE] = round(score.distance, 4)
    for outcome in _SHOWN:
        row.update({f"{outcome}/{name}": round(of.get(outcome, 0.0), 4) for name, of in score.outcomes.items()})
    if len(score.earned) > 1:
        row.update({f"{REWARD}/{name}": round(value, 4) for name, value in score.earned.items()})
    row.update({f"entropy/{name}": round(nats, 5) for name, nats in trainer.entropy.items()})
    return row


def run_summary(
    trainer: Trainer,
    plan: Plan,
    score: Score,
    *,
    passed: bool | None,
    ended_by: str,
    traps: Mapping[str, Any],
) -> dict[str, Any]:
    """Return how a run went, as its ``summary.json`` says it.

    Args:
        trainer: Who learnt.
        plan: What was to be done.
        score: Of the trials that the summary is about.
        passed: Whether the criterion was met; None without one.
        ended_by: What ended the training.
        traps: As `TrapWatch.state` returns them.
    """
    return {
        "scenario": plan.scenario.name,
        "passed": passed,
        "interrupted": ended_by == "interrupt",
        "ended_by": ended_by,
        "correct": score.correct,
        "outcomes": score.outcomes,
        "earned": dict(score.earned),
        "criterion": plan.criterion,
        "criterion_source": plan.goal.source,
        "chance": plan.goal.chance,
        "ceiling": plan.goal.ceiling,
        "distance": score.distance if plan.goal.equilibrium else None,
        "reward_per_trial": score.reward_per_trial,
        "traps": traps["found"],
        "seconds": round(trainer.seconds, 3),
        **plan.budget.plain(),
        **trainer.counters(),
        "stage": trainer.stage,
        "stages": len(plan.stages),
        "seed": plan.seed,
        "evaluation_trials": score.trials,
        "draws": list(plan.draws),
        "code": code_folders(plan.scenario),
        "traps_state": {name: value for name, value in traps.items() if name != "found"},
    }
