"""What must hold for every rule; a new one is tested by existing, in the shipped scenarios that use it."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from neuroparallel.agents.task_model import drawn_conditions
from neuroparallel.engine.coupling import Coupling
from neuroparallel.engine.tables import Tables
from neuroparallel.rules import list_rules, rule_class
from neuroparallel.scenario import Scenario, list_scenarios
from neuroparallel.scenario.compile import build_layout
from neuroparallel.seeding import trial_keys

LANES, TRIALS = 7, 12
TWO = {"a": {"streams": {"x": {"task": "random_dots"}}}, "b": {"streams": {"x": {"task": "random_dots"}}}}


def couplings():
    """A layout and group for every use of a rule in a shipped scenario, and for rules that none uses two displays."""
    found = {}
    for name in list_scenarios():
        layout = build_layout(Scenario.load(name))
        for number, group in enumerate(layout.groups):
            if group.rule is not None:
                found[f"{name}.{group.name}"] = (layout, number)
    used = {type(layout.groups[number].rule).rule_name() for layout, number in found.values()}
    for rule in set(list_rules()) - used:
        value = {"name": rule, "subjects": TWO, "groups": {"g": {"streams": ["a.x", "b.x"], "rule": rule}}}
        found[rule] = (build_layout(Scenario.load(value)), 0)
    return found


USES = couplings()


class Played:
    """A group whose members answer at random: all that its rule is told and says, in so many lanes."""

    def __init__(self, layout, number, lanes):
        self.group = layout.groups[number]
        self.members = [layout.streams[index] for index in self.group.streams]
        self.coupling, self.lanes = Coupling(self.group, self.members, layout.dt, len(lanes)), lanes
        self.rows = np.arange(len(lanes))
        self.coupling.begin(self.rows)
        self.dt = layout.dt

    def trial(self, trial, told):
        """One trial; the arguments `told`, (players, LANES) each, are cut to these lanes."""
        key = trial_keys(self.lanes.astype(np.uint64) * np.uint64(977), np.full(len(self.lanes), trial))
        count = np.full(len(self.lanes), trial)
        self.coupling.draw(self.rows, key, count, [True] * len(self.members))
        given = []
        for place, member in enumerate(self.members):
            known = drawn_conditions(Tables(member.task, self.dt, 1), LANES)
            mine = {name: value[self.lanes] for name, value in known.items()}
            given.append(mine | dict(self.coupling.given(place, self.rows)))
        arrays = [np.ascontiguousarray(array[:, self.lanes]) for array in told]
        before = [array.copy() for array in arrays], [{n: v.copy() for n, v in g.items()} for g in given]
        pay, again = self.coupling.resolve(self.rows, key, count, *arrays, tuple(given))
        for array, copy in zip(arrays, before[0], strict=True):
            np.testing.assert_array_equal(array, copy, "a rule changed what it was told")
        for conditions, copies in zip(given, before[1], strict=True):
            assert conditions.keys() == copies.keys()
            for name, copy in copies.items():
                np.testing.assert_array_equal(conditions[name], copy)
        state = {**self.coupling.values, **self.coupling.memory}
        return pay, again, {name: array.copy() for name, array in state.items()}, given


def answers(members, rng):
    """Choices, outcomes, times and messages of one trial at random, with misses; (players, LANES) each."""
    sizes = np.array([len(member.task.action_names()) for member in members])[:, None]
    choice = rng.integers(0, sizes, (len(members), LANES))
    outcome = np.where(choice > 0, rng.choice([1, 2, 6], choice.shape), 4).astype(np.uint8)
    time = np.where(choice > 0, rng.integers(1, 6, choice.shape) * 100.0, np.nan)
    return choice, outcome, time, rng.integers(0, 3, choice.shape) / 2


@pytest.mark.parametrize("use", USES)
def test_a_rule_treats_each_lane_by_itself_pays_finite_sums_and_leaves_its_input_alone(use):
    layout, number = USES[use]
    together = Played(layout, number, np.arange(LANES))
    apart = [Played(layout, number, np.array([lane])) for lane in range(LANES)]
    rng = np.random.default_rng(0)
    for trial in range(TRIALS):
        told = answers(together.members, rng)
        pay, again, state, given = together.trial(trial, told)
        assert pay.shape == (len(together.members), LANES)
        assert np.isfinite(pay).all()
        for lane, single in enumerate(apart):
            one = single.trial(trial, told)
            np.testing.assert_array_equal(pay[:, lane], one[0][:, 0])
            assert again[lane] == one[1][0]
            for name, array in state.items():
                np.testing.assert_array_equal(array[lane], one[2][name][0], name)
            for mine, other in zip(given, one[3], strict=True):
                assert all(mine[name][lane] == other[name][0] for name in other)


@pytest.mark.parametrize("name", list_rules())
def test_a_rule_says_what_it_is_and_where_it_comes_from(name):
    rule = rule_class(name)
    text = inspect.getdoc(rule)
    assert text.splitlines()[0].endswith(".")
    assert "Source:" in text
    assert Path(inspect.getfile(rule)).stem == name
    assert rule.tags


def test_every_rule_is_explained_in_the_docs():
    page = (Path(__file__).parents[2] / "docs" / "social.md").read_text("utf-8")
    assert [name for name in list_rules() if f"`{name}`" not in page] == []
