"""Does it learn, how fast, and what? Trains over several seeds and prints the numbers that docs/learning.md shows.

    python benchmarks/learning.py dpa_gng --seeds 0 1 2 3 4
    python benchmarks/learning.py dpa_gng_paper --budget 180
    python benchmarks/learning.py prp
    python benchmarks/learning.py waiting                  # cooperative_pull_waiting
    python benchmarks/learning.py waiting_unseen --budget 60
    python benchmarks/learning.py --list

Seconds are seconds of training; the tests in between, which stop it, do not count. Numbers are of fresh trials, without
exploration but in games, where actions are drawn.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import neuroparallel as npar

SEATED = "subjects.mismatcher.played_by"
COIN = "subjects.subject_0.streams.matching_pennies.params"
UNSEEN = {"subjects.left.sees": {}, "subjects.right.sees": {}}


def shares_right(result: Any) -> str:
    """How often each stream was right."""
    return ", ".join(f"{stream} {share:.3f}" for stream, share in result.correct.items())


def refractory(result: Any) -> str:
    """Accuracy and response times of both tasks, and how the second depends on the asynchrony."""
    told = [shares_right(result)]
    for stream in ("first", "second"):
        times = result.records.where(stream=stream)["response_time_s"]
        told.append(f"{stream} median {1000 * np.nanmedian(times):.0f} ms")
    slope = npar.analysis.prp_curve(result.records).short
    return ", ".join([*told, f"slope at short asynchronies {slope.value:+.3f} ± {slope.standard_error:.3f}"])


def pay(table: Any) -> str:
    """What a player chose and earned."""
    shares = [f"{(table['choice'] == choice).mean():.3f}" for choice in (1, 2)]
    return f"chose {' / '.join(shares)}, earned {table['reward'].mean():.3f}"


def choices(result: Any) -> str:
    """What every player chose and earned."""
    players = dict.fromkeys(result.records["subject"].tolist())
    return "; ".join(f"{player} {pay(result.records.where(subject=player))}" for player in players)


def cycling(result: Any) -> str:
    """The same, and between which bounds one player's earnings went up and down in the second half of training."""
    column = "reward/matcher.play"
    late = [row[column] for row in result.history[len(result.history) // 2 :]]
    return f"{choices(result)}; matcher between {min(late):.2f} and {max(late):.2f} in the second half"


def together(result: Any) -> str:
    """How often both pulled in time, and how long the second one took."""
    table = result.records.where(subject="right")
    interval = table["interval_ms"]
    return f"success {table['together'].mean():.3f}, median interval {np.nanmedian(interval):.0f} ms"


def shared(result: Any) -> str:
    """How often the pair was right, and either by itself, and a pair of those who report their evidence."""
    table = result.records.where(subject="a")
    agents = npar.simulate(result.scenario, "confidence_sharer", trials=20_000, seed=0).where(subject="a")
    alone, agreed = shares_right(result), agents["joint_correct"].mean()
    decided = (table["decider"] == 1).mean()
    return (
        f"pair {table['joint_correct'].mean():.3f}, {alone}, a decided {decided:.2f}; confidence sharers {agreed:.3f}"
    )


def doubled(result: Any) -> str:
    """How often each of two decisions was right, and how often both were."""
    one, other = (result.records.where(stream=name)["reward"] for name in ("motion", "colour"))
    return f"{shares_right(result)}, both {one.mean() + other.mean():.3f}"


def levels(result: Any) -> str:
    """The same, and at which level subjects are in the second half of 200 trials, one after the other."""
    table = npar.rllib.evaluate(result.policy, lanes=100, trials=200, seed=1)
    level = table.where(stream="letter")["n_back"][table.where(stream="letter")["trial"] > 100]
    shares = [f"{n}: {(level == n).mean():.2f}" for n in np.unique(level)]
    return f"{shares_right(result)}, mean level {level.mean():.2f} ({', '.join(shares)})"


@dataclass(frozen=True)
class Demonstration:
    """What is learnt, and what there is to say about it.

    Attributes:
        scenario: Its name.
        numbers: Makes a line of text of a result.
        changes: What differs from the shipped scenario.
    """

    scenario: str
    numbers: Callable[[Any], str] = shares_right
    changes: Mapping[str, Any] = field(default_factory=dict)

    def command(self, seed: int) -> str:
        """The command that does the same."""
        told = [
            f"{key}={yaml.safe_dump(value, default_flow_style=True).split(chr(10))[0]}"
            for key, value in self.changes.items()
        ]
        return shlex.join(["neuroparallel", "train", self.scenario, *(w for t in told for w in ("--set", t))]) + (
            f" --seed {seed}"
        )


DEMONSTRATIONS = {
    "dpa_gng": Demonstration("dpa_gng"),
    "dpa_gng_paper": Demonstration("dpa_gng_paper"),
    "dual_n_back": Demonstration("dual_n_back"),
    "dual_n_back_adaptive": Demonstration("dual_n_back_adaptive", levels),
    "n_back_with_probe": Demonstration("n_back_with_probe"),
    "prp": Demonstration("prp", refractory),
    "motion_colour_fixed": Demonstration("motion_colour_fixed", doubled),
    "matching_pennies": Demonstration("matching_pennies", cycling),
    "against_a_bias": Demonstration(
        "matching_pennies", choices, {SEATED: {"agent": "memory_one", "strategy": [0.7, 0.7, 0.7, 0.7]}}
    ),
    "biased_computer": Demonstration(
        "matching_pennies_computer", choices, {f"{COIN}.algorithm": 0, f"{COIN}.coin": 0.7}
    ),
    "stag_hunt": Demonstration("stag_hunt", choices),
    "stag_hunt_with_a_hunter": Demonstration(
        "stag_hunt", choices, {"subjects.subject_1.played_by": {"agent": "memory_one", "strategy": [0.9] * 4}}
    ),
    "waiting": Demonstration("cooperative_pull_waiting", together),
    "waiting_unseen": Demonstration("cooperative_pull_waiting", together, UNSEEN),
    "joint_perception": Demonstration("joint_perception", shared),
}


def main() -> None:
    """Train once per seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demonstration", nargs="?", choices=DEMONSTRATIONS, metavar="NAME")
    parser.add_argument("--list", action="store_true", help="print all names, with their commands")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--runs", type=Path, metavar="DIR", help="keep the runs in DIR/NAME/SEED")
    parser.add_argument("--budget", type=float, help="seconds of training per seed; the scenario's, or 60")
    options = parser.parse_args()
    if options.list or options.demonstration is None:
        for name, demonstration in DEMONSTRATIONS.items():
            print(f"{name:24} {demonstration.command(0)}")
        return
    demonstration = DEMONSTRATIONS[options.demonstration]
    print(demonstration.command(options.seeds[0]), flush=True)
    scenario = npar.Scenario.load(demonstration.scenario).replace(**demonstration.changes)
    seconds = []
    for seed in options.seeds:
        place = options.runs and options.runs / options.demonstration / str(seed)
        result = npar.rllib.train(scenario, seed=seed, budget_s=options.budget, out=place)
        seconds.append(result.seconds)
        verdict = "passed after" if result.passed else "after"
        print(f"seed {seed}: {verdict} {result.seconds:.1f} s, {result.steps:,} steps: {demonstration.numbers(result)}",
              flush=True)  # fmt: skip
    print(f"median {statistics.median(seconds):.1f} s, longest {max(seconds):.1f} s")


if __name__ == "__main__":
    main()
