"""The shipped dual tasks, by their numbers: what comes when, and what those who know, guess or wait earn."""

import numpy as np
import pytest
from scipy.stats import norm

from neuroparallel.agents import simulate
from neuroparallel.scenario import Scenario
from tests.tasks import playing

# ---- the psychological refractory period -----------------------------------------------------------


def with_asynchrony(ms):
    scenario = Scenario.load("prp").dump()
    scenario["subjects"]["subject_0"]["streams"]["second"]["onset"] = ms
    return Scenario.load(scenario)


@pytest.mark.parametrize("soa", [0, 50, 300, 1200])
def test_the_number_comes_exactly_one_asynchrony_after_the_tone(soa):
    batch = playing.engine(with_asynchrony(soa), 64)
    names, seen = batch.channel_names("subject_0"), []
    batch.reset(0)
    for _ in range(200):
        seen.append(batch.step({"subject_0": np.zeros((64, 2), int)})[0]["subject_0"].mean(axis=0))
    seen = np.array(seen)
    onset = {}
    for stream, pair in (("first", ("low", "high")), ("second", ("small", "large"))):
        shown = sum(seen[:, names.index(f"{stream}.stimulus_{name}")] for name in pair)
        onset[stream] = 10 * int(np.argmax(shown > 0.5))
        assert ((shown > 0.5).sum()) * 10 == 150
    assert onset["second"] - onset["first"] == soa
    assert onset["first"] == 500 - 10  # the first observation is that of the reset


def test_the_warning_signal_comes_before_the_tone_only():
    for soa in (0, 100, 1200):
        batch = playing.engine(with_asynchrony(soa), 4)
        first = batch.reset(0)[0]["subject_0"][:, 0]
        cue = [first]
        for step in range(230):
            action = np.tile([int(step >= 54), int(step >= 54)], (4, 1))  # as fast as anyone ever is
            cue.append(batch.step({"subject_0": action})[0]["subject_0"][:, 0])
        cue = np.array(cue)
        assert (cue[:50] == 1).all()
        assert (cue[50:171] == 0).all()


@pytest.mark.parametrize(
    ("agent", "rates"),
    [("oracle", (1.0, 1.0)), ("hold", (0.0, 0.0)), ("random", (0.5, 0.5)), ("blind", (0.5, 0.5))],
)
def test_who_knows_earns_everything_who_guesses_half_and_who_waits_nothing(agent, rates):
    trials = simulate("prp", agent, 2000, per_lane=5)
    for stream, expected in zip(("first", "second"), rates, strict=True):
        share, n = playing.correct(trials.where(stream=stream))
        assert n == 2000
        assert playing.near(share, expected, n)
        assert abs(trials.where(stream=stream)["reward"].mean() - share) < 1e-9


def test_an_ideal_observer_in_haste_has_the_accuracy_of_one_step():
    trials = simulate("prp", "ideal_observer", 4000, per_lane=10)
    second = trials.where(stream="second")
    for strength in (25, 50):
        share, n = playing.correct(second.where(strength=strength))
        assert playing.near(share, norm.cdf(strength / 100 * 5**0.5), n)
    assert np.allclose(second["response_time_s"], 0.01)


def test_same_and_different_keys_are_asked_for_equally_often():
    trials = simulate("prp", "hold", 4000, per_lane=4)
    first, second = (trials.where(stream=stream)["target"] for stream in ("first", "second"))
    assert playing.near((first == second).mean(), 0.5, 4000)
