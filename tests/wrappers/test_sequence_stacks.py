"""Random stacks of sequence and signal wrappers over random tasks, in every kind of environment."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

from neuroparallel.environments import batch, gym_env, parallel_env, vector_env
from neuroparallel.errors import ScenarioError
from neuroparallel.modifiers import layers
from neuroparallel.scenario import Scenario
from neuroparallel.tasks import list_tasks
from neuroparallel.testkit import check_env, check_scenario
from tests.wrappers.stacks import drawn, wrapped

SEQUENCES = [
    ("trial_history", {"block": 2, "after_error": "reset"}),
    ("trial_history", {"blocks": ["clockwise", "map"], "block": {"hazard": 0.3}, "show_block": True}),
    ("side_bias", {"probabilities": [0.1, 0.7], "block": 2, "show_block": True}),
    ("catch_trials", {"probability": 0.5}),
    ("catch_trials", {"probability": 0.5, "kind": "blank"}),
    ("block_schedule", {"blocks": [{"rewards": {"correct": 2.0}}, {"rewards": {"miss": -1.0}}], "block": 2}),
    ("curriculum", {"phases": [{}, {"rewards": {"correct": 3.0}}], "over": 2, "correct": 0.5}),
    ("variable_choices", {"counts": [1, 2], "block": 2}),
    ("variable_mapping", {"block": 2}),
    ("task_schedule", {"tasks": [{"task": "economic_choice", "timing": {"offer": 300, "fixation": 300}}]}),
    ("reaction_time", {}),
    ("fixation_gate", {}),
    ("time_out", {"ms": 300, "after": ["error", "abort", "miss"]}),
    ("miss_penalty", {}),
    ("urgency", {}),
]
SIGNALS = [("previous_reward", {}), ("previous_action", {}), ("noise", {"sigma": 0.2}), ("clock", {})]
STACKS = st.lists(st.sampled_from(SEQUENCES), min_size=1, max_size=4, unique_by=lambda entry: entry[0])
ALONE = [name for name in list_tasks() if len(Scenario.load(name).subjects) == 1 and name != "pursuit"]
FEW = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
LIMIT = {"session": {"trials": 3}}


def fitting(task, stack):
    """The scenario with those entries that fit it, in their order; what is refused has tests of its own."""
    scenario, kept = Scenario.load(task), []
    for name, options in stack:
        try:
            scenario = scenario.replace(wrappers=[{name: options}])
        except ScenarioError:
            continue
        kept.append((name, options))
    if not kept:
        reject()
    return scenario, kept


@settings(FEW, max_examples=4)
@given(st.sampled_from(ALONE), STACKS)
def test_any_stack_passes_the_conformance_suite(task, stack):
    scenario, kept = fitting(task, stack)
    made = next(iter(scenario.stream_items()))[1].make()
    assert [modifier.name() for modifier in layers(made)[1]] == [name for name, _ in kept]
    check_scenario(scenario, lanes=(1, 3), steps=30, process=False)


@FEW
@given(
    st.sampled_from(ALONE), STACKS, st.lists(st.sampled_from(SIGNALS), max_size=2), st.randoms(use_true_random=False)
)
def test_all_kinds_of_environment_play_the_same(task, stack, signals, order):
    scenario, kept = fitting(task, stack)
    mixed = [*kept]
    for entry in signals:  # signal wrappers anywhere in between: they are put around again
        mixed.insert(order.randint(0, len(mixed)), entry)
    lanes, rng = 2, np.random.default_rng(1)
    engine, vec = wrapped(batch(task, lanes, **LIMIT), mixed), wrapped(vector_env(task, lanes, **LIMIT), mixed)
    env, gym = (wrapped(make(task, lane=1, **LIMIT), mixed) for make in (parallel_env, gym_env))
    assert env.scenario == scenario.replace(**LIMIT)
    (agent,) = engine.possible_agents
    many, flat, one, alone = engine.reset(seed=2), vec.reset(seed=2), env.reset(seed=2), gym.reset(seed=2)
    for step in range(50):
        seen = many[0][agent]
        assert np.array_equal(seen, flat[0])
        assert np.array_equal(seen[1], one[0][agent])
        assert np.array_equal(seen[1], alone[0])
        if step and many[3][agent][1]:
            break
        actions = drawn(engine.action_space(agent), rng, lanes, step % 3 > 0)
        many, flat = engine.step({agent: actions}), vec.step(actions)
        one, alone = env.step({agent: int(actions[1])}), gym.step(int(actions[1]))
        assert many[1][agent][1] == one[1][agent] == alone[1] == flat[1][1]


@pytest.mark.parametrize("name", ["trial_history", "task_schedule", "fixation_gate"])
def test_wrapped_environments_are_sound(name):
    options = next(options for entry, options in SEQUENCES if entry == name)
    check_env(wrapped(parallel_env("random_dots", **LIMIT), [(name, options), ("previous_reward", {})]))


def test_no_step_costs_anything():
    """Only noise that adapts has a hook that runs in every step; all others work when trials start."""
    for name, options in SEQUENCES:
        task = next(iter(Scenario.load("random_dots").replace(wrappers=[{name: options}]).stream_items()))[1].make()
        assert task.observe is None
        assert task.move is None


def test_what_a_group_imposes_cannot_be_decided_by_a_member():
    streams = {"dots": {"task": "random_dots"}}
    value = {
        "name": "yoked",
        "subjects": {"ann_0": {"streams": streams}, "bob_0": {"streams": streams}},
        "groups": {"both": {"streams": ["ann_0.dots", "bob_0.dots"], "yoked": ["side"]}},
        "wrappers": [{"trial_history": {"streams": ["ann_0.dots"]}}],
    }
    with pytest.raises(ScenarioError, match="'side' cannot be imposed on it by its group"):
        batch(value, 20)
    value["groups"]["both"]["yoked"] = ["coherence"]
    assert batch(value, 20).reset()
