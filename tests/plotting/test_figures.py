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

import neuroparallel as npar
from neuroparallel import plotting
from neuroparallel.analysis import history_kernels, stay_probabilities
from neuroparallel.errors import ArgumentError, UnknownNameError
from neuroparallel.plotting.style import axes_of, finish_axes, points
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
    for word in ("memory 95 %", "training time (s)", "steps", "correct (%)", "criterion"):
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


# ---- what paradigms are known by ----


def refractory() -> Trials:
    rng = np.random.default_rng(3)
    soa = np.repeat([0.0, 100.0, 500.0, 1200.0], 50)
    times = rng.normal(0.5, 0.01, (2, 200)) + np.stack([0 * soa, np.maximum(0, 0.225 - soa / 1000)])
    return Trials(
        {
            "stream": np.repeat(["tone", "number"], 200),
            "trial": np.tile(np.arange(200), 2),
            "outcome": np.full(400, "correct"),
            "soa_ms": np.tile(soa, 2),
            "response_time_s": times.ravel(),
        }
    )


def test_the_picture_of_the_refractory_period_has_both_curves_and_what_a_bottleneck_predicts():
    figure = plotting.plot_prp(refractory())
    drawn(figure)
    for word in ("tone (response 1)", "number (response 2)", "slope -1", "0 to 100 ms: -0.96", "asynchrony (ms)"):
        assert word in words(figure)
    (ax,) = figure.axes
    lines = {line.get_label(): line.get_xydata() for line in ax.lines if "bottleneck" in str(line.get_label())}
    ((start, corner, end),) = lines.values()
    assert (corner[1] - start[1]) / (corner[0] - start[0]) == pytest.approx(-1)
    assert end[1] == corner[1]


def test_a_single_asynchrony_has_no_slope_and_can_be_drawn():
    figure = plotting.plot_prp(refractory().where(soa_ms=100.0))
    drawn(figure)
    assert "slope of response" not in words(figure)


def test_the_picture_of_stopping_tells_the_time_that_it_takes():
    rng = np.random.default_rng(4)
    stop, delay = rng.random(2000) < 0.3, rng.choice([150.0, 250.0, 350.0], 2000)
    go = rng.normal(0.45, 0.08, 2000)
    responded = ~stop | (go < delay / 1000 + 0.2)
    trials = Trials(
        {
            "stop": stop,
            "stop_delay_ms": delay,
            "response_time_s": np.where(responded, go, np.nan),
            "outcome": np.where(responded != stop, "correct", "error"),
        }
    )
    figure = plotting.plot_inhibition(trials)
    drawn(figure)
    assert "stop-signal reaction time 20" in words(figure) or "stop-signal reaction time 19" in words(figure)
    assert "delay of the stop signal (ms)" in words(figure)


def test_the_picture_of_the_two_step_task_has_four_bars_with_their_heights():
    rng = np.random.default_rng(5)
    trials = Trials(
        {
            "trial": np.arange(800),
            "first_choice": rng.integers(1, 3, 800),
            "common": rng.random(800) < 0.7,
            "reward": (rng.random(800) < 0.5) * 1.0,
        }
    )
    figure = plotting.plot_stay(trials)
    drawn(figure)
    bars = sorted(round(bar.get_height(), 6) for bar in figure.axes[0].patches)
    assert bars == sorted(np.round(100 * stay_probabilities(trials).stay["stay"], 6))
    for word in ("common transition", "rare transition", "unrewarded", "effect of reward"):
        assert word in words(figure)


def test_the_picture_of_task_switching_names_its_costs():
    rng = np.random.default_rng(6)
    switch, congruent = rng.random(400) < 0.5, rng.random(400) < 0.5
    trials = Trials(
        {
            "switch": switch,
            "congruent": congruent,
            "response_time_s": 0.5 + 0.2 * switch + 0.05 * ~congruent,
            "correct": np.ones(400),
        }
    )
    figure = plotting.plot_switch_cost(trials)
    drawn(figure)
    assert figure.axes[0].patches[0].get_height() == pytest.approx(200, abs=10)
    for word in ("switch", "congruency", "response time (ms)"):
        assert word in words(figure)


def test_choices_are_shown_with_their_shares_for_every_player():
    chosen = np.repeat([[1, 1, 3, 3], [1, 2, 3, 0]], 25, axis=1).ravel()
    table = Trials({"subject": np.repeat(["ann", "ben"], 100), "stream": np.full(200, "play"), "choice": chosen})
    figure = plotting.plot_choices(table)
    drawn(figure)
    (ax,) = figure.axes
    assert "ann.play" in words(figure)
    points = [line.get_xydata() for line in ax.get_lines() if len(line.get_xydata()) > 1]
    np.testing.assert_allclose(np.round(points[0]), [[1, 50], [3, 50]])
    np.testing.assert_allclose(np.round(points[1]), [[0, 25], [1, 25], [2, 25], [3, 25]])
    assert ax.get_xticks().tolist() == [1, 2, 3]


def test_what_a_subject_says_has_a_panel_of_its_own():
    rng = np.random.default_rng(0)
    names = (("withhold", "lick"), ("stay", "go"), tuple(f"say_{level}" for level in range(21)))
    actions = np.column_stack([rng.integers(0, 2, (40, 2)), rng.integers(0, 21, 40)])
    figure = plotting.plot_trial(dual_trace(actions=actions, action_names=names))
    drawn(figure)
    text = words(figure)
    assert "message" in text
    assert "say_20" in text
    assert "say_7" not in text  # too many to name each


def test_the_picture_of_accuracy_and_time_has_the_curves_of_one_model_in_both():
    strength = np.repeat([0.0, 6.4, 25.6], 400)
    drive = 0.7 * 13 * strength / 100
    right = np.tile(np.arange(400) / 400, 3) < 1 / (1 + np.exp(-2 * drive))
    time = 0.3 + 0.49 * np.where(drive > 0, np.tanh(drive) / np.maximum(drive, 1e-9), 1)
    trials = Trials(
        {
            "strength": strength,
            "correct": right.astype(float),
            "outcome": np.where(right, "correct", "error"),
            "response_time_s": time + np.tile([-0.05, 0.05], 600),
        }
    )
    figure = plotting.plot_chronometric(trials, "strength")
    drawn(figure)
    for word in ("bound 0.698", "residual 303", "correct (%)", "response time (ms)", "strength (%)"):
        assert word in words(figure)
    above, below = figure.axes
    assert above.lines[-1].get_ydata()[0] == pytest.approx(50)
    assert below.lines[-1].get_ydata()[0] == pytest.approx(790, abs=10)


def test_without_times_that_differ_accuracy_and_time_are_drawn_without_a_curve():
    trials = Trials(
        {
            "strength": np.repeat([1.0, 2.0], 5),
            "correct": np.ones(10),
            "outcome": np.full(10, "correct"),
            "response_time_s": np.full(10, 0.1),
        }
    )
    figure = plotting.plot_chronometric(trials, "strength")
    drawn(figure)
    assert "bound" not in words(figure)


def test_the_picture_of_two_decisions_has_a_line_for_each_difficulty_of_the_second():
    rng = np.random.default_rng(7)
    hard = rng.integers(0, 2, (2, 300))
    later = 0.8 + 0.3 * hard[0] + 0.2 * hard[1] + rng.normal(0, 0.01, 300)
    trials = Trials(
        {
            "stream": np.repeat(["motion", "colour"], 300),
            "trial": np.tile(np.arange(300), 2),
            "outcome": np.full(600, "correct"),
            "onset_s": np.zeros(600),
            "response_time_s": np.concatenate([np.full(300, 0.5), later]),
            "strength": np.where(hard.ravel(), 3.2, 51.2),
        }
    )
    figure = plotting.plot_additivity(trials, "strength")
    drawn(figure)
    for word in ("3.2", "51.2", "colour strength", "motion strength", "interaction"):
        assert word in words(figure)


def test_history_kernels_have_a_line_after_correct_and_after_errors_and_a_panel_per_subject():
    rng = np.random.default_rng(0)
    side = rng.integers(1, 3, 4000)
    right = rng.random(4000) < 0.7
    table = Trials(
        {
            "trial": np.arange(4000),
            "choice": np.where(right, side, 3 - side),
            "correct": right.astype(float),
            "outcome": np.where(right, "correct", "error"),
        }
    )
    kernels = history_kernels(table, None, lags=4)
    figure = plotting.plot_history_kernels(kernels, "T++", title="rat 3")
    drawn(figure)
    for word in ("after correct", "after error", "lag (trials)", "weight of T++", "reset index", "rat 3"):
        assert word in words(figure)
    lines = [container.lines[0].get_xdata().tolist() for container in figure.axes[0].containers]
    assert lines == [[1, 2, 3, 4], [2, 3, 4]]  # T++ at lag 1 cannot be after an error
    both = plotting.plot_history_kernels({"rat 3": kernels, "rat 4": kernels}, "L+")
    drawn(both)
    assert len(both.axes) == 2
    assert "rat 4" in words(both)
    with pytest.raises(UnknownNameError, match="no regressor"):
        plotting.plot_history_kernels(kernels, "T")
    with pytest.raises(ArgumentError, match="found none"):
        plotting.plot_history_kernels({})


def test_a_table_in_which_nothing_was_chosen_has_a_picture_too():
    columns = {"choice": np.full(3, np.nan), "outcome": np.full(3, "miss")}
    figure = plotting.plot_choices(Trials(columns))
    assert figure.axes[0].get_xlim()[0] < 0


def test_learning_curves_show_chance_and_ceiling():
    figure = plotting.plot_learning_curve(
        history(), criterion={"memory": 0.9}, chance={"memory": 0.5}, ceiling={"memory": 0.97}
    )
    words = {text.get_text() for text in figure.axes[0].texts}
    assert {"criterion", "chance", "ceiling"} <= words
    flat = {float(line.get_ydata()[0]) for line in figure.axes[0].lines if len(set(line.get_ydata())) == 1}
    assert {90.0, 50.0, 97.0} <= flat


@pytest.mark.parametrize(("name", "column"), [("distance", "distance"), ("reward", "reward_per_trial")])
def test_a_criterion_without_streams_chooses_what_is_drawn(name, column):
    rows = {"seconds": [1.0, 2.0], "a.play": [0.5, 0.6], column: [0.4, 0.2]}
    figure = plotting.plot_learning_curve(rows, criterion={name: 0.1}, chance={name: 0.5}, ceiling={name: 0.0})
    axes = figure.axes[0]
    assert list(axes.lines[0].get_ydata()) == [0.4, 0.2]
    assert "percent" not in axes.get_ylabel()
    assert {0.1, 0.5, 0.0} <= {float(line.get_ydata()[0]) for line in axes.lines[1:]}


def test_curves_are_drawn_on_top_of_each_other():
    dots = npar.simulate("random_dots", "ideal_observer", trials=400)
    figure = plotting.plot_psychometric(dots, by="correct")
    drawn(figure)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["error", "correct"]
    figure = plotting.plot_psychometric({"single": dots, "dual": dots.where(side=1)})
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["single", "dual"]
    colour = npar.simulate("context_decision", "ideal_observer", trials=400)
    assert "context 1" in words(plotting.plot_psychometric(colour, by="context"))
    figure = plotting.plot_chronometric(npar.simulate("choice_reaction", "accumulator", trials=400), by="correct")
    assert "correct" in words(figure)
    with pytest.raises(UnknownNameError, match="contxt"):
        plotting.plot_psychometric(colour, by="contxt")


def test_a_picture_of_missing_values_only_is_refused_with_the_reason():
    _, ax = axes_of(None)
    points(ax, np.arange(2.0), np.full(2, np.nan), np.zeros(2), 0)
    with pytest.raises(ArgumentError, match="Curve: there is nothing to draw, since every value is missing"):
        finish_axes(ax, "Curve")
