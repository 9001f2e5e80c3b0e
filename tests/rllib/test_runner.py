"""The runner: rows, restarts, metrics, and what it refuses."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray")

import torch
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.core.columns import Columns
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED, NUM_MODULE_STEPS_SAMPLED

from neuroparallel.errors import ArgumentError, UsageError
from neuroparallel.rllib.loss import choice_statistics

from .toy import make_learner, make_runner, toy_config

pytestmark = pytest.mark.rllib


def test_a_session_that_ends_inside_a_stretch_splits_its_row() -> None:
    runner = make_runner(toy_config([4, 1000], steps=6))
    data = runner.sample()[0].modules["p"]
    # rows: agents a and b in lanes 0 and 1, then the second sessions of lane 0
    assert data.lengths.tolist() == [4, 6, 4, 6, 2, 2]
    assert runner.engine.restarts == [[0]]
    assert not data.terminated.any()


def test_rows_end_with_the_observation_after_their_last_step() -> None:
    runner = make_runner(toy_config([4, 1000], steps=6))
    data = runner.sample()[0].modules["p"]
    age, lane = 4, 0
    np.testing.assert_allclose(data.observations[0, 4], [np.sin(age + lane), np.cos(age), 0], atol=1e-6)
    np.testing.assert_allclose(data.observations[4, 0], [0, np.cos(1), 0], atol=1e-6)  # session 1
    assert not data.observations[0, 5:].any()


def test_what_comes_after_an_end_is_zero() -> None:
    runner = make_runner(toy_config([4, 1000], steps=6))
    data = runner.sample()[0].modules["p"]
    for array in (data.rewards, data.logp, data.actions):
        assert not array[~data.mask].any()


def test_memory_is_reset_where_a_session_begins_and_kept_where_it_goes_on() -> None:
    runner = make_runner(toy_config([4, 1000], steps=6))
    data = runner.sample()[0].modules["p"]
    assert data.state is not None
    assert not data.state["h"][4:].any()
    later = runner.sample()[0].modules["p"]
    assert later.state is not None
    assert later.state["h"][1].any()  # lane 1 goes on


def test_an_end_with_the_last_step_of_a_stretch_makes_no_empty_row() -> None:
    runner = make_runner(toy_config([6, 1000], steps=6))
    first = runner.sample()[0].modules["p"]
    assert first.lengths.tolist() == [6, 6, 6, 6]
    second = runner.sample()[0].modules["p"]
    assert second.state is not None
    assert not second.state["h"][0].any()
    assert second.state["h"][1].any()


def test_an_agent_that_terminates_waits_for_the_others() -> None:
    runner = make_runner(toy_config([5, 1000], steps=8, drop=3))
    rollout = runner.sample()[0]
    data = rollout.modules["p"]
    # lane 0: a 5 then 3 steps, b 3 then 3; lane 1: a 8, b 3 and never again
    assert sorted(data.lengths.tolist()) == [3, 3, 3, 3, 5, 8]
    assert data.terminated.sum() == 3
    assert rollout.agent_steps() == 25
    assert len(rollout) == 16
    later = runner.sample()[0].modules["p"]
    assert later.lengths.sum() < 32  # b of lane 1 is still away


def test_log_probabilities_are_those_of_the_policy() -> None:
    for factored in (False, True):
        runner = make_runner(toy_config([1000] * 3, factored=factored))
        data = runner.sample()[0].modules["p"]
        module = runner.module["p"].unwrapped()
        distribution = module.get_exploration_action_dist_cls().from_logits(torch.from_numpy(data.logits))
        expected = distribution.logp(torch.from_numpy(data.actions)).numpy()
        np.testing.assert_allclose(data.logp, expected, atol=1e-6)


def test_actions_follow_the_policys_probabilities() -> None:
    runner = make_runner(toy_config([10_000] * 50, steps=40))
    module = runner.module["p"].unwrapped()
    with torch.no_grad():
        module.policy.weight.zero_()
        module.policy.bias.copy_(torch.tensor([0.5, 0.3, 0.2]).log())
    data = runner.sample()[0].modules["p"]
    shares = np.bincount(data.actions.ravel(), minlength=3) / data.actions.size
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.2], atol=0.035)  # > 4 s.e.
    greedy = runner.sample(explore=False)[0].modules["p"]
    assert not greedy.actions.any()
    even = runner.sample(random_actions=True)[0].modules["p"]
    shares = np.bincount(even.actions.ravel(), minlength=3) / even.actions.size
    np.testing.assert_allclose(shares, 1 / 3, atol=0.035)


def test_a_step_of_the_lstm_equals_pytorchs() -> None:
    config = toy_config([1000] * 3)
    runner = make_runner(config)
    module = make_learner(config, runner).module["p"].unwrapped()
    data = runner.sample()[0].modules["p"]
    batch: dict[str, Any] = {
        Columns.OBS: torch.from_numpy(data.observations[:, :-1]),
        Columns.STATE_IN: {k: torch.from_numpy(v) for k, v in (data.state or {}).items()},
    }
    out = module.forward_train(batch)  # one pass over all steps, with gradients
    np.testing.assert_allclose(out[Columns.ACTION_DIST_INPUTS].detach().numpy(), data.logits, atol=1e-5)


def test_counters_and_task_metrics_are_reported() -> None:
    runner = make_runner(toy_config([3, 1000], steps=6, drop=2))
    rollout = runner.sample()[0]
    metrics = runner.get_metrics()

    def value(key: str) -> Any:
        stats = metrics[key]
        return stats.peek() if hasattr(stats, "peek") else stats

    assert value(NUM_ENV_STEPS_SAMPLED) == 12 == len(rollout)
    assert metrics[NUM_MODULE_STEPS_SAMPLED]["p"].peek() == rollout.agent_steps()
    assert value("correct") == 1.0
    assert value("correct/a.x") == 1.0
    assert value("trials") == 6
    assert value("reward_per_trial") == pytest.approx(2 / 6)
    assert value("episode_len_mean") == 3


def test_asking_for_sessions_returns_as_many() -> None:
    runner = make_runner(toy_config([3, 5], steps=4))
    rollouts = runner.sample(num_episodes=4)
    assert len(rollouts) >= 2
    assert runner._returns.sessions >= 4


def test_asking_for_sessions_that_never_end_is_refused() -> None:
    config = toy_config([1000, 1000])
    config.environment(env_config={"session": None})
    with pytest.raises(UsageError, match="timesteps"):
        make_runner(config).sample(num_episodes=1)


def test_connectors_and_callbacks_that_would_be_bypassed_are_refused() -> None:
    with pytest.raises(ArgumentError, match="env_to_module_connector"):
        make_runner(toy_config([5, 5]).env_runners(env_to_module_connector=lambda *a: None))

    class Watch(RLlibCallback):
        def on_episode_step(self, **kwargs: Any) -> None:
            """Never called."""

    with pytest.raises(ArgumentError, match="on_episode_step"):
        make_runner(toy_config([5, 5]).callbacks(Watch))


def test_agents_that_differ_cannot_share_a_policy() -> None:
    runner = make_runner(toy_config([5, 5]))
    other = type(runner.env.action_spaces["a"])(5)
    runner.env.action_spaces["b"] = other
    with pytest.raises(ArgumentError, match="independent"):
        runner._make_actors()


def test_a_rollout_pickles_slices_and_counts() -> None:
    runner = make_runner(toy_config([1000] * 4, steps=6))
    rollout = runner.sample()[0]
    again = pickle.loads(pickle.dumps(rollout))
    np.testing.assert_array_equal(again.modules["p"].observations, rollout.modules["p"].observations)
    first, rest = rollout[:12], rollout.slice(slice(12, None))
    assert (len(first), len(rest)) == (12, 12)
    assert len(first.modules["p"].lengths) + len(rest.modules["p"].lengths) == 8
    assert rollout.env_steps() == 24
    assert rollout.agent_steps() == 48


def test_log_probability_and_entropy_sum_over_factors() -> None:
    logits = torch.randn(4, 5)
    actions = torch.tensor([[0, 1], [2, 0], [1, 1], [0, 0]])
    logp, entropy = choice_statistics(logits, actions, [3, 2])
    one = torch.distributions.Categorical(logits=logits[:, :3])
    two = torch.distributions.Categorical(logits=logits[:, 3:])
    torch.testing.assert_close(logp, one.log_prob(actions[:, 0]) + two.log_prob(actions[:, 1]))
    torch.testing.assert_close(entropy, one.entropy() + two.entropy())


@pytest.mark.parametrize("session", [None, {"trials": 5}, {"steps": 100_000}])
def test_every_result_has_a_mean_return(session: Any) -> None:
    from neuroparallel.rllib import ppo_config

    algorithm = ppo_config("go_nogo", lanes=4, n_steps=32, session=session, seed=0).build_algo()
    try:
        for _ in range(2):
            result = algorithm.train()["env_runners"]
            assert np.isfinite(result["episode_return_mean"])
            assert result["episode_len_mean"] > 0
    finally:
        algorithm.stop()


def test_a_configuration_without_a_seed_draws_one() -> None:
    from neuroparallel.rllib import ppo_config
    from neuroparallel.rllib.env_creation import load_scenario
    from neuroparallel.rllib.training_plan import plan_for

    scenario = load_scenario("go_nogo")
    assert ppo_config("go_nogo", seed=3).env_config["seed"] == 3
    assert plan_for(scenario.replace(seed=9)).seed == 9
    assert plan_for(scenario, seed=0).seed == 0


@pytest.mark.entropy
def test_two_trainings_without_a_seed_differ() -> None:
    from neuroparallel.rllib import ppo_config
    from neuroparallel.rllib.env_creation import load_scenario
    from neuroparallel.rllib.training_plan import plan_for

    one, other = (plan_for(load_scenario("go_nogo")) for _ in range(2))
    assert one.seed != other.seed
    assert one.env["seed"] == one.seed
    assert ppo_config("go_nogo").seed != ppo_config("go_nogo").seed
