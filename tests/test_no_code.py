"""Files that name Python code: where it is refused, nothing of it is imported."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import neuroparallel as npar
from neuroparallel.cli import main
from neuroparallel.cli.common import find_code_in
from neuroparallel.errors import ArgumentError, ScenarioError
from neuroparallel.registry import Registry
from neuroparallel.reporting import check_file
from neuroparallel.user_code import check_permission, code_is_found, permit_code

PLAIN = {"name": "plain", "subjects": {"a": {"streams": {"x": {"task": "go_nogo"}, "y": {"task": "go_nogo"}}}}}
NAMES_CODE = {
    "a task": ("subjects.a.streams.x.task", {"subjects": {"a": {"streams": {"x": {"task": "evil:Task"}}}}}),
    "a rule": ("groups.g.rule", {**PLAIN, "groups": {"g": {"streams": ["a.x", "a.y"], "rule": "evil:Rule"}}}),
    "a rule with parameters": (
        "groups.g.rule",
        {**PLAIN, "groups": {"g": {"streams": ["a.x", "a.y"], "rule": {"evil:Rule": {}}}}},
    ),
    "a network": ("train.network", {**PLAIN, "train": {"network": "evil:Net"}}),
    "a network with options": ("train.network.name", {**PLAIN, "train": {"network": {"name": "evil:Net", "units": 3}}}),
    "a stage of a curriculum": (
        r"train.curriculum.0.subjects.a.streams.x.task",
        {**PLAIN, "train": {"curriculum": [{"subjects.a.streams.x.task": "evil:Task"}]}},
    ),
    "a network of a stage": (
        "train.curriculum.0.train.network",
        {**PLAIN, "train": {"curriculum": [{"train.network": "evil:Net"}]}},
    ),
    "a rule of a stage": (
        "train.curriculum.0.groups.a.rule",
        {**PLAIN, "train": {"curriculum": [{"groups.a.rule": {"evil:Rule": {}}}]}},
    ),
    "a search space": (
        "tune.subjects.a.streams.x.task.choice.0",
        {**PLAIN, "tune": {"subjects.a.streams.x.task": {"choice": ["evil:Task"]}}},
    ),
    "a name that is no identifier": (
        "subjects.a.streams.x.task",
        {"subjects": {"a": {"streams": {"x": {"task": "evil: Task"}}}}},
    ),
}


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A directory with a module that leaves a mark when it is imported; the mark."""
    mark = tmp_path / "mark"
    (tmp_path / "evil.py").write_text(f"import pathlib\npathlib.Path({str(mark)!r}).write_text('ran')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield mark
    sys.modules.pop("evil", None)


def write(place: Path, content: dict) -> Path:
    file = place / "evil.yaml"
    file.write_text(yaml.safe_dump({"name": "evil", **content}))
    return file


@pytest.mark.parametrize("kind", NAMES_CODE)
def test_every_way_to_name_code_is_refused_with_its_place(kind, evil):
    key, content = NAMES_CODE[kind]
    file = write(evil.parent, content)
    for load in (npar.Scenario.load, lambda what, code: npar.Scenario.load({"name": "evil", **content}, code=code)):
        with pytest.raises(ScenarioError) as caught:
            load(file, code=False)
        message = str(caught.value)
        assert f": {key}: 'evil:" in message
        assert "is Python code, which is refused here" in message
        assert "leave out --no-code, or in Python code=False." in message
    (problem,) = check_file(file, code=False)
    assert problem.startswith(f"{file}:")
    assert key in problem
    assert not evil.exists()


def test_code_is_run_where_nobody_refuses_it(evil):
    with pytest.raises(ScenarioError, match="evil has no task 'Task'"):
        npar.Scenario.load(write(evil.parent, NAMES_CODE["a task"][1]))
    assert evil.exists()


@pytest.mark.parametrize("verb", [["check"], ["show"], ["run"], ["train"], ["tune"]], ids=lambda words: words[0])
def test_every_verb_that_reads_scenario_files_can_refuse_code(verb, evil, capsys):
    if verb[0] in ("train", "tune"):
        pytest.importorskip("ray")
    for kind in ("a task", "a network"):
        file = write(evil.parent, NAMES_CODE[kind][1])
        assert main([*verb, str(file), "--no-code"]) == (1 if verb[0] == "check" else 2)
        output = capsys.readouterr()
        assert "is Python code" in output.out + output.err
    assert not evil.exists()


def test_a_change_of_the_command_line_is_refused_too(evil, capsys):
    changes = ["--set", "subjects.a.streams.x.task=evil:Task"]
    assert main(["show", str(write(evil.parent, PLAIN)), *changes, "--no-code"]) == 2
    assert "'evil:Task' is Python code" in capsys.readouterr().err
    assert main(["show", "evil:Task", "--no-code"]) == 2
    assert not evil.exists()


@pytest.mark.parametrize("verb", ["train", "tune"])
def test_pickles_of_a_resumed_run_are_refused_too(verb, capsys):
    pytest.importorskip("ray")
    assert main([verb, "go_nogo", "--resume", "--no-code"]) == 2
    assert "can run any code" in capsys.readouterr().err


def test_files_beside_the_scenario_are_not_looked_for(tmp_path):
    before = list(sys.path)
    with permit_code(scenarios="none"):
        find_code_in(tmp_path)
    assert sys.path == before


def test_a_scenario_that_is_loaded_already_is_checked_again():
    loaded = npar.Scenario.load({**PLAIN, "train": {"network": "evil:Net"}})
    with pytest.raises(ScenarioError, match=r"train\.network: 'evil:Net' is Python code"):
        npar.Scenario.load(loaded, code=False)
    assert npar.Scenario.load("dpa_gng", code=False) == npar.Scenario.load("dpa_gng")


@pytest.mark.parametrize("name", npar.list_scenarios())
def test_no_shipped_scenario_names_code(name):
    assert npar.Scenario.load(npar.Scenario.load(name).dump(), code=False).name == name


def test_what_is_refused_outside_stays_refused_inside():
    with permit_code(scenarios="none", policies="none"), permit_code(scenarios="all", policies="all"):
        assert not code_is_found()
        for policy in (True, False):
            with pytest.raises(ArgumentError, match="refused here"):
                check_permission("sys:path", policy=policy, code=True)
    with permit_code(scenarios="imported"):
        check_permission("sys:path")
        with pytest.raises(ArgumentError, match=r"--code .*or import evil first"):
            check_permission("evil:Task")
    check_permission("evil:Task")
    check_permission("evil:Net", policy=True, code=True)


def test_classes_of_the_program_itself_are_no_files_business():
    class Mine(npar.tasks.task_class("go_nogo")):
        """Go or not."""

    assert npar.Scenario.load(Mine(), code=False).name
    assert isinstance(npar.tasks._registry, Registry)


# ---- checkpoints ----


@pytest.fixture
def checkpoint(evil):
    """The checkpoint of somebody else beside the scenario file, with every way of running code in it."""
    pytest.importorskip("ray")
    from tests.rllib.test_policy_file import Evil, written

    place = evil.parent / "run"
    place.mkdir()
    written(place, "go_nogo")
    for name in ("algorithm_state.pkl", "learner_group/learner/rl_module/shared/class_and_ctor_args.pkl"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(pickle.dumps(Evil(evil)))
    return place


def change_description(place: Path, change) -> None:
    file = place / "neuroparallel.json"
    data = json.loads(file.read_text())
    scenario = json.loads(data["env"]["scenario"])
    change(data, scenario)
    data["env"]["scenario"] = json.dumps(scenario)
    file.write_text(json.dumps(data))
    summary = {"scenario": "x", "seed": 1, "correct": {}, "code": [str(place.parent)]}
    numbers = ("seconds", "steps", "trials", "iteration", "evaluation_trials")
    (place / "summary.json").write_text(json.dumps({**summary, **dict.fromkeys(numbers, 1)}))


DESCRIBES_CODE = {
    "nothing but pickles": lambda data, scenario: None,
    "a network class": lambda data, scenario: data["networks"]["shared"].update(network="evil:Net"),
    "a network": lambda data, scenario: data["networks"]["shared"]["settings"].update(network={"name": "evil:Net"}),
    "a task": lambda data, scenario: scenario["subjects"]["subject_0"]["streams"]["go_nogo"].update(task="evil:Task"),
    "a change": lambda data, scenario: data["env"].update(set={"task": "evil:Task"}),
    "learning": lambda data, scenario: data.update(train={"network": "evil:Net"}),
}


@pytest.mark.slow
@pytest.mark.rllib
@pytest.mark.parametrize("kind", DESCRIBES_CODE)
def test_check_runs_no_code_of_a_checkpoint_that_plays_a_subject(kind, evil, checkpoint):
    change_description(checkpoint, DESCRIBES_CODE[kind])
    content = {"subjects": {name: {"streams": {"go_nogo": {"task": "go_nogo"}}} for name in ("a", "b")}}
    content["subjects"]["b"]["played_by"] = "./run"
    file = write(evil.parent, content)
    for words in ([], ["--no-code"]):
        command = [sys.executable, "-m", "neuroparallel", "check", file.name, *words]
        done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, timeout=100)
        assert not evil.exists()
        if kind == "nothing but pickles":
            assert done.returncode == 0, done.stdout + done.stderr
        else:
            assert done.returncode == 1, done.stderr
            assert re.search("subjects.b.played_by: .* is Python code", done.stdout)


@pytest.mark.slow
@pytest.mark.rllib
@pytest.mark.parametrize("kind", ["a network class", "a task"])
def test_verbs_that_read_checkpoints_run_their_code_only_if_told_so(kind, evil, checkpoint, capsys):
    change_description(checkpoint, DESCRIBES_CODE[kind])
    verbs = [["evaluate", str(checkpoint)], ["report", str(checkpoint)]]
    for words in [*verbs, ["run", "go_nogo", "--agent", str(checkpoint)]]:
        assert main(words) == 2
        assert "allow it with --code" in capsys.readouterr().err
        assert not evil.exists()
    for words in verbs:
        evil.unlink(missing_ok=True)
        sys.modules.pop("evil", None)
        main([*words, "--code"])
        assert evil.exists()


@pytest.mark.rllib
def test_functions_that_read_checkpoints_take_code(evil, checkpoint):
    from neuroparallel.reporting import draw_run, summarize_policy
    from neuroparallel.rllib import evaluate, load_policy

    change_description(checkpoint, DESCRIBES_CODE["a task"])
    for read in (draw_run, summarize_policy, evaluate, load_policy):
        with pytest.raises(ArgumentError, match=r"env\.scenario: subjects\.subject_0\.go_nogo: 'evil:Task' is Python"):
            read(checkpoint)
        assert not evil.exists()
    with pytest.raises(npar.errors.NeuroparallelError, match="evil has no task"):
        evaluate(checkpoint, code=True)
