"""Streams that wait for their onset: whatever happens meanwhile, no trial is lost, counted twice or never ended."""

import numpy as np
import pytest

from neuroparallel.agents import simulate
from neuroparallel.environments import batch, parallel_env
from neuroparallel.reporting.scenario_overview import timeline
from neuroparallel.scenario import Scenario
from tests.engine.comparing import SideBySide


def scenario(second, first="random_dots", **more):
    streams = {"first": {"task": first}, "second": second}
    return Scenario.load({"name": "x", "dt": 100, "subjects": {"one": {"streams": streams}}, **more})


def test_a_stream_is_cancelled_again_and_again_if_what_it_waits_for_never_comes():
    engine = batch(scenario({"task": "go_nogo", "onset": "after first.stimulus"}), 3)
    env = parallel_env(engine.scenario, lane=1)
    engine.reset(seed=1)
    env.reset(seed=1)
    for _ in range(12):
        engine.step({"one": np.tile([1, 0], (3, 1))})
        env.step({"one": [1, 0]})
    trials = engine.trials()
    assert [int((trials["outcome"] == label).sum()) for label in ("abort", "cancelled")] == [36, 36]
    assert len(env.trials()) == 24


@pytest.mark.parametrize("task", ["matching_pennies", "bandit", "stop_signal", "two_step"])
def test_what_was_cancelled_before_it_ever_began_can_be_recorded(task):
    what = scenario({"task": task, "onset": "after first.stimulus"}, dt=50)
    env, engine = parallel_env(what), batch(what, 1)
    env.reset(seed=1)
    engine.reset(seed=1)
    for _ in range(5):
        env.step({"one": [1, 0]})
        engine.step({"one": np.array([[1, 0]])})
    mine, theirs = env.trials(), engine.trials()
    assert len(mine) == 10
    for name in mine.columns:
        np.testing.assert_array_equal(mine[name], theirs[name])


def test_a_cancelled_trial_does_not_hide_the_one_before_it_from_the_task():
    what = scenario({"task": "stop_signal", "onset": "after first.stimulus", "params": {"stop_probability": 1}}, dt=50)
    engine = batch(what, 1)
    engine.reset(seed=1)
    cancel_next = False
    for _ in range(250):
        done = len(engine.trials().where(stream="second", outcome="correct"))
        cancel_next = done == 1
        engine.step({"one": np.array([[int(cancel_next), 0]])})
        if (engine.trials()["outcome"] == "cancelled").any():
            break
    rows = engine.trials().where(stream="second")
    assert list(rows["outcome"][:2]) == ["correct", "cancelled"]
    assert rows["stop_delay_ms"][1] > rows["stop_delay_ms"][0]  # the staircase has heard of the success


@pytest.mark.parametrize("onset", [400, "after first.stimulus + 400"])
def test_a_session_that_ends_while_a_stream_waits_cancels_its_trial(onset):
    subjects = {"one": {"streams": {"lone": {"task": "random_dots"}}}}
    subjects["two"] = {"streams": {"first": {"task": "random_dots"}, "second": {"task": "go_nogo", "onset": onset}}}
    what = Scenario.load({"name": "x", "dt": 100, "session": {"steps": 2}, "subjects": subjects})
    env, engine = parallel_env(what), batch(what, 1)
    env.reset(seed=1)
    engine.reset(seed=1)
    for _ in range(40):
        seen = env.step({"one": 1, "two": [0, 0]})[0] if env.agents else env.reset()[0]
        shown = engine.step({"one": np.array([1]), "two": np.array([[0, 0]])})[0]
        for agent in seen:
            np.testing.assert_array_equal(seen[agent], shown[agent][0])
    for trials in (env.trials(), engine.trials()):
        rows = trials.where(stream="second")
        assert len(rows) > 5
        assert set(rows["outcome"]) == {"cancelled"}
        assert set(rows["trial"]) == {0}


def test_a_session_broken_off_before_an_onset_leaves_nothing_for_the_next_one():
    mix = {"streams": ["one.first", "one.second"], "mix": {"first": 3, "first + second": 1}}
    what = scenario({"task": "go_nogo", "onset": {"uniform": [300, 1500]}}, groups={"trial": mix})
    lanes, hold = 40, {"one": np.zeros((40, 2), int)}
    broken, fresh = batch(what, lanes), batch(what, lanes)
    broken.reset(seed=1), fresh.reset(seed=1)
    for _ in range(3):  # some second streams wait for their onset now
        broken.step(hold)
    assert (broken.groups[0].onset_at[1] < 10_000).any()
    seen, _ = fresh.reset()
    np.testing.assert_array_equal(broken.restart(np.ones(lanes, bool))["one"], seen["one"])
    for _ in range(40):
        np.testing.assert_array_equal(broken.step(hold)[0]["one"], fresh.step(hold)[0]["one"])


@pytest.mark.parametrize("after", [0, 200])
def test_a_group_goes_on_with_a_further_period_also_if_that_takes_no_time(after):
    streams = {"task": "random_dots", "early": "penalty", "timing": {"delay": after}}
    what = {
        "name": "x",
        "subjects": {"one": {"streams": {"first": streams, "second": {**streams, "onset": 200}}}},
        "groups": {"trial": {"streams": ["one.first", "one.second"], "then": "delay"}},
    }
    pair = SideBySide(Scenario.load(what), 7, "mixed")
    for _ in range(120):
        pair.step()
    pair.compare_tables()
    assert len(pair.batch.trials()) > 14


def test_infos_stay_as_they_were_when_lanes_go_on_from_a_saved_state():
    hold = {"subject_0": np.zeros(5, int)}
    engine = batch("dpa_gng", 5)
    engine.reset(seed=1)
    for _ in range(30):
        engine.step(hold)
        other = batch("dpa_gng", 5)
        other.set_state(engine.state())
        for one in (engine, other):
            told = one.infos()["subject_0"]
            before = {key: told[key].copy() for key in told}
            one.step(hold)
            for key, values in before.items():
                np.testing.assert_array_equal(told[key], values, err_msg=key)


@pytest.mark.parametrize("session", [None, {"steps": 1}], ids=str)
def test_a_stream_begins_once_in_a_trial_also_if_what_it_waited_for_comes_again(session):
    first = {"task": "random_dots", "early": "penalty", "timing": {"stimulus": 300, "decision": 200}}
    what = {
        "name": "x",
        "subjects": {"one": {"streams": {"first": first, "second": {**first, "onset": "after first.decision"}}}},
        "groups": {"trial": {"streams": ["one.first", "one.second"], "then": "stimulus"}},
    }
    pair = SideBySide(Scenario.load(what), 7, "mixed", session)
    for _ in range(150):
        pair.step()
    pair.compare_tables()
    trials = pair.batch.trials()
    assert len(trials) > 50
    np.testing.assert_array_equal(trials["trial"], trials["group_trial"])


AFTER = {"after": "first.fixation", "uniform": [200, 800]}


@pytest.mark.parametrize("policy", ["oracle", "mixed", "adversary", "random"])
@pytest.mark.parametrize(
    "onset",
    [
        AFTER,
        {"after": "first.fixation", "choice": [0, 300]},
        {"after": "first.stimulus", "ms": [0, 100, 500]},
        {"after": "first.fixation", "truncated_exponential": {"mean": 300, "low": 100, "high": 900}},
    ],
    ids=str,
)
def test_an_onset_drawn_after_a_period_is_the_same_in_both_engines(onset, policy):
    pair = SideBySide(scenario({"task": "go_nogo", "onset": onset}), 4, policy)
    for _ in range(300):
        pair.step()
    pair.compare_tables()


def test_an_onset_drawn_after_a_period_is_kept_recorded_and_shown():
    what = scenario({"task": "go_nogo", "onset": AFTER}, first="delayed_comparison")
    assert Scenario.load(what.dump()) == what
    table = simulate(what, agents="oracle", trials=400, seed=1)
    first, second = table.where(stream="first"), table.where(stream="second")
    fixation = 1000 * (second["onset_s"] - first["onset_s"]) - second["after_ms"]
    assert len(np.unique(np.round(fixation, 6))) == 1  # the period, whose end is waited for, has one length
    assert set(second["after_ms"]) == set(range(300, 801, 100))  # rounded up to steps of 100 ms
    assert "soa_ms" not in table
    shown = "\n".join(timeline(what))
    assert "begins at 200 to 800 ms (uniform) after one.first.fixation, drawn in each trial" in shown
