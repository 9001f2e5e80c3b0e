"""Files that ask for more than a machine has: refused in under a second and under 200 MB, with line and key."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import neuroparallel as npar
from neuroparallel.errors import ArgumentError, NeuroparallelError, ScenarioError
from neuroparallel.scenario.yaml_source import read_value

SECONDS, MEGABYTES = 1.0, 200.0
HEAD = "name: x\nsubjects: {a: {streams: {x: {task: go_nogo}}}}\n"
BOMB = "l0: &l0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]\n" for i in range(1, 11)
)
MERGES = "l0: &l0 {a0: 1, b0: 1}\n" + "".join(
    f"l{i}: &l{i} {{a{i}: 1, <<: [{', '.join([f'*l{i - 1}'] * 10)}]}}\n" for i in range(1, 11)
)
TEXTS = {  # the file, and what is said
    "aliases of aliases": (HEAD + "train:\n  " + BOMB.replace("\n", "\n  "), r":\d: train\.l\d.*: with its aliases"),
    "merges of merges": (HEAD + "train:\n  " + MERGES.replace("\n", "\n  "), r":7: train\.l\d.*: with its aliases"),
    "400,000 tags": (HEAD + "tags: [" + "a, " * 400_000 + "a]\n", r"larger than 262,144 bytes"),
    "80,000 tags": (HEAD + "tags: [" + "a, " * 80_000 + "a]\n", r":3: tags\.\d+: a file holds no more than 20,000"),
    "80,000 keys": (HEAD + "".join(f"{i}:\n" for i in range(30_000)), r":\d+: .*: a file holds no more than 20,000"),
    "100,000 levels": (HEAD + "tags: " + "[" * 100_000, r":3: tags\.0.*: a file holds no more than 50 levels"),
    "levels of aliases": (
        HEAD + "train:\n  l0: &l0 [1]\n" + "".join(f"  l{i}: &l{i} [*l{i - 1}]\n" for i in range(1, 190)),
        r"train\.l\d+.*: (it is nested more than 50|with its aliases)",
    ),
    "itself": (HEAD + "train: &t {a: *t}\n", r":3: train: .*stands once more within itself"),
    "a number of 6,000 digits": (HEAD + f"seed: {'7' * 6000}\n", r":3: seed: a number has 100 digits at most"),
    "a hexadecimal number": (HEAD + f"seed: 0x{'f' * 200_000}\n", r":3: seed: a number has 100 digits at most"),
    "a number to the base of 60": (HEAD + f"seed: 1{':1' * 100_000}\n", r":3: seed: a number has 100 digits"),
    "a number of 90 digits": (HEAD + f"seed: {'7' * 90}\n", r":3: seed: "),
    "a date": (HEAD + "seed: 2020-99-99\n", r":3: seed: .*whole number; found '2020-99-99'"),
    "a date by its tag": (HEAD + "seed: !!timestamp 2020-99-99\n", r":3: seed: a value has no tag 'timestamp'"),
    "a word as a number": (HEAD + "seed: !!int abc\n", r":3: seed: 'abc' is not whole number"),
    "nothing as a number": (HEAD + "dt: !!float ''\n", r":3: dt: '' is not number"),
    "a word as a truth value": (HEAD + "seed: !!bool abc\n", r":3: seed: 'abc' is not true or false"),
    "bytes": (HEAD + "description: !!binary aGFsbG8=\n", r":3: description: a value has no tag 'binary'"),
    "a set": (HEAD + "tags: !!set {a, b}\n", r":3: tags: a value has no tag 'set'"),
    "an object": (HEAD + "tags: !!python/object:os.system {}\n", r":3: tags: a value has no tag"),
    "a list as a key": (HEAD + "train: {[a, b]: 1}\n", r":3: train.*: a key is a word"),
    "NUL in a name": (HEAD.replace("name: x", 'name: "a\\0b"'), r":1: name: a text holds no control characters"),
    "NUL in a subject": (HEAD.replace("{a:", '{"a\\0":'), r":2: subjects: a text holds no control"),
    "NUL in a place": (
        HEAD.replace("{streams", '{played_by: "./a\\0b", streams'),
        r":2: subjects\.a\.played_by: a text holds no control",
    ),
    "a name that leads up": (HEAD.replace("name: x", "name: .."), r":1: name: it is a word or several"),
    "a name that is a place": (HEAD.replace("name: x", "name: a/b"), r":1: name: it is a word or several"),
    "a long name": (HEAD.replace("name: x", f"name: {'x' * 5000}"), r":1: name: it has 5000 characters"),
    "a policy that leads up": (HEAD + "policies: {a: ../../x}\n", r":3: policies\.a: it is a word or several"),
    "a policy of training": (HEAD + "train: {policies: {a: ..}}\n", r":3: train\.policies\.a: it is a word"),
    "a billion frames": (
        HEAD + "wrappers: [{frame_stack: {frames: 1000000000}}]\n",
        r":3: wrappers\.0: frame_stack: frames is 1000000000; it is a whole number from 1 to 10000",
    ),
    "a float of frames": (HEAD + "wrappers: [{frame_stack: {frames: 1e9}}]\n", r":3: wrappers\.0: frame_stack: frames"),
    "frames of frames": (
        HEAD + "wrappers: [{frame_stack: {frames: 9000}}, {frame_stack: {frames: 9000}}]\n",
        r":3: wrappers\.1: frame_stack: it would remember",
    ),
    "a billion steps late": (
        HEAD + "wrappers: [{delay_observation: {steps: 1000000000}}]\n",
        r":3: wrappers\.0: delay_observation: steps",
    ),
    "a pipe as a list of trials": (
        HEAD.replace("go_nogo}", "go_nogo, modifiers: [{condition_sequence: {file: /dev/zero}}]}"),
        r":2: .*modifiers\.0: .*it is no regular file",
    ),
}
LEARNING = {
    "large layers": ("hidden: [1000000, 1000000]", r":3: train\.hidden\.0: .*from 1 to 100000"),
    "large weights": ("hidden: [50000, 50000]", r":3: train\.hidden: the network would have 2,5.* weights; at most"),
    "many layers": (f"hidden: [{', '.join(['64'] * 500)}]", r":3: train\.hidden: it has 500 layers; at most 100"),
    "a large memory": ("lstm: 100000", r":3: train\.lstm: the network would have .* weights"),
    "a large network": ("network: {name: gru, units: 1000000}", r":3: train\.network\.units: .*at most 100,000"),
    "a large recurrence": ("network: {name: gru, units: 90000}", r":3: train\.network: the network would have"),
    "layers of a transformer": ("network: {name: transformer, layers: 100000000}", r":3: train\.network"),
    "many lanes": ("lanes: 1000000000", r":3: train\.lanes: .*from 1 to"),
    "many steps": ("n_steps: 1000000000", r":3: train\.n_steps: .*from 1 to"),
    "lanes and steps": ("lanes: 100000, n_steps: 10000", r":3: train\.(lanes|n_steps): .*would take .* GiB; at most 4"),
    "many workers": ("num_env_runners: 1000000", r":3: train\.num_env_runners"),
}

MEASURED = """
import sys, time
import neuroparallel as npar
from neuroparallel.environments import batch
from neuroparallel.reporting import check_file
batch("go_nogo", lanes=1)  # what is imported once is not measured
if sys.argv[2] == "learning":
    import neuroparallel.rllib
    from neuroparallel.rllib.training_plan import plan_for
    plan_for(npar.Scenario.load("go_nogo").replace(train={"lanes": 2}))
def peak():  # MB; ru_maxrss would include the process that started this one
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
before, memory = time.process_time(), peak()
problems = check_file(sys.argv[1])
print(time.process_time() - before, peak() - memory, peak())
print("\\n".join(problems))
"""


def checked(file: Path, kind: str = "scenario") -> str:
    """What `check` says in a process of its own; it must be quick and small."""
    command = [sys.executable, "-c", MEASURED, str(file), kind]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    measured, _, said = done.stdout.partition("\n")
    seconds, more, whole = map(float, measured.split())
    assert seconds < SECONDS, f"{seconds} s"
    assert more < MEGABYTES, f"{more} MB more"
    assert kind == "learning" or whole < MEGABYTES, f"{whole} MB"
    return said


MEASURABLE = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


@MEASURABLE
@pytest.mark.parametrize("kind", TEXTS)
def test_what_asks_for_too_much_is_refused(kind, tmp_path):
    text, told = TEXTS[kind]
    file = tmp_path / "hostile.yaml"
    file.write_text(text)
    said = checked(file)
    assert re.search(told, said), said[:1000]
    assert str(file) in said
    assert len(said) < 2000


@MEASURABLE
@pytest.mark.slow
@pytest.mark.rllib
@pytest.mark.parametrize("kind", LEARNING)
def test_learning_that_asks_for_too_much_is_refused(kind, tmp_path):
    pytest.importorskip("ray")
    text, told = LEARNING[kind]
    file = tmp_path / "hostile.yaml"
    file.write_text(f"{HEAD}train: {{{text}}}\n")
    said = checked(file, "learning")
    assert re.search(told, said), said[:1000]


@pytest.mark.parametrize("place", ["/dev/zero", "/dev/stdin", "pipe", "socket", "directory", "nul\0"])
def test_what_is_no_file_is_refused_at_once(place, tmp_path):
    if place == "pipe":
        os.mkfifo(tmp_path / "pipe.yaml")
    elif place == "directory":
        (tmp_path / "directory.yaml").mkdir()
    path = Path(place) if place.startswith("/") else tmp_path / f"{place}.yaml"
    for read in (npar.Scenario.load, npar.reporting.check_file, npar.Trials.read_csv):
        try:
            said = "\n".join(read(path))
        except NeuroparallelError as error:
            said = str(error)
        assert "cannot be read" in said


def test_a_dictionary_has_the_same_limits():
    good = {"name": "x", "subjects": {"a": {"streams": {"x": {"task": "go_nogo"}}}}}
    circle = {**good, "train": {}}
    circle["train"]["again"] = circle
    for wrong in (
        {**good, "seed": 10**6000},
        {**good, "tags": ["a"] * 400_000},
        {**good, "train": {"x": {"y": 10**6000}}},
        {**good, "name": "a\0b"},
        circle,
    ):
        with pytest.raises(ScenarioError):
            npar.Scenario.load(wrong)
    assert npar.Scenario.load(good).name == "x"


@pytest.mark.parametrize("text", ["!!int abc", "7" * 6000, "[" * 5000, "!!binary x", "&a [*a]", "{[a]: 1}"])
def test_a_change_of_the_command_line_has_the_same_limits(text):
    with pytest.raises(ScenarioError):
        read_value(text)


def test_a_date_is_text():
    assert read_value("2020-01-02") == "2020-01-02"
    scenario = npar.Scenario.load({"name": "2020-01-02", "subjects": {"a": {"streams": {"x": {"task": "go_nogo"}}}}})
    from neuroparallel.scenario.yaml_source import read_yaml

    assert read_yaml(scenario.to_yaml(), "x")[0]["name"] == "2020-01-02"


@pytest.mark.rllib
@pytest.mark.parametrize(
    "content", ["[" * 100_000, json.dumps({"env": 1}) + " " * 2**25, '{"env": ' + "7" * 6000 + "}"]
)
def test_a_description_of_a_policy_has_limits(content, tmp_path):
    pytest.importorskip("ray")
    from neuroparallel.rllib import load_policy

    (tmp_path / "neuroparallel.json").write_text(content)
    with pytest.raises(ArgumentError, match="cannot be read"):
        load_policy(tmp_path)


@pytest.mark.slow
@pytest.mark.rllib
def test_a_large_seed_that_check_calls_good_can_be_trained(tmp_path):
    pytest.importorskip("ray")
    from neuroparallel.rllib import train

    scenario = npar.Scenario.load("go_nogo").replace(seed=2**62)
    (tmp_path / "x.yaml").write_text(scenario.to_yaml())
    assert npar.reporting.check_file(tmp_path / "x.yaml") == []
    assert train(scenario, lanes=4, budget_steps=40, criterion={}).steps >= 40
