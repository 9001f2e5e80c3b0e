"""The joint Simon task: an effect that is put into a subject is found by the analysis, and none otherwise."""

import numpy as np
import pytest

from neuroparallel.agents import simulate
from neuroparallel.agents.protocol import engine_of
from neuroparallel.analysis import chronometric
from neuroparallel.scenario import Scenario

STIMULUS = 1  # period


class Presser:
    """Presses for its colour some 300 to 400 ms after the stimulus, later if it points to somebody who is there."""

    def __init__(self, delay_ms):
        self.delay = delay_ms

    def reset(self, engine):
        core = engine_of(engine)
        self.rng, self.since = np.random.default_rng(0), {s.spec.name: np.zeros(core.lanes) for s in core.subjects}
        self.jitter = {s.spec.name: np.zeros(core.lanes) for s in core.subjects}

    def act(self, observations, infos, engine):
        core, actions = engine_of(engine), {}
        for subject in core.subjects:
            name, (stream,) = subject.spec.name, subject.streams
            on = np.asarray(infos[name]["period"]) == STIMULUS
            self.jitter[name] = np.where(on, self.jitter[name], self.rng.integers(0, 11, core.lanes) * 10)
            self.since[name] = np.where(on, self.since[name] + core.dt, 0.0)
            trial = stream.values(np.arange(core.lanes))
            late = self.delay * (len(core.subjects) > 1) * ~trial["congruent"].astype(bool)
            due = self.since[name] >= 300 + self.jitter[name] + late
            mine = trial["colour"] == stream.spec.task.side
            actions[name] = np.where(on & due & mine, 1, 0)
        return actions


def effect(trials):
    """Compatibility effect in ms and its standard error, from the presses of each value of ``congruent``."""
    times = chronometric(trials, by="congruent")
    assert times["trials"].min() > 500
    order = np.argsort(times["congruent"])  # incongruent first
    mean, error = times["mean_s"][order] * 1000, times["sem_s"][order] * 1000
    return mean[0] - mean[1], np.hypot(*error)


@pytest.mark.parametrize("delay", [0, 10, 40])
def test_the_compatibility_effect_of_two_is_recovered(delay):
    found, error = effect(simulate("joint_simon", Presser(delay), 1200, per_lane=4))
    assert abs(found - delay) < 4.5 * error
    assert 4.5 * error < 10


def test_alone_the_same_subject_shows_none():
    found, error = effect(simulate(Scenario.load("joint_simon").only("left.simon"), Presser(40), 2400, per_lane=4))
    assert abs(found) < 4.5 * error


def test_both_see_one_screen_and_one_of_them_is_called():
    trials = simulate("joint_simon", "oracle", 400, per_lane=4)
    left, right = (trials.where(subject=name) for name in ("left", "right"))
    for column in ("colour", "congruent"):
        np.testing.assert_array_equal(left[column], right[column])
    np.testing.assert_array_equal(left["choice"] == 1, right["choice"] != 1)
