"""``tune``: search the settings of a training."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroparallel.cli.common import RUNS, add_verb, add_what, load, note, on_screen
from neuroparallel.cli.exit_codes import INTERRUPTED
from neuroparallel.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verb."""
    description = "Search the space of a scenario's tune: section with Ray Tune; weak settings are stopped early."
    parser = add_verb(verbs, "tune", tune, description)
    add_what(parser)
    parser.add_argument("--samples", type=int, default=8, help="number of settings to try (8)")
    parser.add_argument("--iterations", type=int, default=100, help="maximum number of updates of each (100)")
    parser.add_argument("--concurrent", type=int, default=2, help="number of settings that train at the same time (2)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the search and of every trial (0)")
    parser.add_argument("--out", metavar="DIR", help="directory of the results (runs/NAME/tune)")
    parser.add_argument("--resume", action="store_true", help="continue a search that was interrupted")


def tune(options: argparse.Namespace) -> int:
    """Search, and print the best settings."""
    from neuroparallel.records.json_file import read_json
    from neuroparallel.rllib import tune as search
    from neuroparallel.rllib.policy import BEST

    if options.resume and options.code is False:
        raise ArgumentError(
            "--resume reads Ray Tune's files, which are pickles and can run any code; leave out --no-code, if you "
            "trust the search."
        )
    scenario = load(options)
    place = Path(options.out or RUNS / scenario.name / "tune")
    with on_screen(error=True).status(f"trying {options.samples} settings, {options.concurrent} at a time"):
        results = search(
            scenario,
            out=place,
            samples=options.samples,
            iterations=options.iterations,
            grace=max(1, options.iterations // 5),
            concurrent=options.concurrent,
            seed=options.seed,
            resume=options.resume,
        )
    _print(results, scenario.tune or {})
    on_screen().print(f"Kept in {place}", markup=False, soft_wrap=True)
    if (place / BEST).is_file():
        best = read_json(place / BEST, "trial")["trial"]
        message = f"Best: {best}. To train it fully: neuroparallel train --from {shlex.quote(str(place))}"
        on_screen().print(message, markup=False, soft_wrap=True)
    # Tune marks interrupted trials as terminated too; only trials that reached their end are "done".
    if len(results) < options.samples or not all((result.metrics or {}).get("done") for result in results):
        note(f"Stopped early. To go on: {_again(options)}")
        return INTERRUPTED
    return 0


def _again(options: argparse.Namespace) -> str:
    """Return the command that continues a search: the same command with --resume."""
    words = ["neuroparallel", "tune", options.what]
    words += [part for change in options.changes for part in ("--set", change)]
    words += ["--samples", str(options.samples), "--iterations", str(options.iterations)]
    words += ["--out", options.out] if options.out else []
    return shlex.join([*words, "--resume"])


def _print(results: Any, section: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    names = list(section)
    for name in (*names, "updates", "correct (%)", "reward per trial"):
        table.add_column(name.rpartition(".")[2], justify="right")
    for result in sorted(results, key=_correct, reverse=True):
        table.add_row(*_row(result, names))
    on_screen().print(table)


def _correct(result: Any) -> float:
    value = (result.metrics or {}).get("env_runners", {}).get("correct", float("nan"))
    return -1.0 if value != value else float(value)


def _row(result: Any, names: Sequence[str]) -> list[str]:
    config, metrics = result.config or {}, result.metrics or {}
    changed = config.get("env_config", {}).get("set") or {}
    chosen = [changed.get(name, config.get(name)) for name in names]
    runners = metrics.get("env_runners", {})
    reward = runners.get("reward_per_trial", float("nan"))
    correct = _correct(result)
    shown = "" if correct < 0 else f"{100 * correct:.1f}"
    numbers = [str(metrics.get("training_iteration", 0)), shown, "" if reward != reward else f"{reward:.3f}"]
    return [f"{value:.3g}" if isinstance(value, float) else str(value) for value in chosen] + numbers
