"""Learning algorithms: what each learns, which settings it takes, and why others are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

import neuroparallel as npar
from neuroparallel.errors import ArgumentError
from neuroparallel.rllib import a2c_config, ppo_config, train
from neuroparallel.rllib.config import config_for
from neuroparallel.rllib.training_plan import plan_for

pytestmark = pytest.mark.rllib


@pytest.mark.parametrize(
    ("what", "name", "message"),
    [
        ("dpa_gng", "dqn", r"DQN keeps no memory, and this scenario must be remembered for \d+ steps\. Use ppo or a2c"),
        ("random_dots", "DQN", r"DQN learns from single steps in a replay buffer"),
        ("pursuit", "dqn", r"DQN chooses among numbered actions, and subject_0 moves along continuous axes"),
        ("random_dots", "sac", r"SAC moves along continuous axes, and subject_0 chooses among numbered actions"),
        ("pursuit", "sac", r"SAC learns from single steps in a replay buffer"),
        ("random_dots", "impala", r"IMPALA corrects for experience .* it would be A2C"),
        ("random_dots", "appo", r"APPO corrects for experience"),
        ("random_dots", "a2", r"there is no algorithm 'a2'; it is ppo or a2c\. Did you mean 'a2c'"),
    ],
)
def test_an_algorithm_that_cannot_learn_the_scenario_is_refused_with_the_reason(
    what: str, name: str, message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        config_for(what, algorithm=name)
    with pytest.raises(ArgumentError, match=message):
        config_for(npar.Scenario.load(what).replace(train={"algorithm": name}))


def test_streams_as_agents_are_looked_at_as_such() -> None:
    with pytest.raises(ArgumentError, match=r"SAC moves along continuous axes, and subject_0.probe chooses"):
        config_for("tracking_with_probe", algorithm="sac")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 4}, "epochs is 4, which would have no effect: A2C passes once"),
        ({"minibatches": 2}, "minibatches is 2, .*all experience at once"),
        ({"minibatch_size": 640}, "minibatch_size is 640"),
        ({"num_epochs": 2}, "num_epochs is 2"),
        ({"clip_param": 0.1}, "clip_param is 0.1, .*nothing is ever clipped"),
        ({"use_kl_loss": True}, "use_kl_loss is True"),
    ],
)
def test_settings_that_have_no_effect_on_a2c_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        a2c_config("random_dots", **settings)
    scenario = npar.Scenario.load("random_dots").replace(train={"algorithm": "a2c", **settings})
    with pytest.raises(ArgumentError, match=message):
        config_for(scenario)


def test_what_a2c_does_anyway_may_be_said() -> None:
    assert a2c_config("random_dots", epochs=1, minibatches=1, use_kl_loss=False).num_epochs == 1


def test_settings_for_one_algorithm_do_not_reach_another_but_those_of_the_subject_do() -> None:
    section = {"lr": 7e-4, "lanes": 8, "epochs": 2, "network": "gru", "budget_steps": 1000}
    scenario = npar.Scenario.load("random_dots").replace(train=section)
    config = a2c_config(scenario)
    assert config.lr == a2c_config("random_dots").lr != 7e-4
    assert config.num_epochs == 1
    assert config.rl_module_spec.model_config["network"]["name"] == "gru"
    assert ppo_config(scenario).lr == 7e-4
    assert ppo_config(scenario.replace(train={**section, "algorithm": "a2c", "epochs": 1})).lr != 7e-4


def test_the_run_holds_the_algorithm_of_the_call_so_that_it_goes_on_with_it() -> None:
    plan = plan_for(npar.Scenario.load("dpa_gng"), {"algorithm": "a2c", "lr": 1e-3}, seed=0)
    assert plan.scenario.train["algorithm"] == "a2c"
    assert plan.scenario.train["lr"] == 1e-3
    assert plan.scenario.train["budget_steps"] == 4_800_000
    again = plan_for(plan.scenario, seed=0).stages[-1].config
    assert (again.num_epochs, again.lr) == (1, 1e-3)
    usual = plan_for(npar.Scenario.load("random_dots_a2c"), {"lanes": 8}, seed=0)
    assert usual.scenario.train["n_steps"] == 20
    assert usual.stages[-1].config.num_epochs == 1


@pytest.mark.parametrize("given", [{"network": "gru"}, {"lstm": 16}])
def test_the_network_of_a_call_replaces_that_of_the_scenario(given: dict[str, Any]) -> None:
    for section in ({"lstm": 64}, {"network": "rnn"}):
        scenario = npar.Scenario.load("random_dots").replace(train=section)
        spec = plan_for(scenario, given, seed=0).stages[-1].config.rl_module_spec.model_config["network"]
        assert spec == ({"name": "gru"} if "network" in given else {"name": "lstm", "units": 16})


@pytest.mark.slow
def test_a2c_learns_and_a_run_goes_on_with_it(tmp_path: Path) -> None:
    first = train("go_nogo", algorithm="a2c", out=tmp_path / "run", budget_steps=5000, seed=0)
    result = train(resume=first.out, budget_steps=200_000)
    assert result.scenario.train["algorithm"] == "a2c"
    assert result.passed


@pytest.mark.slow
def test_ppo_learns_to_pursue() -> None:
    assert train("pursuit", budget_steps=100_000, seed=0).passed
