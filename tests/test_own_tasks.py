"""A task or a rule of one's own: what is wrong in it is said when the scenario is read, with the line that did it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel.errors import ScenarioError, own_code
from neuroparallel.reporting import check_file


@dataclass(frozen=True, kw_only=True)
class Beep(npar.Task):
    """Press when the tone is high."""

    timing: npar.Timing = npar.Timing(tone=200, decision=300)
    channels: ClassVar = npar.Channels(tone=("low", "high"), noise={"tone": 1.0})
    actions: ClassVar = npar.Actions("hold", "press")

    def conditions(self):
        return npar.Factorial(high=(0, 1))

    def define(self, trial):
        trial.answer(trial.high, during="decision")


def refused(task: type[npar.Task]) -> str:
    """What is said of a task when it is read."""
    with pytest.raises(ScenarioError) as caught:
        npar.Scenario.load(task())
    return str(caught.value)


def defining(define) -> type[npar.Task]:
    """The task with something more in its definition."""

    def both(self, trial):
        Beep.define(self, trial)
        define(trial)

    return type("Mine", (Beep,), {"define": both})


def drawing(conditions) -> type[npar.Task]:
    """The task with a condition more."""
    return type("Mine", (Beep,), {"conditions": lambda self: npar.Factorial(high=(0, 1), **conditions)})


@pytest.mark.parametrize(
    ("define", "told"),
    [
        (lambda trial: trial.answer(0.5, during="decision"), "the truth is 0.5; it is the number of an action"),
        (lambda trial: trial.answer("press", during="decision"), "the truth is 'press'; it is the number of an action"),
        (lambda trial: trial.on(0.5, during="tone"), "the action is 0.5; .* number of an action.*0 hold, 1 press"),
        (
            lambda trial: trial.show("tone", per_channel=(1,), during="tone"),
            "per_channel has 1 entries, but channel 'tone' has 2 columns",
        ),
        (lambda trial: trial.show("tone", np.nan, during="tone"), "in period 'tone' channel 'tone_low' shows nan"),
        (lambda trial: trial.drift("tone", 1e38, during="tone"), "shows 1e\\+38; it is 1e\\+30 at most"),
        (lambda trial: trial.show("tone", -1e38, during="tone"), "shows 1e\\+38; it is 1e\\+30 at most"),
        (lambda trial: trial.drift("tone", np.inf, during="tone"), "in period 'tone' channel 'tone_low' shows inf"),
        (lambda trial: trial.on(1, reward=np.nan, during="tone"), "in period 'tone' pays what is no finite number"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_in_a_definition_is_refused(define, told):
    assert re.search(told, refused(defining(define)))


@pytest.mark.parametrize("name", ["choice", "response_time_s", "group_trial", "lane"])
def test_a_condition_cannot_take_the_place_of_a_column_of_the_trial_table(name):
    assert f"a condition or note cannot be called {name!r}" in refused(drawing({name: (0, 1)}))


def test_a_group_and_its_members_cannot_record_two_things_under_one_name():
    task = f"{__name__}:Mixing"
    pair = {
        "name": "pair",
        "subjects": {"rat": {"streams": {"a": {"task": task}, "b": {"task": "go_nogo"}}}},
        "groups": {"both": {"streams": ["a", "b"], "mix": {"a": 1, "b": 1}}},
    }
    with pytest.raises(ScenarioError, match=r"groups.both: rat.a has a condition or note 'mix', and so has the group"):
        npar.Scenario.load(pair)


class Mixing(Beep):
    """The tone is a mix."""

    def conditions(self):
        return npar.Factorial(high=(0, 1), mix=(1, 2))


@pytest.mark.parametrize("levels", [("a", "b"), (np.nan, 1.0), (None, 1)])
def test_levels_are_numbers(levels):
    assert "are no levels; give a sequence of finite numbers or truth values" in refused(drawing({"tilt": levels}))


def test_what_a_task_lacks_is_named():
    assert "Mine has no channels; write channels" in refused(type("Mine", (Beep,), {"channels": None}))
    assert "Mine has no actions; write actions" in refused(type("Mine", (Beep,), {"actions": None}))
    assert "conditions() returns None" in refused(type("Mine", (Beep,), {"conditions": lambda self: None}))
    noisy = type("Mine", (Beep,), {"channels": npar.Channels(tone=2, noise={"tone": "sigm"})})
    with pytest.raises(npar.errors.TaskError, match="noise names 'sigm', which is no field with a number"):
        noisy()


def test_an_error_in_a_definition_is_told_with_its_file_and_line():
    def divide(trial):
        return 1 / 0

    line = divide.__code__.co_firstlineno + 1
    assert f"ZeroDivisionError: division by zero ({__file__}, line {line})" in refused(defining(divide))
    missing = refused(defining(lambda trial: trial.hihg))
    assert "there is no condition 'hihg'. Did you mean 'high'?" in missing
    assert __file__ in missing
    assert __file__ in refused(defining(lambda trial: trial.show("tone", np.ones(7), during="tone")))


def test_an_error_that_no_line_of_the_user_made_is_not_blamed_on_one():
    with pytest.raises(ValueError, match="reshape") as caught:
        np.zeros(2).reshape(3)
    assert __file__ in str(own_code(caught.value))
    assert own_code(caught.value.with_traceback(None)) is None


def with_rule(**parts) -> dict:
    """Two subjects who do the same task, under a rule made of these."""
    globals()["Odd"] = dataclass(frozen=True, kw_only=True)(
        type("Odd", (npar.Rule,), {**parts, "__module__": __name__})
    )
    member = {"streams": {"dots": {"task": "random_dots"}}}
    return {
        "name": "pair",
        "subjects": {"ann": member, "ben": member},
        "groups": {"both": {"streams": ["ann.dots", "ben.dots"], "rule": f"{__name__}:Odd"}},
    }


def setting(what: str, name: str, value) -> dict:
    """A rule that sets something when all have ended."""

    def resolve(self, end):
        getattr(end, what)[name] = value

    return {"resolve": resolve}


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (setting("pay", slice(None), np.nan), r"both.rule: odd pays nan for some answers"),
        ({"resolve": lambda self, end: setattr(end, "pay", np.ones(3))}, r"both.rule: odd leaves pay of shape \(3,\)"),
        (setting("pay", slice(None), np.ones(7)), rf"both.rule: ValueError: .*{__file__}, line \d+"),
        (
            setting("conditions", "nope", 1),
            r"both.rule: it sets 'nope', which is none of its conditions and notes: \[\]",
        ),
        (setting("memory", "x", 1), r"both.rule: it remembers 'x', which its memory\(\) does not have: \[\]"),
        (
            {"conditions": lambda self: {"a": 1}},
            r"both.rule: odd: conditions\(\) returns \{'a': 1\}; it returns a Fact",
        ),
        ({"memory": lambda self: {"x": 0.0}}, r"both.rule: odd: memory\(\) has x = 0.0; write Memory\(0.0\)"),
        ({"notes": ("choice",)}, r"both.rule: a condition or note cannot be called 'choice'"),
        ({"draw": lambda self, draw: draw.give(5, side=1)}, rf"both.rule: IndexError: .*{__file__}, line \d+"),
    ],
)
def test_a_rule_of_ones_own_is_tried_when_the_scenario_is_read(parts, told):
    with pytest.raises(ScenarioError, match=f"groups.{told}"):
        npar.Scenario.load(with_rule(**parts))


def test_a_name_that_a_module_of_rules_has_not_gets_the_nearest_one():
    spoilt = with_rule()
    spoilt["groups"]["both"]["rule"] = f"{__name__}:Od"
    with pytest.raises(ScenarioError, match=r"has no rule 'Od'. Did you mean 'Odd'?"):
        npar.Scenario.load(spoilt)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def broken(:", "SyntaxError: invalid syntax ({file}, line 1)"),
        ("import neuroparallel as npar\n1 / 0", "ZeroDivisionError: division by zero ({file}, line 2)"),
        ("import no_such_package", "No module named 'no_such_package'"),
        (
            "import neuroparallel as npar\nnpar.Channels(tone=2, noise={'tne': 1.0})",
            "noise: there is no channel 'tne'. Did you mean 'tone'?",
        ),
        (
            "import neuroparallel as npar\nclass Tilt(npar.Task): pass",
            "broken_task has no task 'Tiltt'. Did you mean 'Tilt'?",
        ),
    ],
)
def test_what_is_wrong_in_a_file_of_tasks_is_told_by_check(tmp_path, monkeypatch, code, told):
    (tmp_path / "broken_task.py").write_text(code)
    scenario = tmp_path / "mine.yaml"
    scenario.write_text("name: mine\nsubjects:\n  rat: {streams: {tilt: {task: 'broken_task:Tiltt'}}}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "broken_task", raising=False)
    (problem,) = check_file(scenario)
    sys.modules.pop("broken_task", None)
    assert problem.startswith(f"{scenario}:3: subjects.rat.streams.tilt.task: ")
    assert told.format(file=tmp_path / "broken_task.py") in problem
