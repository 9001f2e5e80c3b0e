"""Fall into each known trap of training, and out of it, and draw the picture of docs/how_to/when_it_does_not_learn.md.

python benchmarks/traps.py docs/images/traps.png            # about five minutes; --runs DIR keeps and reuses the runs
"""

from __future__ import annotations

import argparse
import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import neuroparallel as npar
from neuroparallel.records import Table

BLUE, ORANGE = "#0072B2", "#D55E00"
STEPS = 100_000


def one_stream(task: str, dt: float = 50.0, **content: Any) -> Any:
    """Return a scenario of one subject with one stream."""
    stream = {"task": task, **content}
    return npar.Scenario.load({"name": task, "dt": dt, "subjects": {"subject_0": {"streams": {"only": stream}}}})


def dots(fixation: float, **content: Any) -> Any:
    """Return random dots after so many ms of fixation."""
    timing = {"fixation": fixation, "stimulus": 300, "decision": 100}
    return one_stream("random_dots", timing=timing, params={"coherences": [25.6, 51.2]}, **content)


def looking(**rewards: float) -> Any:
    """Return a weak stimulus that is on until it is answered."""
    timing = {"fixation": 100, "stimulus": 1000, "response": 0, "iti": 100}
    return one_stream(
        "choice_reaction", timing=timing, params={"choices": ["left", "right"], "coherences": [6.4]}, rewards=rewards
    )


ONLY = "subject_0.only"
MEMORY = "subject_0.memory"
MATCH = "subject_0.delayed_match_to_sample"
EARLY = "subjects.subject_0.streams.memory.early"
SHORTER = [{"timing.fixation": ms} for ms in (300, 1000, 3000)]
# Name to title, stream, and the trap and the way out: a label, a scenario and settings each.
CASES: dict[str, tuple[str, str, tuple[tuple[str, Any, dict[str, Any]], ...]]] = {
    "aborts": (
        "One stream is aborted",
        MEMORY,
        (
            ("early: abort", npar.Scenario.load("dpa_gng").replace(**{EARLY: "abort"}), {}),
            ("early: penalty", npar.Scenario.load("dpa_gng"), {}),
        ),
    ),
    "chunk": (
        "Updates are shorter than the memory",
        MATCH,
        (
            ("n_steps=5", npar.Scenario.load("delayed_match_to_sample"), {"n_steps": 5}),
            ("n_steps=32 (default)", npar.Scenario.load("delayed_match_to_sample"), {}),
        ),
    ),
    "entropy": (
        "The policy is certain too early",
        ONLY,
        (
            ("entropy_coeff=0, lr=0.1", dots(100, rewards={"error": -1}),
             {"entropy_coeff": 0.0, "lr": 0.1, "hold_steps": 0, "criterion": {ONLY: 0.8}}),
            ("defaults", dots(100, rewards={"error": -1}), {"criterion": {ONLY: 0.8}}),
        ),
    ),
    "haste": (
        "Responses come in the first step",
        ONLY,
        (
            ("error: 0, gamma=0.8", looking(), {"gamma": 0.8, "hold_steps": 0, "criterion": {ONLY: 0.8}}),
            ("error: -1, defaults", looking(error=-1), {"criterion": {ONLY: 0.8}}),
        ),
    ),
    "reward": (
        "No reward is ever seen",
        ONLY,
        (
            ("hold_steps=0", dots(6000, dt=100.0), {"hold_steps": 0, "criterion": {ONLY: 0.8}}),
            ("the same, with a curriculum", dots(6000, dt=100.0),
             {"hold_steps": 0, "criterion": {ONLY: 0.8}, "curriculum": SHORTER}),
        ),
    ),
}  # fmt: skip


def run(place: Path, scenario: Any, settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train, unless it was done before; returns the learning curve and the traps."""
    if not (place / "summary.json").is_file():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            npar.rllib.train(scenario, out=place, seed=0, budget_steps=STEPS, evaluate_every_steps=4000, **settings)
    history = {
        name: np.asarray(column, float) for name, column in Table.read_csv(place / "history.csv").columns.items()
    }
    traps = json.loads((place / "summary.json").read_text(encoding="utf-8"))["traps"]
    return history, traps


def draw(axes: Any, name: str, runs: Path) -> None:
    """Draw a trap, with a line where it was found, and the way out of it."""
    title, stream, cases = CASES[name]
    for (label, scenario, settings), color in zip(cases, (ORANGE, BLUE), strict=True):
        history, traps = run(runs / f"{name}_{'trap' if color == ORANGE else 'out'}", scenario, settings)
        print(
            name, label, history["steps"][-1], history[stream][-3:], {key: trap["steps"] for key, trap in traps.items()}
        )
        axes.plot(history["steps"] / 1000, history[stream], color=color, label=label, linewidth=1.4)
        if name == "aborts":
            axes.plot(history["steps"] / 1000, history[f"abort/{stream}"], color=color, linewidth=1.0, linestyle=":",
                      label="aborted" if color == ORANGE else None)  # fmt: skip
        if color == ORANGE and name in traps:
            axes.axvline(traps[name]["steps"] / 1000, color="0.6", linewidth=1.0, linestyle="--", label="warning")
    axes.set(title=f"{name}: {title[0].lower()}{title[1:]}", ylim=(-0.03, 1.03), xlim=(0, STEPS / 1000))
    axes.title.set_fontsize(9.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=7.5, loc="best")


def main() -> None:
    """Train and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs/traps"))
    options = parser.parse_args()
    figure = Figure(figsize=(10, 5.2), layout="constrained", dpi=80)
    panels = list(figure.subplots(2, 3).flat)
    for axes, name in zip(panels, CASES, strict=False):
        draw(axes, name, options.runs)
    panels[-1].set_axis_off()
    figure.supxlabel("thousand time steps over all lanes", fontsize=9)
    figure.supylabel("share of trials right", fontsize=9)
    drawn = io.BytesIO()
    figure.savefig(drawn)
    Image.open(drawn).quantize(48).save(options.file, optimize=True)


if __name__ == "__main__":
    main()
