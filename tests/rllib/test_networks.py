"""Networks: what each computes, that a sequence may be cut anywhere, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

pytest.importorskip("ray")

import torch
from torch import nn

import neuroparallel as npar
from neuroparallel.cli import main
from neuroparallel.errors import ArgumentError
from neuroparallel.rllib import ActorCritic, load_policy, ppo_config, train
from neuroparallel.rllib.networks import build_network, check_network, network_names
from neuroparallel.rllib.networks.rnn import RNN
from neuroparallel.rllib.policy_file import write_policy

pytestmark = pytest.mark.rllib

INPUTS = 5
ALL: list[Any] = [*network_names(), {"name": "rnn", "excitatory": 0.8, "rate": "relu", "sparsity": 0.5}]
ALL += [{"name": "rnn", "rank": 2}, {"name": "transformer", "layers": 2, "window": 4}]


class Elman(nn.Module):
    """A user's own network."""

    def __init__(self, inputs: int, units: int = 8) -> None:
        super().__init__()
        self.rnn = nn.RNN(inputs, units, batch_first=True)

    def initial_state(self) -> dict[str, torch.Tensor]:
        return {"h": torch.zeros(self.rnn.hidden_size)}

    def forward(self, observation: torch.Tensor, state: dict[str, torch.Tensor]) -> Any:
        output, h = self.rnn(observation, state["h"].unsqueeze(0).contiguous())
        return output, {"h": h.squeeze(0)}


def started(network: Any, rows: int) -> dict[str, torch.Tensor]:
    return {key: value.unsqueeze(0).repeat_interleave(rows, 0) for key, value in network.initial_state().items()}


@pytest.mark.parametrize("given", [*ALL, f"{__name__}:Elman"], ids=str)
@torch.no_grad()
def test_a_sequence_gives_the_same_wherever_it_is_cut(given: Any) -> None:
    torch.manual_seed(1)
    network = build_network(given, INPUTS, memory_steps=6, seed=3).eval()
    seen = torch.randn(4, 12, INPUTS)
    whole, end = network(seen, started(network, 4))
    state, parts = started(network, 4), []
    for part in seen.split([1, 1, 7, 3], dim=1):
        output, state = network(part, state)
        parts.append(output)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=2e-6, rtol=1e-4)
    for key, value in end.items():
        torch.testing.assert_close(state[key], value, atol=2e-6, rtol=1e-4)


@pytest.mark.parametrize("given", ALL, ids=str)
@torch.no_grad()
def test_rows_do_not_touch_each_other_and_the_future_does_not_matter(given: Any) -> None:
    torch.manual_seed(1)
    network = build_network(given, INPUTS, memory_steps=6).eval()
    seen = torch.randn(3, 8, INPUTS)
    changed = seen.clone()
    changed[1] += 1.0
    changed[0, 5:] += 1.0
    before, after = network(seen, started(network, 3))[0], network(changed, started(network, 3))[0]
    torch.testing.assert_close(before[2], after[2])
    torch.testing.assert_close(before[0, :5], after[0, :5])
    assert not torch.allclose(before[1], after[1])


@pytest.mark.parametrize("given", ["lstm", "gru", "rnn", "transformer"])
@torch.no_grad()
def test_recurrent_networks_remember_and_an_mlp_does_not(given: str) -> None:
    torch.manual_seed(1)
    for name, remembers in ((given, True), ("mlp", False)):
        network = build_network(name, INPUTS, memory_steps=20).eval()
        seen = torch.zeros(2, 10, INPUTS)
        seen[1, 0] = 1.0
        last = network(seen, started(network, 2))[0][:, -1]
        assert bool((last[0] - last[1]).abs().max() > 1e-5) is remembers


def test_the_leaky_network_follows_its_equation() -> None:
    torch.manual_seed(1)
    network = RNN(2, 3, tau=50.0, dt=10.0, rate="tanh")
    seen, x = torch.randn(1, 4, 2), torch.zeros(1, 3)
    with torch.no_grad():
        rates, state = network(seen, {"x": x})
        for step in range(4):
            drive = network.weights() @ x[0].tanh() + network.inputs.weight @ seen[0, step] + network.inputs.bias
            x = x + 10.0 / 50.0 * (drive - x)
            torch.testing.assert_close(rates[0, step], x[0].tanh())
    torch.testing.assert_close(state["x"], x)


def test_dales_law_sparsity_and_rank_hold_for_the_weights_as_they_act() -> None:
    torch.manual_seed(1)
    dale = RNN(2, 50, excitatory=0.8, rate="relu", sparsity=0.4)
    weights = dale.weights()
    assert (weights[:, :40] >= 0).all()
    assert (weights[:, 40:] <= 0).all()
    off_diagonal = ~torch.eye(50, dtype=torch.bool)
    absent = (weights[off_diagonal] == 0).float().mean().item()
    assert absent == pytest.approx(0.4, abs=5 * (0.4 * 0.6 / off_diagonal.sum().item()) ** 0.5)
    output = dale(torch.randn(3, 5, 2), {"x": torch.randn(3, 50)})[0]
    assert (output[..., 40:] == 0).all()
    assert (output[..., :40] > 0).any()
    low = RNN(2, 30, rank=2)
    assert torch.linalg.matrix_rank(low.left @ low.right.T) == 2


def test_inhibitory_units_are_not_slower_than_excitatory_ones() -> None:
    leak = RNN(2, 50, excitatory=0.8, rate="relu").leak
    for units in (leak[:40], leak[40:]):
        assert units[0].item() == pytest.approx(0.5)  # 2 dt
        assert units[-1].item() == pytest.approx(0.05)  # 20 dt
    assert len(RNN(2, 50, excitatory=1.0, rate="relu").leak) == 50


def test_private_noise_has_the_stationary_size_asked_for_and_is_off_in_tests() -> None:
    torch.manual_seed(1)
    network = RNN(1, 400, tau=100.0, dt=10.0, noise=0.3)
    with torch.no_grad():
        network.recurrent.zero_(), network.inputs.weight.zero_(), network.inputs.bias.zero_()
        seen = torch.zeros(1, 100, 1)
        assert (network(seen, started(network, 1))[1]["x"] == 0).all()
        network.noisy = True
        sizes = [network(seen, started(network, 1))[1]["x"].std().item() for _ in range(20)]
    assert sum(sizes) / 20 == pytest.approx(0.3, abs=5 * 0.3 / (2 * 400 * 20) ** 0.5)


class NoState(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()


class Flat(Elman):
    def forward(self, observation: torch.Tensor, state: dict[str, torch.Tensor]) -> Any:
        output, state = super().forward(observation, state)
        return output[:, -1], state


class OtherState(Elman):
    def forward(self, observation: torch.Tensor, state: dict[str, torch.Tensor]) -> Any:
        return super().forward(observation, state)[0], {"c": state["h"]}


class Broken(Elman):
    def forward(self, observation: torch.Tensor, state: dict[str, torch.Tensor]) -> Any:
        raise RuntimeError("no idea")


class Squeezed(Elman):
    def forward(self, observation: torch.Tensor, state: dict[str, torch.Tensor]) -> Any:
        output, state = super().forward(observation, state)
        return output.squeeze(), state


class Double(Elman):
    def forward(self, observation: torch.Tensor, state: dict[str, torch.Tensor]) -> Any:
        output, state = super().forward(observation, state)
        return output.double(), state


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("lstmm", "Did you mean 'lstm'"),
        ("nowhere:Network", "cannot be imported"),
        (f"{__name__}:INPUTS", "must be a class derived from torch.nn.Module"),
        ({"name": "gru", "unit": 3}, r"network\.unit: the network 'gru' has no option 'unit'.*Did you mean 'units'"),
        ({"units": 3}, "it is a name"),
        ({"name": "rnn", "tau": -1}, r"network\.tau is -1; it is a time above 0 ms"),
        ({"name": "rnn", "excitatory": 0.8}, "set rate: relu or softplus"),
        ({"name": "rnn", "sparsity": 1.0}, r"network\.sparsity is 1\.0"),
        ({"name": "rnn", "rank": 65}, r"network\.rank is 65; it is a whole number from 1 to 64"),
        ({"name": "transformer", "units": 30}, "a multiple of the 4 heads"),
        (f"{__name__}:NoState", "has no method initial_state"),
        (f"{__name__}:Flat", r"output of shape \(1, 8\) for 1 row\(s\) of 1 step\(s\)"),
        (f"{__name__}:Squeezed", r"output of shape \(8,\) for 1 row\(s\) of 1 step\(s\)"),
        (f"{__name__}:Double", r"of type torch\.float64; it is torch\.float32"),
        (f"{__name__}:OtherState", r"state of shapes \{'c': \(1, 8\)\}"),
        (f"{__name__}:Broken", "RuntimeError: no idea"),
    ],
)
def test_a_network_that_does_not_keep_to_the_protocol_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        build_network(given, INPUTS)


def test_a_check_draws_nothing() -> None:
    network = build_network({"name": "rnn", "noise": 0.1}, INPUTS)
    network.noisy = True
    torch.manual_seed(5)
    check_network(network, INPUTS)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))


def test_the_scenario_names_the_network() -> None:
    config = ppo_config("random_dots", network={"name": "rnn", "units": 32, "tau": 200})
    assert config.rl_module_spec.model_config["network"] == {"name": "rnn", "units": 32, "tau": 200}
    assert ppo_config("random_dots", lstm=16).rl_module_spec.model_config["network"] == {"name": "lstm", "units": 16}
    assert ppo_config("random_dots", lstm=0).rl_module_spec.model_config["network"] == {"name": "mlp"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*the network has no memory:UserWarning")
@pytest.mark.parametrize("given", [*network_names(), ALL[-3], f"{__name__}:Elman"], ids=str)
def test_curriculum_checkpoint_resume_and_report_work_with_any_network(given: Any, tmp_path: Path) -> None:
    small = {"network": given, "hidden": [4], "lanes": 8, "epochs": 1, "minibatches": 1}
    stages = [{"timing.decision": 500, "train.criterion": {"go_nogo": 0.01}}]
    first = train(
        "go_nogo", out=tmp_path / "run", budget_steps=900, evaluate_every_steps=200, curriculum=stages, seed=0, **small
    )
    assert [row["stage"] for row in first.history][:2] == [1, 2]
    again = train(resume=first.out, budget_steps=900)
    assert again.steps > first.steps
    assert type(again.policy.modules["shared"].network) is type(build_network(given, INPUTS))
    assert main(["report", str(again.out)]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("given", ["gru", ALL[-3], f"{__name__}:Elman"], ids=str)
def test_a_subject_with_any_network_plays_a_seat(given: Any, tmp_path: Path) -> None:
    run = train("matching_pennies", network=given, lanes=4, out=tmp_path / "run", budget_steps=200, seed=0)
    seated = npar.Scenario.load("matching_pennies").replace(**{"subjects.mismatcher.played_by": str(run.out)})
    assert len(npar.simulate(seated, "random", trials=5, seed=1)) >= 5


@pytest.mark.parametrize("given", [*ALL, f"{__name__}:Elman"], ids=str)
def test_a_policy_with_any_network_is_written_and_read(given: Any, tmp_path: Path) -> None:
    settings = {"network": given, "hidden": [6], "skip": True, "tmax": 10.0, "seed": 2, "max_seq_len": 5}
    module = ActorCritic(
        observation_space=gym.spaces.Box(-1, 1, (INPUTS,)), action_space=gym.spaces.Discrete(3), model_config=settings
    )
    write_policy(tmp_path, {"scenario": "{}"}, {"subject_0": "shared"}, {"shared": module})
    read = load_policy(tmp_path).modules["shared"]
    seen = torch.randn(2, 4, INPUTS)
    state = {key: value.unsqueeze(0).repeat_interleave(2, 0) for key, value in module.get_initial_state().items()}
    batch: dict[str, Any] = {"obs": seen, "state_in": state}
    with torch.no_grad():
        torch.testing.assert_close(
            read.forward_inference(batch)["action_dist_inputs"], module.forward_inference(batch)["action_dist_inputs"]
        )


def test_a_policy_file_never_imports_the_users_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil_network.py").write_text("raise SystemExit('this ran')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    settings = {"network": "mlp", "hidden": [], "tmax": 0.0, "seed": 0, "max_seq_len": 5}
    module = ActorCritic(
        observation_space=gym.spaces.Box(-1, 1, (INPUTS,)), action_space=gym.spaces.Discrete(3), model_config=settings
    )
    write_policy(tmp_path, {"scenario": "{}"}, {"subject_0": "shared"}, {"shared": module})
    file = tmp_path / "neuroparallel.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"mlp"', '"evil_network:Network"'), encoding="utf-8")
    with pytest.raises(ArgumentError, match="'evil_network:Network' is Python code"):
        load_policy(tmp_path)
