"""Training of shipped scenarios with their defaults, seed by seed; a file per scenario keeps the times."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import multiprocessing
import os
import platform
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import numpy as np
import ray

from neuroparallel.agents.goals import DISTANCE, Goal, level_of
from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.errors import ArgumentError, UnknownNameError, UsageError, nearest, whole_number
from neuroparallel.records import Trials
from neuroparallel.records.json_file import read_json
from neuroparallel.records.safe_files import write_text
from neuroparallel.rllib.evaluation import REWARD, Score
from neuroparallel.rllib.progress import Progress
from neuroparallel.rllib.run_files import like_ctrl_c
from neuroparallel.rllib.training import TrainingResult, train
from neuroparallel.rllib.training_plan import Plan, plan_for
from neuroparallel.rllib.traps import PREFIX
from neuroparallel.scenario import Scenario, list_scenarios

__all__ = ["PLACE", "solve"]

PLACE = Path("benchmarks") / "solved"
ERROR = "error"  # what ends a seed that failed; it is run again when the command is repeated
_Z = 1.959964  # of a 95 % interval
_GROUPS = 20  # of lanes, for the standard error of a distance
_PACKAGES = ("neuroparallel", "numpy", "ray", "torch")


def solve(
    names: str | Iterable[str] | None = None,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    out: str | Path = PLACE,
    jobs: int = 1,
    again: bool = False,
    progress: Callable[[str, int, Progress], None] | None = None,
    done: Callable[[str, Mapping[str, Any]], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Train scenarios with their defaults, and keep in a JSON file each how long every seed took to the criterion.

    A file is written after each seed, so that an interrupted call goes on where it was when it is repeated. A seed is
    run anew if the scenario, its criterion, the settings or the versions of the packages are not those of the file.
    The steps and seconds to criterion are those at the first of the two tests that passed.

    Args:
        names: Names of shipped scenarios; None: all.
        seeds: Random seeds, each a training.
        out: Directory of the files, ``NAME.json``.
        jobs: Trainings at the same time, each in a process of its own; more than processors make all of them slower.
            Programs that ask for more than 1 need ``if __name__ == "__main__":``.
        again: Run seeds anew that are there already.
        progress: Called after every update with name, seed and how far it is, if there is one job.
        done: Called after every training with the name and what is kept of the seed.

    Returns:
        Name to the content of the file, in the order of the names.

    Raises:
        UnknownNameError: There is no such scenario.
        ArgumentError: A seed or the number of jobs is not allowed, or a file is damaged.
        UsageError: Ray ended.

    Example:
        >>> solve(["go_nogo"], seeds=[0], out="solved")["go_nogo"]["seeds"][0]["passed"]  # doctest: +SKIP
        True
    """
    chosen, numbers = _names(names), _seeds(seeds)
    jobs, place = whole_number(jobs, "jobs", 1), Path(out)
    heads = {name: _head(name) for name in chosen}
    old = {name: _kept(place / f"{name}.json", heads[name]) for name in chosen}
    found = {name: {row["seed"] for row in rows if row["ended_by"] != ERROR} for name, rows in old.items()}
    due = [(name, seed) for name in chosen for seed in numbers if again or seed not in found[name]]
    with like_ctrl_c():
        for name, row in _trained(due, jobs, progress):
            place.mkdir(parents=True, exist_ok=True)
            _add(place / f"{name}.json", heads[name], row)
            if done is not None:
                done(name, row)
    return {name: {**heads[name], "seeds": _kept(place / f"{name}.json", heads[name])} for name in chosen}


def _names(names: str | Iterable[str] | None) -> list[str]:
    """Return the scenarios to train, each once."""
    known = list_scenarios()
    chosen = known if names is None else [names] if isinstance(names, str) else list(dict.fromkeys(names))
    for name in chosen:
        if name not in known:
            raise UnknownNameError(f"solve: there is no shipped scenario {name!r}.{nearest(str(name), known)}")
    if not chosen:
        raise ArgumentError("solve: names is empty; name at least one scenario, or give None for all.")
    return chosen


def _seeds(seeds: Sequence[int]) -> list[int]:
    numbers = list(dict.fromkeys(whole_number(seed, "seeds", 0) for seed in seeds))
    if not numbers:
        raise ArgumentError("solve: seeds is empty; give at least one.")
    return numbers


# ---- what decides a result, and what it is compared with ----


def _head(name: str) -> dict[str, Any]:
    """Everything in a file but the seeds."""
    scenario = Scenario.load(name)
    plan = plan_for(scenario, seed=0)
    return {
        "scenario": name,
        **_goal(scenario, plan.goal),
        "identity": _identity(scenario, plan),
        "settings": _settings(plan),
        "versions": {
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in _PACKAGES},
        },
    }


def _goal(scenario: Scenario, goal: Goal) -> dict[str, Any]:
    try:
        levels = level_of(scenario, "blind", goal.equilibrium)
    except ArgumentError:  # no such agent can play this
        levels = {}
    blind = {name: round(levels[name], 4) for name in goal.criterion if name in levels}
    return {
        "criterion": goal.criterion,
        "source": goal.source,
        "chance": goal.chance,
        "ceiling": goal.ceiling,
        "blind": blind,
    }


def _identity(scenario: Scenario, plan: Plan) -> str:
    """Return a digest of the scenario; its seed is that of the training."""
    dumped = {**scenario.dump(), "seed": None}
    text = json.dumps([dumped, plan.goal.criterion, list(plan.goal.equilibrium)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _settings(plan: Plan) -> dict[str, Any]:
    """Return the learning settings, every default resolved."""
    stages = [stage.settings() for stage in plan.stages]
    settings = {**plan.budget.plain(), "evaluate_every_steps": plan.every_steps, "draws": plan.draws, "stages": stages}
    plain: dict[str, Any] = json.loads(json.dumps(settings, default=str))
    return plain


def _kept(file: Path, head: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the seeds in a file, as long as they are of the same scenario, settings and versions."""
    if not file.is_file():
        return []
    data = read_json(file, *head, "seeds")
    rows = data["seeds"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) and {"seed", "ended_by"} <= {*row} for row in rows):
        raise ArgumentError(f"{file}: seeds is not a list of results; the file is damaged. Delete it.")
    same = all(data[key] == head[key] for key in ("criterion", "identity", "settings", "versions"))
    return rows if same else []


def _add(file: Path, head: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    """Put a seed into its file, in the place of an older result of it."""
    rows = {old["seed"]: old for old in _kept(file, head)}
    rows[row["seed"]] = dict(row)
    data = {**head, "seeds": [rows[seed] for seed in sorted(rows)]}
    write_text(file, json.dumps(data, indent=1, allow_nan=False) + "\n")


# ---- training ----


def _trained(
    due: Sequence[tuple[str, int]], jobs: int, progress: Callable[[str, int, Progress], None] | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Train, and yield every seed when it is done."""
    if jobs == 1 or len(due) < 2:
        for name, seed in due:
            yield name, _seed(name, seed, jobs=1, progress=progress)
        return
    fresh = multiprocessing.get_context("spawn")  # neither Ray nor torch survives a fork
    pool = ProcessPoolExecutor(min(jobs, len(due)), mp_context=fresh, initializer=_leave_nothing)
    try:
        waiting = {pool.submit(_seed, name, seed, jobs=jobs): name for name, seed in due}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_nothing() -> None:
    """Let a worker process end its own Ray; such processes leave without what `atexit` has registered."""
    Finalize(None, ray.shutdown, exitpriority=100)


def _seed(
    name: str, seed: int, *, jobs: int, progress: Callable[[str, int, Progress], None] | None = None
) -> dict[str, Any]:
    """Train a scenario once, and say how it went; an error of this scenario must not end the others' training."""
    row = {
        "seed": seed,
        "command": f"neuroparallel train {name} --seed {seed}",
        "machine": {"processor": _processor(), "cores": _cores(), "jobs": jobs},
    }
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", f"{PREFIX}|.* % of its trials are aborted")  # the file has the numbers
            result = train(
                name, seed=seed, progress=None if progress is None else lambda now: progress(name, seed, now)
            )
    except UsageError:  # Ray ended: nothing else can be trained
        raise
    except Exception as error:
        return {**row, "passed": False, "ended_by": ERROR, "error": type(error).__name__}
    if result.interrupted:
        raise KeyboardInterrupt
    return {**row, **_outcome(result, plan_for(Scenario.load(name), seed=seed).goal)}


def _outcome(result: TrainingResult, goal: Goal) -> dict[str, Any]:
    """Return the kept results of a training. It passed only if it met the criterion twice, which is what ends it."""
    passed = result.ended_by == "criterion"
    reached = result.history[-1] if passed else {}  # the second test follows the last of the curve at once
    aborts = {name: round(shares.get("abort", 0.0), 4) for name, shares in result.outcomes.items()}
    return {
        "passed": passed,
        "ended_by": result.ended_by,
        "steps_to_criterion": reached.get("steps"),
        "seconds_to_criterion": reached.get("seconds"),
        "steps": result.steps,
        "seconds": round(result.seconds, 3),
        "score": _scores(result.records, list(result.correct), goal),
        "aborts": aborts,
        "evaluation_trials": len(result.records),
    }


def _scores(records: Trials, streams: Sequence[str], goal: Goal) -> dict[str, list[float | None]]:
    """Each measure of the criterion with its 95 % interval; null where nothing was scored."""
    score = Score.of(records, streams, goal.equilibrium)
    found: dict[str, tuple[float, float, float]] = {}
    for name in goal.criterion:
        if name == REWARD:
            value, reach = score.reward_per_trial, _Z * score.reward_error
            found[name] = value, value - reach, value + reach
        elif name == DISTANCE:
            value, reach = score.distance, _Z * _distance_error(records, streams, goal)
            found[name] = value, max(0.0, value - reach), value + reach
        else:
            value, trials = score.correct.get(name, float("nan")), score.scored.get(name, 0)
            low, high = wilson_interval(round(value * trials) if trials else 0, trials)
            found[name] = value, float(low), float(high)
    return {
        name: [round(float(value), 4) if np.isfinite(value) else None for value in values]
        for name, values in found.items()
    }


def _distance_error(records: Trials, streams: Sequence[str], goal: Goal) -> float:
    """Standard error of the distance to equilibrium: the jackknife over groups of lanes, which are independent."""
    group = records["lane"] % _GROUPS
    groups = np.unique(group)
    left_out = [Score.of(records.select(group != one), streams, goal.equilibrium).distance for one in groups]
    return float(np.sqrt((len(groups) - 1) * np.var(left_out)))


def _processor() -> str:
    """Name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
