"""Rewards of later trials count, or do not; and large rewards are scaled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray")

from neuroparallel.errors import ArgumentError
from neuroparallel.rllib.advantages import estimate_advantages
from neuroparallel.rllib.config import ppo_config
from neuroparallel.rllib.runner import BatchedEnvRunner

pytestmark = pytest.mark.rllib

DOTS: dict[str, Any] = {
    "name": "dots",
    "dt": 100,
    "subjects": {"subject_0": {"streams": {"dots": {"task": "random_dots"}}}},
}
TWO: dict[str, Any] = {
    "name": "two",
    "dt": 100,
    "subjects": {
        "subject_0": {"action": "factored", "streams": {"dots": {"task": "random_dots"}, "items": {"task": "n_back"}}}
    },
    "groups": {"one": {"streams": ["subject_0.dots"]}, "other": {"streams": ["subject_0.items"]}},
}


def sampled(what: Any, steps: int = 120, **settings: Any) -> tuple[Any, Any]:
    """A stretch of experience of four lanes, and the engine that it comes from."""
    config = ppo_config(what, lanes=4, seed=0, **settings)
    runner = BatchedEnvRunner(config=config)
    rollout = runner.sample(num_timesteps=4 * steps)[0]
    return next(iter(rollout.modules.values())), runner.engine


def test_a_trial_that_ended_gets_nothing_from_what_follows() -> None:
    rng = np.random.default_rng(0)
    values, rewards = rng.normal(size=(3, 11)), rng.normal(size=(3, 10))
    ends = rng.random((3, 10)) < 0.3
    whole = np.full(3, 10)
    ours = estimate_advantages(values, rewards, whole, np.zeros(3, bool), gamma=0.9, lambda_=0.7, trial_ends=ends)
    for row in range(3):
        for t in range(10):
            expected, weight = 0.0, 1.0
            for k in range(t, 10):
                follows = 0.0 if ends[row, k] else values[row, k + 1]
                expected += weight * (rewards[row, k] + 0.9 * follows - values[row, k])
                weight *= 0.9 * 0.7
                if ends[row, k]:
                    break
            assert ours[row, t] == pytest.approx(expected, abs=1e-5)


def test_the_ends_that_are_noted_are_those_of_the_trial_table() -> None:
    data, engine = sampled(DOTS, session={"trials": 3})
    assert data.trial_ends.any()
    assert int(data.trial_ends.sum()) == int(sum(engine.pop_tally()["subject_0.dots"]))


def test_streams_with_clocks_of_their_own_end_a_trial_where_both_begin_anew() -> None:
    both, engine = sampled(TWO, steps=200)
    tally = engine.pop_tally()
    assert 0 < both.trial_ends.sum() < min(int(sum(counts)) for counts in tally.values())


@pytest.mark.parametrize(
    ("name", "credit"),
    [("random_dots", "trial"), ("dual_n_back", "trial"), ("bandit", "trial"), ("stag_hunt", "session")],
)
def test_rewards_of_later_trials_count_where_choices_have_later_consequences(name: str, credit: str) -> None:
    assert ppo_config(name, seed=0).credit == credit


def test_without_credit_for_the_trial_alone_no_end_is_noted() -> None:
    data, _ = sampled(DOTS, credit="session")
    assert not data.trial_ends.any()


@pytest.mark.parametrize(("name", "scale"), [("random_dots", 1.0), ("stag_hunt", 1 / 4), ("trust", 1 / 20)])
def test_the_largest_reward_of_a_step_counts_as_one(name: str, scale: float) -> None:
    assert ppo_config(name, seed=0).reward_scale == pytest.approx(scale)


def test_a_scale_that_is_given_is_used_by_the_learner() -> None:
    config = ppo_config(DOTS, lanes=4, seed=0, reward_scale=0.5)
    runner = BatchedEnvRunner(config=config)
    learner = config.build_learner(spaces=runner.get_spaces())
    assert learner._learner_connector[-1].reward_scale == 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"credit": "trail"}, "Did you mean 'trial'"),
        ({"credit": "trial", "stock": True}, "stock"),
        ({"reward_scale": 0}, "above 0"),
        ({"reward_scale": 2.0, "stock": True}, "stock"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        ppo_config(DOTS, **settings)
