"""Pursuit: where the target wanders, what following, staying and coming late earn, and what losing it does."""

import numpy as np
import pytest
from scipy import stats

from neuroparallel.errors import NeuroparallelError
from neuroparallel.tasks import make_task
from tests.tasks import playing
from tests.tasks.playing import AGENT


def heading_for(place, speed=4.0):
    """Steers to a place, a function of what is seen, as fast as it can."""

    def act(batch, observations, _infos):
        target, cursor = observations[AGENT].astype(np.float64).T
        gap = place(target, cursor) - cursor
        return {AGENT: np.clip(gap / (speed * batch.dt / 1000), -1, 1).astype(np.float32)[:, None]}

    return act


def settled(task, subject, dt=None, lanes=1500, trials=4, skip=12):
    """The trial table once target and cursor have forgotten where they began, (lanes, trials) by column."""
    table = playing.run(playing.engine(task, lanes, dt), subject, skip + trials)
    order = np.lexsort((table["trial"], table["lane"]))
    return {name: table[name][order].reshape(lanes, -1)[:, skip:] for name in ("distance", "reward", "outcome")}


def agrees(values, expected):
    """Whether the mean over lanes is as expected; values (lanes, trials), of which only lanes are independent."""
    means = values.mean(axis=1)
    return abs(means.mean() - expected) < 4.5 * means.std() / len(means) ** 0.5 + 1e-6


@pytest.mark.parametrize("dt", [20, 50, 100])
def test_the_target_is_anywhere_equally_often_from_the_first_moment_on(dt):
    batch = playing.engine("pursuit", 3000, dt)
    batch.reset(0)
    for _ in range(3):
        now = batch.streams[0].memory
        assert stats.kstest(now["target"], "uniform", (-1, 2)).pvalue > 1e-4
        assert stats.kstest(now["velocity"], "norm", (0, 0.5)).pvalue > 1e-4
        for _ in range(40):
            batch.step({AGENT: np.zeros((3000, 1), np.float32)})


@pytest.mark.parametrize("dt", [20, 100])
def test_the_velocity_of_the_target_is_remembered_for_its_time_constant(dt):
    batch = playing.engine(make_task("pursuit", wandering=0.02), 4000, dt)
    batch.reset(0)
    before = batch.streams[0].memory["velocity"].copy()
    for _ in range(int(1000 / dt)):
        batch.step({AGENT: np.zeros((4000, 1), np.float32)})
    inside = np.abs(batch.streams[0].memory["target"]) < 0.9  # it has not turned round
    after = batch.streams[0].memory["velocity"]
    assert abs(np.corrcoef(before[inside], after[inside])[0, 1] - np.exp(-1)) < 4.5 / inside.sum() ** 0.5


def test_going_where_the_target_is_seen_pays_everything():
    table = playing.run(playing.engine(make_task("pursuit", sigma=0.0), 256), heading_for(lambda t, _c: t), 3)
    assert set(table["outcome"]) == {"correct"}
    np.testing.assert_allclose(table["reward"], 1.0, atol=1e-6)
    np.testing.assert_allclose(table["distance"], 0.0, atol=1e-6)
    np.testing.assert_allclose(table["duration_s"], 2.5)


def test_with_noise_the_distance_is_that_of_the_noise():
    task = make_task("pursuit", sigma=0.5, speed=40.0)
    seen = settled(task, heading_for(lambda t, _c: t, 40.0), trials=2, skip=0)
    sd = 0.5 / 50**0.5  # in a step of 50 ms
    # What the cursor would overshoot the ends by, with the target anywhere, is e^2 / 4 on average.
    assert agrees(seen["distance"], sd * (2 / np.pi) ** 0.5 - sd**2 / 4)


def test_coming_one_step_late_costs_what_the_target_moves_in_a_step():
    last = {}

    def late(batch, observations, infos):
        seen = observations[AGENT][:, 0].astype(np.float64)
        before, last["seen"] = last.get("seen", seen), seen
        return heading_for(lambda _t, _c: before)(batch, observations, infos)

    seen = settled(make_task("pursuit", sigma=0.0), late, skip=1)
    expected = 0.5 * (2 / np.pi) ** 0.5 * 0.05  # mean speed times a step
    assert abs(seen["distance"].mean() / expected - 1) < 0.02


def test_staying_anywhere_pays_nothing_on_average_and_staying_in_the_middle_a_quarter():
    staying = settled("pursuit", playing.hold)
    assert agrees(staying["distance"], 2 / 3)
    assert agrees(staying["reward"], 0.0)
    middle = settled("pursuit", heading_for(lambda _t, c: 0.0 * c))
    assert agrees(middle["distance"], 1 / 2)
    assert agrees(middle["reward"], 1 / 4)


@pytest.mark.parametrize("dt", [50, 100])
def test_who_moves_at_random_is_as_far_away_as_its_places_have_it(dt):
    batch = playing.engine("pursuit", 1500, dt)
    act, places = playing.uniform(3), []
    observations, infos = batch.reset(1)
    for step in range(int(35_000 / dt)):
        observations, _, _, _, infos = batch.step(act(batch, observations, infos))
        if step * dt >= 30_000:
            places.append(batch.streams[0].memory["cursor"].copy())
    table = batch.trials()
    table = table.select((table["trial"] >= 12) & (table["trial"] < 14))
    order = np.lexsort((table["trial"], table["lane"]))
    distance = table["distance"][order].reshape(1500, 2)
    # Given where the cursor is, a target that is anywhere is (1 + place^2) / 2 away.
    expected = (1 + np.array(places).T ** 2) / 2
    assert agrees(distance - expected.mean(axis=1, keepdims=True), 0.0)
    assert 0.66 < distance.mean() < 0.75


def test_errors_may_cost():
    seen = settled(make_task("pursuit", rewards={"error": -1.0}), playing.hold)
    np.testing.assert_allclose(seen["reward"], 1 - 2 * seen["distance"] / (2 / 3))
    np.testing.assert_array_equal(seen["outcome"] == "correct", seen["distance"] <= 0.2)
    assert {"correct", "error"} == set(seen["outcome"].ravel())


def test_a_lost_target_aborts_and_the_cursor_is_put_back_on_it():
    batch = playing.engine(make_task("pursuit", window=0.3, sigma=0.0), 256)
    away, back = [], []
    observations, infos = batch.reset(0)
    for _ in range(400):
        observations, rewards, _, _, infos = batch.step(playing.hold(batch, observations, infos))
        ended, outcome = np.asarray(infos[AGENT]["trial_end"], bool), infos[AGENT]["outcome"]
        gap = np.abs(observations[AGENT][:, 0] - observations[AGENT][:, 1])
        lost = ended & (outcome == 3)
        away.append(rewards[AGENT][lost])
        back.append(gap[lost])
    assert len(np.concatenate(away)) > 500
    assert (np.concatenate(away) == -0.1).all()
    np.testing.assert_allclose(np.concatenate(back), 0.0)
    assert "abort" in set(batch.trials()["outcome"])
    assert "abort" not in set(settled("pursuit", playing.uniform(1), lanes=200)["outcome"].ravel())


def test_target_and_cursor_go_on_from_trial_to_trial():
    batch = playing.engine(make_task("pursuit", sigma=0.0), 64)
    seen, ends = [], []
    playing.run(
        batch, playing.hold, 3, watch=lambda o, i: (seen.append(o[AGENT].copy()), ends.append(i[AGENT]["trial_end"]))
    )
    seen, ends = np.array(seen), np.array(ends, bool)
    jump = np.abs(np.diff(seen, axis=0))
    assert ends[1:].any()
    assert jump[ends[1:]].max() < 0.15  # 0.05 s at 3 per second, which six s.d. are
    np.testing.assert_array_equal(jump[:, :, 1], 0)


@pytest.mark.parametrize(
    "wrong",
    [{"tolerance": 0}, {"window": -1.0}, {"speed": 0.0}, {"memory_ms": 0.0}, {"wandering": 3.0}, {"wandering": -1.0}],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(NeuroparallelError):
        make_task("pursuit", **wrong)
