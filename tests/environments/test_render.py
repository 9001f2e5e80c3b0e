"""Pictures of the current trial."""

from itertools import pairwise

import numpy as np
import pytest

from neuroparallel.agents.plain import at_rest
from neuroparallel.environments import gym_env, parallel_env
from neuroparallel.errors import UsageError
from tests.tasks import playing


@pytest.mark.parametrize("name", ["random_dots", "dpa_gng", "dual_random_dots", "pursuit", "tracking_with_probe"])
def test_a_picture_is_painted_at_any_moment(name):
    env = parallel_env(name, render_mode="rgb_array", session={"trials": 2})
    with pytest.raises(UsageError, match="before reset"):
        env.render()
    env.reset(seed=0)
    pictures = [env.render()]
    while env.agents:
        env.step({"subject_0": playing.in_lane(at_rest(env.action_space("subject_0"), 1), 0)})
        pictures.append(env.render())
    for picture in pictures:
        assert picture.dtype == np.uint8
        assert picture.shape == (360, 640, 3)
    assert any(not np.array_equal(a, b) for a, b in pairwise(pictures))


def test_subjects_stand_one_below_the_other(pair):
    env = parallel_env(pair, render_mode="rgb_array")
    env.reset(seed=0)
    env.step({"ann_0": 0, "bob_0": 1})
    assert env.render().shape == (720, 640, 3)


def test_the_picture_shows_the_current_trial_only():
    env = parallel_env("random_dots", render_mode="rgb_array")
    env.reset(seed=0)
    film, ended = env._film, False
    for step in range(200):
        info = env.step({"subject_0": 0})[4]["subject_0"]
        trace = film.trace("subject_0")
        assert len(trace) == 1 or not ended
        assert (trace.outcomes[-1] > 0).all() == bool(info["trial_end"])
        assert trace.time_ms[-1] == step * env.dt
        ended = bool(info["trial_end"])
    assert trace.channel_names == ("fixation", "motion_left", "motion_right")


def test_gymnasium_environments_are_painted_too():
    env = gym_env("random_dots", render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().shape == (360, 640, 3)
    assert gym_env("random_dots").render() is None
