"""What cannot be trained is refused before the first update, and leaves no directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

import torch
from torch import nn

import neuroparallel as npar
from neuroparallel.cli import main
from neuroparallel.errors import ArgumentError
from neuroparallel.rllib import ppo_config, train, tune
from neuroparallel.rllib.training_plan import plan_for

pytestmark = pytest.mark.rllib


class Last(nn.Module):
    """Forgets the axis of steps."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, 8)

    def initial_state(self) -> dict[str, torch.Tensor]:
        return {}

    def forward(self, observation: torch.Tensor, state: dict[str, torch.Tensor]) -> Any:
        return self.layer(observation)[:, -1], state


MIXED = {
    "name": "mixed",
    "dt": 50,
    "subjects": {
        "subject_0": {
            "action": "factored",
            "streams": {"move": {"task": "pursuit"}, "choose": {"task": "go_nogo"}},
        }
    },
}
REFUSED = {
    "a network with a wrong shape": (
        "go_nogo",
        {"network": f"{__name__}:Last"},
        r"network: .*:Last\.forward returned an output of shape \(1, 8\)",
    ),
    "a criterion for a stream that is not there": (
        "dpa_gng",
        {"criterion": {"memori": 0.9}},
        r"criterion\.memori: there is no stream.*Did you mean",
    ),
    "a criterion of a stage": (
        "dpa_gng",
        {"curriculum": [{"train.criterion": {"gonogu": 0.9}}]},
        r"curriculum\.0: criterion\.gonogu: there is no stream",
    ),
    "movements and choices in one policy": (MIXED, {}, r"actions of subject_0 .*not both.*view='streams'"),
    "an algorithm that is not there": ("go_nogo", {"algorithm": "ppp"}, r"no algorithm 'ppp'.*Did you mean 'ppo'"),
    "a callback that is none": ("go_nogo", {"callbacks": [print]}, "callbacks: .* is no logger callback"),
    "a display that is none": ("go_nogo", {"progress": "line"}, "progress is 'line'; it is 'bar', a function"),
}


@pytest.mark.parametrize(("what", "settings", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_before_the_first_update(
    what: Any, settings: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: Any, **__: Any) -> None:
        raise AssertionError("training began")

    monkeypatch.setattr("neuroparallel.rllib.curriculum_trainer.Trainer.__init__", start)
    with pytest.raises(ArgumentError, match=message):
        train(what, out=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_a_file_with_a_wrong_network_or_criterion_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = npar.Scenario.load("go_nogo").to_yaml()
    file = tmp_path / "wrong.yaml"
    file.write_text(f"{text}\ntrain:\n  network: {__name__}:Last\n".replace("\ntrain: null\n", "\n"), encoding="utf-8")
    assert main(["check", str(file)]) == 1
    assert "train.network: " in capsys.readouterr().out


def test_the_check_of_a_network_changes_no_random_draw() -> None:
    torch.manual_seed(3)
    plan_for(npar.Scenario.load("go_nogo"))
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))


def test_other_entries_refuse_the_same() -> None:
    with pytest.raises(ArgumentError, match="not both"):
        ppo_config(MIXED)
    with pytest.raises(ArgumentError, match="callbacks: 3 is no logger callback"):
        tune("go_nogo", out="nowhere", space={"lr": {"uniform": [1e-4, 1e-3]}}, callbacks=3)
