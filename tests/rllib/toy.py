"""A tiny engine with session ends of every kind, and helpers to run a runner and a learner without Ray."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.tune.registry import register_env

from neuroparallel.rllib import ActorCritic, BatchedEnvRunner, RolloutLearner


class ToyEngine:
    """Two agents; lane i's session is `lengths[i]` steps long. With `drop`, agent b terminates earlier."""

    def __init__(self, lengths: list[int], drop: int | None = None, factored: bool = False) -> None:
        self.lengths, self.drop = np.asarray(lengths), drop
        self.lanes = len(lengths)
        self.possible_agents = ["a", "b"]
        self.factored = factored
        self.stream_names = ["a.x", "b.x"]
        self.age = np.zeros(self.lanes, np.int64)
        self.session = np.zeros(self.lanes, np.int64)
        self.clock = 0
        self.restarts: list[list[int]] = []
        self.tally = np.zeros(7, np.int64)

    def observation_space(self, agent: str) -> gym.Space[Any]:
        return gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)

    def action_space(self, agent: str) -> gym.Space[Any]:
        return gym.spaces.MultiDiscrete([3, 2]) if self.factored else gym.spaces.Discrete(3)

    def _look(self) -> dict[str, Any]:
        lane = np.arange(self.lanes)
        seen = {}
        for i, agent in enumerate(self.possible_agents):
            seen[agent] = np.stack(
                [np.sin(self.age + lane + i), np.cos(self.session + self.age), 0 * lane + i], 1
            ).astype(np.float32)
        return seen

    def reset(self, seed: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        self.age[:] = 0
        self.session[:] = 0
        return self._look(), {}

    def step(self, actions: dict[str, Any]) -> tuple[Any, ...]:
        self.age += 1
        self.clock += 1
        self.tally[1] += 1
        rewards, ends, cuts = {}, {}, {}
        for i, agent in enumerate(self.possible_agents):
            action = np.asarray(actions[agent])
            first = action[:, 0] if self.factored else action
            rewards[agent] = np.cos(self.age * (i + 1)) + 0.5 * first
            over = self.age >= self.lengths
            ended = np.zeros(self.lanes, bool)
            if self.drop is not None and agent == "b":
                ended = self.age == self.drop
            ends[agent], cuts[agent] = ended, over
        return self._look(), rewards, ends, cuts, {}

    def restart(self, mask: Any) -> dict[str, Any]:
        self.restarts.append(np.flatnonzero(mask).tolist())
        self.age[mask] = 0
        self.session[mask] += 1
        return self._look()

    def pop_tally(self) -> dict[str, Any]:
        tally, self.tally = self.tally, np.zeros(7, np.int64)
        return dict.fromkeys(self.stream_names, tally)

    def pop_reward(self) -> dict[str, float]:
        return dict.fromkeys(self.stream_names, 1.0)


def toy_config(
    lengths: list[int],
    *,
    steps: int = 6,
    lstm: int = 8,
    drop: int | None = None,
    factored: bool = False,
    **training: Any,
) -> PPOConfig:
    """A configuration over the toy, with small networks."""
    register_env("toy", lambda context: ToyEngine(lengths, drop, factored))
    network = {"name": "lstm", "units": lstm} if lstm else {"name": "mlp", "units": 0}
    model = {"hidden": [8], "network": network, "tmax": 0.0, "seed": 0, "max_seq_len": steps}
    defaults = {"gamma": 0.9, "lambda_": 0.8, "lr": 1e-3, "use_kl_loss": False, "grad_clip": 0.5}
    return (
        PPOConfig()
        .environment("toy", env_config={"session": {"steps": 1}})
        .env_runners(
            env_runner_cls=BatchedEnvRunner,
            num_env_runners=0,
            num_envs_per_env_runner=len(lengths),
            rollout_fragment_length=steps,
        )
        .multi_agent(policies={"p"}, policy_mapping_fn=lambda agent, episode, **kw: "p")
        .rl_module(rl_module_spec=RLModuleSpec(module_class=ActorCritic, model_config=model))
        .training(
            train_batch_size_per_learner=len(lengths) * steps,
            minibatch_size=2 * steps,
            num_epochs=2,
            **{**defaults, **training},
        )
        .learners(learner_class=RolloutLearner, add_default_connectors_to_learner_pipeline=False)
        .debugging(log_level="ERROR", seed=3)
    )


def make_runner(config: PPOConfig) -> BatchedEnvRunner:
    config.validate()
    return BatchedEnvRunner(config=config, worker_index=0)


def make_learner(config: PPOConfig, runner: BatchedEnvRunner) -> Any:
    learner = config.build_learner(spaces=runner.get_spaces())
    learner.module.set_state(runner.module.get_state())
    return learner


def learn(learner: Any, config: PPOConfig, rollouts: list[Any]) -> Any:
    return learner.update(
        episodes=rollouts,
        timesteps={"num_env_steps_sampled_lifetime": 0},
        num_epochs=config.num_epochs,
        minibatch_size=config.minibatch_size,
        shuffle_batch_per_epoch=True,
    )
