"""Right, and one after the other: by hand, and as the instruction to do the first task first."""

import numpy as np
import pytest

from neuroparallel.agents import simulate
from neuroparallel.environments import batch
from neuroparallel.rules import Resolution
from neuroparallel.rules.in_order import InOrder
from neuroparallel.scenario import Scenario

CORRECT, ERROR, LEFT_OUT = 1, 2, 0
NAN = np.nan


def paid(outcome, time):
    """What each of some members of one trial gets."""
    outcome, time = (np.array(values)[:, None] for values in (outcome, time))
    end = Resolution(
        conditions={}, memory={}, trial=np.zeros(1, np.int64), _keys=np.zeros(1, np.uint64),
        choice=np.ones(outcome.shape, np.int64), outcome=outcome.astype(np.uint8), time=time.astype(float),
        message=np.zeros(outcome.shape), given=tuple({} for _ in outcome), options=(2,) * len(outcome),
        pay=np.zeros(outcome.shape), again=np.ones(1, bool),
    )  # fmt: skip
    InOrder(reward=2, otherwise=-1).resolve(end)
    assert len(set(end.pay[:, 0])) == 1
    return end.pay[0, 0]


@pytest.mark.parametrize(
    ("outcome", "time", "good"),
    [
        ((CORRECT, CORRECT), (100, 200), True),
        ((CORRECT, CORRECT), (200, 200), True),
        ((CORRECT, CORRECT), (300, 200), False),
        ((CORRECT, ERROR), (100, 200), False),
        ((ERROR, CORRECT), (100, 200), False),
        ((CORRECT, LEFT_OUT), (100, NAN), True),
        ((CORRECT, CORRECT), (NAN, 200), True),  # right to withhold
        ((CORRECT, CORRECT, CORRECT), (100, NAN, 50), False),
        ((CORRECT, LEFT_OUT, CORRECT), (100, NAN, 150), True),
    ],
)
def test_all_are_paid_if_all_are_right_and_none_is_early(outcome, time, good):
    assert paid(outcome, time) == (2 if good else -1)


def first_things_first():
    """The psychological refractory period, paid for the whole, and only if the tone was answered first."""
    scenario = Scenario.load("prp").dump()
    scenario["groups"]["trial"]["rule"] = {"in_order": {"reward": 0.5}}
    for stream in scenario["subjects"]["subject_0"]["streams"].values():
        stream["rewards"] |= {"correct": 0, "error": 0}
    return Scenario.load(scenario)


def test_who_answers_the_number_before_the_tone_gets_nothing():
    trials = simulate(first_things_first(), "oracle", 400, per_lane=4)
    assert set(trials["reward"]) == {0.5}
    engine = batch(first_things_first(), lanes=64)
    engine.reset(0)
    for step in range(400):  # the number at once, the tone late
        truth = np.maximum(engine.truth()["subject_0"], 0)
        truth[:, 0] *= step == 120
        engine.step({"subject_0": truth})
    sides = [engine.trials().where(stream=name, trial=0) for name in ("first", "second")]
    first, second = (side.select(np.argsort(side["lane"])) for side in sides)
    assert set(first["outcome"]) == {"correct"}
    late = first["response_time_s"] > second["soa_ms"] / 1000 + second["response_time_s"]
    np.testing.assert_array_equal(first["reward"], np.where(late, 0.0, 0.5))
    assert 0.5 < late.mean() < 1
