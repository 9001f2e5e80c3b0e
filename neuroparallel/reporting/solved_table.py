"""The solved table: results of `neuroparallel.rllib.solve` as a page."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neuroparallel.agents.goals import DISTANCE, REWARD
from neuroparallel.errors import ArgumentError
from neuroparallel.records.json_file import read_json
from neuroparallel.records.safe_files import write_text

__all__ = ["solved_page", "write_solved"]

NOTHING = "-"  # in a cell without a number
_NEEDED = ("scenario", "criterion", "source", "chance", "ceiling", "blind", "settings", "versions", "seeds")
_LIMITS = {
    "budget_steps": "its budget of {:,.0f} steps was used up",
    "budget_trials": "its budget of {:,.0f} trials was used up",
    "budget_s": "its limit of {:g} s was reached",
}
_INTRO = """# What is solved

How long each shipped scenario takes to meet its criterion with default settings. `neuroparallel solve NAME --again`
repeats the trainings of a scenario, `neuroparallel train NAME --seed N` a single one, and `neuroparallel solve --table`
writes this page from the files in `benchmarks/solved/`; do not edit it.

- Training ends when the criterion is met twice, on different trials
  ([when a task counts as learnt](training.md#when-a-task-counts-as-learnt)). Steps (over all lanes) and seconds are
  those at the first of these two tests; tests do not count.
- A median counts a seed that did not pass as longer than all others.
- Scores are of the final test, with 95 % intervals: Wilson's for shares right, from the spread over lanes for rewards,
  the jackknife over lanes for distances to equilibrium.
- Seconds depend on the machine and on what else it does. Steps do not, unless a limit of seconds ended the training.
"""


def write_solved(place: str | Path, page: str | Path) -> None:
    """Write the solved table.

    Args:
        place: Directory of the results.
        page: The Markdown file.

    Raises:
        ArgumentError: There is no result, or a file is damaged.
    """
    text = solved_page(place)
    Path(page).parent.mkdir(parents=True, exist_ok=True)
    write_text(page, text)


def solved_page(place: str | Path) -> str:
    """Make the solved table.

    Args:
        place: Directory of the results.

    Returns:
        Markdown.

    Raises:
        ArgumentError: There is no result, or a file is damaged.
    """
    results = [_read(file) for file in sorted(Path(place).glob("*.json"))]
    if not results:
        raise ArgumentError(f"There is no result in {place}; neuroparallel solve writes them.")
    parts = [_INTRO, _summary(results), _times(results), _goals(results), _missing(results), _machines(results)]
    return "\n".join(part for part in parts if part)


def _read(file: Path) -> dict[str, Any]:
    result = read_json(file, *_NEEDED)
    if not result["seeds"] or not isinstance(result["seeds"], list):
        raise ArgumentError(f"{file}: seeds is empty or not a list; the file is damaged. Delete it.")
    return result


def _solved(result: Mapping[str, Any]) -> bool:
    """Whether every seed passed."""
    return all(row["passed"] for row in result["seeds"])


def _median(result: Mapping[str, Any], key: str) -> float:
    """Median over seeds; infinite where most of them did not pass."""
    return statistics.median(row[key] if row["passed"] else math.inf for row in result["seeds"])


def _summary(results: Sequence[Mapping[str, Any]]) -> str:
    solved = sum(map(_solved, results))
    seconds, steps = (
        statistics.median(_median(result, f"{what}_to_criterion") for result in results)
        for what in ("seconds", "steps")
    )
    return (
        f"**{solved} of {len(results)} scenarios on this page are solved by all their seeds. Time to criterion of the "
        f"median scenario: {_time(seconds, steps)}**\n(median over scenarios of the median over seeds).\n"
    )


def _times(results: Sequence[Mapping[str, Any]]) -> str:
    lines = ["## Time to criterion\n", "| scenario | passed | median | seconds | steps | final score, worst seed |"]
    lines.append("|---|---|---|---|---|---|")
    for result in results:
        rows = result["seeds"]
        passed = sum(row["passed"] for row in rows)
        median = _time(_median(result, "seconds_to_criterion"), _median(result, "steps_to_criterion"))
        each = [", ".join(_one(row, key) for row in rows) for key in ("seconds_to_criterion", "steps_to_criterion")]
        lines.append(
            f"| `{result['scenario']}` | {passed} of {len(rows)} | {median} | {each[0]} | {each[1]} | "
            f"{_worst(result)} |"
        )
    return "\n".join([*lines, ""])


def _one(row: Mapping[str, Any], key: str) -> str:
    if not row["passed"]:
        return NOTHING
    return f"{row[key]:.1f}" if key.startswith("seconds") else _thousands(row[key])


def _worst(result: Mapping[str, Any]) -> str:
    """Return the final score of the seed that did worst, measure by measure."""
    texts = []
    for name in result["criterion"]:
        scores = [
            row["score"][name] for row in result["seeds"] if row.get("score", {}).get(name, [None])[0] is not None
        ]
        if scores:
            worst = (max if name == DISTANCE else min)(scores, key=lambda score: score[0])
            low, high = (_number(value) for value in worst[1:])
            texts.append(f"{_short(name)} {_number(worst[0])} ({low} to {high})")
    return "; ".join(texts) or NOTHING


def _goals(results: Sequence[Mapping[str, Any]]) -> str:
    lines = ["## Criteria\n", "| scenario | measure | criterion | chance | blind agent | ceiling | source |"]
    lines.append("|---|---|---|---|---|---|---|")
    for result in results:
        for name, least in result["criterion"].items():
            levels = [_number(result[key].get(name)) for key in ("chance", "blind", "ceiling")]
            wanted = f"{'at most ' if name == DISTANCE else ''}{_number(least)}"
            cells = [f"`{result['scenario']}`", _short(name), wanted, *levels, result["source"].replace("|", "\\|")]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _missing(results: Sequence[Mapping[str, Any]]) -> str:
    lines = ["## Not solved\n"]
    for result in results:
        failed = [row for row in result["seeds"] if not row["passed"]]
        if failed:
            seeds = ", ".join(str(row["seed"]) for row in failed)
            word = "seed" if len(failed) == 1 else "seeds"
            lines.append(f"- `{result['scenario']}`, {word} {seeds}: {_reason(result, failed[-1])}")
    return "\n".join([*lines, ""]) if len(lines) > 1 else "## Not solved\n\nNone.\n"


def _reason(result: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Why a training did not pass, as far as its result says."""
    if row["ended_by"] not in _LIMITS:
        return f"ended by an error ({row.get('error', 'unknown')})."
    texts = [_LIMITS[row["ended_by"]].format(result["settings"][row["ended_by"]])]
    for name, least in result["criterion"].items():
        value = row["score"][name][0]
        word = "at most" if name == DISTANCE else "at least"
        texts.append(f"{_short(name)} was {_number(value)} of {word} {_number(least)}")
    texts += [f"{100 * share:.0f} % of {_short(name)} aborted" for name, share in row["aborts"].items() if share > 0.2]
    return f"{'; '.join(texts)}."


def _machines(results: Sequence[Mapping[str, Any]]) -> str:
    machines = [row["machine"] for result in results for row in result["seeds"]]
    texts = [f"{one['processor']}, {one['cores']} cores, {one['jobs']} at a time" for one in machines]
    versions = [", ".join(f"{name} {number}" for name, number in result["versions"].items()) for result in results]
    lines = ["## Machines and versions\n", *(f"- {text}" for text in sorted({*texts}) + sorted({*versions}))]
    return "\n".join([*lines, ""])


def _short(name: str) -> str:
    return {REWARD: "reward per trial", DISTANCE: "distance to equilibrium"}.get(name, name)


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def _time(seconds: float, steps: float) -> str:
    if math.isinf(seconds):
        return "not reached"
    return f"{seconds:.1f} s, {_thousands(steps)} steps"


def _thousands(value: float) -> str:
    return f"{value / 1e6:.2f} M" if value >= 1e6 else f"{value / 1e3:.0f} k" if value >= 1e3 else f"{value:.0f}"
