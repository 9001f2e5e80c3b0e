"""The collector: complete, bounded, in order, and the same after a checkpoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neuroparallel.records import StreamInfo, TrialLog, Trials

MEMORY = StreamInfo("subject_0", "memory", "dpa", ("sample", "soa_ms"), ("delay", "decision"))
MOTION = StreamInfo("subject_0", "motion", "random_dots", ("side", "coherence", "soa_ms"))


def ended(trial: Any, lane: Any = None, **changes: Any) -> dict[str, Any]:
    """One trial per entry, each 10 steps long, right, answered at step 7."""
    trial = np.atleast_1d(np.asarray(trial))
    n = len(trial)
    filled = {
        "lane": np.zeros(n, int) if lane is None else np.asarray(lane),
        "session": np.zeros(n, int),
        "trial": trial,
        "onset_step": trial * 10,
        "end_step": trial * 10 + 10,
        "outcome": np.ones(n, int),
        "choice": np.ones(n, int),
        "ground_truth": np.ones(n, int),
        "reward": np.ones(n),
        "clock_step": trial * 10,
        "response_steps": np.full(n, 7),
        "conditions": {},
    }
    return filled | changes


def test_steps_become_seconds_and_codes_become_words():
    log = TrialLog([MEMORY], dt=20.0)
    log.add(
        0,
        **ended(
            [0, 1, 2, 3, 4, 5],
            outcome=np.arange(1, 7),
            response_steps=np.array([7, -1, 3, -1, -1, 0]),
        ),
    )
    table = log.table()
    assert table["outcome"].tolist() == [
        "correct", "error", "abort", "miss", "cancelled", "unscored",
    ]  # fmt: skip
    np.testing.assert_array_equal(table["correct"], [1, 0, 0, 0, np.nan, np.nan])
    np.testing.assert_allclose(table["onset_s"], np.arange(6) * 0.2)
    np.testing.assert_allclose(table["duration_s"], 0.2)
    np.testing.assert_allclose(table["response_time_s"], [0.14, np.nan, 0.06, np.nan, np.nan, 0.0])


def test_rows_come_by_lane_session_trial_and_stream():
    log = TrialLog([MEMORY, MOTION], dt=1.0)
    log.add(1, **ended([0, 0], [1, 0]))
    log.add(0, **ended([0, 0], [0, 1]))
    log.add(0, **ended([0], [0], session=np.array([1])))
    log.add(1, **ended([1], [0]))
    table = log.table()
    rows = list(zip(*(table[n].tolist() for n in ("lane", "session", "trial", "stream")), strict=True))
    assert rows == [
        (0, 0, 0, "memory"), (0, 0, 0, "motion"), (0, 0, 1, "motion"), (0, 1, 0, "memory"),
        (1, 0, 0, "memory"), (1, 0, 0, "motion"),
    ]  # fmt: skip


def test_conditions_that_a_stream_lacks_are_missing_there():
    log = TrialLog([MEMORY, MOTION], dt=1.0)
    log.add(0, **ended([0], conditions={"sample": np.array(["S1"]), "soa_ms": np.array([50.0])}))
    log.add(1, **ended([0], conditions={"side": np.array([2]), "coherence": np.array([6.4])}))
    table = log.table()
    assert list(table.columns)[14:] == ["sample", "soa_ms", "side", "coherence"]
    assert table["sample"].tolist() == ["S1", ""]
    np.testing.assert_array_equal(table["side"], [np.nan, 2])
    np.testing.assert_array_equal(table["soa_ms"], [50, np.nan])


def test_whole_numbers_stay_whole_where_no_stream_lacks_them():
    log = TrialLog([MOTION], dt=1.0)
    log.add(0, **ended([0], conditions={"side": np.array([2], dtype=np.int8)}))
    assert log.table()["side"].dtype.kind == "i"


def test_an_empty_log_makes_a_table_with_all_columns_and_no_row():
    table = TrialLog([MEMORY], dt=1.0).table()
    assert len(table) == 0
    assert list(table.columns)[:3] == ["subject", "stream", "task"]
    assert table.performance() == {}
    assert "0 trials" in repr(table)


@pytest.mark.parametrize("lanes", [1, 7, 300])
def test_nothing_is_lost_however_many_trials_end_at_a_time(lanes: int):
    log = TrialLog([MEMORY, MOTION], dt=1.0)
    for trial in range(600):
        log.add(trial % 2, **ended(np.full(lanes, trial), np.arange(lanes)))
    log.add(0, **ended([]))
    table = log.table()
    assert len(log) == len(table) == 600 * lanes
    np.testing.assert_array_equal(table["trial"][:600], np.arange(600))
    np.testing.assert_array_equal(np.bincount(table["lane"]), 600)


@pytest.mark.parametrize(("capacity", "lanes"), [(1000, 1), (1000, 7), (50, 64), (3, 1), (1, 5)])
def test_the_oldest_trials_are_dropped_and_counted(capacity: int, lanes: int):
    log = TrialLog([MEMORY], dt=1.0, capacity=capacity)
    for trial in range(3000):
        log.add(0, **ended(np.full(lanes, trial), np.arange(lanes)))
        assert len(log) <= capacity
    assert len(log) + log.dropped == 3000 * lanes
    kept = np.unique(log.table()["trial"])
    assert kept[-1] == 2999
    np.testing.assert_array_equal(np.diff(kept), 1)
    assert len(log) > 0.9 * capacity - lanes


def test_capacity_holds_for_all_streams_together():
    log = TrialLog([MEMORY] * 20, dt=1.0, capacity=500)
    for trial in range(200):
        for stream in range(20):
            log.add(stream, **ended([trial]))
    assert len(log) <= 500
    assert set(log.table()["trial"]) >= set(range(185, 200))


def test_a_log_continues_from_its_state_as_if_nothing_had_happened():
    def fill(log: TrialLog, trials: range) -> None:
        for trial in trials:
            log.add(trial % 2, **ended([trial], conditions={"soa_ms": np.array([trial * 2.0])}))
            log.add_responses(0, **response([trial]))

    whole = TrialLog([MEMORY, MOTION], dt=5.0, capacity=700)
    fill(whole, range(2000))
    first = TrialLog([MEMORY, MOTION], dt=5.0, capacity=700)
    fill(first, range(900))
    second = TrialLog([MEMORY, MOTION], dt=5.0, capacity=700)
    second.set_state(first.state())
    fill(first, range(5000, 5100))  # must not reach into the copy
    fill(second, range(900, 2000))
    assert second.table().equals(whole.table())
    assert second.table().responses.equals(whole.table().responses)
    assert second.dropped == whole.dropped


def response(trial: Any, **changes: Any) -> dict[str, Any]:
    trial = np.atleast_1d(np.asarray(trial))
    filled = {
        "lane": np.zeros_like(trial),
        "session": np.zeros_like(trial),
        "trial": trial,
        "period": np.ones_like(trial),
        "action": np.ones_like(trial),
        "step": trial * 10 + 7,
        "reward": np.ones(len(trial)),
    }
    return filled | changes


def test_responses_make_the_second_table():
    log = TrialLog([MEMORY, MOTION], dt=100.0)
    log.add(0, **ended([0, 1]))
    log.add_responses(0, **response([1]))
    log.add_responses(1, **response([0]))
    log.add_responses(0, **response([0], period=np.array([0]), step=np.array([3])))
    table = log.table().responses
    assert table["period"].tolist() == ["delay", "1", "decision"]
    np.testing.assert_allclose(table["time_s"], [0.3, 0.7, 1.7])


def test_selecting_trials_selects_their_responses():
    log = TrialLog([MEMORY, MOTION], dt=100.0)
    log.add(0, **ended([0, 1, 2]))
    log.add(1, **ended([0, 1, 2]))
    log.add_responses(0, **response([0, 2, 2]))
    log.add_responses(1, **response([1, 2]))
    trials = log.table()
    some = trials.where(stream="memory").where(trial=(1, 2))
    assert some.responses["trial"].tolist() == [2, 2]
    assert len(trials.responses) == 5
    assert len(trials.where(stream="nobody").responses) == 0


def test_clear_forgets_all():
    log = TrialLog([MEMORY], dt=1.0, capacity=2)
    log.add(0, **ended([0, 1, 2]))
    log.clear()
    assert (len(log), log.dropped) == (0, 0)


def test_trials_survive_a_trip_through_two_files(tmp_path: Any):
    log = TrialLog([MEMORY, MOTION], dt=100.0)
    log.add(0, **ended([0, 1], conditions={"sample": np.array(["S1", "S2"])}, choice=np.array([1, -1])))
    log.add(1, **ended([0], conditions={"side": np.array([1]), "coherence": np.array([0.0])}))
    log.add_responses(0, **response([0]))
    trials = log.table()
    trials.to_csv(tmp_path / "trials.csv")
    trials.responses.to_csv(tmp_path / "responses.csv")
    again = Trials.read_csv(tmp_path / "trials.csv", tmp_path / "responses.csv")
    assert again.equals(trials)
    assert again.responses.equals(trials.responses)
