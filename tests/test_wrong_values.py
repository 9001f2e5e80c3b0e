"""Whatever stands at whatever place of a scenario: it is taken, or refused in our words, never in those of Python."""

import dataclasses
import inspect
import re
from importlib.util import find_spec

import pytest

import neuroparallel as npar
from neuroparallel.agents import list_agents
from neuroparallel.agents.registry import _AGENTS
from neuroparallel.agents.seats import seats_of
from neuroparallel.environments import compile_scenario
from neuroparallel.errors import NeuroparallelError
from neuroparallel.modifiers import list_modifiers, modifier_class
from neuroparallel.rules import list_rules, rule_class
from neuroparallel.scenario import Scenario
from neuroparallel.scenario.schema import Game, Group, Message, Onset, Seen, Session, Stream, Subject
from neuroparallel.tasks import task_class

VALUES = (
    *("abc", "", "a/b", "12", [], [0], [1, 2, 3, 4], ["a", "b"], [[1]], [None], [{}], {}, {"a": 1}, {1: 2}),
    *({"uniform": [0]}, {"uniform": "ab"}, -1, 0, 1.5, True, None, 10**30, float("nan"), float("inf")),
)
LEAKS = (
    r"argument|NoneType|positional|unsupported|iterable|subscript|attribute|has no len|\bobject\b|operand|Input should|"
    r"could not convert|invalid literal|unhashable|instances of|unpack|\b(int|str|float|dict|tuple)\b\W|PathLike|numpy"
)


def refused(value, check=lambda scenario: None):
    """What is said of a wrong scenario, line by line; nothing if it is taken."""
    try:
        check(Scenario.load(value))
    except NeuroparallelError as error:
        return str(error).splitlines()
    return []


def leaking(lines):
    return [line for line in lines if re.search(LEAKS, re.sub(r"found .*|'[^']*'", "", line))]


def alone(stream=None, **subject):
    """One subject with one stream."""
    return {
        "name": "x",
        "dt": 100,
        "subjects": {"a": {"streams": {"s": stream or {"task": "random_dots"}}, **subject}},
    }


def players(task="game_choice", group=None, **subject):
    """Two subjects with a stream each, in one group."""
    subjects = {"a": {"streams": {"s": {"task": task}}, **subject}, "b": {"streams": {"s": {"task": task}}}}
    return {"name": "x", "dt": 100, "subjects": subjects, "groups": {"g": {"streams": ["a.s", "b.s"], **(group or {})}}}


PARTS = {  # a scenario with one field set
    Scenario: lambda field: alone() | field,
    Subject: lambda field: alone(**field),
    Stream: lambda field: alone({"task": "random_dots", **field}),
    Onset: lambda field: alone({"task": "random_dots", "onset": field}),
    Session: lambda field: {**alone(), "session": field},
    Message: lambda field: alone(message=field),
    Seen: lambda field: players(sees={"b": field}),
    Group: lambda field: players(group=field),
    Game: lambda field: players(group={"game": {"payoffs": [[[1, 1], [0, 0]], [[0, 0], [1, 1]]], **field}}),
}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_fields_of_a_scenario_are_refused_in_our_words(part):
    for field in part.model_fields:
        for value in VALUES:
            assert leaking(refused(PARTS[part]({field: value}))) == [], (field, value)


@pytest.mark.parametrize("law", ["uniform", "truncated_exponential", "choice"])
def test_laws_are_refused_in_our_words(law):
    for value in VALUES:
        for body in ({law: value}, {law: [100, 200], "weights": value}):
            assert leaking(refused(alone({"task": "random_dots", "onset": body}))) == [], body
            assert leaking(refused(alone({"task": "random_dots", "timing": {"delay": body}}))) == [], body


@pytest.mark.parametrize("name", npar.list_tasks())
def test_parameters_of_tasks_are_refused_in_our_words(name):
    for field in dataclasses.fields(task_class(name)):
        for value in VALUES if field.name not in Stream.model_fields else ():
            lines = refused(alone({"task": name, "params": {field.name: value}}) | {"dt": None})
            assert leaking(lines) == [], (field.name, value)


@pytest.mark.parametrize("name", list_modifiers())
def test_options_of_modifiers_are_refused_in_our_words(name):
    for field in dataclasses.fields(modifier_class(name)):
        for value in VALUES:
            assert leaking(refused({**alone(), "wrappers": [{name: {field.name: value}}]})) == [], (field.name, value)


@pytest.mark.parametrize("name", list_rules())
def test_parameters_of_rules_are_refused_in_our_words(name):
    for field in dataclasses.fields(rule_class(name)):
        for value in VALUES:
            lines = refused(players(group={"rule": {name: {field.name: value}}}))
            assert leaking(lines) == [], (field.name, value)


@pytest.mark.parametrize("name", list_agents())
def test_options_of_agents_are_refused_in_our_words(name):
    for option in inspect.signature(_AGENTS[name]).parameters:
        for value in VALUES:
            lines = refused(alone(played_by={"agent": name, option: value}), seats_of)
            assert leaking(lines) == [], (option, value)


@pytest.mark.parametrize("name", [name for name in npar.wrappers.__all__ if name.endswith("_v0")])
def test_options_of_wrappers_are_refused_in_our_words(name):
    for option in list(inspect.signature(getattr(npar.wrappers, name)).parameters)[1:]:
        for value in VALUES:
            entry = {name.removesuffix("_v0"): {option: value}}
            assert leaking(refused({**alone(), "wrappers": [entry]}, compile_scenario)) == [], (option, value)


if find_spec("ray") and find_spec("torch"):
    from neuroparallel.rllib.settings import TRAIN_ONLY, Settings
    from neuroparallel.rllib.training_plan import plan_for
    from neuroparallel.rllib.tuning import LAWS, search_space

    @pytest.mark.rllib
    @pytest.mark.parametrize("name", [*TRAIN_ONLY, *(field.name for field in dataclasses.fields(Settings))])
    def test_learning_settings_are_refused_in_our_words(name):
        for value in VALUES:
            assert leaking(refused({**alone(), "train": {name: value}}, plan_for)) == [], value

    @pytest.mark.rllib
    @pytest.mark.parametrize("law", LAWS)
    def test_search_spaces_are_refused_in_our_words(law):
        for value in VALUES:
            lines = refused({**alone(), "tune": {"lr": {law: value}}}, lambda scenario: search_space(scenario.tune))
            assert leaking(lines) == [], value
