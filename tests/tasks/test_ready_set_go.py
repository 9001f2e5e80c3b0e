"""Ready-set-go: what is measured, what is paid, and what an ideal subject produces."""

import numpy as np
import pytest
from scipy.stats import norm

from neuroparallel.errors import NeuroparallelError
from neuroparallel.tasks import make_task
from neuroparallel.tasks.timing.ready_set_go import PRIORS, prior
from tests.tasks import playing
from tests.tasks.playing import AGENT

WEBER = 0.1  # of the measurement


@pytest.mark.parametrize("dt", [10, 20])
@pytest.mark.parametrize("gain", [1.0, 1.5])
@pytest.mark.parametrize("interval", ["short", {"uniform": [800, 1500]}])
def test_responding_exactly_on_the_truth_pays_the_maximum(dt, gain, interval):
    task = make_task("ready_set_go", gain=gain, interval=interval)
    table = playing.run(playing.engine(task, 128, dt), playing.oracle, 2)
    assert (table["reward"] == 1.0).all()
    assert (table["produced_ms"] == table["target_ms"]).all()
    assert (abs(table["target_ms"] - gain * table["interval_ms"]) <= dt / 2).all()
    np.testing.assert_allclose(table["response_time_s"] * 1000, table["target_ms"])


def test_the_reward_falls_with_the_error_as_the_rule_says():
    batch = playing.engine("ready_set_go", 512)
    off = np.random.default_rng(0).integers(-45, 46, 512)  # steps
    set_on = batch.channel_names(AGENT).index("set")
    since = np.full(512, -1)

    def subject(_batch, observations, _infos):
        lit = observations[AGENT][:, set_on] == 1
        since[:] = np.where(lit & (since < 0), 0, np.where(since >= 0, since + 1, -1))
        target = np.rint(batch.streams[0].conditions["target_ms"] / 10).astype(int)
        return {AGENT: ((since + 1 == target + off) & (since >= 0)).astype(int)}

    table = playing.run(batch, subject, 1)
    table = table.select(np.argsort(table["lane"]))
    went = np.isin(table["outcome"], ("correct", "error"))
    assert went.all()
    np.testing.assert_allclose(table["produced_ms"], table["target_ms"] + 10 * off)
    error, window = 10.0 * abs(off), 0.2 * table["target_ms"] + 25
    inside = error <= window
    expected = np.where(inside, np.maximum(np.clip(1 - error / window, 0, 1) ** 1.5, 0.1), 0)
    np.testing.assert_allclose(table["reward"], expected, atol=1e-12)
    assert (table["outcome"] == np.where(inside, "correct", "error")).all()
    assert {True, False} == set(inside.tolist())


def test_the_flashes_are_as_far_apart_as_the_record_says():
    batch = playing.engine("ready_set_go", 64)
    seen = []
    table = playing.run(batch, playing.hold, 1, watch=lambda o, _: seen.append(o[AGENT].copy()))
    table = table.select(np.argsort(table["lane"]))
    ready, flash = np.array(seen)[:, :, 1], np.array(seen)[:, :, 2]
    np.testing.assert_allclose(10 * (flash.argmax(0) - ready.argmax(0)), table["interval_ms"])
    assert (table["outcome"] == "miss").all()


def test_responding_before_the_set_flash_is_over_aborts():
    table = playing.run(
        playing.engine("ready_set_go", 32),
        lambda batch, _o, infos: {AGENT: (infos[AGENT]["period"] == 2).astype(int)},
        1,
    )
    assert (table["outcome"] == "abort").all()
    assert (table["reward"] == -0.1).all()


@pytest.mark.parametrize("name", PRIORS)
def test_priors_have_eleven_equally_spaced_intervals_between_the_published_bounds(name):
    law = prior(name)
    assert len(law.values) == 11
    assert law.bounds() == PRIORS[name]
    np.testing.assert_allclose(np.diff(law.values), (law.bounds()[1] - law.bounds()[0]) / 10)
    table = playing.run(playing.engine(make_task("ready_set_go", interval=name), 512), playing.oracle, 1)
    drawn, counts = np.unique(table["interval_ms"], return_counts=True)
    np.testing.assert_allclose(drawn, np.floor(np.array(law.values) / 10 + 0.5) * 10)
    assert all(playing.near(count / 512, 1 / 11, 512) for count in counts)


def least_squares(name):
    """The Bayes least-squares estimate for a measurement, tabulated; ms."""
    samples = np.floor(np.array(prior(name).values) / 10 + 0.5) * 10
    measured = np.linspace(100, 2500, 4801)
    likely = norm.pdf(measured[:, None], samples, WEBER * samples)
    likely = np.maximum(likely, 1e-300)
    return measured, (likely * samples).sum(1) / likely.sum(1)


def mean_estimate(name, interval):
    """Expected estimate of an interval, by quadrature over its measurement; ms."""
    measured, estimate = least_squares(name)
    weight = norm.pdf(measured, interval, WEBER * interval)
    return (weight * estimate).sum() / weight.sum()


def test_the_ideal_estimate_of_one_interval_is_drawn_to_the_mean_of_each_prior():
    assert mean_estimate("short", 847) < 847 < mean_estimate("long", 847)
    for name in PRIORS:
        values = np.array(prior(name).values)
        means = [mean_estimate(name, value) for value in values]
        assert 0.3 < np.polyfit(values, means, 1)[0] < 0.9
        assert means[0] > values[0]
        assert means[-1] < values[-1]


@pytest.mark.parametrize("name", PRIORS)
def test_an_ideal_subject_produces_on_average_what_quadrature_says(name):
    lanes, trials = 1024, 4
    batch = playing.engine(make_task("ready_set_go", interval=name), lanes)
    ready, flash = (batch.channel_names(AGENT).index(n) for n in ("ready", "set"))
    rng = np.random.default_rng(1)
    since = {key: np.full(lanes, -1) for key in ("ready", "set")}
    goal = np.zeros(lanes)
    measured, estimate = least_squares(name)

    def subject(_batch, observations, infos):
        fresh = np.asarray(infos[AGENT]["trial_end"], bool)
        for key, column in (("ready", ready), ("set", flash)):
            since[key][fresh] = -1
            begins = (observations[AGENT][:, column] == 1) & (since[key] < 0)
            since[key] = np.where(since[key] >= 0, since[key] + 1, np.where(begins, 0, -1))
        began = since["set"] == 0
        true = 10.0 * since["ready"]
        noisy = true * (1 + WEBER * rng.normal(size=lanes))
        goal[:] = np.where(began, np.interp(noisy, measured, estimate), goal)
        return {AGENT: ((since["set"] >= 0) & (10 * (since["set"] + 1) >= goal)).astype(int)}

    table = playing.run(batch, subject, trials)
    for interval in np.unique(table["interval_ms"]):
        produced = table["produced_ms"][table["interval_ms"] == interval]
        error = produced.std() / len(produced) ** 0.5
        # A response falls on the first step at or after the goal: half a step late on average.
        assert abs(produced.mean() - 5 - mean_estimate(name, interval)) < 4.5 * error + 0.5


@pytest.mark.parametrize(
    "wrong",
    [{"interval": "medium"}, {"gain": 0}, {"margin": -1}, {"timing": {"set": 900}}, {"interval": 50}],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(NeuroparallelError):
        make_task("ready_set_go", **wrong)
