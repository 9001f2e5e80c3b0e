"""Each known trap is provoked by a scenario and settings that fall into it; a training that works is left in peace."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

import ray

import neuroparallel as npar
from neuroparallel.reporting import summarize_run
from neuroparallel.rllib import init_ray, train
from neuroparallel.rllib.evaluation import Score
from neuroparallel.rllib.run_files import read_history
from neuroparallel.rllib.settings import Course
from neuroparallel.rllib.traps import PREFIX, TRAPS, Look, Setup, TrapWatch

pytestmark = [pytest.mark.rllib, pytest.mark.slow]

QUICK = {"seed": 0, "evaluate_every_steps": 2000, "lanes": 16, "lstm": 16}


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    init_ray(num_cpus=3)
    yield
    ray.shutdown()


def one_stream(task: str, dt: float = 100.0, **content: Any) -> Any:
    stream = {"task": task, **content}
    return npar.Scenario.load({"name": "q", "dt": dt, "subjects": {"subject_0": {"streams": {"only": stream}}}})


DOTS = {"timing": {"fixation": 100, "stimulus": 300, "decision": 100}, "params": {"coherences": [3.2, 6.4]}}
SEEN = {"choices": ["left", "right"], "coherences": [6.4]}
CASES: dict[str, tuple[Any, dict[str, Any], str]] = {
    # one tongue: a lick for the other stream's reward ends the trial of the memory
    "aborts": (
        npar.Scenario.load("dpa_gng").replace(**{"subjects.subject_0.streams.memory.early": "abort"}),
        {"budget_steps": 60_000},
        r"subject_0\.memory: \d+ % of its trials are aborted.*early: penalty",
    ),
    "chunk": (
        npar.Scenario.load("delayed_match_to_sample"),
        {"n_steps": 5, "budget_steps": 2000},
        r"n_steps is 5, shorter than the trial's 32 steps.*Set n_steps=32",
    ),
    # holding is safe and guessing is not, and nothing pays for trying
    "entropy": (
        one_stream("random_dots", rewards={"error": -1}, **DOTS),
        {"budget_steps": 40_000, "hold_steps": 0, "entropy_coeff": 0.0, "lr": 0.03, "criterion": {"only": 0.55}},
        r"actions of shared \(.* nats per trial\) are all but certain.*entropy_coeff",
    ),
    "haste": (
        one_stream("choice_reaction", timing={"fixation": 100, "stimulus": 1000, "response": 0, "iti": 100},
                   params=SEEN),
        {"budget_steps": 40_000, "hold_steps": 0, "gamma": 0.8, "criterion": {"only": 0.8}},
        r"first possible step, before more is seen: subject_0\.only \(\d+ %\).*rewards\.error: -1",
    ),
    "reward": (
        one_stream("random_dots", **{**DOTS, "timing": {"fixation": 6000, "stimulus": 300, "decision": 100}}),
        {"budget_steps": 14_000, "hold_steps": 0, "criterion": {"only": 0.8}},
        r"No step of [\d,]+ has paid anything above 0.*hold_steps",
    ),
}  # fmt: skip


def test_there_is_a_case_for_each_trap() -> None:
    assert set(CASES) == {trap.name for trap in TRAPS}


@pytest.mark.parametrize("name", CASES)
def test_a_training_that_falls_into_a_trap_is_told_once_and_keeps_it(name: str, tmp_path: Path) -> None:
    scenario, settings, message = CASES[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(scenario, out=tmp_path / "run", **QUICK, **settings)
    told = [str(warning.message) for warning in caught]
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    found = summary["traps"][name]
    assert re.search(message, found["message"])
    assert len({text for text in told if found["message"] in text}) == 1
    assert sum(text.startswith(f"{PREFIX} ({name})") for text in told) == (name != "chunk")  # said before training
    rows = read_history(tmp_path / "run")
    first = next(row for row in rows if row[f"trap/{name}"] == "1")
    assert int(first["steps"]) == found["steps"]
    if found["holds"]:
        assert "Warning: " in summarize_run(tmp_path / "run")


def test_a_training_that_works_is_left_in_peace(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = train("dpa_gng", seed=0, out=tmp_path / "run")
    assert result.passed
    assert [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)] == []
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["traps"] == {}
    assert all(row[f"trap/{trap.name}"] == 0 for row in result.history for trap in TRAPS)


# ---- the watch itself -------------------------------------------------------------------------------------------

NOTHING = npar.batch("go_nogo", lanes=1).trials()  # a table without rows
SETUP = Setup(Course(100.0, 10), "lstm", 20, 0.0, frozenset({"shared"}), (), has_reward=True)


def look(aborts: float = 0.0, correct: float = 0.5, **more: Any) -> Look:
    score = Score({"s.a": correct}, {"s.a": 100}, 100, correct, outcomes={"s.a": {"abort": aborts}})
    return Look(SETUP, score, NOTHING, {"s.a": 0.9}, best_reward=1.0, **more)


def columns(watch: TrapWatch, *looks: Look) -> list[int]:
    return [watch.look(one)["trap/aborts"] for one in looks]


@pytest.fixture
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_a_trap_counts_when_it_was_seen_often_enough_in_a_row(quiet: None) -> None:
    bad, good = look(aborts=0.5), look()
    assert columns(TrapWatch(), *[bad] * 9) == [0] * 7 + [1, 1]
    assert columns(TrapWatch(), *[bad] * 7, good, *[bad] * 7) == [0] * 15


def test_progress_is_no_trap(quiet: None) -> None:
    assert columns(TrapWatch(), *[look(0.5, 0.3 + 0.03 * i) for i in range(12)]) == [0] * 12


def test_another_stage_begins_anew(quiet: None) -> None:
    assert columns(TrapWatch(), *[look(0.5)] * 7, *[look(0.5, stage=1)] * 7) == [0] * 14


def test_a_resumed_watch_finds_what_an_uninterrupted_one_does_and_does_not_repeat_itself() -> None:
    whole, first = TrapWatch(), TrapWatch()
    with pytest.warns(UserWarning, match=r"Training trap \(aborts\)"):
        expected = columns(whole, *[look(0.5)] * 10)
    found = columns(first, *[look(0.5)] * 5)
    second = TrapWatch(json.loads(json.dumps({**first.state(), "best_reward": None})))
    with pytest.warns(UserWarning, match=r"Training trap \(aborts\)"):
        found += columns(second, *[look(0.5)] * 5)
    assert found == expected
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        columns(TrapWatch(second.state()), *[look(0.5)] * 10)


def test_a_certain_policy_that_does_the_task_is_no_trap(quiet: None) -> None:
    certain = {"entropy": {"shared": 1e-3}}
    assert [TrapWatch().look(look(correct=1.0, **certain))["trap/entropy"] for _ in range(9)] == [0] * 9
    watch = TrapWatch()
    assert [watch.look(look(**certain))["trap/entropy"] for _ in range(8)][-1] == 1
    watch = TrapWatch()
    assert [watch.look(look(entropy={"shared": 0.1}))["trap/entropy"] for _ in range(9)] == [0] * 9


def test_a_task_that_never_pays_is_no_trap(quiet: None) -> None:
    for pays in (True, False):
        watch = TrapWatch()
        unpaid = replace(look(), setup=replace(SETUP, has_reward=pays), best_reward=0.0)
        assert [watch.look(unpaid)["trap/reward"] for _ in range(5)][-1] == int(pays)
