"""The learner: the same loss and the same numbers as RLlib's, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray")

import torch
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core.columns import Columns

from neuroparallel.errors import ArgumentError
from neuroparallel.rllib.minibatches import deal

from .toy import learn, make_learner, make_runner, toy_config

pytestmark = pytest.mark.rllib


@pytest.mark.parametrize("factored", [False, True])
@pytest.mark.parametrize("lengths", [[1000] * 4, [4, 9, 1000, 5]])
def test_the_loss_equals_rllibs(lengths: list[int], factored: bool) -> None:
    config = toy_config(lengths, factored=factored, entropy_coeff=0.03, vf_clip_param=0.5)
    runner = make_runner(config)
    learner = make_learner(config, runner)
    rollout = runner.sample()[0]
    columns = learner._learner_connector(rl_module=learner.module, batch={}, episodes=[rollout], shared_data={})["p"]
    columns[Columns.ACTION_LOGP] = columns[Columns.ACTION_LOGP] - 0.3  # so that some ratios clip
    out = learner.module["p"].forward_train(columns)
    arguments: dict[str, Any] = {"module_id": "p", "batch": columns, "fwd_out": out}
    own = learner.config.get_config_for_module("p")
    ours = learner.compute_loss_for_module(config=own, **arguments)
    theirs = PPOTorchLearner.compute_loss_for_module(learner, config=own, **arguments)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_an_update_changes_the_weights_and_reports_the_loss() -> None:
    config = toy_config([4, 9, 1000, 5])
    runner = make_runner(config)
    learner = make_learner(config, runner)
    before = {k: v.copy() for k, v in learner.module["p"].get_state().items()}
    result = learn(learner, config, runner.sample())
    after = learner.module["p"].get_state()
    assert all(not np.array_equal(before[key], after[key]) for key in before)
    for key in ("policy_loss", "vf_loss", "entropy", "total_loss", "vf_explained_var"):
        assert np.isfinite(float(result["p"][key].peek()))


def test_gamma_and_lambda_are_those_of_the_final_configuration() -> None:
    config = toy_config([1000] * 2).training(gamma=0.5, lambda_=0.25)
    runner = make_runner(config)
    learner = make_learner(config, runner)
    connector = list(learner._learner_connector.connectors)[-1]
    assert (connector.gamma, connector.lambda_) == (0.5, 0.25)


def test_a_minibatch_that_would_cut_a_row_is_refused() -> None:
    config = toy_config([1000] * 4, steps=6).training(minibatch_size=10)
    runner = make_runner(config)
    with pytest.raises(ArgumentError, match="multiple of the 6 steps"):
        make_learner(config, runner)


def test_a_gradient_that_is_not_finite_changes_nothing() -> None:
    config = toy_config([1000] * 4)
    runner = make_runner(config)
    learner = make_learner(config, runner)
    rollout = runner.sample()[0]
    rollout.modules["p"].rewards[0, 0] = np.nan
    before = {k: v.copy() for k, v in learner.module["p"].get_state().items()}
    learn(learner, config, [rollout])
    after = learner.module["p"].get_state()
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_every_pass_deals_every_row_once() -> None:
    batch = {
        "p": {"x": torch.arange(10), "state": {"h": torch.arange(10)}},
        "q": {"x": torch.arange(4), "state": {"h": torch.arange(4)}},
    }
    parts = list(deal(batch, parts=3, epochs=2, shuffle=True))
    assert len(parts) == 6
    for epoch in (parts[:3], parts[3:]):
        for name, rows in (("p", 10), ("q", 4)):
            dealt = torch.cat([part[name]["x"] for part in epoch])
            assert sorted(dealt.tolist()) == list(range(rows))
    for part in parts:
        assert torch.equal(part["p"]["x"], part["p"]["state"]["h"])
