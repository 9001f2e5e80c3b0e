"""The trial table's own sums, and what concatenation and pickling keep."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel.records import Trials
from neuroparallel.records.trials import group_codes


def two_streams() -> Trials:
    return Trials(
        {
            "subject": np.array(["subject_0"] * 5),
            "stream": np.array(["memory", "gng", "memory", "gng", "gng"]),
            "trial": np.array([0, 0, 1, 1, 2]),
            "outcome": np.array(["correct", "correct", "abort", "cancelled", "error"]),
            "correct": np.array([1.0, 1.0, 0.0, np.nan, 0.0]),
        },
        {
            "stream": np.array(["memory", "gng"]),
            "trial": np.array([0, 2]),
            "action": np.array([1, 1]),
        },
    )


def test_performance_leaves_out_what_was_not_scored():
    assert two_streams().performance() == {"subject_0.memory": 0.5, "subject_0.gng": 0.5}


def test_performance_of_a_stream_without_scored_trials_is_missing():
    assert np.isnan(two_streams().where(outcome="cancelled").performance()["subject_0.gng"])


def test_a_table_without_streams_is_one_stream():
    assert Trials({"correct": np.array([1.0, 0.0])}).performance() == {"all": 0.5}


def test_what_was_right_in_an_animals_file_follows_from_the_outcomes(tmp_path: Path):
    (tmp_path / "animal.csv").write_text("rat,outcome\nR1,correct\nR1,miss\nR1,n/a\n")
    trials = Trials.read_csv(tmp_path / "animal.csv")
    np.testing.assert_array_equal(trials["correct"], [1, 0, np.nan])


def test_the_summary_counts_each_stream():
    text = repr(two_streams())
    assert "5 trials, 2 streams" in text
    assert "subject_0.memory: 2 trials, 50.0 % correct (1 abort, 1 correct)" in text


def test_concatenate_keeps_the_responses_of_both():
    both = Trials.concatenate([two_streams().where(trial=0), two_streams().where(trial=2)])
    assert both.responses["stream"].tolist() == ["memory", "gng"]


def test_pickle_keeps_the_responses_and_the_selection():
    again = pickle.loads(pickle.dumps(two_streams().where(trial=2)))
    assert isinstance(again, Trials)
    assert again.responses["stream"].tolist() == ["gng"]


def test_group_codes_follow_the_order_of_the_values_for_few_and_for_many_words():
    for words in (5, 200):
        text = np.array([f"w{i:03d}" for i in np.random.default_rng(0).integers(0, words, 999)])
        codes = group_codes([text])
        np.testing.assert_array_equal(np.argsort(codes, kind="stable"), np.argsort(text, kind="stable"))
        np.testing.assert_array_equal(codes[:, None] == codes, text[:, None] == text)


# ---- names ----


def random_dots_and_tones():
    tones = {"choices": ["low", "high"], "coherences": [50]}
    streams = {"dots": {"task": "random_dots"}, "tones": {"task": "choice_reaction", "params": tones}}
    scenario = {"name": "x", "dt": 50, "subjects": {"rat": {"streams": streams}}}
    return npar.simulate(scenario, "random", trials=200, seed=1)


def test_choices_and_conditions_have_names_beside_their_numbers():
    trials = random_dots_and_tones()
    named = trials.named()
    assert [name for name in named if name not in trials] == [
        *("choice_name", "ground_truth_name", "side_name", "target_name")
    ]
    assert list(named).index("choice_name") == list(named).index("choice") + 1
    dots, tones = named.where(stream="dots"), named.where(stream="tones")
    for table, words in ((dots, ("fixate", "left", "right")), (tones, ("hold", "low", "high"))):
        for number, word in enumerate(words):
            assert set(table.where(choice=number)["choice_name"]) <= {word}
        assert set(table.where(choice=-1)["choice_name"]) <= {""}
        assert set(table["choice_name"]) >= {words[1], words[2]}
    assert np.array_equal(dots["side_name"], np.array(["", "left", "right"])[dots["side"].astype(int)])
    assert set(dots["target_name"]) == {""}  # the tones' condition, which the dots lack
    assert set(tones["target_name"]) == {"low", "high"}


def test_names_stay_with_a_selection_a_stack_and_a_pickle():
    trials = random_dots_and_tones()
    parts = [trials.where(stream="dots"), trials.where(stream="tones")]
    for table in (*parts, npar.Trials.concatenate(parts), pickle.loads(pickle.dumps(trials))):
        assert {"left", "high"} & set(table.named()["choice_name"])
    next(iter(trials.names.values())).clear()
    assert "choice_name" in trials.named()
    assert npar.Trials.concatenate(parts).named().equals(npar.Trials.concatenate([part.named() for part in parts]))


def test_a_stack_of_tables_that_disagree_about_a_stream_has_no_names_of_it():
    tables = [
        npar.simulate(npar.make_task("choice_reaction", choices=names), "random", trials=50, seed=1)
        for names in (("low", "high"), ("small", "large"))
    ]
    assert "choice_name" not in npar.Trials.concatenate(tables).named()
    assert "choice_name" in npar.Trials.concatenate([table.named() for table in tables])


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_names_are_written_to_files_and_read_back(tmp_path, ending):
    trials = random_dots_and_tones()
    file = tmp_path / f"trials.{ending}"
    trials.to_csv(file, names=True)
    read = npar.Trials.read_csv(file)
    assert list(read) == list(trials.named())
    for name in ("choice_name", "ground_truth_name", "side_name", "target_name"):
        assert read[name].tolist() == trials.named()[name].tolist()
    assert read.named().equals(read)
    trials.to_csv(file)
    assert list(npar.Trials.read_csv(file)) == list(trials)
    assert list(trials.to_pandas(names=True)) == list(trials.named())
    assert list(trials.to_pandas()) == list(trials)


def test_a_modified_task_has_the_names_of_its_own():
    scenario = npar.Scenario.load("random_dots").replace(modifiers=[{"side_bias": {"probabilities": [0.8, 0.2]}}])
    named = npar.simulate(scenario, "oracle", trials=40, seed=1).named()
    assert set(named["side_name"]) == {"left", "right"}


@pytest.mark.parametrize("task", npar.list_tasks())
def test_every_number_of_a_declared_condition_has_a_name(task):
    trials = npar.simulate(npar.make_task(task), "random", trials=60, seed=1)
    named = trials.named()
    for column in type(npar.make_task(task)).value_names:
        assert column in trials, f"{task} declares names of {column}"
        numbers = trials[column][np.isfinite(trials[column])]
        assert numbers.size
        words = named[f"{column}_name"][np.isfinite(trials[column]) & (trials[column] > 0)]
        assert "" not in words


def test_tables_of_the_two_engines_name_alike():
    env = npar.parallel_env("context_decision", seed=1)
    env.reset()
    for _ in range(120):
        env.step({"subject_0": 0})
    assert {"context_name", "motion_side_name"} <= {*env.trials().named()}
    assert set(env.trials().named()["context_name"]) <= {"motion", "color"}
