"""JSON files of a training run, such as its ``summary.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuroparallel.errors import ArgumentError
from neuroparallel.records.safe_files import read_text

__all__ = ["SUMMARY", "abort_warnings", "read_json", "read_summary"]

SUMMARY = "summary.json"
MOST_BYTES = 2**24
MANY_ABORTS = 0.2  # share of a stream's trials above which it is worth saying so
_ALWAYS = ("scenario", "seed", "seconds", "steps", "trials", "iteration", "correct", "evaluation_trials")
_NUMBERS = ("seconds", "steps", "trials", "iteration", "evaluation_trials", "stage")


def read_json(file: Path, *needed: str) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Args:
        file: The file.
        *needed: Keys that it must have.

    Raises:
        ArgumentError: It cannot be read, or lacks a key, as one of another version of neuroparallel may.
    """
    try:
        data = json.loads(read_text(file, MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise ArgumentError(f"{file} cannot be read ({error}); it is damaged.") from None
    missing = [key for key in needed if not isinstance(data, dict) or key not in data]
    if missing or not isinstance(data, dict):
        raise ArgumentError(
            f"{file} has no {', '.join(missing) or 'keys'}; it is damaged, or of another version of neuroparallel."
        )
    return data


def read_summary(place: Path) -> dict[str, Any]:
    """Read how a training run went.

    Args:
        place: Directory of the run.

    Raises:
        ArgumentError: It is no run, or its summary cannot be read.
    """
    if not (place / SUMMARY).is_file():
        raise ArgumentError(f"{place} is no run: it has no {SUMMARY}.")
    summary = read_json(place / SUMMARY, *_ALWAYS)
    for key in _NUMBERS:
        value = summary.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ArgumentError(f"{place / SUMMARY}: {key} is {value!r}; it is a number. The file is damaged.")
    if not isinstance(summary["correct"], dict):
        raise ArgumentError(
            f"{place / SUMMARY}: correct is {summary['correct']!r}; it maps streams to numbers. The file is damaged."
        )
    return summary


def abort_warnings(outcomes: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Warn of streams that are often aborted, as a learner does who so gets sooner to the reward of another one.

    Args:
        outcomes: Stream to the share of each outcome.

    Returns:
        A sentence for each stream with more than 20 % aborts.
    """
    return [
        f"{name}: {100 * shares['abort']:.0f} % of its trials are aborted, so the others say little about what was "
        "learnt. A larger penalty (rewards.abort), or early: penalty, makes aborting less attractive."
        for name, shares in outcomes.items()
        if shares.get("abort", 0.0) > MANY_ABORTS
    ]
