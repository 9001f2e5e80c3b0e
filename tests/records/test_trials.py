"""The trial table's own sums, and what concatenation and pickling keep."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

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
