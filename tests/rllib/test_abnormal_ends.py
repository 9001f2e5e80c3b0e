"""What was learnt is kept whatever ends a training, and what is damaged is named."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

import ray

import neuroparallel as npar
from neuroparallel.errors import ArgumentError, UsageError
from neuroparallel.records import safe_files
from neuroparallel.rllib import evaluate, init_ray, train
from neuroparallel.rllib.curriculum_trainer import Trainer
from neuroparallel.rllib.progress import Progress

pytestmark = [pytest.mark.rllib, pytest.mark.slow]


def dots(**timing: float) -> Any:
    stream = {"task": "random_dots", "timing": {"fixation": 100, "stimulus": 300, "decision": 100, **timing}}
    return npar.Scenario.load(
        {
            "name": "quick_dots",
            "dt": 100,
            "subjects": {"subject_0": {"streams": {"dots": stream}}},
            "train": {"budget_s": 60, "criterion": {"dots": 1.0}, "evaluate_every_s": 0.2, "lanes": 16, "lstm": 16},
        }
    )


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    init_ray(num_cpus=3)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("kept") / "run"
    train(dots(), out=place, budget_s=0.5)
    return place


@pytest.fixture
def run(kept: Path, tmp_path: Path) -> Path:
    """A copy of a run, to be damaged."""
    return Path(shutil.copytree(kept, tmp_path / "run"))


def test_a_killed_env_runner_is_restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    iterate = Trainer.iterate

    def kill_in_the_third(trainer: Trainer) -> None:
        if trainer.counters()["iteration"] == 2 and not killed:
            group = trainer.algorithm.env_runner_group
            killed.extend(group.foreach_env_runner(lambda _: os.getpid(), local_env_runner=False))
            os.kill(killed[0], signal.SIGKILL)
        iterate(trainer)

    def stop(progress: Progress) -> None:
        if progress.iteration >= 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "iterate", kill_in_the_third)
    result = train(dots(), out=tmp_path / "run", num_env_runners=1, budget_s=120, progress=stop)
    assert killed
    assert killed[0] != os.getpid()
    assert result.iterations == 6
    assert result.steps >= 6 * 16
    assert result.reward_per_trial == result.reward_per_trial


def test_env_runners_that_do_not_come_back_end_the_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("neuroparallel.rllib.curriculum_trainer.MOST_IDLE_S", 0.0)

    def lose(progress: Progress) -> None:
        if progress.iteration == 3:
            monkeypatch.setattr(
                "ray.rllib.algorithms.ppo.PPO.train", lambda _: {"env_runners": {"trials": float("nan")}}
            )

    with pytest.raises(UsageError, match="No env runner has sampled anything") as caught:
        train(dots(), out=tmp_path / "run", progress=lose)
    assert "neuroparallel train --resume" in caught.value.__notes__[0]
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["iteration"] == 3


@pytest.mark.parametrize("error", [ZeroDivisionError("mine"), SystemExit(4)])
def test_any_error_keeps_what_was_learnt_and_says_where(error: BaseException, tmp_path: Path) -> None:
    def fail(progress: Progress) -> None:
        if progress.iteration == 3:
            raise error

    place = tmp_path / "my run"
    with pytest.raises(type(error)) as caught:
        train(dots(), out=place, progress=fail, evaluate_every_s=50)
    assert caught.value.__notes__ == [
        f"What was learnt before is kept. To go on: neuroparallel train --resume '{place}'"
    ]
    summary = json.loads((place / "summary.json").read_text())
    assert (summary["interrupted"], summary["iteration"]) == (True, 3)
    assert train(resume=place, budget_s=0.2).iterations > 3


def test_nothing_is_kept_of_a_training_that_learnt_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Trainer, "iterate", fail)
    with pytest.raises(ZeroDivisionError):
        train(dots(), out=tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())


def test_a_ray_that_ended_is_named_and_what_was_learnt_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def end(progress: Progress) -> None:
        if progress.iteration == 3:
            monkeypatch.setattr("neuroparallel.rllib.cluster.ray_runs", lambda: False)

    with pytest.raises(UsageError, match="Ray has ended") as caught:
        train(dots(), out=tmp_path / "run", progress=end)
    assert "is kept" in caught.value.__notes__[0]
    assert evaluate(tmp_path / "run", lanes=4).performance()


def test_a_disk_that_gets_full_leaves_the_last_checkpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill(progress: Progress) -> None:
        if (tmp_path / "run" / "summary.json").exists():
            monkeypatch.setattr(safe_files.os, "fsync", full)
            raise KeyboardInterrupt

    with (
        pytest.warns(UserWarning, match="could not be kept: No space is left"),
        pytest.raises(UsageError, match=r"No space is left .* The last checkpoint is whole: .*checkpoint\."),
    ):
        train(dots(), out=tmp_path / "run", progress=fill)
    monkeypatch.undo()
    assert evaluate(tmp_path / "run", lanes=4).performance()
    assert train(resume=tmp_path / "run", budget_s=0.2).iterations > 0


def test_a_folder_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    def delete(progress: Progress) -> None:
        if (tmp_path / "run" / "summary.json").exists():
            shutil.rmtree(tmp_path / "run")
            raise KeyboardInterrupt

    result = train(dots(), out=tmp_path / "run", progress=delete)
    assert result.interrupted
    assert {"checkpoint", "scenario.yaml", "summary.json"} <= {path.name for path in (tmp_path / "run").iterdir()}
    assert evaluate(tmp_path / "run", lanes=4).performance()


def test_networks_that_are_not_finite_do_not_replace_sound_ones(kept: Path, run: Path) -> None:
    def spoil(progress: Progress) -> None:
        raise KeyboardInterrupt

    def nan(trainer: Trainer) -> bool:
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "is_finite", property(nan))
        with pytest.warns(UserWarning, match="not finite"), pytest.raises(UsageError, match="not finite"):
            train(resume=run, budget_s=1.0, progress=spoil)
    assert (run / "summary.json").read_bytes() == (kept / "summary.json").read_bytes()


@pytest.mark.parametrize("left", ["new and old", "old"])
def test_a_checkpoint_left_by_a_crash_is_found(run: Path, left: str) -> None:
    before = json.loads((run / "summary.json").read_text())["iteration"]
    (run / "checkpoint").rename(run / "checkpoint.old")
    if left == "new and old":
        shutil.copytree(run / "checkpoint.old", run / "checkpoint.new")
    assert evaluate(run, lanes=4).performance()
    assert evaluate(run / "checkpoint", lanes=4).performance()
    assert train(resume=run, budget_s=0.2).iterations > before
    assert {path.name for path in run.iterdir() if path.is_dir()} == {"checkpoint"}


def test_every_damaged_file_of_a_checkpoint_is_named(kept: Path, tmp_path: Path) -> None:
    checkpoint = kept / "checkpoint"
    read = ("state.pkl", "module_state.pkl")  # RLlib restores without the others
    files = [path.relative_to(kept) for path in checkpoint.rglob("*.pkl") if path.name in read]
    files += [(checkpoint / name).relative_to(kept) for name in ("neuroparallel.json", "policy.safetensors")]
    assert len(files) > 3
    for number, file in enumerate(sorted(files)):
        run = Path(shutil.copytree(kept, tmp_path / str(number)))
        content = (run / file).read_bytes()
        (run / file).write_bytes(content[: len(content) // 2])
        with pytest.raises(ArgumentError, match=rf"{re.escape(str(run))}.*(damaged|cannot be restored)"):
            train(resume=run, budget_s=0.05)


@pytest.mark.parametrize("other", ["go_nogo", "dpa_gng"])
def test_a_scenario_that_does_not_fit_its_checkpoint_is_named(run: Path, other: str) -> None:
    (run / "scenario.yaml").write_text(npar.Scenario.load(other).to_yaml())
    with pytest.raises(ArgumentError, match=r"does not fit the scenario: the checkpoint has the \w+ space|other sizes"):
        train(resume=run, budget_s=0.1)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("summary.json", "{", "damaged"),
        ("summary.json", '{"scenario": "x"}', "damaged, or of another version"),
        ("scenario.yaml", "", "scenario.yaml"),
        ("history.csv", "seconds,steps\n1,2\n3", "damaged"),
        ("history.csv", 'seconds\n"1', "damaged"),
    ],
)
def test_damaged_files_beside_the_checkpoint_are_named(run: Path, file: str, content: str, message: str) -> None:
    (run / file).write_text(content)
    with pytest.raises(ArgumentError, match=message) as caught:
        train(resume=run, budget_s=0.1)
    assert file in str(caught.value)


@pytest.mark.parametrize("key", ["seconds", "steps", "trials", "iteration", "correct", "stage"])
def test_a_summary_with_a_word_for_a_number_is_named(run: Path, key: str) -> None:
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps({**summary, key: "many"}))
    with pytest.raises(ArgumentError, match=rf"summary\.json: {key} is 'many'"):
        train(resume=run, budget_s=0.1)
