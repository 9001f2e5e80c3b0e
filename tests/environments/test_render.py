"""Pictures of the current trial."""

import copy
import io
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.axes import Axes

import neuroparallel as npar
from neuroparallel.agents.baselines import at_rest
from neuroparallel.environments import gym_env, parallel_env
from neuroparallel.errors import ArgumentError, UsageError
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


# ---- plot ----


def actions_at_random(env, seed=3):
    spaces = {agent: env.action_space(agent) for agent in env.possible_agents}
    for number, space in enumerate(spaces.values()):
        space.seed(seed + number)
    return lambda: {agent: space.sample() for agent, space in spaces.items()}


@pytest.mark.parametrize("name", ["random_dots", "dpa_gng", "prisoners_dilemma", "tracking_with_probe", "joint_simon"])
def test_what_is_plotted_is_what_was_played(name):
    env = parallel_env(name, session=None)
    seen, infos = env.reset(seed=1)
    draw, rows = actions_at_random(env), []
    for _ in range(60):
        actions = draw()
        after = env.step(actions)
        rows.append((copy.deepcopy((seen, infos)), actions, copy.deepcopy(after)))
        seen, infos = after[0], after[4]
    for agent, trace in env._story.traces(50).items():
        kept = rows[-50:]
        assert len(trace) == 50
        assert np.array_equal(trace.observations, np.stack([before[0][agent] for before, _, _ in kept]))
        assert trace.rewards.tolist() == [after[1][agent] for _, _, after in kept]
        prefixes = [f"{stream}." for stream in trace.stream_names] if len(trace.stream_names) > 1 else [""]
        for column, prefix in enumerate(prefixes):
            said = [(before[1][agent], after[4][agent]) for before, _, after in kept]
            assert trace.periods[:, column].tolist() == [before[f"{prefix}period"] for before, _ in said]
            assert trace.outcomes[:, column].tolist() == [after[f"{prefix}outcome"] for _, after in said]
        if name not in ("tracking_with_probe",):
            assert trace.actions.tolist() == [np.atleast_1d(actions[agent]).tolist() for _, actions, _ in kept]
        assert trace.time_ms[0] == 10 * env.dt
    figure = env.plot(steps=40)
    figure.savefig(io.BytesIO())
    titles = [ax.get_title(loc="left") for ax in figure.findobj(Axes)]
    assert {title for title in titles if title} == {f"{name}  {agent}" for agent in env.possible_agents}


def test_a_plot_starts_with_the_session():
    env = parallel_env("random_dots", session={"trials": 2})
    with pytest.raises(UsageError, match="call reset, play, and then plot"):
        env.plot()
    env.reset(seed=1)
    with pytest.raises(UsageError, match="call reset, play, and then plot"):
        env.plot()
    while env.agents:
        env.step({"subject_0": 0})
    assert len(env._story.traces(1000)["subject_0"]) == 44
    env.reset()
    env.step({"subject_0": 0})
    assert len(env._story.traces(1000)["subject_0"]) == 1


def test_whoever_writes_into_what_was_handed_out_does_not_change_the_plot():
    env = parallel_env("random_dots")
    env.reset(seed=1)
    actions = {"subject_0": 0}
    for action in (0, 1, 0):
        actions["subject_0"] = action  # the same dictionary in every step
        seen, *_ = env.step(actions)
        seen["subject_0"][:] = 7
    trace = env._story.traces(10)["subject_0"]
    assert trace.actions[:, 0].tolist() == [0, 1, 0]
    assert not (trace.observations == 7).any()


def test_all_kinds_of_environment_can_be_plotted_or_say_what_can():
    env = gym_env("go_nogo")
    wrapped = npar.wrappers.previous_reward_v0(gym_env("go_nogo"))
    for one in (env, wrapped):
        one.reset(seed=1)
        one.step(0)
        one.plot(title="a step").savefig(io.BytesIO())
    aec = npar.aec_env("prisoners_dilemma")
    aec.reset(seed=1)
    for _ in range(8):
        aec.step(0)
    aec.plot().savefig(io.BytesIO())
    split = parallel_env(npar.Scenario.load("dpa_gng").replace(**{"subjects.subject_0.observation": "dict"}))
    split.reset(seed=1)
    split.step({"subject_0": 0})
    split.plot()
    with pytest.raises(UsageError, match="record=False"):
        parallel_env("go_nogo", record=False).plot()
    with pytest.raises(UsageError, match=r"gym_env\(what, lane=0\)"):
        npar.vector_env("go_nogo", 3).plot()
    with pytest.raises(ArgumentError, match="steps is 0"):
        env.plot(steps=0)


def test_a_picture_of_a_scenario_with_split_observations_is_painted():
    env = parallel_env(
        npar.Scenario.load("dpa_gng").replace(**{"subjects.subject_0.observation": "dict"}), render_mode="rgb_array"
    )
    env.reset(seed=1)
    env.step({"subject_0": 0})
    assert env.render().shape == (360, 640, 3)


def test_an_environment_with_an_agent_on_a_seat_is_plotted():
    scenario = npar.Scenario.load("prisoners_dilemma").replace(**{"subjects.subject_1.played_by": "random"})
    env = parallel_env(scenario)
    env.reset(seed=1)
    for _ in range(20):
        env.step({"subject_0": 0})
    assert len(env._story.traces(100)["subject_0"]) == 20
    env.plot()


def test_pictures_of_a_trial_take_what_watch_returns():
    watched = npar.reporting.watch("prisoners_dilemma", "random", steps=40, seed=1)
    for given in (watched, watched[0]):
        for draw in (npar.plotting.plot_trial, npar.plotting.plot_run):
            figure = draw(given)
            assert len(figure.subfigs) == 2
            figure.savefig(io.BytesIO())
    alone = npar.reporting.watch("go_nogo", "oracle", steps=80, seed=1)
    ax = npar.plotting.plot_trial(alone).axes[-1]
    whole = next(iter(alone[0].values()))
    assert ax.get_xlim()[1] < whole.time_ms[-1]  # a trial of it
