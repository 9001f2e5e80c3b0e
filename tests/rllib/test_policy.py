"""Policies outside RLlib, evaluation, and the adapter for RLlib's own runner."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray")

import neuroparallel as npar
from neuroparallel.errors import ArgumentError
from neuroparallel.rllib import BatchedEnvRunner, Policy, load_policy, ppo_config, to_multi_agent_env
from neuroparallel.rllib.evaluation import Score, evaluate, measure
from neuroparallel.rllib.policy import METADATA

pytestmark = pytest.mark.rllib


def untrained(what: Any = "dpa_gng", **settings: Any) -> Policy:
    config = ppo_config(what, **settings)
    config.validate()
    runner = BatchedEnvRunner(config=config, worker_index=0)
    names = config.policy_mapping_fn.names
    modules = {name: runner.module[name].unwrapped() for name in set(names.values())}
    return Policy(modules, names, metadata={"env": config.env_config, "policies": names})


def test_a_policy_acts_alike_in_one_environment_and_in_many_lanes() -> None:
    policy = untrained()
    rng = np.random.default_rng(0)
    seen = rng.normal(size=(5, 3, 7)).astype(np.float32)
    lanes = []
    for t in range(5):
        lanes.append(policy.act({"subject_0": seen[t]})["subject_0"])
    policy.reset()
    single = [policy.act({"subject_0": seen[t, 1]})["subject_0"] for t in range(5)]
    assert all(isinstance(action, int) for action in single)
    assert [actions[1] for actions in lanes] == single


def test_forgetting_one_lane_leaves_the_others() -> None:
    policy = untrained()
    seen = np.ones((3, 7), np.float32)
    policy.act({"subject_0": seen})
    state = policy._states["subject_0"]
    assert state is not None
    before = state["h"].clone()
    policy.reset(np.array([False, True, False]))
    after = policy._states["subject_0"]
    assert after is not None
    assert not after["h"][1].any()
    assert (after["h"][[0, 2]] == before[[0, 2]]).all()


def test_an_agent_it_never_met_is_refused() -> None:
    with pytest.raises(ArgumentError, match="subject_9"):
        untrained().act({"subject_9": np.zeros(7, np.float32)})


def test_a_directory_without_a_checkpoint_is_refused(tmp_path: Any) -> None:
    with pytest.raises(ArgumentError, match="no checkpoint"):
        load_policy(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "cannot be read"), ("[]", "has no env, policies"), ('{"env": {}}', "has no policies; .*another version")],
)
def test_a_damaged_checkpoint_is_refused(text: str, says: str, tmp_path: Any) -> None:
    (tmp_path / METADATA).write_text(text)
    with pytest.raises(ArgumentError, match=rf"neuroparallel\.json {says}"):
        load_policy(tmp_path)


def test_a_checkpoint_without_its_network_is_refused(tmp_path: Any) -> None:
    (tmp_path / METADATA).write_text('{"env": {}, "policies": {"subject_0": "shared"}}')
    with pytest.raises(ArgumentError, match=r"describes no network of 'shared'; it is damaged"):
        load_policy(tmp_path)


def test_a_subject_that_never_learnt_scores_at_chance() -> None:
    policy = untrained()
    score, table = measure(policy, policy.metadata["env"], lanes=128, trials=4, seed=3)
    assert score.trials == len(table)
    assert score.scored["subject_0.memory"] == (table["stream"] == "memory").sum() == 128 * 4
    assert score.correct == pytest.approx(table.performance())
    assert table["trial"].min() == 1  # the first trial has no past and does not count
    assert set(score.correct) == {"subject_0.memory", "subject_0.gonogo"}
    assert score.correct["subject_0.memory"] == pytest.approx(0.5, abs=0.1)
    assert not score.meets({"subject_0.memory": 0.9})


def test_a_criterion_must_be_exceeded_by_a_standard_error() -> None:
    score = Score({"a": 0.9, "b": 1.0}, {"a": 900, "b": 900}, 900, 0.0)
    assert score.meets({"a": 0.88, "b": 1.0})
    assert not score.meets({"a": 0.895})
    assert not score.meets({"c": 0.1})


def test_an_evaluation_returns_all_trials_from_the_first_on() -> None:
    policy = untrained()
    table = evaluate(policy, lanes=8, trials=3, seed=1)
    memory = table.select(table["stream"] == "memory")
    assert len(memory) == 8 * 3
    assert sorted(set(memory["trial"].tolist())) == [0, 1, 2]
    again = evaluate(policy, lanes=8, trials=3, seed=1)
    assert (again["outcome"] == table["outcome"]).all()


class Late:
    """A parallel environment in which agent b joins late and leaves early, and that reuses its dicts."""

    render_mode = "rgb_array"

    def __init__(self) -> None:
        self.metadata = {"render_modes": ["rgb_array"]}
        self.possible_agents = ["a", "b"]
        self.ends = {"a": False, "b": False}
        self.cuts = dict(self.ends)

    def observation_space(self, agent: str) -> Any:
        import gymnasium as gym

        return gym.spaces.Box(-1, 1, (1,), np.float32)

    def action_space(self, agent: str) -> Any:
        import gymnasium as gym

        return gym.spaces.Discrete(2)

    def reset(self, seed: Any = None, options: Any = None) -> Any:
        self.t, self.agents = 0, ["a"]
        return {"a": np.zeros(1, np.float32)}, {"a": {}}

    def step(self, actions: Any) -> Any:
        self.t += 1
        live = ["a"] if self.t != 2 else ["a", "b"]
        self.ends.update(a=False, b=self.t == 2)
        self.cuts.update(a=self.t == 3, b=False)
        self.agents = [] if self.t == 3 else ["a"] if self.t == 2 else live
        seen = {agent: np.full(1, 0.1, np.float32) for agent in live}
        flags = ({k: self.ends[k] for k in live}, {k: self.cuts[k] for k in live})
        return seen, dict.fromkeys(live, 1.0), *flags, {agent: {} for agent in live}

    def render(self) -> Any:
        return np.zeros((2, 2, 3), np.uint8)

    def close(self) -> None:
        """Nothing."""


def test_the_adapter_knows_late_joiners_and_says_who_is_left() -> None:
    env = to_multi_agent_env(Late())
    assert env.possible_agents == ["a", "b"]
    assert list(env.observation_spaces) == ["a", "b"]
    observations, _ = env.reset(seed=1)
    assert list(observations) == ["a"]
    assert env.agents == ["a"]
    env.step({"a": 0})
    observations, _, ends, cuts, _ = env.step({"a": 0})
    assert list(observations) == ["a", "b"]
    assert ends == {"a": False, "b": True, "__all__": False}
    _, _, ends, cuts, _ = env.step({"a": 0})
    assert cuts == {"a": True, "__all__": True}
    assert ends["__all__"] is False
    assert "__all__" not in env.env.cuts
    assert env.render().shape == (2, 2, 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: None,
        lambda: "dpa_gng",
        lambda: npar.gym_env("random_dots"),
        lambda: npar.aec_env("random_dots"),
        lambda: npar.batch("random_dots", lanes=1),
    ],
)
def test_the_adapter_takes_parallel_environments_only(make: Any) -> None:
    with pytest.raises(ArgumentError, match=r"to_multi_agent_env takes a PettingZoo ParallelEnv, .*; found "):
        to_multi_agent_env(make())


@pytest.mark.parametrize("seed", ["a", -1, 1.5])
def test_a_seed_of_a_configuration_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(ArgumentError, match=f"seed is {seed!r}; it is a whole number"):
        npar.rllib.ppo_config("random_dots", seed=seed)


def test_the_adapter_passes_our_environments_on() -> None:
    env = to_multi_agent_env(npar.parallel_env("dpa_gng", session={"steps": 30}))
    env.reset(seed=0)
    for _ in range(29):
        *_, ends, cuts, _ = env.step({"subject_0": 0})
        assert not ends["__all__"]
        if cuts["__all__"]:
            break
    else:
        *_, cuts, _ = env.step({"subject_0": 0})
