"""What a dataset gives."""

import itertools

import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel.agents import OracleAgent
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.environments.dataset import Dataset
from neuroparallel.errors import ArgumentError, UnknownNameError, UsageError
from neuroparallel.scenario import Scenario
from neuroparallel.scenario.compile import build_layout


def played(what, lanes, steps, seed, agent="subject_0"):
    """Observations and truths of an oracle's session, (steps, lanes, ...)."""
    batch = BatchEngine(build_layout(Scenario.load(what)), lanes)
    observations, infos = batch.reset(seed)
    oracle, seen, right = OracleAgent(), [], []
    for _ in range(steps):
        seen.append(observations[agent].copy())
        right.append(batch.truth()[agent])
        observations, _, _, _, infos = batch.step(oracle.act(observations, infos, batch))
    return np.stack(seen), np.stack(right)


@pytest.mark.parametrize("what", ["random_dots", "dpa_gng", "dual_random_dots", "ready_set_go", "stop_signal"])
def test_a_dataset_is_what_an_oracle_sees_and_does(what):
    seen, right = played(what, 5, 60, seed=4)
    inputs, targets, mask = Dataset(what, batch=5, steps=60, seed=4, batch_first=False)()
    assert inputs.tobytes() == seen.tobytes()
    assert (targets == right).all()
    assert mask.all()


def test_movements_are_no_targets_and_the_rest_of_such_a_scenario_is():
    with pytest.raises(ArgumentError, match=r"subject_0 has to move.*only"):
        Dataset("tracking_with_probe")
    targets = Dataset(Scenario.load("tracking_with_probe").only("probe"), batch=8, steps=60)()[1]
    assert set(np.unique(targets)) == {0, 1}


def test_shapes_and_types_are_as_said():
    inputs, targets, mask = Dataset("random_dots", batch=8, steps=30)()
    assert (inputs.shape, inputs.dtype) == ((8, 30, 3), np.float32)
    assert (targets.shape, targets.dtype) == ((8, 30), np.int64)
    assert (mask.shape, mask.dtype) == ((8, 30), np.bool_)


def test_time_can_come_first():
    first, second = (Dataset("dual_random_dots", batch=4, steps=30, batch_first=f) for f in (True, False))
    for a, b in zip(first(), second(), strict=True):
        assert (a == np.swapaxes(b, 0, 1)).all()
    assert (first.last.period == np.swapaxes(second.last.period, 0, 1)).all()


def test_a_dual_task_has_a_target_for_each_action():
    data = Dataset("dual_random_dots", batch=3, steps=40)
    _, targets, mask = data()
    assert targets.shape == mask.shape == data.last.window.shape == (3, 40, 2)
    assert data.streams == ["first", "second"]
    assert data.actions == [3, 3]


def test_streams_that_share_an_action_share_a_target():
    data = Dataset("dpa_gng", batch=3, steps=40)
    inputs, targets, _ = data()
    assert targets.shape == (3, 40)
    assert inputs.shape[-1] == len(data.channels)


def test_targets_are_holding_but_in_response_windows():
    data = Dataset("random_dots", batch=16, steps=100)
    _, targets, _ = data()
    assert (targets[~data.last.window] == 0).all()
    assert (targets[data.last.window] > 0).all()


def test_a_game_has_no_target_where_it_asks():
    data = Dataset("matching_pennies", batch=4, steps=60, subject="matcher")
    _, targets, mask = data()
    assert 0 < mask.mean() < 1
    assert not mask[data.last.window].any()
    assert (targets >= 0).all()


def test_the_mask_can_weigh_response_windows():
    data = Dataset("random_dots", batch=4, steps=60, window_weight=5.0)
    _, _, mask = data()
    assert mask.dtype == np.float32
    assert (mask == np.where(data.last.window, 5, 1)).all()


def test_details_tell_periods_and_ends_of_trials():
    data = Dataset("random_dots", batch=4, steps=69)
    data()
    assert np.flatnonzero(data.last.trial_end[0]).tolist() == [22, 44, 66]
    assert data.last.period[0, :23].tolist() == [0] + [1] * 20 + [3] + [0]


def test_details_before_the_first_batch_are_refused():
    with pytest.raises(UsageError, match="call the dataset first"):
        _ = Dataset("random_dots").last


def test_details_stay_true_while_the_next_batch_is_made():
    data = Dataset("stop_signal", batch=5, steps=50, seed=2)
    data()
    before = data.last
    copies = before.period.copy(), before.window.copy()
    data()
    assert (before.period == copies[0]).all()
    assert (before.window == copies[1]).all()


def test_continued_batches_go_on_where_the_last_one_ended():
    parts = Dataset("dpa_gng", batch=3, steps=20, continued=True)
    whole = Dataset("dpa_gng", batch=3, steps=60)()
    for piece, together in zip(zip(*itertools.islice(parts, 3), strict=True), whole, strict=True):
        assert (np.concatenate(piece, axis=1) == together).all()


@pytest.mark.parametrize("growth", [8, 2, 1])
@pytest.mark.parametrize("ahead", [4096, 10, 1])
def test_sequence_n_is_the_beginning_of_lane_n(ahead, growth, monkeypatch):
    monkeypatch.setattr("neuroparallel.environments.dataset.AHEAD_LANES", ahead)
    monkeypatch.setattr("neuroparallel.environments.dataset.GROWTH", growth)
    seen, right = played("dpa_gng", 12, 30, seed=7)
    for batch in (3, 4, 12):
        data = Dataset("dpa_gng", batch=batch, steps=30, seed=7, batch_first=False)
        inputs, targets, _ = zip(*itertools.islice(data, 12 // batch), strict=True)
        assert (np.concatenate(inputs, axis=1) == seen).all()
        assert (np.concatenate(targets, axis=1) == right).all()


def test_details_are_of_the_batch_made_last():
    data = Dataset("dpa_gng", batch=4, steps=30)
    for _ in range(3):
        _, targets, _ = data()
        assert (targets[~data.last.window] == 0).all()
        assert (targets[data.last.window] > 0).any()


@pytest.mark.parametrize("continued", [True, False])
def test_a_sequence_does_not_depend_on_the_size_of_the_batch(continued):
    few, many = (Dataset("dpa_gng", batch=n, steps=50, seed=7, continued=continued)() for n in (2, 300))
    for a, b in zip(few, many, strict=True):
        assert (a == b[:2]).all()


def test_the_seed_decides():
    one, same, other = (Dataset("random_dots", batch=2, steps=30, seed=seed)()[0] for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_arrays_are_fresh_at_each_call():
    data = Dataset("random_dots", batch=4, steps=30)
    first = data()
    copies = [array.copy() for array in first]
    second = data()
    for array, copy, later in zip(first, copies, second, strict=True):
        assert (array == copy).all()
        assert not np.shares_memory(array, later)


def test_one_of_several_subjects_has_to_be_chosen():
    with pytest.raises(ArgumentError, match="subject='matcher'"):
        Dataset("matching_pennies")
    with pytest.raises(UnknownNameError, match="mismatcher"):
        Dataset("matching_pennies", subject="mismatchr")


@pytest.mark.parametrize("option", [{"batch": 0}, {"steps": 1.5}, {"seed": -1}, {"batch": True}])
def test_numbers_that_make_no_sense_are_refused(option):
    with pytest.raises(ArgumentError, match=next(iter(option))):
        Dataset("random_dots", **option)


def test_dt_changes_the_time_step():
    data = Dataset("random_dots", batch=2, steps=100, dt=20)
    data()
    assert data.dt == 20
    assert (data.last.period[0, :5] == 0).all()


def test_a_dataset_is_a_public_name_of_the_package():
    assert npar.Dataset is Dataset


@pytest.mark.parametrize("weight", ["x", [], -1, float("nan"), float("inf"), True])
def test_the_weight_of_windows_is_a_number(weight):
    with pytest.raises(ArgumentError, match="window_weight is"):
        npar.Dataset("random_dots", window_weight=weight)
