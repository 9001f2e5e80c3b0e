"""``evaluate``: test a trained subject on fresh trials."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from neuroparallel.cli.common import (
    add_code,
    add_set,
    add_verb,
    changes_of,
    chosen_seed,
    find_code_of,
    on_screen,
    write_table,
)
from neuroparallel.records.json_file import SUMMARY

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verb."""
    description = "Test a trained subject on fresh trials, in the same way as during training."
    parser = add_verb(verbs, "evaluate", evaluate, description)
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="directory of a checkpoint or of a run")
    add_set(parser)
    add_code(parser)
    parser.add_argument("--lanes", type=int, help="number of parallel copies (default: enough for about 4000 trials)")
    parser.add_argument(
        "--trials", type=int, help="consecutive trials of each copy (40, or more if blocks and sessions are longer)"
    )
    parser.add_argument("--seed", type=int, help="seed of the trials (12345)")
    parser.add_argument("--out", metavar="FILE.csv", help="write the table of these trials")


def evaluate(options: argparse.Namespace) -> None:
    """Test, and print the results."""
    from neuroparallel.reporting import find_run
    from neuroparallel.rllib import evaluate as test
    from neuroparallel.rllib import load_policy

    place = options.checkpoint if not _holds_runs(options.checkpoint) else find_run(options.checkpoint)
    find_code_of(place)
    policy = load_policy(place)
    env = dict(policy.metadata["env"])
    changes = changes_of(options.changes)
    if changes:  # a subject may be tested on other values than in training, such as longer delays
        env["set"] = {**(env.get("set") or {}), **changes}
    seed = chosen_seed(options.seed, 12345)
    with on_screen(error=True).status("testing"):
        trials = test(policy, lanes=options.lanes, trials=options.trials, seed=seed, env=env)
    on_screen().print(trials.summary(), markup=False)
    if options.out:
        write_table(trials, options.out)


def _holds_runs(place: str) -> bool:
    """Whether a directory contains runs, as runs/dpa_gng does."""
    return any(Path(place).glob(f"*/{SUMMARY}"))
