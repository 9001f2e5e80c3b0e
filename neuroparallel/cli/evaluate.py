"""``evaluate``: test a trained subject on fresh trials."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from neuroparallel.cli.common import add_set, add_verb, changes_of, chosen_seed, on_screen, write_table
from neuroparallel.records.json_file import SUMMARY

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verb."""
    told = "Test a trained subject on fresh trials, as it was tested in training."
    parser = add_verb(verbs, "evaluate", evaluate, told)
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="directory of a checkpoint or of a run")
    add_set(parser)
    parser.add_argument("--lanes", type=int, default=256, help="copies that act side by side (256)")
    parser.add_argument("--trials", type=int, default=4, help="trials of each (4)")
    parser.add_argument("--seed", type=int, default=None, help="of the trials (12345)")
    parser.add_argument("--out", metavar="FILE.csv", help="write the table of trials")


def evaluate(options: argparse.Namespace) -> None:
    """Test, and print."""
    from neuroparallel.reporting import find_run
    from neuroparallel.rllib import evaluate as test
    from neuroparallel.rllib import load_policy

    policy = load_policy(options.checkpoint if not _holds_runs(options.checkpoint) else find_run(options.checkpoint))
    env = dict(policy.metadata["env"])
    changes = changes_of(options.changes)
    if changes:  # a subject may be tested on what it never learnt, as longer delays
        env["set"] = {**(env.get("set") or {}), **changes}
    seed = chosen_seed(options.seed, 12345)
    with on_screen(error=True).status("testing"):
        trials = test(policy, lanes=options.lanes, trials=options.trials, seed=seed, env=env)
    on_screen().print(trials.summary(), markup=False)
    if options.out:
        write_table(trials, options.out)


def _holds_runs(place: str) -> bool:
    """Whether a directory holds runs, as runs/dpa_gng does."""
    return any(Path(place).glob(f"*/{SUMMARY}"))
