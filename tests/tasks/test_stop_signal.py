"""Stop-signal: what is right, the staircase, and a race of going and stopping."""

import numpy as np
import pytest

from neuroparallel.analysis import stop_signal_reaction_time
from neuroparallel.errors import NeuroparallelError
from neuroparallel.tasks import make_task
from tests.tasks import playing
from tests.tasks.playing import AGENT

GO, STOP = 1, 2  # the periods' numbers


def by_lane(table, column, trials):
    order = np.lexsort((table["trial"], table["lane"]))
    return np.asarray(table[column])[order].reshape(-1, trials)


def respond_at_once(batch, observations, infos):
    arrow = observations[AGENT][:, [batch.channel_names(AGENT).index(f"arrow_{s}") for s in ("left", "right")]]
    return {AGENT: np.where(infos[AGENT]["period"] == GO, arrow.argmax(1) + 1, 0)}


def test_holding_back_is_correct_in_stop_trials_and_a_miss_in_go_trials():
    table = playing.run(playing.engine("stop_signal", 512), playing.hold, 4)
    stop = table["stop"].astype(bool)
    assert (table["outcome"] == np.where(stop, "correct", "miss")).all()
    assert (table["reward"] == stop).all()
    assert playing.near(stop.mean(), 0.25, len(table))
    np.testing.assert_allclose(table["duration_s"], 0.25 + 1.25 + 0.5)


def test_responding_is_correct_in_go_trials_and_an_error_in_stop_trials_even_before_the_signal():
    table = playing.run(playing.engine("stop_signal", 512), respond_at_once, 4)
    stop = table["stop"].astype(bool)
    assert (table["outcome"] == np.where(stop, "error", "correct")).all()
    assert (table["reward"] == ~stop).all()
    np.testing.assert_allclose(table["response_time_s"], 0.05)
    assert (table["ground_truth"] == np.where(stop, 0, table["side"])).all()


def test_the_wrong_side_is_an_error_and_a_response_during_fixation_aborts():
    wrong = playing.run(
        playing.engine("stop_signal", 64),
        lambda b, o, i: {AGENT: (3 - respond_at_once(b, o, i)[AGENT]) % 3},
        3,
    )
    assert (wrong["outcome"] == "error").all()
    early = playing.run(playing.engine("stop_signal", 64), lambda b, _o, _i: {AGENT: np.ones(64, int)}, 3)
    assert (early["outcome"] == "abort").all()


@pytest.mark.parametrize("dt", [10, 50])
def test_the_signal_comes_after_the_recorded_delay_and_lasts_until_the_time_is_up(dt):
    batch = playing.engine("stop_signal", 128, dt)
    columns = [batch.channel_names(AGENT).index(name) for name in ("arrow_left", "arrow_right", "stop")]
    seen = []
    table = playing.run(batch, playing.hold, 1, watch=lambda o, _: seen.append(o[AGENT][:, columns]))
    table = table.select(np.argsort(table["lane"]))
    shown = np.array(seen)
    arrow = shown[:, :, :2].any(axis=2)
    stop = table["stop"].astype(bool)
    np.testing.assert_allclose(arrow.sum(axis=0) * dt, 1250)
    np.testing.assert_allclose(shown[:, :, 2].sum(axis=0) * dt, np.where(stop, 1250 - table["stop_delay_ms"], 0))


def test_the_staircase_goes_up_after_a_stop_and_down_after_a_failure_and_not_otherwise():
    rng = np.random.default_rng(0)

    def subject(batch, observations, infos):
        wanted = respond_at_once(batch, observations, infos)[AGENT]
        return {AGENT: np.where(rng.random(batch.lanes) < 0.15, wanted, 0)}

    batch = playing.engine("stop_signal", 256)
    table = playing.run(batch, subject, 40)
    delay = by_lane(table, "stop_delay_ms", 40)
    stop, outcome = by_lane(table, "stop", 40), by_lane(table, "outcome", 40)
    change = np.where(stop & (outcome == "correct"), 50, np.where(stop & (outcome == "error"), -50, 0))
    expected = np.clip(delay[:, :-1] + change[:, :-1], 50, 1200)
    np.testing.assert_array_equal(delay[:, 1:], expected)
    assert (delay[:, 0] == 200).all()
    assert delay.min() == 50


@pytest.mark.parametrize(("subject", "end"), [(playing.hold, 1200), (respond_at_once, 50)])
def test_the_staircase_stays_between_its_floor_and_the_response_time(subject, end):
    batch = playing.engine(make_task("stop_signal", stop_probability=1.0), 4)
    table = playing.run(batch, subject, 30)
    assert (table["stop_delay_ms"][table["trial"] == 29] == end).all()


class Race:
    """Going and stopping race each other: ex-Gaussian go times, normal stop times; sees what a subject sees."""

    def __init__(self, batch, seed=0):
        names = batch.channel_names(AGENT)
        self.columns = [names.index(name) for name in ("arrow_left", "arrow_right", "stop")]
        self.dt, self.rng, n = batch.dt, np.random.default_rng(seed), batch.lanes
        self.elapsed, self.signal = np.zeros(n), np.full(n, np.inf)
        self.going, self.stopping, self.done = np.zeros(n), np.zeros(n), np.zeros(n, bool)

    def __call__(self, batch, observations, _infos):
        left, right, stop = observations[AGENT][:, self.columns].T
        arrow, n, rng = (left + right) > 0, batch.lanes, self.rng
        begins = arrow & (self.elapsed == 0)
        self.going = np.where(begins, rng.normal(350, 60, n) + rng.exponential(120, n), self.going)
        self.stopping = np.where(begins, rng.normal(200, 30, n), self.stopping)
        self.signal = np.where(begins, np.inf, self.signal)
        self.signal = np.where((stop > 0) & np.isinf(self.signal), self.elapsed, self.signal)
        self.elapsed = np.where(arrow, self.elapsed + self.dt, 0)  # when this step will be over
        stopped = self.signal + self.stopping < self.going
        goes = arrow & (self.elapsed >= self.going) & ~stopped
        return {AGENT: np.where(goes, np.where(left > 0, 1, 2), 0)}


def test_the_race_is_drawn_and_the_time_of_stopping_recovered():
    task = make_task("stop_signal", timing={"fixation": 50, "iti": 0})
    batch = playing.engine(task, 512, 10)
    table = playing.run(batch, Race(batch), 80)
    late = table.select(table["trial"] >= 30)  # once the staircase has come to rest
    estimate = stop_signal_reaction_time(late, max_response_time_s=1.25)
    assert estimate.stop_trials > 5000
    assert abs(estimate.p_respond - 0.5) < 0.03
    assert abs(estimate.ssrt_s - 0.2) < 0.015
    assert estimate.reliable
    # Mean go and failed-stop times and delay of the same race simulated directly, half a step (5 ms) later.
    assert abs(estimate.go_mean_s - 0.469 - 0.005) < 0.005
    assert abs(estimate.failed_stop_mean_s - 0.387 - 0.005) < 0.01
    assert abs(estimate.mean_delay_s - 0.25) < 0.01


@pytest.mark.parametrize(
    "wrong",
    [{"stop_probability": 2}, {"first_delay": 20.0}, {"response_time": 100.0}, {"delay_step": -1.0}],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(NeuroparallelError):
        make_task("stop_signal", **wrong)
