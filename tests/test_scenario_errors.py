"""A scenario file that is wrong is refused with file, line, key, what was found and the nearest valid name."""

import re

import pytest

from neuroparallel.errors import ArgumentError, ScenarioError, UnknownNameError
from neuroparallel.scenario import Scenario
from neuroparallel.scenario.compile import build_layout

GOOD = """\
name: x
dt: 100
subjects:
  one:
    action: shared
    streams:
      m:
        task: delayed_paired_association
        timing: {delay: 500}
      g:
        task: go_nogo
        onset: after m.sample + 300
  two:
    streams:
      p: {task: random_dots}
groups:
  trial: {streams: [one.m, one.g], mix: {m: 1, m + g: 2}}
"""

WRONG = {  # what is replaced: by what, and what the message must say
    "a key": ("action:", "acton:", r":5: subjects\.one\.acton: there is no such key. Did you mean 'action'\?"),
    "a value": ("shared", "shard", r":5: subjects\.one\.action: .*'factored' or 'shared'; found 'shard'"),
    "a task": ("go_nogo", "go_noggo", r":11: subjects\.one\.streams\.g\.task: .*Did you mean 'go_nogo'\?"),
    "a period": ("delay: 500", "dely: 500", r":9: .*timing\.dely: there is no such period. Did you mean 'delay'\?"),
    "a duration": ("delay: 500", "delay: 550", r":9: .*550 ms.*dt = 100 ms; use 500 or 600 ms"),
    "a law": ("delay: 500", "delay: {unifrm: [1, 2]}", r":9: .*no law 'unifrm'. Did you mean 'uniform'\?"),
    "the numbers of a law": (
        "delay: 500",
        "delay: {uniform: [0]}",
        r":9: .*timing\.delay: {'uniform': \[0\]} does not fit; .* takes the shortest and the longest .*\[500, 1500\]}",
    ),
    "the numbers of a drawn onset": (
        "{task: random_dots}",
        "{task: random_dots, onset: {truncated_exponential: {mean: 300, lo: 0}}}",
        r":15: .*onset\.ms: .* takes a mean, the shortest and the longest: .*low: 200",
    ),
    "words for numbers in a list": (
        "delay: 500",
        "delay: [short, long]",
        r":9: .*timing\.delay: there is no law 'short'",
    ),
    "where an action goes that is not shared": (
        "action: shared",
        "routing: both",
        r":5: subjects\.one\.routing: .*this one is factored; write action: shared, or leave routing out",
    ),
    "a name that is a number": ("  two:", "  2:", r":13: subjects\.2: a name is text; write '2'"),
    "a number": ("dt: 100", "dt: ten", r":2: dt: .*found 'ten'"),
    "a negative number": ("dt: 100", "dt: -1", r":2: dt: .*found -1"),
    "a truth value for a number": ("dt: 100", "dt: yes", r":2: dt: true is no number"),
    "a truth value for a reward": (
        "{task: random_dots}",
        "{task: random_dots, rewards: {miss: no}}",
        r":15: .*no number",
    ),
    "no name": ("name: x", "name: ''", r":1: name: it is a word or several, without / and \\; found ''"),
    "a name that is a path": ("name: x", "name: ../../x", r":1: name: .*without / .*found '\.\./\.\./x'"),
    "too large": ("{task: random_dots}", "{task: random_dots, weight: 1.0e+31}", r":15: .*weight: .*1e\+30"),
    "too much noise": (
        "{task: random_dots}",
        "{task: random_dots, params: {sigma: 1.0e+300}}",
        r":15: .*sigma is 1e\+300; it is a number from -1e\+30 to 1e\+30, as observations are float32",
    ),
    "infinity": ("{task: random_dots}", "{task: random_dots, weight: .inf}", r":15: .*weight: .*finite.*found inf"),
    "a mix that is no number": ("m + g: 2", "m + g: .nan", r":17: .*finite number; found nan"),
    "an endless onset": ("onset: after m.sample + 300", "onset: 1.0e+30", r":12: .*onset: it lasts 1e\+30 ms"),
    "a parameter": ("{task: random_dots}", "{task: random_dots, params: {sgma: 1}}", r":15: .*params\.sgma: .*'sigma'"),
    "a reward": (
        "{task: random_dots}",
        "{task: random_dots, rewards: {corect: 1}}",
        r":15: .*rewards\.corect: .*'correct'",
    ),
    "an onset": ("after m.sample + 300", "after lunch", r":12: .*onset: .*lunch"),
    "the period of an onset": ("after m.sample", "after m.smple", r":12: .*no period 'smple'. Did you mean 'sample'\?"),
    "an onset after a period without time": ("after m.sample", "after m.fixation", r":12: .*lasts 0 ms"),
    "the stream of an onset": ("after m.sample", "after q.sample", r":12: .*there is no stream 'q'"),
    "a mix": ("m + g: 2", "m + p: 2", r":17: groups\.trial\.mix: 'p' is not in this group"),
    "a group": ("[one.m, one.g]", "[one.m, one.h]", r":17: groups\.trial.*there is no stream 'one.h'. Did you mean"),
    "twins": ("  two:", "  one:", r":13: subjects\.one: the key 'one' stands here and in line 4"),
    "a list": ("[one.m, one.g]", "one.m", r":17: groups\.trial\.streams: it is a list, .*; found 'one\.m'"),
    "a mapping": ("{m: 1, m + g: 2}", "m", r":17: groups\.trial\.mix: it is a mapping, .*; found 'm'"),
    "one of some words": (
        "name: x",
        "name: x\npolicies: shraed",
        r":2: policies: .*'streams'; found 'shraed'\. Did",
    ),
    "the agent of a policy": ("name: x", "name: x\npolicies: {tow: a}", r":2: policies\.tow: .*Did you mean 'two'\?"),
    "itself": (
        "    action: shared",
        "    sees: [one]",
        r":5: subjects\.one\.sees: .*no other subject 'one'. Valid: two",
    ),
    "YAML": ("{task: random_dots}", "{task: random_dots", r"this is no YAML"),
}


@pytest.fixture
def write(tmp_path):
    def to_file(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return path

    return to_file


def test_the_file_is_good_before_it_is_spoilt(write):
    assert Scenario.load(write(GOOD)).name == "x"


@pytest.mark.parametrize("what", WRONG)
def test_the_message_names_file_line_key_and_remedy(what, write):
    old, new, message = WRONG[what]
    assert old in GOOD
    path = write(GOOD.replace(old, new, 1))
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(path)
    assert str(path) in str(caught.value)
    assert re.search(message, str(caught.value)), str(caught.value)


def test_all_mistakes_are_named_at_once(write):
    text = GOOD.replace("action:", "acton:").replace("dt: 100", "dt: ten")
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(write(text))
    assert len(str(caught.value).splitlines()) == 2


TWICE = {
    "name": "x",
    "subjects": {name: {"streams": {"x": {"task": "random_dots"}, "y": {"task": "random_dots"}}} for name in "ab"},
}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"groups": {"g": {"streams": ["x"]}}}, "groups.g.streams"),
        ({"groups": {"g": {"streams": ["a.x", "b.x"], "mix": {"x": 1}}}}, "groups.g.mix"),
        ({"wrappers": [{"trial_history": {"streams": ["x"]}}]}, "wrappers.0"),
    ],
)
def test_a_name_that_several_streams_have_is_said_to_be_ambiguous(changes, key):
    with pytest.raises(ScenarioError, match=rf"{key}: several streams are called 'x'; write one of a\.x, b\.x"):
        Scenario.load(TWICE | changes)
    with pytest.raises(UnknownNameError, match=r"several streams are called 'x'; write one of a\.x, b\.x"):
        Scenario.load(TWICE).only("x")


def test_a_mix_names_the_members_of_its_own_group():
    mix = {"x": 1, "x + y": 2}
    scenario = Scenario.load(TWICE | {"groups": {"g": {"streams": ["a.x", "a.y"], "mix": mix}}})
    assert scenario.groups["g"].mix == mix


def test_what_waits_for_a_name_of_its_own_subject_means_that_one():
    waiting = {"x": {"task": "random_dots"}, "y": {"task": "random_dots", "onset": "after x.stimulus"}}
    scenario = Scenario.load(TWICE | {"subjects": {name: {"streams": waiting} for name in "ab"}})
    assert [stream.onset.after for stream in build_layout(scenario).streams] == [-1, 0, -1, 2]


def test_streams_that_wait_for_each_other_are_refused(write):
    text = GOOD.replace("timing: {delay: 500}", "onset: after g.stimulus")
    with pytest.raises(ScenarioError, match=r"in a circle: one\.\w -> one\.\w -> one\.\w"):
        Scenario.load(write(text))


GAME = """\
name: game
subjects:
  a: {streams: {x: {task: game_choice}}}
  b: {streams: {x: {task: game_choice}}}
  c: {streams: {x: {task: game_choice}}}
groups:
  g:
    streams: [a.x, b.x]
    game: {payoffs: [[[1, 0], [0, 1]], [[0, 1], [1, 0]]]}
"""
TIED = """\
name: tied
dt: 10
subjects:
  one:
    streams:
      x: {task: random_dots}
      y: {task: random_dots}
"""
X = "    streams:\n      x: {task: random_dots}"
WRONG_TOGETHER = {  # what does not fit together: a file, what is replaced, by what, and what the message must say
    "onsets in a circle": (
        GOOD, "timing: {delay: 500}", "onset: after g.stimulus",
        r":9: subjects\.one\.streams\.m\.onset: .*in a circle: one\.m -> one\.g -> one\.m; let one of them",
    ),
    "a longer circle": (
        GOOD, "timing: {delay: 500}", "onset: after h.stimulus\n      h: {task: go_nogo, onset: after g.stimulus}",
        r":9: subjects\.one\.streams\.m\.onset: .*one\.m -> one\.h -> one\.g -> one\.m; let one of them",
    ),
    "a stream that waits for itself": (GOOD, "after m.sample", "after g.stimulus", r":12: .*cannot wait for itself"),
    "a matrix for fewer players": (
        GAME, "[a.x, b.x]", "[a.x, b.x, c.x]",
        r":9: groups\.g\.game: payoffs: .*shape \(2, 2, 2\); 3 players .* need nested lists of shape \(2, 2, 2, 3\)",
    ),
    "a matrix for fewer choices": (
        GAME, "b: {streams: {x: {task: game_choice}}}", "b: {streams: {x: {task: game_choice, params: {options: 3}}}}",
        r":9: groups\.g\.game: payoffs: .*players with \[2, 3\] choices need nested lists of shape \(2, 3, 2\)",
    ),
    "a matrix of too much": (GAME, "[1, 0]", "[1.0e+31, 0]", r":9: groups\.g\.game: payoffs: .*from -1e\+30"),
    "a matrix with a hole": (GAME, "[0, 1]], [[0", "[0]], [[0", r":9: groups\.g\.game: payoffs: it is no table; write"),
    "one action for unequal tasks": (
        TIED, X, "    action: shared\n    streams:\n      x: {task: go_nogo}",
        r":5: subjects\.one\.action: .*equally many actions, not \{'x': 2, 'y': 3\}; write action: factored",
    ),
    "one display for unequal tasks": (
        TIED, X, "    observation: shared\n    streams:\n      x: {task: go_nogo}",
        r":5: subjects\.one\.observation: .*the same channels, not .*write observation: concat",
    ),
    "one display with two noises": (
        TIED, X,
        "    observation: shared\n    streams:\n      x: {task: random_dots, params: {sigma: 2}}",
        r":5: subjects\.one\.observation: .*one noise, .*'x': \{'motion': 2\}, 'y': \{'motion': 1\.0\}",
    ),
    "a fixation cue that one has not": (
        TIED, X, "    fixation: all\n    streams:\n      x: {task: n_back}",
        r":5: subjects\.one\.fixation: .*fixation channel in every stream; write fixation: own",
    ),
    "a policy per stream of one action": (
        TIED, "dt: 10\nsubjects:\n  one:\n", "policies: streams\ndt: 10\nsubjects:\n  one:\n    action: shared\n",
        r":2: policies: streams makes .* subjects\.one\.action is 'shared', .* needs action: factored",
    ),
    "a view by streams of one cue": (
        TIED, "dt: 10\nsubjects:\n  one:\n",
        "train:\n  view: streams\ndt: 10\nsubjects:\n  one:\n    fixation: any\n",
        r":3: train\.view: streams makes .* subjects\.one\.fixation is 'any', .* needs fixation: own",
    ),
    "two time steps": (
        TIED, "dt: 10\nsubjects:\n  one:\n    streams:\n      x: {task: random_dots}",
        "subjects:\n  one:\n    streams:\n      x: {task: choice_reaction}",
        r":6: subjects\.one\.streams\.y\.task: it has time steps of 100 ms, that of one\.x of 10 ms.*as dt: 10",
    ),
    "two time steps in a group": (
        GAME, "c: {streams: {x: {task: game_choice}}}\ngroups:\n  g:\n    streams: [a.x, b.x]",
        "c: {streams: {x: {task: choice_reaction}}}\ngroups:\n  g:\n    streams: [a.x, c.x]",
        r":5: subjects\.c\.streams\.x\.task: it has time steps of 10 ms, that of a\.x of 100 ms",
    ),
    "a group with a time step of its own": (
        GAME, "  g:\n", "  g:\n    dt: 20\n", r":8: groups\.g\.dt: there is no such key",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG_TOGETHER)
def test_what_does_not_fit_together_is_refused_with_file_line_key_and_remedy(what, write):
    text, old, new, message = WRONG_TOGETHER[what]
    Scenario.load(write(text))
    assert old in text
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(write(text.replace(old, new, 1)))
    assert re.search(message, str(caught.value)), str(caught.value)


def test_one_display_may_have_its_noise_written_out(write):
    shared = TIED.replace(X, "    observation: shared\n    streams:\n      x: {task: random_dots, params: {sigma: 1}}")
    assert Scenario.load(write(shared)).subjects["one"].observation == "shared"


DOTS = {"task": "random_dots"}


def grouped(streams=("x", "y", "z"), **groups):
    return {"name": "grouped", "subjects": {"a": {"streams": dict.fromkeys(streams, DOTS)}}, "groups": groups}


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ({"mix": {"x + x": 1}}, "groups.g.mix: 'x + x' names a stream twice."),
        ({"mix": {"x + y": 1, "y + a.x": 2}}, "groups.g.mix: 'y + a.x' is 'x + y' once more; write it once"),
        ({"block": 3}, "groups.g.block: it says for how long an entry of the mix lasts; the group has no mix."),
        ({"branch": "1"}, "groups.g.branch: subjects.a.streams.y has the branch '1' too; give each its own."),
    ],
)
def test_a_group_that_says_one_thing_twice_or_nothing_is_refused(group, message):
    with pytest.raises(ScenarioError, match=re.escape(message)):
        Scenario.load(grouped(g={"streams": ["a.x", "a.y"], **group}))


def test_two_groups_of_one_branch_are_refused():
    groups = {name: {"streams": [f"a.{stream}"], "branch": "twin"} for name, stream in (("g", "x"), ("h", "y"))}
    with pytest.raises(ScenarioError, match=r"groups\.h\.branch: groups\.g has the branch 'twin' too"):
        Scenario.load(grouped(**groups))


def test_a_group_may_be_called_like_a_key_of_its_own():
    with pytest.raises(ScenarioError, match=r"groups\.game\.deadlin: there is no such key. Did you mean 'deadline'"):
        Scenario.load(grouped(game={"streams": ["a.x", "a.y"], "deadlin": 3}))
    with pytest.raises(ScenarioError, match=r"groups\.game\.rule: there is no rule 'trsut'"):
        Scenario.load(grouped(game={"streams": ["a.x", "a.y"], "rule": "trsut"}))


def test_what_is_numbered_by_itself_makes_way_for_what_is_written():
    value = grouped(g={"streams": ["a.x"]}, h={"streams": ["a.y"], "branch": "group.0"})
    value["subjects"]["a"]["streams"]["y"] = {**DOTS, "branch": "0"}
    scenario = Scenario.load(value)
    assert [stream.branch for _, stream in scenario.stream_items()] == ["1", "0", "2"]
    assert [group.branch for group in scenario.groups.values()] == ["group.1", "group.0", "group.2"]


def test_streams_in_no_group_get_one_whatever_the_others_are_called():
    scenario = Scenario.load(grouped(a={"streams": ["a.x"]}, a_rest={"streams": ["a.y"]}))
    assert {name: group.streams for name, group in scenario.groups.items()} == {
        "a": ("a.x",),
        "a_rest": ("a.y",),
        "a_rest_rest": ("a.z",),
    }


@pytest.mark.parametrize(
    ("task", "condition", "modifiers"),
    [("two_step", "better_first", []), ("n_back", "item", []), ("choice_reaction", "target", ["variable_choices"])],
)
def test_what_a_task_decides_itself_cannot_be_yoked(task, condition, modifiers):
    streams = {"x": {"task": task}, "y": {"task": task, "onset": 500, "modifiers": modifiers}}
    group = {"streams": ["a.x", "a.y"], "yoked": [condition]}
    with pytest.raises(ScenarioError, match=rf"groups\.g: {task}: '{condition}' cannot be imposed on it"):
        Scenario.load({"name": "x", "dt": 50, "subjects": {"a": {"streams": streams}}, "groups": {"g": group}})


@pytest.mark.parametrize("rule", ["public_goods", "trust", "ultimatum"])
def test_who_divides_something_has_two_choices_or_more(rule):
    subjects = {
        "a": {"streams": {"x": {"task": "lever_pull"}}},
        "b": {"streams": {"x": {"task": "game_choice"}}},
    }
    with pytest.raises(ScenarioError, match=f"groups.g.rule: {rule} needs 2 choices or more; lever_pull has 1: pull"):
        Scenario.load(
            {"name": "x", "dt": 100, "subjects": subjects, "groups": {"g": {"streams": ["a.x", "b.x"], "rule": rule}}}
        )


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ScenarioError, match=r"nope\.yaml: the file cannot be read"):
        Scenario.load(tmp_path / "nope.yaml")


@pytest.mark.parametrize("text", ["", "- 1", "word", "\x00"])
def test_what_is_no_mapping_is_refused(text, write):
    with pytest.raises(ScenarioError, match=r"mine\.yaml"):
        Scenario.load(write(text))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "name: x\nsubjects:\n  rat: &rat\n    streams:\n      a: *rat\n",
            r"mine\.yaml:3: subjects\.rat: what begins here stands once",
        ),
        ("name: " + 3000 * "[" + 3000 * "]", r"mine\.yaml:1: name\.0.*: a file holds no more than 50 levels"),
    ],
)
def test_what_has_no_end_is_refused(text, told, write):
    with pytest.raises(ScenarioError, match=told):
        Scenario.load(write(text))


def test_a_block_of_too_many_trials_is_refused():
    history = {"trial_history": {"block": 1e300}}
    with pytest.raises(
        ScenarioError, match=r"a block lasts a whole number of trials, 1 to 1,000,000,000, or, with null,"
    ):
        Scenario.load("random_dots").replace(modifiers=[history])


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(UnknownNameError, match="Did you mean 'dpa_gng'"):
        Scenario.load("dpa_gn")


@pytest.mark.parametrize("what", [None, True, 0, 1.5, [], (1,), b"random_dots", object()])
def test_what_is_no_scenario_at_all_is_refused(what):
    with pytest.raises(ArgumentError, match="is no scenario; give the name of a scenario or task"):
        Scenario.load(what)


def test_changing_an_unknown_key_is_refused():
    with pytest.raises(ScenarioError, match="Did you mean 'coherences'"):
        Scenario.load("random_dots").replace(cohrences=[1])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("subjects.subject_0.streams.gonoga.early", "there is no stream 'gonoga'. Did you mean 'gonogo'"),
        ("subjects.subject_1.action", "there is no subject 'subject_1'. Did you mean 'subject_0'"),
        ("groups.trail.block", "there is no group 'trail'. Did you mean 'trial'"),
    ],
)
def test_a_change_inside_what_does_not_exist_is_refused_with_the_nearest_name(key, message):
    with pytest.raises(ScenarioError, match=rf"^{key}: {message}"):
        Scenario.load("dpa_gng").replace(**{key: 1})
    whole = {"subjects.subject_0.streams.third": {"task": "go_nogo"}}
    assert "third" in Scenario.load("dpa_gng").replace(**whole).subjects["subject_0"].streams
