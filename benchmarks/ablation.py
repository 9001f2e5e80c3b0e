"""What is each default of training worth? Trains unlike scenarios with one rule taken away at a time.

    python benchmarks/ablation.py                                  # all; about an hour on two cores
    python benchmarks/ablation.py --without skip --seeds 0 1 --names dpa_gng context_decision

Prints, for every variant, how many runs met their target within the budget, and the median number of steps (over all
lanes) of those that did. Numbers in docs/training.md.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

import neuroparallel as npar

TARGETS: dict[str, tuple[int, dict[str, float]]] = {  # budget in steps, and what counts as learnt
    "random_dots": (200_000, {"random_dots": 0.80}),
    "delayed_comparison": (400_000, {"delayed_comparison": 0.85}),
    "context_decision": (800_000, {"context_decision": 0.80}),
    "delayed_match_to_sample": (800_000, {"delayed_match_to_sample": 0.85}),
    "dual_match_to_sample": (1_000_000, {"dual_match_to_sample": 0.80}),
    "dpa_gng": (800_000, {"memory": 0.90, "gonogo": 0.95}),
    "task_switching": (400_000, {"task_switching": 0.95}),
    "economic_choice": (500_000, {"economic_choice": 0.90}),
    "joint_random_dots": (400_000, {"dots": 0.75}),
    "stop_signal": (500_000, {"stop_signal": 0.74}),
}
VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "skip": {"skip": False},
    "gradient_steps": {"epochs": 2, "minibatches": 2},
    "lanes": {"lanes": 64},
    "hold": {"hold_steps": 0.0},
    "entropy": {"entropy_coeff": 0.02},
    "dense": {"hidden": []},
    "credit": {"credit": "session"},
    "reward_scale": {"reward_scale": 1.0},
}


def steps_to_target(name: str, seed: int, settings: dict[str, Any]) -> int | None:
    """Train one subject; None if it did not meet its target."""
    budget, target = TARGETS[name]
    result = npar.rllib.train(name, seed=seed, budget_steps=budget, criterion=target, **settings)
    return result.steps if result.passed else None


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--without", nargs="*", choices=list(VARIANTS), default=list(VARIANTS), help="what to take away"
    )
    parser.add_argument("--names", nargs="*", choices=list(TARGETS), default=list(TARGETS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1])
    options = parser.parse_args()
    for variant in options.without:
        runs = [steps_to_target(n, seed, VARIANTS[variant]) for n in options.names for seed in options.seeds]
        solved = [steps for steps in runs if steps is not None]
        median = f"{statistics.median(solved):,.0f} steps" if solved else "-"
        print(f"{variant:<15} {len(solved)} of {len(runs)} learnt, median {median}", flush=True)


if __name__ == "__main__":
    main()
