"""Policies that move: Box actions through runner, learner and policy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray")

import gymnasium as gym
import torch
from ray.rllib.core.distribution.torch.torch_distribution import TorchDiagGaussian

from neuroparallel.errors import ArgumentError
from neuroparallel.rllib import ppo_config
from neuroparallel.rllib.action_distributions import Movements, choices_for
from neuroparallel.rllib.policy import Policy
from tests.engine.toys import Clicks, Reach, alone, together

from .toy import learn, make_learner, make_runner

pytestmark = pytest.mark.rllib


def reaching(**changes: Any) -> Any:
    return ppo_config(alone(Reach(speed=4.0)), lanes=32, n_steps=26, lstm=16, seed=1, num_env_runners=0, **changes)


def test_log_density_and_entropy_are_those_of_rllibs_gaussian() -> None:
    outputs, actions = torch.randn(5, 7, 6), torch.randn(5, 7, 3)
    space = gym.spaces.Box(-1.0, 1.0, (3,), np.float32)
    logp, entropy = choices_for(space).statistics(outputs, actions)
    theirs = TorchDiagGaussian.from_logits(outputs)
    torch.testing.assert_close(logp, theirs.logp(actions))
    torch.testing.assert_close(entropy, theirs.entropy())


def test_movements_are_scaled_to_the_range_of_each_axis_and_clipped() -> None:
    space = gym.spaces.Box(np.array([-1, 0], np.float32), np.array([1, 10], np.float32))
    told = Movements(space).carried_out(np.array([[0, 0], [-2, 1], [0.5, -3]], np.float32))
    np.testing.assert_allclose(told, [[0, 5], [-1, 10], [0.5, 0]])
    even = Movements(space).evenly(torch.randn(20_000, 2)).numpy()
    np.testing.assert_allclose(
        np.quantile(even, [0.25, 0.5, 0.75], axis=0), [[-0.5] * 2, [0] * 2, [0.5] * 2], atol=0.03
    )


def test_a_runner_collects_movements_and_their_log_densities() -> None:
    runner = make_runner(reaching())
    data = runner.sample()[0].modules["shared"]
    assert data.actions.shape == (32, 26, 1)
    assert data.actions.dtype == np.float32
    expected = choices_for(runner.engine.action_space("subject_0")).statistics(
        torch.from_numpy(data.logits), torch.from_numpy(data.actions)
    )[0]
    np.testing.assert_allclose(data.logp, expected.numpy(), atol=1e-6)
    runner.sample(random_actions=True)


def test_reaching_is_learnt() -> None:
    config = reaching(entropy_coeff=0.01)
    runner = make_runner(config)
    learner = make_learner(config, runner)
    paid = []
    for _ in range(60):
        rollouts = runner.sample()
        paid.append(rollouts[0].modules["shared"].rewards.mean())
        learn(learner, config, rollouts)
        runner.module.set_state(learner.module.get_state())
    assert np.mean(paid[-5:]) > np.mean(paid[:5]) + 0.05
    assert np.mean(paid[-5:]) > 0.1  # of 0.14: every trial correct, eight steps each


def test_a_policy_moves_in_one_environment_and_in_many_lanes() -> None:
    runner = make_runner(reaching())
    policy = Policy({"shared": runner.module["shared"].unwrapped()}, {"subject_0": "shared"}, explore=True)
    one = policy.act({"subject_0": np.zeros(4, np.float32)})["subject_0"]
    many = policy.act({"subject_0": np.zeros((9, 4), np.float32)})["subject_0"]
    assert (one.shape, many.shape) == ((1,), (9, 1))
    assert one.dtype == many.dtype == np.float32
    assert abs(many).max() <= 1


def test_choices_and_movements_of_one_agent_are_refused_with_a_way_out() -> None:
    both = together(Clicks, Reach)
    with pytest.raises(ArgumentError, match=r"subject_0.*view='streams'"):
        ppo_config(both)
    runner = make_runner(
        ppo_config(both, lanes=8, n_steps=15, view="streams", policies="independent", num_env_runners=0)
    )
    modules = runner.sample()[0].modules
    assert modules["subject_0.first"].actions.dtype == np.int64
    assert modules["subject_0.second"].actions.dtype == np.float32
