"""Every shipped scenario can be trained on: an iteration of each, and whoever learns together."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ray")

from neuroparallel.errors import ArgumentError
from neuroparallel.rllib import ppo_config
from neuroparallel.rllib.config import config_for
from neuroparallel.scenario import Scenario, list_scenarios

pytestmark = [pytest.mark.rllib, pytest.mark.slow]


@pytest.mark.parametrize("name", list_scenarios())
def test_an_iteration_of_every_scenario_gives_finite_losses(name: str) -> None:
    config = config_for(name, lanes=4, seed=1)
    algorithm = config.build_algo()
    try:
        result = algorithm.train()
        learners = result["learners"]
        policies = set(config.policies)
        assert policies <= set(learners)
        for policy in policies:
            assert np.isfinite(learners[policy]["total_loss"])
    finally:
        algorithm.stop()


def names_of(config: object) -> dict[str, str]:
    return config.policy_mapping_fn.names  # type: ignore[attr-defined]


def test_agents_with_the_same_spaces_share_a_policy_unless_told_otherwise() -> None:
    pennies = Scenario.load("matching_pennies").replace(policies=None)
    assert set(names_of(ppo_config(pennies)).values()) == {"shared"}
    assert len(set(names_of(ppo_config(pennies, policies="independent")).values())) == 2
    different = pennies.replace(**{"subjects.matcher.sees": []})
    assert len(set(names_of(ppo_config(different)).values())) == 2


def test_a_scenario_says_who_learns_together() -> None:
    scenario = Scenario.load("dual_random_dots").replace(policies="streams")
    assert names_of(ppo_config(scenario)) == {name: name for name in ("subject_0.first", "subject_0.second")}
    pair = Scenario.load("matching_pennies").replace(policies={"matcher": "a", "mismatcher": "b"})
    assert names_of(ppo_config(pair)) == {"matcher": "a", "mismatcher": "b"}
    assert set(names_of(ppo_config(pair, policies="shared")).values()) == {"shared"}  # the call wins


def test_a_seat_that_is_taken_does_not_learn() -> None:
    seated = Scenario.load("matching_pennies").replace(**{"subjects.mismatcher.played_by": "wsls"})
    assert names_of(ppo_config(seated)) == {"matcher": "matcher"}


def test_policies_that_a_scenario_names_twice_are_refused() -> None:
    twice = Scenario.load("matching_pennies").replace(train={"policies": "shared"})
    with pytest.raises(ArgumentError, match=r"policies is 'independent' .* 'shared' in its train section"):
        ppo_config(twice)


@pytest.mark.parametrize(
    ("policies", "says"),
    [
        ({"matcher": "a"}, "no policy for mismatcher"),
        ({"macher": "a", "mismatcher": "b"}, "Did you mean 'matcher'"),
        ("stream", "Did you mean 'streams'"),
    ],
)
def test_policies_that_do_not_fit_are_refused_by_name(policies: object, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        ppo_config("matching_pennies", policies=policies)
