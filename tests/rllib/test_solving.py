"""The solved table: what is kept of each seed, what is run again, and what is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("ray")

import neuroparallel as npar
from neuroparallel.agents.goals import Goal, goal_of
from neuroparallel.cli import main
from neuroparallel.errors import ArgumentError, UnknownNameError, UsageError
from neuroparallel.rllib import solving
from neuroparallel.rllib.solving import solve

pytestmark = pytest.mark.rllib

QUICK = "go_nogo"


@pytest.fixture
def trained(monkeypatch):
    """Replace training by the oracle, and list the (scenario, seed) that were trained."""
    calls = []
    records = npar.simulate(QUICK, "oracle", trials=200, seed=0)

    def train(name, *, seed, progress=None):
        calls.append((name, seed))
        return SimpleNamespace(
            ended_by="criterion",
            interrupted=False,
            history=[{"steps": 100, "seconds": 0.5}, {"steps": 200 + seed, "seconds": 1.25}],
            steps=200 + seed,
            seconds=1.25,
            correct={"subject_0.go_nogo": 1.0},
            outcomes={"subject_0.go_nogo": {"correct": 1.0}},
            records=records,
        )

    monkeypatch.setattr(solving, "train", train)
    return calls


def test_a_seed_that_is_there_is_not_trained_again(trained, tmp_path):
    solve([QUICK], seeds=[0, 1], out=tmp_path)
    content = (tmp_path / f"{QUICK}.json").read_text()
    assert trained == [(QUICK, 0), (QUICK, 1)]
    result = solve([QUICK], seeds=[0, 1], out=tmp_path)[QUICK]
    assert len(trained) == 2
    assert (tmp_path / f"{QUICK}.json").read_text() == content
    assert json.loads(content) == result
    solve([QUICK], seeds=[2, 1], out=tmp_path)
    assert trained[2:] == [(QUICK, 2)]
    assert [row["seed"] for row in json.loads((tmp_path / f"{QUICK}.json").read_text())["seeds"]] == [0, 1, 2]


def test_again_trains_the_seeds_of_the_call_anew_and_keeps_the_others(trained, tmp_path):
    solve([QUICK], seeds=[0, 1], out=tmp_path)
    rows = solve([QUICK], seeds=[1], out=tmp_path, again=True)[QUICK]["seeds"]
    assert trained[2:] == [(QUICK, 1)]
    assert [row["seed"] for row in rows] == [0, 1]


@pytest.mark.parametrize(
    ("key", "value"),
    [("identity", "another"), ("settings", {}), ("criterion", {}), ("versions", {"neuroparallel": "0.0.1"})],
)
def test_results_of_another_scenario_settings_or_version_are_not_mixed_with_new_ones(key, value, trained, tmp_path):
    solve([QUICK], seeds=[0, 1], out=tmp_path)
    file = tmp_path / f"{QUICK}.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    rows = solve([QUICK], seeds=[0], out=tmp_path)[QUICK]["seeds"]
    assert trained[2:] == [(QUICK, 0)]
    assert [row["seed"] for row in rows] == [0]


def test_an_interruption_loses_only_the_seed_that_was_being_trained(trained, monkeypatch, tmp_path):
    train = solving.train

    def interrupted(name, *, seed, progress=None):
        result = train(name, seed=seed)
        result.interrupted = seed == 1
        return result

    monkeypatch.setattr(solving, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        solve([QUICK], out=tmp_path)
    assert trained == [(QUICK, 0), (QUICK, 1)]
    monkeypatch.setattr(solving, "train", train)
    solve([QUICK], out=tmp_path)
    assert trained[2:] == [(QUICK, 1), (QUICK, 2)]


def test_an_error_does_not_end_the_other_trainings_and_is_tried_again(trained, monkeypatch, tmp_path):
    train = solving.train

    def failing(name, *, seed, progress=None):
        if seed == 0:
            raise ValueError("/a/private/path")
        return train(name, seed=seed)

    monkeypatch.setattr(solving, "train", failing)
    rows = solve([QUICK], seeds=[0, 1], out=tmp_path)[QUICK]["seeds"]
    assert [row["passed"] for row in rows] == [False, True]
    assert rows[0]["error"] == "ValueError"
    assert "private" not in (tmp_path / f"{QUICK}.json").read_text()
    monkeypatch.setattr(solving, "train", train)
    assert all(row["passed"] for row in solve([QUICK], seeds=[0, 1], out=tmp_path)[QUICK]["seeds"])
    assert trained == [(QUICK, 1), (QUICK, 0)]


def test_nothing_else_is_trained_when_ray_has_ended(monkeypatch, tmp_path):
    def ended(name, **options):
        raise UsageError("Ray has ended")

    monkeypatch.setattr(solving, "train", ended)
    with pytest.raises(UsageError):
        solve([QUICK], out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_time_to_criterion_is_that_of_the_first_of_the_two_tests_that_passed(trained, tmp_path):
    row = solve([QUICK], seeds=[7], out=tmp_path)[QUICK]["seeds"][0]
    assert (row["steps_to_criterion"], row["seconds_to_criterion"]) == (207, 1.25)
    value, low, high = row["score"]["subject_0.go_nogo"]
    assert value == high == 1.0
    assert 0.9 < low < 1.0


def test_a_training_that_ended_by_its_budget_did_not_pass(trained, monkeypatch, tmp_path):
    train = solving.train

    def slow(name, *, seed, progress=None):
        result = train(name, seed=seed)
        result.ended_by = "budget_steps"
        return result

    monkeypatch.setattr(solving, "train", slow)
    row = solve([QUICK], seeds=[0], out=tmp_path)[QUICK]["seeds"][0]
    assert not row["passed"]
    assert row["steps_to_criterion"] is None
    assert row["steps"] == 200


def test_the_file_says_what_is_to_be_reached_and_with_what(trained, tmp_path):
    head = solve([QUICK], seeds=[0], out=tmp_path)[QUICK]
    goal = goal_of(QUICK)
    assert (head["criterion"], head["source"]) == (goal.criterion, goal.source)
    assert (head["chance"], head["ceiling"]) == (goal.chance, goal.ceiling)
    assert head["blind"]["subject_0.go_nogo"] == pytest.approx(0.5, abs=0.05)
    assert head["settings"]["stages"][0]["lr"] > 0
    assert head["versions"]["neuroparallel"] == npar.__version__
    row = head["seeds"][0]
    assert row["command"] == "neuroparallel train go_nogo --seed 0"
    assert row["machine"]["cores"] >= 1
    assert os.sep not in row["machine"]["processor"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"names": ["go_nogo", "dpa_gn"]}, "Did you mean 'dpa_gng'"),
        ({"names": []}, "names is empty"),
        ({"names": QUICK, "seeds": []}, "seeds is empty"),
        ({"names": QUICK, "seeds": [-1]}, "seeds"),
        ({"names": QUICK, "seeds": [0.5]}, "seeds"),
        ({"names": QUICK, "jobs": 0}, "jobs"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_trained(options, problem, trained, tmp_path):
    with pytest.raises((ArgumentError, UnknownNameError), match=problem):
        solve(**options, out=tmp_path / "solved")
    assert trained == []
    assert not (tmp_path / "solved").exists()


@pytest.mark.parametrize("content", ["{", "[]", "{}", "damaged seeds"])
def test_a_damaged_file_is_refused_and_left_as_it_is(content, trained, tmp_path):
    file = tmp_path / f"{QUICK}.json"
    if content == "damaged seeds":
        solve([QUICK], seeds=[0], out=tmp_path)
        content = json.dumps({**json.loads(file.read_text()), "seeds": [1]})
        trained.clear()
    file.write_text(content)
    with pytest.raises(ArgumentError, match="damaged"):
        solve([QUICK], out=tmp_path)
    assert trained == []
    assert file.read_text() == content


def test_rewards_and_distances_have_intervals_too():
    goal = goal_of("matching_pennies")
    records = npar.simulate("matching_pennies", "random", trials=2000, seed=0, per_lane=50)
    names = ["matcher.play", "mismatcher.play"]
    value, low, high = solving._scores(records, names, goal)["distance"]
    assert 0 <= low <= value < high < 0.2
    paid = Goal({"reward": 0.5})
    value, low, high = solving._scores(npar.simulate(QUICK, "random", 500, seed=0), ["subject_0.go_nogo"], paid)[
        "reward"
    ]
    assert low < value < high


def test_every_default_that_decides_learning_is_in_the_settings():
    plan = solving.plan_for(npar.Scenario.load(QUICK), seed=0)
    changed = solving.plan_for(npar.Scenario.load(QUICK), {"lr": 1e-4, "hidden": [32]}, seed=0)
    assert solving._settings(plan) == solving._settings(solving.plan_for(npar.Scenario.load(QUICK), seed=5))
    (one,), (other,) = (solving._settings(of)["stages"] for of in (plan, changed))
    assert {key for key in one if one[key] != other[key]} == {"lr", "hidden"}


@pytest.mark.slow
def test_two_trainings_at_a_time_are_the_same_as_one_after_the_other(tmp_path):
    steps = {}
    for jobs in (1, 2):
        rows = solve([QUICK], seeds=[0, 1], out=tmp_path / str(jobs), jobs=jobs)[QUICK]["seeds"]
        assert [row["machine"]["jobs"] for row in rows] == [jobs, jobs]
        steps[jobs] = [(row["passed"], row["steps_to_criterion"], row["score"]) for row in rows]
    assert steps[1] == steps[2]
    assert np.all([passed for passed, *_ in steps[1]])


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_command_that_is_stopped_goes_on_where_it_was(jobs, tmp_path, fresh_environ):
    command = [sys.executable, "-m", "neuroparallel", "solve", QUICK, "--out", str(tmp_path / "solved"), "--jobs", jobs]
    file = tmp_path / "solved" / f"{QUICK}.json"
    seeds = ["--seeds", *map(str, range(12))]
    process = subprocess.Popen([*command, *seeds], cwd=tmp_path, env=fresh_environ, start_new_session=True)
    deadline = time.monotonic() + 120
    while not file.is_file() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 130
    there = json.loads(file.read_text())["seeds"]
    assert 1 <= len(there) < 12
    first = there[0]["seed"]
    done = subprocess.run([*command, "--seeds", str(first)], cwd=tmp_path, env=fresh_environ, capture_output=True)
    assert done.returncode == 0
    assert b"seed" not in done.stderr  # nothing was trained
    assert json.loads(file.read_text())["seeds"] == there


def test_the_exit_code_says_whether_everything_passed(trained, monkeypatch, tmp_path, capsys):
    command = ["solve", QUICK, "--out", str(tmp_path), "--seeds"]
    assert main([*command, "0"]) == 0
    train = solving.train

    def slow(name, *, seed, progress=None):
        result = train(name, seed=seed)
        result.ended_by = "budget_s"
        return result

    monkeypatch.setattr(solving, "train", slow)
    assert main([*command, "0", "1"]) == 3
    assert "1 of 2 trainings" in capsys.readouterr().out
    assert main([*command, "0"]) == 0
    assert main(["solve", "dpa_gn"]) == 2
    assert "Did you mean 'dpa_gng'?" in capsys.readouterr().err
