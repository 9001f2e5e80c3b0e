"""Policies are kept in a format that cannot run code, also in what RLlib and Ray Tune write."""

from __future__ import annotations

import json
import pickle
import struct
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray")

import torch

import neuroparallel as npar
from neuroparallel.agents.trained_agent import load_trained
from neuroparallel.errors import ArgumentError
from neuroparallel.rllib import BatchedEnvRunner, init_ray, load_policy, ppo_config
from neuroparallel.rllib.policy_file import METADATA, WEIGHTS, write_policy
from neuroparallel.rllib.tensor_file import read_tensors, write_tensors

pytestmark = pytest.mark.rllib


def written(place: Path, what: Any = "dpa_gng", **settings: Any) -> tuple[Any, Any]:
    config = ppo_config(what, **settings)
    config.validate()
    runner = BatchedEnvRunner(config=config, worker_index=0)
    names = config.policy_mapping_fn.names
    modules = {name: runner.module[name].unwrapped() for name in set(names.values())}
    write_policy(place, dict(config.env_config), names, modules)
    return config, modules


@pytest.mark.parametrize("what", ["dpa_gng", "random_dots", "tracking_with_probe", "trust"])
@pytest.mark.parametrize("lstm", [0, 8])
@pytest.mark.filterwarnings("ignore:The task must be remembered")
def test_a_policy_comes_back_as_it_was(tmp_path: Path, what: str, lstm: int) -> None:
    _, modules = written(
        tmp_path, what, lstm=lstm, policies="independent" if what != "tracking_with_probe" else "streams"
    )
    torch.manual_seed(3)
    policy = load_policy(tmp_path)
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert drawn == torch.rand(1), "loading changes what is drawn"
    for name, module in modules.items():
        assert policy.modules[name].observation_space == module.observation_space
        assert policy.modules[name].action_space == module.action_space
        for key, value in module.state_dict().items():
            assert torch.equal(policy.modules[name].state_dict()[key], value)


class Evil:
    """A pickle that says so when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.write_text, (self.mark, "ran")


@pytest.mark.parametrize("file", [WEIGHTS, "learner_group/learner/rl_module/shared/class_and_ctor_args.pkl"])
def test_nothing_in_a_checkpoint_is_unpickled(tmp_path: Path, file: str) -> None:
    mark, place = tmp_path / "mark", tmp_path / "checkpoint"
    place.mkdir()
    written(place)
    (place / file).parent.mkdir(parents=True, exist_ok=True)
    (place / file).write_bytes(pickle.dumps(Evil(mark)))
    with pytest.raises(ArgumentError, match="damaged") if file == WEIGHTS else nullcontext():
        load_policy(tmp_path)
    assert not mark.exists()


def change(place: Path, **entries: Any) -> None:
    data = json.loads((place / METADATA).read_text())
    for entry in data["networks"].values():
        entry["settings"].update(entries.pop("settings", {}))
        entry.update(entries)
    (place / METADATA).write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"settings": {"hidden": [1_000_000, 1_000_000]}}, "are missing"),
        ({"settings": {"hidden": [1_000_000_000]}}, "have the shape .*; its settings ask for"),
        ({"settings": {"hidden": "x"}}, "cannot be built"),
        ({"settings": {"network": {"name": "lstm", "units": 10**30}}}, "cannot be built"),
        ({"settings": None}, "is not described"),
        ({"network": "os:system"}, "is no subclass"),
        ({"network": "antigravity:Class"}, r"is Python code, .*code=True\), or import antigravity first"),
        ({"network": "Actor"}, "there is no network 'Actor'.*ActorCritic"),
        ({"observations": {"box": 10**12}}, "is not described"),
        ({"actions": {"discrete": -1}}, "is not described"),
        ({"actions": 3}, "is not described"),
    ],
)
def test_a_description_is_checked(tmp_path: Path, entries: dict[str, Any], says: str) -> None:
    written(tmp_path)
    if entries.get("settings", ...) is None:
        data = json.loads((tmp_path / METADATA).read_text())
        data["networks"]["shared"]["settings"] = None
        (tmp_path / METADATA).write_text(json.dumps(data))
    else:
        change(tmp_path, **entries)
    with pytest.raises(ArgumentError, match=says):
        load_policy(tmp_path)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    written(tmp_path)
    weights = dict(read_tensors(tmp_path / WEIGHTS))
    name = next(iter(weights))
    weights[name] = np.full_like(weights[name], np.nan)
    write_tensors(tmp_path / WEIGHTS, weights)
    with pytest.raises(ArgumentError, match="not finite"):
        load_policy(tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"a": 1}',
        b'{"a": {"dtype": "F32", "shape": [1000000000], "data_offsets": [0, 4000000000]}}',
        b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}}',
        b'{"a": {"dtype": "O", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 6]}}',
    ],
)
def test_a_damaged_file_of_weights_is_refused(tmp_path: Path, header: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 4)
    with pytest.raises(ArgumentError, match="cannot be read"):
        read_tensors(file)


def test_what_rllib_saves_can_be_evaluated_seated_and_resumed(tmp_path: Path) -> None:
    init_ray()
    config = ppo_config("random_dots", lanes=8, n_steps=10, lstm=0, hidden=[12], lr=2e-3).training(gamma=0.9)
    algorithm = config.build_algo()
    algorithm.train()
    algorithm.save(str(tmp_path / "saved"))
    kept = algorithm.get_module("shared").state_dict()
    algorithm.stop()
    policy = load_policy(tmp_path / "saved")
    assert all(torch.equal(policy.modules["shared"].state_dict()[key], value) for key, value in kept.items())
    assert len(npar.rllib.evaluate(policy, lanes=4, trials=1)) >= 4
    assert len(npar.agents.simulate("random_dots", agents=load_trained(tmp_path / "saved"), trials=4)) >= 4
    result = npar.rllib.train(resume=tmp_path / "saved", out=tmp_path / "on", budget_s=0.2)
    section = result.scenario.train
    assert {key: section[key] for key in ("lanes", "n_steps", "network", "hidden", "lr", "gamma")} == {
        "lanes": 8, "n_steps": 10, "network": {"name": "mlp"}, "hidden": [12], "lr": 2e-3, "gamma": 0.9,
    }  # fmt: skip
    assert (tmp_path / "on" / "summary.json").is_file()
    assert not (tmp_path / "saved" / "summary.json").exists()
