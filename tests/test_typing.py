"""What a type checker knows of a user's script, and that no public signature hides its type."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import neuroparallel as npar
from neuroparallel.environments import factories

ROOT = Path(__file__).resolve().parent.parent
FACTORIES = {
    "parallel_env": npar.ParallelEnvironment,
    "aec_env": npar.AECEnvironment,
    "gym_env": npar.GymEnvironment,
    "vector_env": npar.VectorEnvironment,
    "batch": npar.BatchEnvironment,
}

SCRIPT = """\
import neuroparallel as npar

env = npar.parallel_env("random_dots")
reveal_type(env)
reveal_type(npar.gym_env("random_dots").trials())
reveal_type(npar.vector_env("random_dots", num_envs=2).trials())
reveal_type(npar.batch("random_dots", lanes=2).trials())
reveal_type(npar.aec_env("random_dots").trials())
reveal_type(npar.wrappers.previous_reward_v0(env).trials())
reveal_type(npar.wrappers.trial_history_v0("random_dots", probability=0.8))
reveal_type(npar.modifiers.list_modifiers())
table = env.trials().to_pandas()
env.trials().to_panda()
"""
TRIALS = "neuroparallel.records.trials.Trials"
KNOWN = [
    "neuroparallel.environments.parallel.ParallelEnvironment",
    *[TRIALS] * 5,
    "neuroparallel.scenario.scenario.Scenario",
    "list[str]",
]


@pytest.mark.slow
def test_a_users_script_is_checked_strictly(tmp_path):
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary", str(script)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        timeout=500,
    )
    found = re.findall(r'Revealed type is "(.*)"', done.stdout)
    assert [name.removesuffix("'") for name in found] == KNOWN, done.stdout + done.stderr
    errors = re.findall(r"error: (.*)", done.stdout)
    assert len(errors) == 1, done.stdout
    assert 'has no attribute "to_panda"' in errors[0]


@pytest.mark.parametrize("name", FACTORIES)
def test_factories_return_their_exported_classes(name):
    returned = inspect.signature(getattr(factories, name)).return_annotation
    assert returned == FACTORIES[name].__name__
    env = getattr(npar, name)("random_dots")
    inner = env.env if name == "aec_env" else env  # within PettingZoo's own wrapper
    assert isinstance(inner, FACTORIES[name])


@pytest.mark.parametrize("cls", FACTORIES.values(), ids=lambda cls: cls.__name__)
def test_no_public_method_of_an_environment_returns_any(cls):
    methods = {
        name: value.fget if isinstance(value, property) else value
        for name, value in vars(cls).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    }
    loose = [name for name, method in methods.items() if inspect.signature(method).return_annotation == "Any"]
    assert [name for name in loose if name != "observe"] == []  # of AEC: an array, or a dictionary by stream


def test_environments_have_what_gymnasium_and_pettingzoo_ask_for():
    parallel, gym = npar.parallel_env("random_dots"), npar.gym_env("random_dots")
    vector, batch = npar.vector_env("random_dots", num_envs=3), npar.batch("random_dots", lanes=3)
    for env in (parallel, gym, vector, batch):
        assert env.unwrapped is env.unwrapped is env
        assert env.metadata["render_fps"] == 1000 / env.dt
        assert "render_modes" in env.metadata
    assert vector.num_envs == batch.num_envs == 3
    assert gym.spec.entry_point == vector.spec.entry_point
    wrapped = npar.wrappers.previous_reward_v0(batch)
    assert wrapped.unwrapped is batch
    assert wrapped.num_envs == 3


def test_a_batch_is_made_anew_over_another_scenario():
    batch = npar.batch("random_dots", lanes=3, seed=5, record=7)
    again = npar.wrappers.trial_history_v0(batch, probability=0.8)
    assert isinstance(again, npar.BatchEnvironment)
    assert again.lanes == 3
    assert again.np_random_seed == 5
    assert again.scenario != batch.scenario
