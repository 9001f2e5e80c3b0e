"""``train``: train the subjects of a scenario, with a progress display."""

from __future__ import annotations

import argparse
import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroparallel.cli.common import RUNS, add_verb, add_what, changes_of, find_code_of, load, note, on_screen
from neuroparallel.cli.exit_codes import INTERRUPTED, NOT_PASSED
from neuroparallel.errors import ArgumentError
from neuroparallel.records.json_file import SUMMARY

if TYPE_CHECKING:
    from neuroparallel.rllib import TrainingResult

__all__ = ["add"]

CLAIM = "training.pid"  # in the directory of a run while it is training
LATEST = "latest"  # value of --resume without a directory


def add(verbs: Any) -> None:
    """Add the verb."""
    description = "Train the subjects of a scenario until they meet its criterion, or until a budget is used up."
    parser = add_verb(verbs, "train", train, description)
    add_what(parser, optional=True)
    parser.add_argument(
        "--budget",
        type=_seconds,
        metavar="S",
        help="limit in seconds; any budget given here replaces all budgets of the scenario",
    )
    parser.add_argument(
        "--budget-steps", type=_count, metavar="N", help="limit in steps over all lanes, such as 3e6; reproducible"
    )
    parser.add_argument(
        "--budget-trials", type=_count, metavar="N", help="limit in trials over all lanes; reproducible"
    )
    parser.add_argument(
        "--seed", type=int, help="seed of trials and learning (default: that of the resumed run, or a new one)"
    )
    parser.add_argument("--out", metavar="DIR", help="directory of the run (runs/NAME/TIME)")
    parser.add_argument(
        "--resume", nargs="?", const=LATEST, metavar="DIR", help="continue a run (default: the latest run of WHAT)"
    )
    parser.add_argument("--from", dest="source", metavar="DIR", help="train with the best settings of a search (tune)")
    parser.add_argument("--lanes", type=int, help="number of parallel copies of the scenario (32 or 64)")
    parser.add_argument("--algorithm", metavar="NAME", help="ppo (default) or a2c")
    parser.add_argument(
        "--network", metavar="NAME", help="lstm, gru, rnn, mlp, transformer, or your own module:Class (its code runs)"
    )
    parser.add_argument(
        "--no-tensorboard", dest="tensorboard", action="store_false", help="do not write TensorBoard event files"
    )


def train(options: argparse.Namespace) -> int:
    """Train, and save the run."""
    from neuroparallel.rllib import train as learn
    from neuroparallel.rllib.display import Display
    from neuroparallel.rllib.run_files import uninterrupted
    from neuroparallel.rllib.traps import PREFIX

    what, resumed = _what(options)
    display = Display(on_screen(error=True))
    with _place(options, what.name, resumed) as place, display, warnings.catch_warnings():
        # The report below contains it; a trap is reported when it is found.
        warnings.filterwarnings("ignore", f"(?!{PREFIX}).* % of its trials are aborted")
        display.title = f"[bold]{what.name}[/]  {what.description}  [dim]{place}[/]"
        result = learn(
            what,
            out=place,
            budget_s=options.budget,
            budget_steps=options.budget_steps,
            budget_trials=options.budget_trials,
            seed=options.seed,
            resume=resumed,
            progress=display.update,
            tensorboard=options.tensorboard,
            **{key: value for key in ("algorithm", "lanes", "network") if (value := getattr(options, key)) is not None},
        )
    with uninterrupted():
        return _conclude(result, place)


def _what(options: argparse.Namespace) -> tuple[Any, Path | None]:
    """Return the scenario, and the run to continue."""
    from neuroparallel.reporting import find_policy, find_run, latest_run
    from neuroparallel.scenario import Scenario

    if options.source is not None:
        if options.what is not None or options.resume is not None:
            raise ArgumentError("--from DIR determines the scenario; leave out WHAT and --resume.")
        options.what = str(_best_of(options.source))
    if options.resume is not None and options.code is False:
        raise ArgumentError(
            "--resume reads RLlib's checkpoint, which is a pickle and can run any code; leave out --no-code, if you "
            "trust the run, or train anew."
        )
    if options.resume is None:
        if options.what is None:
            raise ArgumentError("train needs WHAT: the name of a scenario, or a path to a .yaml file.")
        return load(options), None
    if options.resume != LATEST:
        run = find_policy(options.resume)
    elif options.out and Path(options.out).is_dir():
        run = find_run(options.out)
    elif options.what is None:
        raise ArgumentError("--resume needs WHAT, whose latest run it continues, or the directory of a run.")
    else:
        run = latest_run(RUNS / Scenario.load(options.what).name)
    if not (run / SUMMARY).is_file():
        return _of_checkpoint(options, run), run
    # The run's own scenario, with what --set changed when it began; --set may change more.
    find_code_of(run)
    options.what = str(run / "scenario.yaml")
    return load(options), run


def _best_of(place: str) -> Path:
    """Return the scenario file of the best trial of a search."""
    from neuroparallel.rllib.policy import BEST

    file = Path(place) / "scenario.yaml"
    if not (Path(place) / BEST).is_file() or not file.is_file():
        raise ArgumentError(
            f"--from {place}: there is no finished search (no {BEST} and scenario.yaml there); name the directory that "
            "neuroparallel tune printed."
        )
    return file


def _of_checkpoint(options: argparse.Namespace, place: Path) -> Any:
    """Return the scenario of a checkpoint of RLlib or Ray Tune; a run that continues it is a new run."""
    from neuroparallel.rllib.policy import checkpoint_metadata
    from neuroparallel.rllib.policy_keeper import scenario_of_policy

    scenario = scenario_of_policy(checkpoint_metadata(place)[1])
    if not options.out:
        options.out = str(_new_place(scenario.name))
    changes = changes_of(options.changes)
    return scenario.replace(**changes) if changes else scenario


def _seconds(text: str) -> float:
    """Parse a number of seconds."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds; write one, as in --budget 60") from None


def _count(text: str) -> int:
    """Parse a number of steps or trials."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number.is_integer():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number; write one, such as 5000000 or 5e6")
    return int(number)


@contextmanager
def _place(options: argparse.Namespace, name: str, resumed: Path | None) -> Iterator[Path]:
    """Provide the directory of the run; remove it afterwards if it was created here and is still empty."""
    place = Path(options.out) if options.out else resumed
    made = place is None or not place.exists()
    place = place or _new_place(name)
    try:
        with _claimed(place):
            yield place
    finally:
        for empty in () if not made else (place,) if options.out else (place, place.parent, RUNS):
            if empty.is_dir() and not any(empty.iterdir()):
                empty.rmdir()


@contextmanager
def _claimed(place: Path) -> Iterator[None]:
    """Lock the directory, so that a second training cannot overwrite the results of this one."""
    place.mkdir(parents=True, exist_ok=True)
    mark = place / CLAIM
    try:
        mark.open("x").close()
    except FileExistsError:
        other = mark.read_text(encoding="utf-8")
        if _runs(other):
            raise ArgumentError(
                f"process {other} is training into {place}; name another directory (if that process is something else, "
                f"delete {mark})."
            ) from None
    mark.write_text(str(os.getpid()), encoding="utf-8")
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def _runs(process: str) -> bool:
    """Whether a process with this number is running; a killed process leaves its lock file behind."""
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # of another user
        return True
    return int(process) != os.getpid()


def _new_place(name: str) -> Path:
    """Create a directory for a new run; runs that begin in the same second are numbered."""
    first = place = RUNS / name / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    number = 1
    while True:
        try:
            place.mkdir(parents=True)
        except FileExistsError:
            number += 1
            place = first.with_name(f"{first.name}+{number}")
        else:
            return place


def _conclude(result: TrainingResult, place: Path) -> int:
    from neuroparallel.errors import MissingDependencyError
    from neuroparallel.reporting import draw_run, summarize_run
    from neuroparallel.rllib.run_files import resume_command

    console = on_screen()
    console.print(summarize_run(place), markup=False, soft_wrap=True)
    try:
        files = [file.name for file in draw_run(place)]
    except MissingDependencyError as error:
        files = []
        note(str(error))
    kept = ["scenario.yaml", "trials.csv", "history.csv", "checkpoint/", SUMMARY, *files]
    kept += ["events.out.tfevents..."] if any(place.glob("events.out.tfevents.*")) else []
    console.print(f"Kept in {place}: {', '.join(kept)}", markup=False, soft_wrap=True)
    if not result.passed or result.interrupted:
        console.print(f"To go on from here: {resume_command(place)}", markup=False, soft_wrap=True)
    return INTERRUPTED if result.interrupted else NOT_PASSED if result.passed is False else 0
