"""Delayed paired association: nothing but the pair tells, and withholding is an answer."""

import numpy as np
import pytest

from neuroparallel.tasks import make_task
from tests.tasks import playing

TASK = "delayed_paired_association"


def lick_if(rule):
    return lambda sums, _now: rule(sums).astype(int)


def played(subject_of, **parameters):
    batch = playing.engine(make_task(TASK, **parameters), 2000)
    return playing.run(batch, subject_of(batch), 4)


@pytest.mark.parametrize("period", ["sample", "test"])
def test_one_odour_alone_is_at_chance(period):
    column = 1 if period == "sample" else 3
    table = played(lambda batch: playing.integrator(batch, period, lick_if(lambda s: s[:, column] > s[:, column + 1])))
    share, n = playing.correct(table)
    assert playing.near(share, 0.5, n)


def test_sample_and_test_together_are_always_enough():
    def paired(s):
        return (s[:, 1] > s[:, 2]) == (s[:, 3] > s[:, 4])

    table = played(lambda batch: playing.integrator(batch, ("sample", "test"), lick_if(paired)))
    assert playing.correct(table)[0] == 1
    np.testing.assert_array_equal(table["ground_truth"], table["sample"] == table["test"])


def test_correct_withholding_is_correct_and_pays_what_is_asked():
    rewards = {"correct": 2.0, "withheld": 0.5, "miss": -3.0, "error": -4.0}
    table = played(lambda _: playing.hold, rewards=rewards)
    paired = table["sample"] == table["test"]
    assert set(table["outcome"][~paired]) == {"correct"}
    assert set(table["reward"][~paired]) == {0.5}
    assert set(table["outcome"][paired]) == {"miss"}
    assert set(table["reward"][paired]) == {-3.0}
    table = played(lambda batch: playing.in_windows(batch, 1), rewards=rewards)
    assert set(table["reward"][paired]) == {2.0}
    assert set(table["reward"][~paired]) == {-4.0}


def test_further_licks_in_the_window_are_free_and_trials_have_one_length():
    table = played(lambda batch: playing.in_windows(batch, 1))
    assert set(np.round(table["duration_s"], 6)) == {4.5}
    assert set(table["reward"]) == {1.0, -1.0}


@pytest.mark.parametrize(("early", "cost"), [("penalty", -4.0), ("free", 0.0)])
def test_licking_all_the_time_costs_each_step_outside_the_window(early, cost):
    def always(batch, _observations, _infos):
        return {playing.AGENT: np.ones(batch.lanes, int)}

    table = played(lambda _: always, early=early)
    paired = table["sample"] == table["test"]
    np.testing.assert_allclose(table["reward"], np.where(paired, 1, -1) + cost)


def test_licking_before_the_window_ends_the_trial_where_it_aborts():
    table = played(lambda _: playing.uniform(4))
    assert (table["outcome"] == "abort").mean() > 0.99


def test_the_paper_pays_hits_only():
    table = playing.run(playing.engine(make_task(TASK, "paper"), 500), playing.hold, 3)
    assert set(table["reward"]) == {0.0}
    assert set(np.round(table["duration_s"], 6)) == {8.5}
