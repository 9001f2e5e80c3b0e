"""The scalar engine with lookahead plays what the scalar engine without it plays; both engines have the same parts."""

import ast
import importlib
import inspect
import textwrap

import numpy as np
import pytest

from neuroparallel.engine.scalar import ScalarEngine
from neuroparallel.scenario import Scenario, list_scenarios
from neuroparallel.tasks import list_tasks
from tests.engine.comparing import bits, draw_actions, engine, lane_engine, of_lane
from tests.engine.toys import Again, Idle, Window, alone

EVERYTHING = [*list_scenarios(), *(task for task in list_tasks() if task not in list_scenarios())]


def play_both(scenario, steps, policy="mixed", session=None, seed=5):
    """Play lane 0 of a scenario without and with lookahead, with the actions that a batch of one lane is given."""
    batch, rng = engine(scenario, 1, session), np.random.default_rng(1)
    plain, fast = lane_engine(scenario, 0, session, engine_class=ScalarEngine), lane_engine(scenario, 0, session)
    batch.reset(seed)
    compare(plain.reset(seed), fast.reset(seed))
    for _ in range(steps):
        actions = draw_actions(batch, policy, rng)
        batch.step(actions)
        if plain.over:
            compare(plain.reset(), fast.reset())
            continue
        mine = {agent: of_lane(action, 0) for agent, action in actions.items()}
        first, second = plain.step(mine), fast.step(mine)
        compare(first, second)
        assert plain.truth() == fast.truth()
    return plain, fast


def compare(first, second):
    """Compare observations bit for bit, and the rest by value."""
    for agent, seen in first[0].items():
        assert (bits(seen) == bits(second[0][agent])).all(), agent
    assert first[1:] == second[1:]


def compare_tables(plain, fast):
    first, second = plain.trials(), fast.trials()
    for ours, theirs in ((first, second), (first.responses, second.responses)):
        assert list(ours.columns) == list(theirs.columns)
        for name in ours.columns:
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


@pytest.mark.parametrize("name", EVERYTHING)
def test_lookahead_changes_nothing(name):
    for session in (None, {"steps": 70}):
        plain, fast = play_both(Scenario.load(name), 150, session=session)
        compare_tables(plain, fast)


@pytest.mark.parametrize("policy", ["hold", "random", "adversary"])
@pytest.mark.parametrize("task", [Window(), Window(commit="last"), Window(commit=200), Again(), Idle()], ids=repr)
def test_lookahead_changes_nothing_under_any_rule_of_response(task, policy):
    compare_tables(*play_both(alone(task), 300, policy))


@pytest.mark.parametrize("name", ["dpa_gng", "prp", "random_dots"])
def test_a_state_goes_from_the_engine_with_lookahead_to_the_one_without(name):
    scenario, rng = Scenario.load(name), np.random.default_rng(0)
    fast, plain = lane_engine(scenario), lane_engine(scenario, engine_class=ScalarEngine)
    fast.reset(8)
    for step in range(80):
        if step == 41:
            plain.set_state(fast.state())
        actions = {a: fast.action_space(a).sample() * int(rng.random() < 0.05) for a in fast.possible_agents}
        actions = {a: action.tolist() for a, action in actions.items()}
        ours = fast.step(actions)
        if step >= 41:
            compare(plain.step(actions), ours)


# What only the scalar engine has: each with the reason.
ONLY_SCALAR = {
    "engine": {"stream_class", "subject_class"},  # the engine with lookahead replaces them
    # Of a batch, the ensemble acts and starts, and `idle` is an array of the ensemble.
    "stream": {"act", "start", "condition_row", "idle"},
    "group": {"next_due"},  # for the lookahead
    "subject": {"info", "present_info"},  # of a batch, these are lazy: `Infos`
    "recorder": {"begin"},  # that of a batch shares the engine's arrays of sessions
}


def main_class(package, part):
    module = importlib.import_module(f"neuroparallel.engine.{package}.{part}")
    return next(value for name, value in vars(module).items() if name in module.__all__ and isinstance(value, type))


@pytest.mark.parametrize(("part", "extra"), ONLY_SCALAR.items())
def test_both_engines_have_the_same_files_with_the_same_methods(part, extra):
    ours, theirs = main_class("scalar", part), main_class("batch", part)
    assert {name for name in dir(ours) if name[0] != "_"} - set(dir(theirs)) == extra


def test_a_step_is_act_resolve_start_observe():
    tree = ast.parse(textwrap.dedent(inspect.getsource(ScalarEngine.step)))
    calls = [node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert calls == ["_check_running", "_act", "_resolve", "_start", "_observe"]
    assert len(ast.unparse(tree).splitlines()) <= 25
