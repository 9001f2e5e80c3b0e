"""How long do the dual tasks take to learn? Trains over several seeds and prints a table of seconds.

    python benchmarks/learning.py dpa_gng --seeds 0 1 2 3 4
    python benchmarks/learning.py dpa_gng_paper --seeds 0 1 2 --budget 180

Seconds are seconds of training; the tests in between, which stop it, do not count. Accuracies are of fresh trials
without exploration, withholding included.
"""

from __future__ import annotations

import argparse
import statistics

import neuroparallel as npar


def main() -> None:
    """Train once per seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of training per seed")
    options = parser.parse_args()
    seconds = []
    for seed in options.seeds:
        result = npar.rllib.train(options.scenario, seed=seed, budget_s=options.budget)
        seconds.append(result.seconds)
        shares = ", ".join(f"{stream} {share:.3f}" for stream, share in result.correct.items())
        verdict = "passed" if result.passed else "not passed"
        print(f"seed {seed}: {verdict} after {result.seconds:.1f} s, {result.steps:,} steps; {shares}", flush=True)
    print(f"median {statistics.median(seconds):.1f} s, longest {max(seconds):.1f} s")


if __name__ == "__main__":
    main()
