"""Runs of several learners: a policy each, frozen ones on other seats, and games without right and wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray")

import ray
import torch

import neuroparallel as npar
from neuroparallel.agents.goals import full_names
from neuroparallel.cli import main
from neuroparallel.errors import ArgumentError, ScenarioError, UsageError
from neuroparallel.rllib import evaluate, init_ray, load_policy, ppo_config, train
from neuroparallel.rllib.curriculum_trainer import Stage, Trainer
from neuroparallel.rllib.env_creation import build_engine
from neuroparallel.rllib.evaluation import measure, who_draws
from neuroparallel.rllib.metrics import fraction_correct
from neuroparallel.rllib.training_plan import _written_out

pytestmark = [pytest.mark.rllib, pytest.mark.slow]

LEARNERS = ["matcher", "mismatcher"]
FAST: dict[str, Any] = {"lanes": 16, "lstm": 8, "hidden": (8,)}


def pennies(**changes: Any) -> Any:
    return npar.Scenario.load("matching_pennies").replace(**changes)


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    init_ray()
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return train(
        pennies(),
        out=tmp_path_factory.mktemp("runs") / "pennies",
        budget_s=1.6,
        seed=1,
        evaluate_every_steps=4000,
        **FAST,
    )


def seated(run: Any) -> Any:
    return pennies(**{"subjects.mismatcher.played_by": str(run.out)})


def test_each_learner_has_a_policy_of_its_own(run: Any) -> None:
    policy = load_policy(run.out)
    assert policy.names == {"matcher": "matcher", "mismatcher": "mismatcher"}
    one, other = (policy.modules[name].policy.weight for name in LEARNERS)
    assert not torch.equal(one, other)


def test_who_plays_a_game_draws_and_who_can_be_right_does_not() -> None:
    def drawing(what: Any, explore: bool | None = None) -> set[str]:
        return set(who_draws(npar.batch(what, lanes=1), explore))

    assert drawing("matching_pennies") == set(LEARNERS)
    assert drawing("cooperative_pull") == {"left", "right"}
    assert drawing("joint_perception") == drawing("dpa_gng") == set()
    assert drawing("matching_pennies", False) == set()
    assert drawing("dpa_gng", True) == {"subject_0"}


def test_a_game_is_tested_with_drawn_actions_and_has_no_percentage(run: Any) -> None:
    summary = json.loads((run.out / "summary.json").read_text())
    assert summary["draws"] == LEARNERS
    assert summary["correct"] == dict.fromkeys(("matcher.play", "mismatcher.play"))
    assert load_policy(run.out).draws == set(LEARNERS)
    assert not load_policy(run.out, explore=False).draws
    choices = run.records.where(subject="matcher")["choice"]
    assert {1, 2} <= set(choices.tolist())  # after a second of training nobody is sure yet


def test_trials_that_are_neither_right_nor_wrong_have_no_share_right_though_some_are_aborted() -> None:
    outcomes = npar.Outcome
    counts = np.zeros(7, np.int64)
    counts[[outcomes.ABORT, outcomes.UNSCORED]] = 5, 95
    assert np.isnan(fraction_correct(counts))
    counts[outcomes.ERROR] = 5
    assert fraction_correct(counts) == 0.0
    counts[[outcomes.ERROR, outcomes.UNSCORED]] = 0
    assert fraction_correct(counts) == 0.0  # aborted only


def test_draws_are_repeated_with_the_same_seed_and_leave_torchs_numbers_alone(run: Any) -> None:
    policy = load_policy(run.out)
    before = torch.get_rng_state()
    tables = [evaluate(policy, lanes=16, trials=4, seed=seed) for seed in (3, 3, 4)]
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(tables[0]["choice"], tables[1]["choice"])
    assert (tables[0]["choice"] != tables[2]["choice"]).any()


def test_what_is_drawn_has_the_policys_probabilities(run: Any) -> None:
    policy = load_policy(run.out, explore=True)
    seen = np.tile(npar.batch(pennies(), lanes=1).reset(0)[0]["matcher"], (20_000, 1))
    with torch.inference_mode():
        expected = torch.softmax(policy._logits("matcher", policy.modules["matcher"], torch.from_numpy(seen)), -1)[0]
    policy.reset()
    share = np.bincount(policy.act({"matcher": seen})["matcher"], minlength=3) / 20_000
    error = np.sqrt(0.25 / 20_000)
    assert np.abs(share - expected.numpy()).max() < 5 * error


# ---- a frozen one in another seat -----------------------------------------------------------------------------------


def test_a_frozen_checkpoint_takes_a_seat_in_every_kind_of_environment(run: Any) -> None:
    scenario = seated(run)
    batch = npar.batch(scenario, lanes=3, seed=7, session={"trials": 2})
    env = npar.parallel_env(scenario, lane=2, seed=7, session={"trials": 2})
    assert batch.possible_agents == env.possible_agents == ["matcher"]
    many, one = batch.reset(7)[0], env.reset(7)[0]
    rng = np.random.default_rng(0)
    for _ in range(60):
        np.testing.assert_array_equal(many["matcher"][2], one["matcher"])
        action = int(rng.integers(0, 3))
        many = batch.step({"matcher": np.full(3, action)})[0]
        if not env.agents:
            one = env.reset()[0]
            continue
        one = env.step({"matcher": action})[0]
    table = batch.trials().where(subject="mismatcher")
    assert (table["choice"] > 0).any()


def test_it_remembers_across_a_checkpoint_of_the_environment(run: Any) -> None:
    batch, again = (npar.batch(seated(run), lanes=4) for _ in range(2))
    batch.reset(0)
    for _ in range(23):
        batch.step({"matcher": np.ones(4, int)})
    again.reset(5)
    again.set_state(batch.state())
    for _ in range(40):
        mine = {"matcher": np.array([0, 1, 2, 0])}
        np.testing.assert_array_equal(batch.step(mine)[0]["matcher"], again.step(mine)[0]["matcher"])


def test_a_learner_trains_against_a_frozen_one_that_stays_as_it_is(run: Any, tmp_path: Path) -> None:
    before = {key: value.clone() for key, value in load_policy(run.out).modules["mismatcher"].state_dict().items()}
    result = train(seated(run), out=tmp_path / "run", budget_s=0.5, seed=2, **FAST)
    assert set(result.policy.names) == {"matcher"}
    assert set(result.records["subject"]) == set(LEARNERS)
    after = load_policy(run.out).modules["mismatcher"].state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    table = evaluate(tmp_path / "run", lanes=8, trials=2)
    assert len(table.where(subject="matcher")) == 16


def test_a_checkpoint_that_does_not_fit_is_refused_before_anything_is_written(run: Any, tmp_path: Path) -> None:
    more = {f"subjects.{name}.streams.play.params.options": 3 for name in LEARNERS}
    pays = [[[1, 0], [0, 1], [0, 0]], [[0, 1], [1, 0], [0, 0]], [[0, 0]] * 3]
    wide = pennies(**more, **{"groups.game.game.payoffs": pays, "subjects.mismatcher.played_by": str(run.out)})
    with pytest.raises(ScenarioError, match=r"mismatcher\.played_by: this policy learnt with 5 channels"):
        npar.batch(wide, lanes=2)
    blind = wide.replace(**{"subjects.mismatcher.sees": {"matcher": {"reward": True}}, "subjects.matcher.sees": []})
    narrow = blind.replace(**{"subjects.mismatcher.sees": {"matcher": {"reward": True, "message": 100}},
                              "subjects.matcher.message": {"levels": 2}})  # fmt: skip
    with pytest.raises(ScenarioError, match=r"mismatcher\.played_by: this policy learnt the actions Discrete\(3\)"):
        npar.batch(narrow, lanes=2)
    with pytest.raises(ScenarioError, match="played_by"):
        train(wide, out=tmp_path / "refused")
    assert not (tmp_path / "refused").exists()


# ---- several policies, kept and continued ---------------------------------------------------------------------------


def test_going_on_restores_every_policy_with_the_settings_of_the_run(run: Any, tmp_path: Path) -> None:
    kept = load_policy(run.out)
    written = npar.Scenario.load(str(run.out / "scenario.yaml"))
    assert {key: written.train[key] for key in FAST} == {**FAST, "hidden": [8]}
    config = ppo_config(written, seed=1)
    trainer = Trainer([Stage.of(config)], {"checkpoint": run.out / "checkpoint"})
    try:
        for name in LEARNERS:
            mine, theirs = trainer.policy.modules[name].state_dict(), kept.modules[name].state_dict()
            assert all(torch.equal(mine[key], theirs[key]) for key in theirs)
    finally:
        trainer.stop()
    longer = train(resume=run.out, out=tmp_path / "longer", budget_s=0.3)
    assert longer.iterations > run.iterations
    assert longer.policy.names == kept.names


def test_a_policy_named_in_the_call_is_the_one_that_is_kept_and_used() -> None:
    scenario, rest = _written_out(pennies(policies="independent"), {"policies": "shared", "lr": None, "hidden": (8,)})
    assert (scenario.policies, scenario.train["hidden"], rest) == ("shared", [8], {"lr": None})
    assert set(Stage.of(ppo_config(scenario)).names.values()) == {"shared"}
    within = pennies(policies=None, **{"train.policies": "independent"})
    scenario, rest = _written_out(within, {"policies": {"matcher": "a", "mismatcher": "b"}})
    assert Stage.of(ppo_config(scenario)).names == {"matcher": "a", "mismatcher": "b"}


def learnt_by(what: Any, policies: Any) -> set[str]:
    """Who had a finite loss in an iteration of training."""
    algorithm = ppo_config(what, policies=policies, lanes=8, lstm=8, hidden=(8,)).build_algo()
    try:
        learners = algorithm.train()["learners"]
    finally:
        algorithm.stop()
    return {name for name, told in learners.items() if np.isfinite(told.get("total_loss", np.nan))}


def test_some_may_share_and_others_not() -> None:
    names = {f"subject_{i}": "givers" if i < 3 else "loner" for i in range(4)}
    assert learnt_by("public_goods", names) >= {"givers", "loner"}


def test_each_stream_of_a_subject_may_learn_by_itself() -> None:
    assert learnt_by("dual_n_back", "streams") >= {"subject_0.position", "subject_0.letter"}


@pytest.mark.parametrize(
    ("what", "settings", "says"),
    [
        ("trust", {"policies": "shared"}, "share the policy 'shared' but differ"),
        ("matching_pennies", {"criterion": {"pley": 0.5}}, "Did you mean 'play'"),
        ("matching_pennies", {"criterion": {"reward": "much"}}, "is no number"),
        ("matching_pennies", {"explore": "no"}, "it is true or false"),
        ("matching_pennies", {"budget_s": -1}, "above 0"),
        ("matching_pennies", {"curriculum": {"lr": 1e-3}}, "it is a list of stages"),
        ("matching_pennies", {"lr": "fast"}, "it is a number"),
        ("matching_pennies", {"num_env_runners": 64}, "processors"),
    ],
)
def test_what_makes_no_sense_leaves_no_run(what: str, settings: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises((ArgumentError, UsageError), match=says):
        train(what, out=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_a_reward_to_reach_ends_training_when_it_is_exceeded_by_a_standard_error(run: Any) -> None:
    score, _ = measure(run.policy, run.policy.metadata["env"], lanes=64, seed=2)
    assert 0 < score.reward_error < 0.1
    assert sum(score.earned.values()) == pytest.approx(score.reward_per_trial)
    assert score.meets({"reward": score.reward_per_trial - 1.01 * score.reward_error})
    assert not score.meets({"reward": score.reward_per_trial - 0.99 * score.reward_error})
    result = train(pennies(), budget_s=10, criterion={"reward": -0.15}, seed=1, **FAST)
    assert result.passed


def test_a_criterion_named_after_the_stream_holds_for_all_who_have_one() -> None:
    twins = npar.Scenario.load("joint_random_dots")
    engine = build_engine({**ppo_config(twins, lanes=1).env_config, "lanes": 1})
    short = engine.stream_names[0].split(".")[1]
    found = full_names({short: 0.8}, engine.stream_names)
    assert found == {name: 0.8 for name in engine.stream_names if name.endswith(f".{short}")}
    assert len(found) > 1
    assert full_names({engine.stream_names[0]: 0.8}, engine.stream_names) == {engine.stream_names[0]: 0.8}


# ---- on the command line --------------------------------------------------------------------------------------------


def test_the_command_line_reports_tests_and_runs_a_game(run: Any, tmp_path: Path, capsys: Any) -> None:
    assert main(["report", str(run.out)]) == 0
    told = capsys.readouterr().out
    assert "matcher.play: no right and wrong, reward" in told
    assert "actions drawn by matcher, mismatcher" in told
    assert {"trial_matcher.png", "trial_mismatcher.png", "learning_curve.png"} <= {f.name for f in run.out.iterdir()}
    assert main(["evaluate", str(run.out), "--lanes", "8"]) == 0
    assert "% correct" not in capsys.readouterr().out
    picture = tmp_path / "choices.png"
    command = ["run", "matching_pennies", "--agent", str(run.out), "--trials", "200", "--plot", str(picture)]
    assert main(command) == 0
    assert "choices in a game" in capsys.readouterr().out
    assert picture.stat().st_size > 3_000
