"""Draw the picture of docs/learning.md from runs that learning.py kept.

python benchmarks/learning.py prp --runs runs/learning       # and matching_pennies, waiting, waiting_unseen,
python benchmarks/draw_learning.py runs/learning learning.png    # joint_perception
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from neuroparallel.records import Table

Curve = tuple[str, str, str, Callable[[Any], Any]]  # of which demonstration, name, color, from columns to numbers
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"

PANELS: tuple[tuple[str, str, tuple[Curve, ...], tuple[float, float]], ...] = (
    (
        "prp",
        "correct",
        (
            ("prp", "first", BLUE, lambda h: h["subject_0.first"]),
            ("prp", "second", ORANGE, lambda h: h["subject_0.second"]),
        ),
        (0.4, 1.02),
    ),
    (
        "matching_pennies",
        "reward per trial",
        (
            ("matching_pennies", "matcher", BLUE, lambda h: h["reward/matcher.play"]),
            ("matching_pennies", "mismatcher", ORANGE, lambda h: h["reward/mismatcher.play"]),
        ),
        (-0.1, 1.0),
    ),
    (
        "cooperative_pull, one has to wait",
        "reward of left",
        (
            ("waiting", "sees the other's pull", BLUE, lambda h: h["reward/left.lever"]),
            ("waiting_unseen", "does not", ORANGE, lambda h: h["reward/left.lever"]),
        ),
        (-0.3, 1.02),
    ),
    (
        "joint_perception",
        "correct",
        (
            ("joint_perception", "pair", GREEN, lambda h: h["reward/a.look"] - 0.2 * h["a.look"]),
            ("joint_perception", "a", BLUE, lambda h: h["a.look"]),
            ("joint_perception", "b", ORANGE, lambda h: h["b.look"]),
        ),
        (0.65, 0.9),
    ),
)


def histories(place: Path) -> Iterable[Any]:
    """The learning curve of every seed."""
    for file in sorted(place.glob("*/history.csv")):
        yield {name: np.asarray(column, float) for name, column in Table.read_csv(file).columns.items()}


def main() -> None:
    """Read and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    figure = Figure(figsize=(9, 5.4), layout="constrained", dpi=80)
    for axes, (title, label, curves, limits) in zip(figure.subplots(2, 2).flat, PANELS, strict=True):
        for demonstration, name, color, numbers in curves:
            for seed, history in enumerate(histories(options.runs / demonstration)):
                axes.plot(history["seconds"], numbers(history), color=color, alpha=0.8, linewidth=1.2,
                          label=None if seed else name)  # fmt: skip
        axes.set(title=title, xlabel="training time (s)", ylabel=label, ylim=limits)
        axes.set_xlim(left=0)
        axes.legend(frameon=False, loc="lower right", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    drawn = io.BytesIO()
    figure.savefig(drawn)
    Image.open(drawn).quantize(48).save(options.file, optimize=True)


if __name__ == "__main__":
    main()
