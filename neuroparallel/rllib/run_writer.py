"""Writing of a training run: checkpoint, scenario, history, trials and summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neuroparallel.records.safe_files import replace_directory
from neuroparallel.rllib.curriculum_trainer import Trainer
from neuroparallel.rllib.policy_file import write_policy
from neuroparallel.rllib.run_files import CHECKPOINT, write_history, write_scenario, write_summary

__all__ = ["save_run"]


def save_run(
    place: Path,
    scenario: Any,
    trainer: Trainer,
    env: Mapping[str, Any],
    records: Any,
    history: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
) -> None:
    """Write everything that a run leaves behind; an older checkpoint goes only when the new one is complete.

    Args:
        place: The run's directory.
        scenario: What was learnt.
        trainer: Who learnt.
        env: What the checkpoint is evaluated on: the scenario itself, whatever the stage.
        records: Trial table of the latest evaluation, which the summary is about; None before the first one.
        history: The learning curve.
        summary: How it went.
    """
    with replace_directory(place / CHECKPOINT) as checkpoint:
        trainer.save(checkpoint)
        policy = trainer.policy
        write_policy(checkpoint, env, policy.names, policy.modules, draws=policy.draws)
    write_scenario(place, scenario)
    write_history(place, history)
    if records is not None:
        records.to_csv(place / "trials.csv", names=True)
    write_summary(place, summary)
