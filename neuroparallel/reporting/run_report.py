"""Report of a training run: its numbers as text, its learning curve and a trial as figures."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuroparallel.errors import ArgumentError, NeuroparallelError
from neuroparallel.records.json_file import SUMMARY, abort_warnings, read_summary
from neuroparallel.records.safe_files import replace_file
from neuroparallel.reporting.signatures import find_signature
from neuroparallel.user_code import permit_code

__all__ = ["draw_run", "find_policy", "find_run", "latest_run", "summarize_policy", "summarize_run"]

_LIMITS = {
    "budget_steps": "budget of steps",
    "budget_trials": "budget of trials",
    "budget_s": "limit of seconds",
}
TRIALS_TO_CHOOSE_FROM = 30  # for the picture of one


def find_run(place: str | Path) -> Path:
    """Find the directory of a run.

    Args:
        place: The run, its checkpoint, or a directory of runs, of which the latest is taken.

    Returns:
        The directory with ``summary.json``.

    Raises:
        ArgumentError: There is no run.
    """
    given = Path(place)
    for candidate in (given, given.parent):
        if (candidate / SUMMARY).is_file():
            return candidate
    return latest_run(given)


def find_policy(place: str | Path) -> Path:
    """Find a trained policy.

    Args:
        place: A run, a directory of runs, a search with Ray Tune, or a checkpoint, also one of RLlib alone.

    Returns:
        A directory that `neuroparallel.rllib.load_policy` takes.

    Raises:
        ArgumentError: There is neither a run nor a checkpoint.
    """
    from neuroparallel.rllib.policy import checkpoint_metadata

    try:
        return find_run(place)
    except ArgumentError:
        if not Path(place).is_dir():
            raise
        checkpoint_metadata(place)
        return Path(place)


def summarize_policy(place: str | Path, *, seed: int = 1, code: bool = False) -> str:
    """Test a policy that no run's summary describes, and say how it did.

    Args:
        place: A checkpoint, or a search with Ray Tune, whose best trial is taken.
        seed: Random seed of the trials.
        code: Import the code that the checkpoint names; see ``docs/security.md``.

    Returns:
        Text.
    """
    from neuroparallel.rllib import evaluate, load_policy

    policy = load_policy(place, code=code)
    name = json.loads(policy.metadata["env"]["scenario"]).get("name", "scenario")
    return f"{name}, a checkpoint without a run, tested on fresh trials:\n{evaluate(policy, seed=seed).summary()}"


def latest_run(place: str | Path) -> Path:
    """Find the latest run in a directory of runs, such as ``runs/dpa_gng``.

    Args:
        place: The directory.

    Returns:
        The directory of the run.

    Raises:
        ArgumentError: There is no run in it.
    """
    found = [file for file in Path(place).glob(f"*/{SUMMARY}") if not file.parent.is_symlink()]
    if not found:
        raise ArgumentError(f"There is no run in {place}: no directory with a {SUMMARY}.")
    return max(found, key=lambda file: file.stat().st_mtime).parent


def summarize_run(place: str | Path) -> str:
    """Say how a run went, in a few lines.

    Args:
        place: Its directory.

    Returns:
        Text.

    Raises:
        ArgumentError: It is no run.
    """
    summary = read_summary(Path(place))
    criterion = summary.get("criterion") or {}
    lines = [
        f"{summary['scenario']}, seed {summary['seed']}: {_verdict(summary)} after "
        f"{summary['seconds']:.1f} s of training ({summary['steps']:,} steps, {summary['trials']:,} trials, "
        f"{summary['iteration']:,} updates)."
    ]
    earned = summary.get("earned") or {}
    for name, correct in summary["correct"].items():
        if correct is None:
            rewards = f", reward {earned[name]:.3f} per trial" if len(earned) > 1 else ""
            lines.append(f"  {name}: no right and wrong{rewards}")
            continue
        least = f", criterion {100 * criterion[name]:.0f} %" if name in criterion else ""
        lines.append(f"  {name}: {100 * correct:.1f} % correct{least}{_lost(summary, name)}")
    if "distance" in criterion and summary.get("distance") is not None:
        least = f", criterion {criterion['distance']:g} at most"
        lines.append(f"  distance to equilibrium: {summary['distance']:.3f}{least}")
    reward = summary.get("reward_per_trial")
    least = f", criterion {criterion['reward']:g}" if "reward" in criterion else ""
    lines.append(f"  reward per trial: {reward:.3f}{least}" if reward is not None else "  reward per trial: unknown")
    streams = len(summary["correct"])
    each = f" of {streams} streams" if streams > 1 else ""
    lines.append(f"Measured on the {summary['evaluation_trials']:,} trials{each} in trials.csv, {_manner(summary)}.")
    lines += [f"Warning: {warning}" for warning in (*abort_warnings(summary.get("outcomes") or {}), *_traps(summary))]
    return "\n".join(lines)


def _verdict(summary: Mapping[str, Any]) -> str:
    """Describe how a training ended."""
    stage, stages = int(summary.get("stage") or 0) + 1, int(summary.get("stages") or 1)
    at = f"stage {stage} of {stages} " if stage < stages else ""
    if summary.get("interrupted"):
        return f"interrupted{f' in {at.strip()}' if at else ''}"
    if summary.get("passed"):
        return "passed"
    limit = _LIMITS.get(str(summary.get("ended_by")))
    if not summary.get("criterion") and not at:
        return f"no criterion, trained{f' until its {limit}' if limit else ''}"
    return f"{at}not passed{f', ended by its {limit},' if limit else ''}"


def _traps(summary: Mapping[str, Any]) -> list[str]:
    """Return the traps that a failed training ended in; the final test shows whether aborts were one."""
    if summary.get("passed"):
        return []
    traps = summary.get("traps") or {}
    return [trap["message"] for name, trap in traps.items() if trap.get("holds") and name != "aborts"]


def _lost(summary: Mapping[str, Any], name: str) -> str:
    """Return the shares of trials that were aborted or missed, if any."""
    shares = (summary.get("outcomes") or {}).get(name, {})
    words = (("abort", "aborted"), ("miss", "missed"))
    return "".join(f", {100 * shares[key]:.1f} % {word}" for key, word in words if shares.get(key))


def _manner(summary: Mapping[str, Any]) -> str:
    """Describe how actions were chosen in the final test."""
    draws = summary.get("draws")
    return f"with actions drawn by {', '.join(draws)}" if draws else "without exploration"


def draw_run(place: str | Path, *, seed: int = 1, code: bool = False) -> list[Path]:
    """Draw the learning curve and a trial of the trained subjects.

    Args:
        place: Directory of the run; the pictures are put into it.
        seed: Of the trials of which one is shown.
        code: Import the code that the run names, tasks and networks; see ``docs/security.md``. False takes it only
            from modules that are imported already.

    Returns:
        The files written: ``learning_curve.png`` (if training lasted long enough to have one), ``signature.png`` (if
        the scenario or its task declares a signature, from the trials of ``trials.csv``) and ``trial.png``,
        or ``trial_<subject>.png`` where there are several subjects.

    Raises:
        ArgumentError: It is no run, or it names code that is refused.
    """
    with permit_code(scenarios="all" if code else "imported", policies="all" if code else "imported"):
        return _draw(Path(place), seed)


def _draw(place: Path, seed: int) -> list[Path]:
    from neuroparallel.plotting import plot_learning_curve

    if not (place / SUMMARY).is_file():  # a checkpoint without a run
        return _draw_trial(place, place.name, seed)
    summary, written = read_summary(place), []
    history = place / "history.csv"
    if history.is_file() and history.read_text(encoding="utf-8").count("\n") > 1:
        levels = {name: summary.get(name) or None for name in ("criterion", "chance", "ceiling")}
        figure = plot_learning_curve(history, **levels, title=summary["scenario"])
        written.append(place / "learning_curve.png")
        _save(figure, written[-1])
    return [*written, *_draw_signature(place), *_draw_trial(place, summary["scenario"], seed)]


def _draw_signature(place: Path) -> list[Path]:
    """Draw what the paradigm is known by, from the trials that the summary is about."""
    from neuroparallel.records import Trials

    if not all((place / name).is_file() for name in ("trials.csv", "scenario.yaml")):
        return []
    signature = find_signature(place / "scenario.yaml")
    if signature is None:
        return []
    try:
        figure = signature.draw(Trials.read_csv(place / "trials.csv"))
    except NeuroparallelError as error:  # a learner that never answered has no such picture
        warnings.warn(f"{signature.name}: {error}", stacklevel=3)
        return []
    _save(figure, place / "signature.png")
    return [place / "signature.png"]


def _draw_trial(place: Path, name: str, seed: int) -> list[Path]:
    from neuroparallel.agents import TrainedAgent
    from neuroparallel.environments import batch
    from neuroparallel.plotting import plot_trial
    from neuroparallel.reporting.trace_recording import one_trial, watch
    from neuroparallel.rllib import load_policy

    policy = load_policy(place)
    what = json.loads(policy.metadata["env"]["scenario"])
    longest = batch(what, lanes=1, record=False, **policy.options).trial_steps()
    traces, _ = watch(what, TrainedAgent(policy), steps=TRIALS_TO_CHOOSE_FROM * longest, seed=seed, **policy.options)
    written = []
    for agent, trace in traces.items():
        file = place / ("trial.png" if len(traces) == 1 else f"trial_{agent}.png")
        _save(plot_trial(one_trial(trace), title=f"{name}: a trial of the trained {agent}"), file)
        written.append(file)
    return written


def _save(figure: Any, file: Path) -> None:
    with replace_file(file, "wb") as opened:
        figure.savefig(opened, format=file.suffix[1:])
