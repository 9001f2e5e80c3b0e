"""Does a subject use what follows what after an error, too? Trains subjects that knew 2, 4, ... choices, over seeds.

    python benchmarks/trial_history.py --choices 2 4 8 --seeds 0 1 2 --budget 180 --plot kernels.png

Each subject is tested in sessions with two choices, in repeating and alternating blocks, and draws its actions there as
in training. docs/trial_history.md has the table that came out, and says what it means.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import neuroparallel as npar

BLOCKS = {"probability": 0.8, "block": {"hazard": 0.0125}}
TEST = [{"variable_choices": {"counts": [2]}}, {"trial_history": {"blocks": ["repeat", "clockwise"], **BLOCKS}}]


def scenarios(choices: int) -> tuple[npar.Scenario, npar.Scenario]:
    """What a subject grows up with that knows up to so many choices, and what it is tested on."""
    if choices == 2:
        alone = npar.Scenario.load("trial_history_2afc")
        return alone, alone
    many = npar.Scenario.load("trial_history_nchoice")
    counts = list(range(2, choices + 1))
    number = {"counts": counts, "odds": [0.1] + [1] * (choices - 2), "block": 200}
    order = {"blocks": ["repeat", "clockwise", "counterclockwise"], "order": "random", **BLOCKS}
    changes: dict[str, Any] = {"params.choices": choices}
    grown = many.replace(modifiers=[{"variable_choices": number}, {"trial_history": order}], **changes)
    return grown, grown.replace(modifiers=TEST)


def kernels(choices: int, seed: int, budget: float, trials: int) -> npar.analysis.HistoryKernels:
    """Train, test, and print a row."""
    grown, test = scenarios(choices)
    result = npar.rllib.train(grown, seed=seed, budget_s=budget)
    result.policy.explore = True
    env = npar.rllib.env_config(test)
    table = npar.rllib.evaluate(result.policy, lanes=256, trials=trials, env=env)
    side = "side" if choices == 2 else "direction"
    found = npar.analysis.history_kernels(table, side=side, lags=6)
    pairs = (found.bias_after_correct, found.bias_after_error, (found.reset_index, found.reset_index_error))
    measured = " | ".join(f"{value:.2f} ± {error:.2f}" for value, error in pairs)
    right = np.mean(table["correct"])
    print(f"| {choices} | {seed} | {result.trials / 1e6:.2f} M | {right:.3f} | {measured} |", flush=True)
    return found


def main() -> None:
    """Train each subject once per seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choices", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--budget", type=float, default=180.0, help="seconds of training per subject")
    parser.add_argument("--trials", type=int, default=300, help="trials per lane of the test, in 256 lanes")
    parser.add_argument("--plot", help="file for the kernels of the first seed")
    options = parser.parse_args()
    print("| choices | seed | trials | correct | bias after correct | bias after error | reset index |")
    print("|---|---|---|---|---|---|---|")
    first = {}
    for choices in options.choices:
        for seed in options.seeds:
            found = kernels(choices, seed, options.budget, options.trials)
            first.setdefault("only two choices" if choices == 2 else f"up to {choices} choices", found)
    if options.plot:
        npar.plotting.plot_history_kernels(first, title="Transitions between correct trials").savefig(options.plot)


if __name__ == "__main__":
    main()
