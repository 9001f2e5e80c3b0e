"""Figures: they can be drawn without a screen or a warning, and say what they show."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from neuroparallel import plotting
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Table, Trace, Trials


def drawn(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def words(figure: Figure) -> str:
    texts = [text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))]
    return " | ".join(texts)


def trials() -> Trials:
    rng = np.random.default_rng(0)
    side, coherence = rng.integers(1, 3, 600), rng.choice([0.0, 6.4, 25.6], 600)
    right = rng.random(600) < 0.5 + coherence / 60
    return Trials(
        {
            "subject": np.full(600, "subject_0"),
            "stream": np.where(np.arange(600) % 2, "motion", "tone"),
            "side": side,
            "coherence": coherence,
            "choice": np.where(right, side, 3 - side),
            "correct": right.astype(float),
            "outcome": np.where(right, "correct", "error"),
        }
    )


def dual_trace(steps: int = 40, **changes: Any) -> Trace:
    rng = np.random.default_rng(1)
    periods = np.stack([np.arange(steps) // 10, np.where(np.arange(steps) > 20, 0, -1)], axis=1)
    outcomes = np.zeros((steps, 2), int)
    outcomes[-1:] = (1, 3)
    outcomes[steps // 2 : steps // 2 + 1, 0] = 2
    given: dict[str, Any] = {
        "time_ms": np.arange(steps) * 50.0,
        "observations": rng.normal(size=(steps, 5)),
        "channel_names": ("fixation", "a", "b", "c", "d"),
        "actions": rng.integers(0, 2, steps),
        "action_names": ("withhold", "lick"),
        "ground_truth": rng.integers(-1, 2, (steps, 2)),
        "rewards": rng.normal(size=steps),
        "periods": periods,
        "period_names": (("sample", "delay", "test", "decision"), ("stimulus",)),
        "outcomes": outcomes,
        "stream_names": ("memory", "gng"),
        "title": "dpa_gng",
    }
    return Trace(**(given | changes))


def test_a_trial_picture_names_periods_channels_actions_outcomes_and_units():
    figure = plotting.plot_trial(dual_trace())
    drawn(figure)
    for word in ("delay", "stimulus", "fixation", "lick", "correct", "abort", "time (ms)",
                 "reward", "memory", "gng", "dpa_gng"):  # fmt: skip
        assert word in words(figure)


def test_a_picture_can_show_factored_actions_a_single_step_and_no_noise():
    factored = dual_trace(actions=np.ones((40, 2), int), action_names=(("no", "yes"), ("hold", "left", "right")))
    drawn(plotting.plot_trial(factored))
    drawn(plotting.plot_trial(dual_trace(1), title="one step"))
    drawn(plotting.plot_run(dual_trace(200, observations=np.zeros((200, 5)), rewards=np.zeros(200))))
    with pytest.raises(ArgumentError, match="at least one step"):
        plotting.plot_run(dual_trace(0))


def history() -> dict[str, Any]:
    x = np.linspace(0, 30, 20)
    memory = np.clip(x / 30, 0.5, 0.95)
    memory[0] = np.nan
    return {"seconds": x, "steps": x * 1000, "reward": x, "correct.subject_0.memory": memory,
            "correct.subject_0.gng": memory * 0 + 0.97}  # fmt: skip


def test_a_learning_curve_names_streams_criteria_and_both_axes():
    figure = plotting.plot_learning_curve(history(), criterion={"memory": 0.9, "gng": 0.95})
    drawn(figure)
    for word in ("memory 95 %", "training time (s)", "agent steps", "correct (%)", "criterion"):
        assert word in words(figure)


def test_a_learning_curve_is_read_from_the_file_of_a_run(tmp_path: Path):
    Table(history()).to_csv(tmp_path / "history.csv")
    figure = plotting.plot_learning_curve(tmp_path / "history.csv", criterion=0.9)
    drawn(figure)
    assert "gng 97 %" in words(figure)


def test_a_learning_curve_reads_streams_by_name_and_marks_stages(tmp_path: Path):
    text = "seconds,steps,stage,subject_0.memory,subject_1.memory\n1,5,1,,0.5\n2,9,2,0.75,0.5\n"
    (tmp_path / "history.csv").write_text(text)
    figure = plotting.plot_learning_curve(tmp_path / "history.csv")
    drawn(figure)
    for word in ("subject_0.memory 75 %", "subject_1.memory 50 %", "stage 2"):
        assert word in words(figure)


def test_a_learning_curve_without_streams_or_with_one_row():
    with pytest.raises(ArgumentError, match="one per stream"):
        plotting.plot_learning_curve({"seconds": [1.0]})
    drawn(plotting.plot_learning_curve({"seconds": [1.0], "steps": [5], "correct.a": [np.nan]}))


def test_performance_is_drawn_by_stream_and_by_condition():
    drawn(plotting.plot_performance(trials()))
    figure = plotting.plot_performance(trials(), ["side", "coherence"], chance=0.5)
    drawn(figure)
    for word in ("motion", "tone", "correct (%)", "coherence (%)", "chance"):
        assert word in words(figure)


def test_the_psychometric_picture_tells_the_fit_and_draws_in_given_axes():
    figure = Figure()
    ax = figure.add_subplot()
    assert plotting.plot_psychometric(trials(), ax=ax) is figure
    drawn(figure)
    for word in ("bias", "spread", "choices right (%)", "signed coherence (%"):
        assert word in words(figure)


def test_plotting_leaves_pyplot_alone():
    code = "import sys, neuroparallel.plotting; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
