"""What is recorded is the same in both engines, however many lanes respond, and whatever a state says of the trial."""

import copy
import pickle

import numpy as np
import pytest

from neuroparallel.engine.batch.recorder import DENSE
from neuroparallel.scenario import Scenario
from tests.engine.comparing import draw_actions, engine, lane_engine

WAITING = {
    "name": "waiting",
    "dt": 50,
    "subjects": {
        "a": {"streams": {"dots": {"task": "random_dots", "early": "penalty"}, "go": {"task": "go_nogo"}}},
    },
    "groups": {"g": {"streams": ["a.dots", "a.go"]}},
}
DRAWN = ("trial_history_2afc", "trial_history_nchoice", "dpa_gng")
SHIPPED = ("random_dots", "dual_random_dots", "prisoners_dilemma", "stop_signal", "patch_choice", "prp")


def scenario(what):
    return Scenario.load(what)


def play(env, steps, policy="random", seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        env.step(draw_actions(env, policy, rng))
    return env


def lane_of(env, lane):
    """The trials and responses of one lane."""
    trials = env.trials().where(lane=lane)
    return trials, trials.responses


@pytest.mark.parametrize("policy", ["random", "oracle", "hold"])
@pytest.mark.parametrize("what", [*SHIPPED, WAITING], ids=str)
def test_many_lanes_record_what_each_of_them_records_alone(what, policy):
    """Steps in which most lanes respond are kept as they are, others are picked apart; the table is the same."""
    lanes, session = DENSE + 40, {"trials": 3}
    many = engine(scenario(what), lanes, session, seed=5)
    many.reset(5)
    steps = min(4 * many.trial_steps(), 900)
    lane = 261
    alone = lane_engine(scenario(what), lane, session, seed=5)
    alone.reset(5)
    rng = np.random.default_rng(1)
    for _ in range(steps):
        actions = draw_actions(many, policy, rng)
        many.step(actions)
        if alone.over:
            alone.reset()
        else:
            alone.step({agent: _one(action, lane) for agent, action in actions.items()})
    (trials, responses), (own, own_responses) = lane_of(many, lane), lane_of(alone, lane)
    assert len(own)
    assert trials.equals(own)
    assert responses.equals(own_responses)


def _one(action, lane):
    if isinstance(action, dict):
        return {name: _one(part, lane) for name, part in action.items()}
    return action[lane].tolist() if action.dtype.kind in "iu" else action[lane]


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["copy", "pickle"])
def test_a_copy_goes_on_recording_on_its_own(twin):
    env = play(_begun("dual_random_dots", DENSE), 60)
    other = twin(env)
    before = env.trials()
    play(other, 60, seed=3)
    assert env.trials().equals(before)
    play(env, 60, seed=3)
    assert env.trials().equals(other.trials())
    assert env.trials().responses.equals(other.trials().responses)


def _begun(what, lanes, **options):
    env = engine(scenario(what), lanes, **options)
    env.reset(0)
    return env


def test_going_back_drops_what_was_recorded_since():
    env = play(_begun("random_dots", DENSE), 40)
    saved, table = env.state(), env.trials()
    play(env, 40)
    env.set_state(saved)
    assert env.trials().equals(table)
    assert env.trials().responses.equals(table.responses)


@pytest.mark.parametrize("lanes", [4, DENSE])
def test_no_more_is_kept_than_was_asked_for(lanes):
    env = play(_begun("random_dots", lanes, record=500), 400)
    assert 0 < len(env.trials()) <= 500
    assert len(env.trials().responses) <= 500
    assert env.log.dropped > 0


@pytest.mark.parametrize("trial", [50, 2**32 + 5, 2**62])
@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("steps", [0, 3])
def test_both_engines_go_on_alike_from_an_edited_trial_number(name, trial, steps):
    """What a trial draws follows from its number alone: nothing else in a state says it a second time."""
    for seed in range(6):
        many, alone = _begun(name, 2), lane_engine(scenario(name))
        many.reset(seed)
        alone.reset(seed)
        rng = np.random.default_rng(seed)
        _together(many, alone, steps, rng)
        states = many.state(), alone.state()
        for stream, one in zip(states[0]["streams"], states[1]["streams"], strict=True):
            stream["trial"][:] = trial
            one["trial"] = trial
        many.set_state(states[0])
        alone.set_state(states[1])
        _together(many, alone, 60, rng)
        assert many.trials().where(lane=0).equals(alone.trials())


def _together(many, alone, steps, rng):
    for _ in range(steps):
        actions = draw_actions(many, "random", rng)
        seen = many.step(actions)[0]
        own = alone.step({agent: _one(action, 0) for agent, action in actions.items()})[0]
        for agent, view in own.items():
            assert np.array_equal(view, seen[agent][0])
