"""How many steps and seconds do we need, on the rules of NeuroGym's tasks?

    python benchmarks/sample_efficiency.py --seeds 0 1

The counterpart of ``recurrent_ppo_peer.py``: the same tasks and targets, with default settings. Early responses cost
and do not abort a trial (``early: penalty``). Prints a line of JSON per run: steps and seconds (without tests) until
the share of right trials of a greedy test first exceeds the target. Numbers in docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import neuroparallel as npar

TARGETS = {
    "random_dots": 0.80,
    "delayed_comparison": 0.85,
    "context_decision": 0.80,
    "delayed_match_to_sample": 0.80,
    "go_nogo": 0.95,
}
EVERY = 4096  # steps between tests, as in the peer's script


def train(name: str, seed: int, budget: int) -> dict[str, Any]:
    """Train one subject; steps and seconds are None if it did not reach the target within the budget."""
    scenario = npar.Scenario.load(f"task:{name}").replace(early="penalty")
    result = npar.rllib.train(
        scenario,
        seed=seed,
        budget_steps=budget,
        criterion={name: TARGETS[name]},
        evaluate_every_steps=EVERY,
        tensorboard=False,
    )
    column = f"subject_0.{name}"
    for row in result.history:
        if row[column] > TARGETS[name]:
            return {"steps": row["steps"], "seconds": round(row["seconds"], 2), "right": row[column]}
    return {"steps": None, "seconds": None, "right": result.correct[column]}


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", nargs="*", choices=list(TARGETS), default=list(TARGETS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1])
    parser.add_argument("--budget", type=int, default=1_000_000, help="steps over all lanes")
    options = parser.parse_args()
    for name in options.names:
        for seed in options.seeds:
            result = train(name, seed, options.budget)
            print(json.dumps({"task": name, "target": TARGETS[name], "seed": seed, **result}), flush=True)


if __name__ == "__main__":
    main()
