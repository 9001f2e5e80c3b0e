"""Scenarios in which several subjects do one thing: sight and names change nothing but what is seen and called."""

from pathlib import Path

import numpy as np
import pytest

from neuroparallel.agents import simulate
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.scenario import Scenario, list_scenarios
from neuroparallel.scenario.compile import build_layout
from tests.test_groups import renamed

TAGS = {name: set(Scenario.load(name).tags) for name in list_scenarios()}
SEVERAL = [name for name, tags in TAGS.items() if "multi_subject" in tags]
JOINT = [name for name, tags in TAGS.items() if "multi_subject" in tags and "game" not in tags]


def test_the_joint_scenarios_are_there():
    expected = {"competitive_foraging", "cooperative_pull", "joint_perception", "joint_random_dots", "joint_simon"}
    assert expected | {"observational_learning"} <= set(JOINT)


@pytest.mark.parametrize("name", JOINT)
def test_visibility_changes_no_payoff(name):
    scenario = Scenario.load(name)
    hidden = scenario.replace(**{f"subjects.{subject}.sees": {} for subject in scenario.subjects})
    narrow, wide = (BatchEngine(build_layout(what), 1) for what in (hidden, scenario))
    assert all(len(narrow.channel_names(who)) < len(wide.channel_names(who)) for who in scenario.subjects)
    seen, unseen = (simulate(what, "random", 200) for what in (scenario, hidden))
    for column in ("choice", "reward", "outcome", "onset_s"):
        np.testing.assert_array_equal(seen[column], unseen[column])


def story(scenario, names, steps=90, lanes=12):
    """What each subject saw, was paid and did, by its old name, while it hesitates and then does anything."""
    batch = BatchEngine(build_layout(scenario), lanes)
    batch.reset(1)
    rngs = {old: np.random.default_rng(number) for number, old in enumerate(names)}
    told = {old: [] for old in names}
    for _ in range(steps):
        actions = {}
        for old, new in names.items():
            space, rng = batch.action_space(new), rngs[old]
            factors = np.atleast_1d(getattr(space, "nvec", getattr(space, "n", None)))
            drawn = np.where(rng.random((lanes, 1)) < 0.9, 0, rng.integers(0, factors, (lanes, len(factors))))
            actions[new] = drawn if len(factors) > 1 else drawn[:, 0]
        observations, rewards, *_ = batch.step(actions)
        for old, new in names.items():
            told[old].append(np.column_stack([np.sort(observations[new], axis=1), rewards[new]]))
    table = batch.trials()
    return told, {old: table.where(subject=new) for old, new in names.items()}


@pytest.mark.parametrize("name", SEVERAL)
def test_other_names_in_another_order_change_nothing_else(name):
    scenario = Scenario.load(name)
    names = {old: f"{letter}_monkey" for old, letter in zip(scenario.subjects, "zyxwvu", strict=False)}
    value = renamed(scenario.dump(), names)
    value["subjects"] = dict(reversed(value["subjects"].items()))
    one, other = story(scenario, {old: old for old in names}), story(Scenario.load(value), names)
    for old in names:
        np.testing.assert_array_equal(one[0][old], other[0][old])
        assert len(one[1][old]) > 0
        for column in ("trial", "choice", "outcome", "onset_s", "reward"):
            np.testing.assert_array_equal(one[1][old][column], other[1][old][column])


@pytest.mark.parametrize("name", SEVERAL)
def test_any_seat_can_be_taken_by_a_script_that_the_other_cannot_tell_from_a_learner(name):
    scenario = Scenario.load(name)
    me, *others = scenario.subjects
    seated = scenario.replace(**{f"subjects.{other}.played_by": "hold" for other in others})
    alone, free = (BatchEngine(build_layout(what), 1) for what in (seated, scenario))
    assert alone.observation_space(me) == free.observation_space(me)
    assert alone.action_space(me) == free.action_space(me)
    trials = simulate(scenario, {me: "oracle", **dict.fromkeys(others, "hold")}, 40)
    assert (trials.where(subject=me)["outcome"] != "miss").any()


@pytest.mark.parametrize("name", SEVERAL)
def test_each_scenario_of_several_subjects_has_its_row_in_the_docs(name):
    page = "games.md" if "game" in TAGS[name] else "social.md"
    text = (Path(__file__).resolve().parent.parent / "docs" / page).read_text(encoding="utf-8")
    assert f"| `{name}` |" in text
