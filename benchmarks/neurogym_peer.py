"""How fast is NeuroGym? Runs inside its own environment and prints one line of JSON.

    benchmarks/neurogym_env.sh
    .venv-neurogym/bin/python benchmarks/neurogym_peer.py --seconds 3

Rates are steps per second of CPU time (a shared machine's other users count less), the median of
repeats; the repeats of the four measurements are interleaved, so that a slow moment falls on all.
Actions are drawn beforehand and at random, tasks have their default parameters. ``raw`` is the
task object alone, ``made`` what ``gymnasium.make`` returns with its default wrappers.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import gymnasium
    import neurogym
    from neurogym.envs.native.gonogo import GoNogo
    from neurogym.envs.native.perceptualdecisionmaking import PerceptualDecisionMaking

STEPS = 5_000  # between two looks at the clock
BATCH, LENGTH = 64, 100  # of the supervised data set
DOTS = "PerceptualDecisionMaking-v0"


def stepping(env: gymnasium.Env) -> Callable[[], int]:
    """A function that takes STEPS random steps and says so."""
    actions = np.random.default_rng(0).integers(0, env.action_space.n, STEPS).tolist()
    env.reset()

    def work() -> int:
        step = env.step
        for action in actions:
            step(action)
        return STEPS

    return work


def reading(name: str) -> Callable[[], int]:
    """A function that takes six batches of supervised data; its unit is a time step.

    Six, because every third call draws a new cache and the others only cut a piece off it.
    """
    data = neurogym.Dataset(name, batch_size=BATCH, seq_len=LENGTH)
    data()

    def work() -> int:
        for _ in range(6):
            data()
        return 6 * BATCH * LENGTH

    return work


def rate(work: Callable[[], int], seconds: float) -> float:
    """Units per CPU-second of ``work``, done at least once and for so many seconds."""
    units, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds or not units:
        units += work()
    return units / spent


def measure(seconds: float, repeats: int) -> dict[str, dict[str, float]]:
    """Rates of the four measurements, interleaved; the whole takes about ``seconds``."""
    measurements = {
        "dots_raw": stepping(PerceptualDecisionMaking()),
        "dots_made": stepping(gymnasium.make(DOTS)),
        "gonogo_raw": stepping(GoNogo()),
        "dots_dataset": reading(DOTS),
    }
    rates: dict[str, list[float]] = {name: [] for name in measurements}
    for _ in range(repeats):
        for name, work in measurements.items():
            rates[name].append(rate(work, seconds / repeats / len(measurements)))
    return {
        name: {"median": statistics.median(found), "min": min(found), "max": max(found)}
        for name, found in rates.items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="CPU time to spend")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rates = measure(options.seconds, options.repeats)
    result = {
        "unit": "steps per CPU-second",
        "neurogym": version("neurogym"),
        "gymnasium": version("gymnasium"),
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "rates": rates,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
