"""What is passed on of a training while it goes on."""

from __future__ import annotations

import csv
import io
import struct
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

import ray
from ray.tune.logger import LoggerCallback
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import RecordWriter

import neuroparallel as npar
from neuroparallel.cli import main
from neuroparallel.rllib import init_ray, train, tune

pytestmark = [pytest.mark.rllib, pytest.mark.slow]

SHORT = {"budget_steps": 6000, "evaluate_every_steps": 2000, "lanes": 16, "lstm": 16, "seed": 1}


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    init_ray(num_cpus=3)
    yield
    ray.shutdown()


class Notebook(LoggerCallback):
    """Takes down what it is told, as a logger of Weights & Biases or MLflow would send it."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def setup(self, *_: Any, **__: Any) -> None:
        self.told.append("setup")

    def log_trial_start(self, trial: Any) -> None:
        self.told.append(("start", str(trial), trial.config["scenario"], trial.config["lr"], Path(trial.local_path)))

    def log_trial_result(self, iteration: int, trial: Any, result: dict[str, Any]) -> None:
        self.told.append((iteration, result))

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        self.told.append(("end", failed))

    def on_experiment_end(self, trials: list[Any], **_: Any) -> None:
        self.told.append("over")


def events(place: Path) -> list[Event]:
    """All events in the files of a directory: records of a length, its checksum, the event and its checksum."""
    found = []
    for file in sorted(place.glob("events.out.tfevents.*")):
        data = file.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            found.append(Event.FromString(data[12 : 12 + length]))
            data = data[16 + length :]
    return found


def scalars(place: Path, name: str) -> list[tuple[int, float]]:
    return [(e.step, v.simple_value) for e in events(place) for v in e.summary.value if v.tag == name]


def test_event_files_hold_the_learning_curve_over_all_sittings(tmp_path: Path) -> None:
    place = tmp_path / "run"
    train("go_nogo", out=place, criterion={}, **SHORT)
    first = scalars(place, "reward_per_trial")
    assert len(first) == 3
    more = train(resume=place, budget_steps=2000)
    curve = [(int(row["steps"]), pytest.approx(float(row["reward_per_trial"]))) for row in more.history]
    assert len(curve) == 4
    assert sorted(scalars(place, "reward_per_trial")) == curve
    assert len(scalars(place, "abort/subject_0.go_nogo")) == 4
    assert all(value > 0 for _, value in scalars(place, "learner/shared/entropy"))
    with (place / "history.csv").open() as file:
        row = list(csv.DictReader(file))[-1]
    assert {"abort/subject_0.go_nogo", "miss/subject_0.go_nogo", "entropy/shared", "trap/aborts"} <= set(row)


def test_event_files_can_be_left_out(tmp_path: Path) -> None:
    train("go_nogo", out=tmp_path / "run", criterion={}, tensorboard=False, **SHORT)
    assert events(tmp_path / "run") == []
    words = ["--out", str(tmp_path / "command"), "--budget-steps", "4000", "--set", "train.evaluate_every_steps=2000"]
    assert main(["train", "go_nogo", "--no-tensorboard", *words]) in (0, 3)
    assert events(tmp_path / "command") == []


def test_a_full_disk_ends_the_event_file_and_not_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, written = RecordWriter.write, []

    def fail(writer: Any, data: bytes) -> None:
        written.append(data)
        if len(written) > 5:
            raise OSError(28, "No space left on device")
        write(writer, data)

    monkeypatch.setattr(RecordWriter, "write", fail)
    with pytest.warns(UserWarning, match="event file cannot be written .*No space left"):
        result = train("go_nogo", out=tmp_path / "run", criterion={}, **SHORT)
    assert len(result.history) == 3


def test_logger_callbacks_get_every_evaluation_and_the_end(tmp_path: Path) -> None:
    notebook = Notebook()
    result = train("go_nogo", out=tmp_path / "run", criterion={}, lr=2e-3, callbacks=[notebook], **SHORT)
    setup, start, *rows, end, over = notebook.told
    assert (setup, end, over) == ("setup", ("end", False), "over")
    assert start[1].startswith("go_nogo_")
    assert start[2:] == ("go_nogo", 2e-3, tmp_path / "run")
    assert [number for number, _ in rows] == [1, 2, 3]
    for (_, told), row in zip(rows, result.history, strict=True):
        assert told["timesteps_total"] == row["steps"]
        assert {key: told[key] for key in row} == row


def test_logger_callbacks_hear_of_an_error_and_of_ctrl_c() -> None:
    for error, failed in ((ZeroDivisionError, True), (KeyboardInterrupt, False)):
        notebook = Notebook()

        def stop(progress: Any, error: type[BaseException] = error) -> None:
            if progress.evaluated:
                raise error

        try:
            train("go_nogo", criterion={}, callbacks=[notebook], progress=stop, **SHORT)
        except ZeroDivisionError:
            assert failed
        assert notebook.told[-2:] == [("end", failed), "over"]


def fake_mlflow(sent: list[Any]) -> dict[str, types.ModuleType]:
    """As much of MLflow as Ray's callback uses, without a server."""

    class Client:
        def __init__(self, **_: Any) -> None:
            pass

        def create_run(self, **given: Any) -> Any:
            sent.append(("run", given["run_name"]))
            return types.SimpleNamespace(info=types.SimpleNamespace(run_id="1"))

        def log_param(self, *, run_id: str, key: str, value: Any) -> None:
            sent.append(("param", key, value))

        def log_metric(self, *, run_id: str, key: str, value: float, step: int) -> None:
            sent.append(("metric", key, value, step))

        def set_terminated(self, **given: Any) -> None:
            sent.append(("end", given.get("status")))

    def module(name: str, **content: Any) -> types.ModuleType:
        made = types.ModuleType(name)
        made.__dict__.update(content)
        return made

    def nothing(*_: Any, **__: Any) -> None:
        return None

    calls = ("active_run", "set_tracking_uri", "set_registry_uri", "get_tracking_uri", "get_registry_uri", "get_run")
    modules = {
        "mlflow": module(
            "mlflow",
            __version__="3.0.0",
            get_experiment_by_name=nothing,
            create_experiment=lambda **_: "7",
            **dict.fromkeys(calls, nothing),
        ),
        "mlflow.exceptions": module("mlflow.exceptions", MlflowException=RuntimeError),
        "mlflow.tracking": module("mlflow.tracking", MlflowClient=Client),
        "mlflow.utils": module("mlflow.utils"),
        "mlflow.utils.mlflow_tags": module("mlflow.utils.mlflow_tags", MLFLOW_RUN_NAME="name"),
    }
    modules["mlflow"].__dict__["tracking"] = modules["mlflow.tracking"]
    return modules


def test_rays_own_callback_for_mlflow_works_with_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    for name, module in fake_mlflow(sent).items():
        monkeypatch.setitem(sys.modules, name, module)
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    result = train("go_nogo", criterion={}, callbacks=[MLflowLoggerCallback(experiment_name="mine")], **SHORT)
    rewards = [(value, step) for kind, name, *rest in sent if kind == "metric" and name == "reward_per_trial"
               for value, step in [rest]]  # fmt: skip
    assert rewards == [(row["reward_per_trial"], row["steps"]) for row in result.history]
    assert ("param", "seed", 1) in sent
    assert sent[-1] == ("end", "FINISHED")


class Counter(LoggerCallback):
    """Counts the results of all trials of a search."""

    def __init__(self) -> None:
        self.results: dict[str, int] = {}

    def log_trial_result(self, iteration: int, trial: Any, result: dict[str, Any]) -> None:
        assert "correct" in result["env_runners"]
        self.results[trial.trial_id] = self.results.get(trial.trial_id, 0) + 1


def test_a_search_keeps_progress_files_and_calls_loggers(tmp_path: Path) -> None:
    counter = Counter()
    space = {"lr": {"choice": [1e-3, 2e-3]}}
    tune("go_nogo", out=tmp_path / "search", samples=2, iterations=2, space=space, lanes=16, callbacks=[counter])
    assert list(counter.results.values()) == [2, 2]
    trials = [path for path in (tmp_path / "search").iterdir() if (path / "progress.csv").is_file()]
    assert len(trials) == 2
    for trial in trials:
        with (trial / "progress.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [row["training_iteration"] for row in rows] == ["1", "2"]
        assert "env_runners/correct" in rows[0]
        assert scalars(trial, "ray/tune/env_runners/correct")


def test_a_bar_is_shown_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    train("go_nogo", criterion={}, progress="bar", **SHORT)
    captured = capsys.readouterr()
    assert captured.out == ""
    title, *lines = captured.err.splitlines()
    assert title == "go_nogo"
    assert "reward per trial, subject_0.go_nogo" in lines[0]


def test_a_bar_stays_in_its_place_on_a_terminal() -> None:
    from rich.console import Console

    from neuroparallel.rllib import Progress
    from neuroparallel.rllib.display import Display

    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with warnings.catch_warnings(), Display(console) as display:
        for step in range(3):
            display.update(Progress(step, step, 20, 0.5, {"worker.dots": 0.75}, 3.0, 60.0, evaluated=True))
    assert "75.0 % correct" in console.file.getvalue()
    assert npar.rllib.Progress is Progress
