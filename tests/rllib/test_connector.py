"""The train batch equals that of RLlib's own connectors on the same experience."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray")

import torch
import tree
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core.columns import Columns
from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from ray.rllib.evaluation.postprocessing import Postprocessing
from ray.rllib.utils.postprocessing.value_predictions import compute_value_targets

from neuroparallel.rllib.advantages import estimate_advantages, standardise
from neuroparallel.rllib.connector import RolloutToBatch, predict_values

from .toy import make_learner, make_runner, toy_config

pytestmark = pytest.mark.rllib

CASES = {
    "continuing": ([1000] * 4, None),
    "truncated_inside": ([4, 9, 1000, 5], None),
    "agent_terminates": ([5, 9, 1000, 6], 3),
}


def states_along(module: Any, data: Any, row: int) -> list[Any]:
    """The recurrent state before the row's first step and after each of its steps."""
    state = tree.map_structure(lambda s: torch.from_numpy(s[row : row + 1]), data.state)
    states = [state]
    with torch.no_grad():
        for t in range(int(data.lengths[row])):
            seen = torch.from_numpy(data.observations[row : row + 1, t : t + 1])
            out = module.forward_inference({Columns.OBS: seen, Columns.STATE_IN: states[-1]})
            states.append(out[Columns.STATE_OUT])
    return [tree.map_structure(lambda s: s[0].numpy(), state) for state in states]


def as_episodes(rollout: Any, runner: Any, module: Any) -> list[SingleAgentEpisode]:
    """The same experience as RLlib's episode objects, each with a step of look-back for the state."""
    episodes = []
    for name, data in rollout.modules.items():
        for i, length in enumerate(data.lengths):
            n = int(length)

            def back(array: Any, n: int = n, i: int = i) -> list[Any]:
                return [array[i, 0], *array[i, :n]]

            extra = {Columns.ACTION_LOGP: back(data.logp), Columns.ACTION_DIST_INPUTS: back(data.logits)}
            if data.state is not None:
                extra[Columns.STATE_OUT] = states_along(module, data, i)
            episodes.append(
                SingleAgentEpisode(
                    observations=[data.observations[i, 0], *data.observations[i, : n + 1]],
                    actions=back(data.actions),
                    rewards=back(data.rewards),
                    infos=[{} for _ in range(n + 2)],
                    extra_model_outputs=extra,
                    terminated=bool(data.terminated[i]),
                    truncated=not data.terminated[i],
                    agent_id="a",
                    module_id=name,
                    multi_agent_episode_id=f"row{i}",
                    observation_space=runner.env.observation_spaces["a"],
                    action_space=runner.env.action_spaces["a"],
                    len_lookback_buffer=1,
                    t_started=1,
                )
            )
    return episodes


def default_batch(config: Any, learner: Any, spaces: Any, episodes: list[Any]) -> dict[str, Any]:
    """What RLlib's own learner makes of the episodes."""
    stock = config.copy(copy_frozen=False).learners(
        learner_class=PPOTorchLearner, add_default_connectors_to_learner_pipeline=True
    )
    other = stock.build_learner(spaces=spaces)
    other.module.set_state(learner.module.get_state())
    return other._learner_connector(
        rl_module=other.module, batch={}, episodes=episodes, shared_data={}, metrics=other.metrics
    )["p"]


@pytest.mark.parametrize("lstm", [0, 8])
@pytest.mark.parametrize("case", CASES)
def test_values_and_advantages_equal_rllibs_own(case: str, lstm: int) -> None:
    lengths, drop = CASES[case]
    config = toy_config(lengths, drop=drop, lstm=lstm, steps=6)
    runner = make_runner(config)
    learner = make_learner(config, runner)
    runner.sample()  # the second stretch starts with memories that are not empty
    rollout = runner.sample()[0]
    data = rollout.modules["p"]
    module = learner.module["p"].unwrapped()

    values = predict_values(data, module)
    ours = estimate_advantages(values, data.rewards, data.lengths, data.terminated, gamma=0.9, lambda_=0.8)
    theirs = default_batch(config, learner, runner.get_spaces(), as_episodes(rollout, runner, module))

    targets = theirs[Postprocessing.VALUE_TARGETS].numpy()
    standard = theirs[Postprocessing.ADVANTAGES].numpy()
    mask = theirs[Columns.LOSS_MASK].numpy()
    assert mask.sum() == data.mask.sum()
    np.testing.assert_allclose((ours + values[:, :-1])[data.mask], targets[mask], atol=1e-5)
    # RLlib's advantages are standardised; before that they are the same up to shift and scale
    mine = ours[data.mask]
    shift, scale = mine.mean(), mine.std()
    theirs_valid = standard[mask]
    refitted = (theirs_valid - theirs_valid.mean()) / theirs_valid.std() * scale + shift
    np.testing.assert_allclose(mine, refitted, atol=2e-4)


def test_advantages_equal_rllibs_formula_row_by_row() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 8)).astype(np.float32)
    rewards = rng.normal(size=(5, 7)).astype(np.float32)
    lengths = np.array([7, 1, 3, 7, 5])
    terminated = np.array([False, True, False, True, True])
    ours = estimate_advantages(values, rewards, lengths, terminated, gamma=0.9, lambda_=0.7)
    for row, n in enumerate(lengths):
        ends = np.zeros(n + 1)
        cuts = np.zeros(n + 1)
        ends[n - 1], cuts[n - 1] = terminated[row], not terminated[row]
        targets = compute_value_targets(values[row, : n + 1], np.append(rewards[row, :n], 0.0), ends, cuts, 0.9, 0.7)
        np.testing.assert_allclose(ours[row, :n], (targets - values[row, : n + 1])[:n], atol=1e-5)
        assert not ours[row, n:].any()


def test_features_noted_while_acting_give_the_same_values_as_a_pass_of_the_learner() -> None:
    config = toy_config([1000] * 4)
    runner = make_runner(config)
    learner = make_learner(config, runner)
    runner.sample()
    data = runner.sample()[0].modules["p"]
    module = learner.module["p"].unwrapped()
    assert data.features is not None
    without = data.rows(slice(None))
    object.__setattr__(without, "features", None)
    np.testing.assert_allclose(predict_values(data, module), predict_values(without, module), atol=1e-5)


def test_padding_has_no_part_in_mean_and_spread_of_advantages() -> None:
    advantages = np.array([[1.0, 2.0, 3.0], [5.0, 0.0, 0.0]], np.float32)
    mask = np.array([[True, True, True], [True, False, False]])
    scaled = standardise(advantages, mask)
    assert scaled[mask].mean() == pytest.approx(0.0, abs=1e-6)
    assert scaled[mask].std() == pytest.approx(1.0, abs=1e-6)
    assert not scaled[~mask].any()


def test_rollouts_of_several_runners_are_put_under_each_other() -> None:
    config = toy_config([4, 1000, 1000])
    runner = make_runner(config)
    learner = make_learner(config, runner)
    first, second = runner.sample()[0], runner.sample(num_timesteps=9)[0]
    connector = RolloutToBatch(gamma=0.9, lambda_=0.8)
    batch = connector(rl_module=learner.module, batch={}, episodes=[first, second], shared_data={})
    rows = sum(len(r.modules["p"].lengths) for r in (first, second))
    assert batch["p"][Columns.OBS].shape[:2] == (rows, 6)
    assert int(batch["p"][Columns.SEQ_LENS].sum()) == first.agent_steps() + second.agent_steps()


def test_without_a_memory_padding_is_left_out() -> None:
    config = toy_config([4, 5, 1000], lstm=0)
    runner = make_runner(config)
    learner = make_learner(config, runner)
    rollout = runner.sample()[0]
    connector = RolloutToBatch(gamma=0.9, lambda_=0.8)
    batch = connector(rl_module=learner.module, batch={}, episodes=[rollout], shared_data={})
    assert batch["p"][Columns.OBS].shape == (rollout.agent_steps(), 3)
    assert torch.isfinite(batch["p"][Postprocessing.ADVANTAGES]).all()


def test_small_advantages_are_not_blown_up() -> None:
    advantages = np.array([[0.01, -0.01]], np.float32)
    scaled = standardise(advantages, np.ones((1, 2), bool))
    np.testing.assert_allclose(scaled, advantages / 0.1, rtol=1e-5)
