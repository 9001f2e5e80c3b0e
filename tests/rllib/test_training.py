"""Training from start to end, on a cluster of this process's own."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray")

import ray
from ray.rllib.algorithms.algorithm import Algorithm

import neuroparallel as npar
from neuroparallel.cli import main
from neuroparallel.errors import ArgumentError, UsageError
from neuroparallel.reporting import summarize_run
from neuroparallel.rllib import evaluate, init_ray, load_policy, ppo_config, train, tune
from neuroparallel.rllib.cluster import check_space
from neuroparallel.rllib.env_creation import env_config
from neuroparallel.rllib.evaluation import session_size
from neuroparallel.rllib.progress import Progress
from neuroparallel.rllib.training_plan import Budget, plan_for

pytestmark = [pytest.mark.rllib, pytest.mark.slow]

QUICK = {
    "dt": 100,
    "timing": {"fixation": 100, "stimulus": 300, "decision": 100},
    "params": {"coherences": [51.2, 100.0]},
}


def quick_dots() -> Any:
    """Random dots so easy that they are learnt in seconds."""
    stream = {"task": "random_dots", "timing": QUICK["timing"], "params": QUICK["params"]}
    return npar.Scenario.load(
        {
            "name": "quick_dots",
            "dt": QUICK["dt"],
            "subjects": {"subject_0": {"streams": {"dots": stream}}},
            "train": {"budget_s": 25, "criterion": {"dots": 0.7}},
            "tune": {"lr": {"loguniform": [1e-3, 1e-2]}},
        }
    )


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    init_ray(num_cpus=3)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    shown: list[Progress] = []
    place = tmp_path_factory.mktemp("run") / "dots"
    result = train(quick_dots(), out=place, progress=shown.append)
    return result, shown


def test_an_easy_task_is_learnt(run: Any) -> None:
    result, _ = run
    assert result.passed
    assert result.correct["subject_0.dots"] >= 0.7
    assert result.seconds < 25


def test_progress_is_shown_after_every_update(run: Any) -> None:
    result, shown = run
    assert len(shown) == result.iterations
    steps = [progress.steps for progress in shown]
    assert steps == sorted(steps)
    assert shown[-1].evaluated
    assert shown[-1].trials > 100
    assert shown[0].budget_s == 25


def test_a_run_leaves_its_files(run: Any) -> None:
    result, _ = run
    names = {path.name for path in result.out.iterdir() if not path.name.startswith("events.out.tfevents.")}
    assert names == {"scenario.yaml", "trials.csv", "checkpoint", "history.csv", "summary.json"}
    summary = json.loads((result.out / "summary.json").read_text())
    assert summary["passed"] is True
    assert summary["steps"] == result.steps
    with (result.out / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["subject_0.dots"]) >= 0.7
    assert 0 <= float(rows[-1]["abort/subject_0.dots"]) <= 0.3
    assert "miss/subject_0.dots" in rows[-1]
    assert npar.Scenario.load(str(result.out / "scenario.yaml")) == quick_dots()


def test_a_checkpoint_is_evaluated_without_the_algorithm(run: Any) -> None:
    result, _ = run
    table = evaluate(result.out, lanes=64, trials=4, seed=77)
    correct = np.nanmean(table["correct"])
    assert correct >= 0.6
    policy = load_policy(result.out / "checkpoint")
    env = npar.parallel_env(quick_dots())
    observations, _ = env.reset(seed=0)
    actions = policy.act(observations)
    assert env.action_space("subject_0").contains(actions["subject_0"])


def test_rllib_restores_the_checkpoint(run: Any) -> None:
    result, _ = run
    algorithm = Algorithm.from_checkpoint(str(result.out / "checkpoint"))
    try:
        assert algorithm.iteration == result.iterations
        report = algorithm.train()
        lifetime = report["env_runners"]["num_env_steps_sampled_lifetime"]
        assert lifetime > result.steps
    finally:
        algorithm.stop()


def test_what_is_printed_and_kept_is_of_the_trials_in_the_table(run: Any) -> None:
    result, _ = run
    table = npar.Trials.read_csv(result.out / "trials.csv")
    summary = json.loads((result.out / "summary.json").read_text())
    assert summary["evaluation_trials"] == len(table) == len(result.records)
    assert summary["correct"] == table.performance() == result.correct
    assert summary["reward_per_trial"] == pytest.approx(table["reward"].mean())
    shares = {name: float((table["outcome"] == name).mean()) for name in np.unique(table["outcome"])}
    assert summary["outcomes"]["subject_0.dots"] == pytest.approx(shares)
    said = summarize_run(result.out)
    assert f"{100 * table['correct'].mean():.1f} % correct, criterion 70 %" in said
    assert f"the {len(table):,} trials in trials.csv" in said
    for lane in np.unique(table["lane"]):  # all of them in a row, from the first one on
        trials = table["trial"][table["lane"] == lane]
        np.testing.assert_array_equal(trials, np.arange(len(trials)))
        assert len(trials) >= 40


def test_sessions_are_long_enough_for_the_scenario() -> None:
    def size(what: Any, **options: Any) -> tuple[int, int]:
        return session_size(env_config(npar.Scenario.load(what), **options))

    assert size("go_nogo") == (103, 40)
    assert size("go_nogo", session={"trials": 150}) == (28, 150)
    lanes, trials = size("trial_history_2afc")
    assert trials >= 4 * 80  # blocks of 80 trials on average
    assert lanes * trials >= 4096
    assert size("stop_signal")[1] >= 100  # a staircase


def test_the_same_steps_are_the_same_curve_and_result_however_slow_the_machine_is(tmp_path: Path) -> None:
    endless = quick_dots().replace(train={"criterion": {"reward": 2.0}})  # more than there is: the steps end it

    def learn(slow: float, **options: Any) -> Any:
        return train(
            endless,
            progress=lambda _: time.sleep(slow),
            evaluate_every_steps=4000,
            lanes=16,
            n_steps=40,
            seed=5,
            **options,
        )

    def curve(result: Any) -> Any:
        return [{key: float(value) for key, value in row.items() if key != "seconds"} for row in result.history]

    def weights(result: Any) -> Any:
        states = [module.state_dict() for module in result.policy.modules.values()]
        return np.concatenate([value.numpy().ravel() for state in states for value in state.values()])

    whole = learn(0.0, budget_steps=12 * 640, out=tmp_path / "whole")
    again = learn(0.02, budget_steps=12 * 640)
    half = learn(0.0, budget_steps=6 * 640, out=tmp_path / "half")
    rest = train(resume=tmp_path / "half", budget_steps=6 * 640)
    assert (whole.iterations, half.iterations, rest.iterations) == (12, 6, 12)
    assert whole.ended_by == "budget_steps"
    assert len(whole.history) == 1
    assert curve(whole) == curve(again) == curve(rest)
    for other in (again, rest):  # 6 and 6 updates are 12, bit for bit
        np.testing.assert_array_equal(weights(whole), weights(other))
        assert whole.records.equals(other.records)
    assert not np.array_equal(weights(whole), weights(half))
    summary = json.loads((tmp_path / "whole" / "summary.json").read_text())
    assert (summary["budget_steps"], summary["steps"]) == (12 * 640, 12 * 640)


def test_a_budget_of_trials_ends_a_run() -> None:
    result = train(quick_dots(), budget_trials=300, criterion={}, lanes=16)
    assert result.ended_by == "budget_trials"
    assert 300 <= result.trials < 1000
    assert result.passed is None  # there is no criterion to pass


def test_budgets_of_a_call_stand_for_themselves() -> None:
    scenario = quick_dots().replace(train={"budget_steps": 5e6})
    assert plan_for(scenario).budget == Budget(5_000_000, None, 25.0)
    assert plan_for(scenario, budget_trials=10).budget == Budget(None, 10, None)
    assert plan_for(scenario, budget_s=900).budget == Budget(None, None, 900.0)
    assert plan_for(npar.Scenario.load("go_nogo")).budget.steps == 5_000_000
    for wrong in (0, 2.5, "many"):
        with pytest.raises(ArgumentError, match=r"budget_steps is .*; it is a whole number, 1 or more"):
            plan_for(scenario, budget_steps=wrong)


def test_every_shipped_scenario_is_trained_for_a_number_of_steps() -> None:
    for name in npar.list_scenarios():
        section = npar.Scenario.load(name).train or {}
        assert "evaluate_every_s" not in section
        assert "budget_steps" in section or "budget_s" not in section, name


def test_the_end_says_which_stage_was_not_passed_and_what_was_aborted(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"subject_0\.dots: \d+ % of its trials are aborted"):
        result = train(
            quick_dots().replace(**{"rewards.abort": 1.0}),  # so aborting is what is learnt
            out=tmp_path,
            budget_steps=10_000,
            curriculum=[{"params.coherences": [100.0]}],
            explore=True,  # a network that learnt nothing responds at any time
        )
    assert result.passed is False
    assert result.outcomes["subject_0.dots"]["abort"] > 0.2
    said = summarize_run(tmp_path)
    assert "stage 1 of 2 not passed, ended by its budget of steps" in said
    assert "% aborted" in said
    assert "Warning: subject_0.dots" in said
    free = train(quick_dots(), out=tmp_path / "free", budget_steps=1, criterion={})
    assert free.passed is None
    assert json.loads((tmp_path / "free" / "summary.json").read_text())["passed"] is None
    assert "no criterion, trained until its budget of steps" in summarize_run(tmp_path / "free")


def test_an_interrupted_run_is_kept_and_goes_on(tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.iteration == 5:
            raise KeyboardInterrupt

    first = train(quick_dots(), out=tmp_path / "run", progress=stop)
    assert first.interrupted
    assert first.iterations == 5
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["interrupted"] is True
    second = train(resume=tmp_path / "run", budget_s=1.0, criterion={})
    assert second.iterations > 5
    assert second.steps > first.steps
    assert second.out == tmp_path / "run"


def test_a_run_is_written_over_neither_by_another_nor_by_one_that_goes_on_elsewhere(run: Any, tmp_path: Path) -> None:
    kept = run[0].out
    before = (kept / "summary.json").read_text()
    (tmp_path / "summary.json").write_text(before)
    for place, resume in ((kept, None), (tmp_path, kept)):
        with pytest.raises(ArgumentError, match=rf"holds a run already.*--resume.*train\(resume='{place}'\)"):
            train(quick_dots(), out=place, resume=resume, budget_s=0.1)
    assert (kept / "summary.json").read_text() == (tmp_path / "summary.json").read_text() == before


def test_what_was_learnt_is_kept_now_and_then_whatever_happens(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("neuroparallel.rllib.training.KEEP_EVERY_S", 0.0)

    class PowerCutError(Exception):
        pass

    def cut(progress: Progress) -> None:
        if progress.evaluated and (tmp_path / "summary.json").exists():
            raise PowerCutError

    with pytest.raises(PowerCutError):
        train(quick_dots(), out=tmp_path, budget_s=60, criterion={}, evaluate_every_s=0.3, progress=cut)
    kept = json.loads((tmp_path / "summary.json").read_text())
    assert kept["interrupted"] is True
    assert kept["iteration"] > 0
    assert evaluate(tmp_path, lanes=4).performance()
    more = train(resume=tmp_path, budget_s=0.5, criterion={})
    assert more.iterations > kept["iteration"]
    assert (tmp_path / "trials.csv").exists()
    with pytest.raises(ArgumentError, match=r"It holds runs, of which .* is the latest"):
        load_policy(tmp_path.parent)


def test_stages_follow_each_other_and_keep_what_was_learnt() -> None:
    stages: list[int] = []
    result = train(
        quick_dots(),
        budget_s=20,
        criterion={"dots": 0.65},
        curriculum=[{"timing": {"stimulus": 200}}, {"params.coherences": [100.0]}],
        progress=lambda progress: stages.append(progress.stage),
    )
    assert result.passed
    assert sorted(set(stages)) == [1, 2, 3]
    assert stages == sorted(stages)


def test_a_stage_may_have_a_criterion_of_its_own() -> None:
    easy = {"params.coherences": [100.0]}
    scenario = quick_dots().replace(train={"criterion": {"dots": 0.65}})
    stages = plan_for(scenario, curriculum=[{**easy, "train.criterion": {"dots": 0.9}}, easy]).stages
    assert [stage.criterion for stage in stages] == [{"subject_0.dots": 0.9}, None, None]
    result = train(scenario, budget_s=20, curriculum=[{**easy, "train.criterion": {"dots": 0.9}}])
    assert max(row["subject_0.dots"] for row in result.history if row["stage"] == 1) > 0.9
    with pytest.raises(ArgumentError, match=r"curriculum\.0: criterion\.dits: there is no stream"):
        plan_for(scenario, curriculum=[{"train.criterion": {"dits": 0.9}}])


def test_two_remote_workers_sample_different_trials() -> None:
    config = ppo_config(quick_dots(), lanes=4, num_env_runners=2, n_steps=10)
    algorithm = config.build_algo()
    try:
        report = algorithm.train()
        assert report["env_runners"]["num_env_steps_sampled"] == 80
        rollouts = algorithm.env_runner_group.foreach_env_runner(lambda runner: runner.sample(), local_env_runner=False)
        one, two = (rollout[0].modules["shared"].observations for rollout in rollouts)
        assert not np.allclose(one, two)
    finally:
        algorithm.stop()


def test_two_learners_share_an_update_and_stay_equal() -> None:
    config = ppo_config(quick_dots(), lanes=8, n_steps=20).learners(num_learners=2, num_cpus_per_learner=0.5)
    algorithm = config.build_algo()

    def weights() -> list[np.ndarray]:
        def flat(learner: Any) -> np.ndarray:
            parameters = learner.module["shared"].state_dict()
            return np.concatenate([value.cpu().numpy().ravel() for value in parameters.values()])

        return [result.get() for result in algorithm.learner_group.foreach_learner(flat)]

    try:
        before = weights()
        algorithm.train()
        one, two = weights()
        np.testing.assert_array_equal(one, two)
        assert not np.allclose(one, before[0])
        runner = algorithm.env_runner.module["shared"].state_dict()
        np.testing.assert_array_equal(np.concatenate([v.numpy().ravel() for v in runner.values()]), one)
    finally:
        algorithm.stop()


def test_rllibs_own_runner_learns_the_same_task() -> None:
    config = ppo_config(quick_dots(), stock=True, lanes=16, n_steps=20, epochs=4, session={"steps": 100})
    algorithm = config.build_algo()
    try:
        returns = []
        for _ in range(25):
            report = algorithm.train()
            value = report["env_runners"].get("episode_return_mean")
            if value is not None and np.isfinite(value):  # nan in updates in which no session ended
                returns.append(value)
        assert returns[-1] > returns[0] + 2
    finally:
        algorithm.stop()


def test_more_workers_than_processors_are_refused_at_once() -> None:
    with pytest.raises(UsageError, match="processors"):
        train(quick_dots(), num_env_runners=64)


def test_unknown_streams_and_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="Did you mean"):
        train(quick_dots(), criterion={"dot": 0.9})
    with pytest.raises(ArgumentError, match="no share of trials, above 0 and up to 1"):
        train(quick_dots(), criterion={"dots": 90})
    with pytest.raises(ArgumentError, match=r"There is no checkpoint in .*neuroparallel\.json"):
        train(resume=tmp_path)


def test_a_run_with_other_networks_cannot_be_continued(run: Any, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="have other sizes than these; go on with the scenario and settings"):
        train(resume=run[0].out, lstm=32, out=tmp_path / "on")
    assert not (tmp_path / "on").exists()


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="MB are free"):
        check_space(tmp_path / "not" / "yet", megabytes=10**9)


def test_tuning_tries_settings_side_by_side_and_keeps_checkpoints(tmp_path: Path) -> None:
    results = tune(quick_dots(), out=tmp_path / "search", samples=2, iterations=4, grace=2, lanes=16)
    assert len(results) == 2
    assert not results.errors
    best = results.get_best_result()
    assert best.checkpoint is not None
    rates = {result.config["lr"] for result in results}
    assert len(rates) == 2
    named = json.loads((tmp_path / "search" / "best.json").read_text())
    assert named["trial"] == Path(best.path).name
    scenario = npar.Scenario.load(tmp_path / "search" / "scenario.yaml")
    assert scenario.train["lr"] == best.config["lr"]
    assert scenario.train["lanes"] == 16
    policy = load_policy(tmp_path / "search")
    assert policy.metadata["train"]["lr"] == best.config["lr"]
    assert main(["report", str(tmp_path / "search")]) == 0
    assert main(["evaluate", best.checkpoint.path, "--lanes", "4"]) == 0
    whole = [str(tmp_path / "search"), "--out", str(tmp_path / "whole"), "--budget", "0.2"]
    assert main(["train", "--from", *whole]) in (0, 3)
    on = ["--resume", best.checkpoint.path, "--out", str(tmp_path / "on"), "--budget", "0.2"]
    assert main(["train", *on]) in (0, 3)
    again = tune(quick_dots(), out=tmp_path / "search", resume=True)
    assert len(again) == 2


@pytest.mark.entropy
def test_a_run_keeps_the_seed_that_was_drawn_for_it(tmp_path: Path) -> None:
    def learnt(name: str, **seed: int) -> tuple[int, Any, str]:
        train(quick_dots(), out=tmp_path / name, budget_steps=640, lanes=16, criterion={}, **seed)
        drawn = json.loads((tmp_path / name / "summary.json").read_text())["seed"]
        return drawn, load_policy(tmp_path / name), (tmp_path / name / "trials.csv").read_text()

    first, other = learnt("first"), learnt("other")
    assert first[0] != other[0]
    again = learnt("again", seed=first[0])
    assert again[0] == first[0]
    assert again[2] == first[2]
    weights = [policy.modules["shared"].state_dict() for _, policy, _ in (first, again, other)]
    same = [all(np.array_equal(weights[0][key], each[key]) for key in each) for each in weights]
    assert same == [True, True, False]
