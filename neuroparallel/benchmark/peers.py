"""The other side: NeuroGym in its own environment, NumPy's limit, PPO written by hand in PyTorch.

Their programs are in ``benchmarks/`` of the source tree and not in the installed package.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from neuroparallel.benchmark.clocks import Rates, Side, rate
from neuroparallel.environments import batch
from neuroparallel.errors import MissingDependencyError

__all__ = ["limit_side", "neurogym_side", "torch_side"]

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "benchmarks"
NEUROGYM_RATES = ("dots_raw", "dots_made", "gonogo_raw", "dots_dataset")


def _script(name: str) -> Path:
    file = SCRIPTS / name
    if not file.is_file():
        raise MissingDependencyError(f"benchmarks/{name} is in the source tree only; run bench there")
    return file


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"neuroparallel_peer_{name}", _script(f"{name}.py"))
    if spec is None or spec.loader is None:
        raise MissingDependencyError(f"benchmarks/{name}.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def neurogym_side() -> Side:
    """NeuroGym 2.3.1: steps per second of processor time, by measurement."""
    script = _script("neurogym_peer.py")
    home = Path(os.environ.get("NEUROGYM_VENV", ROOT / ".venv-neurogym"))
    python = home / "bin" / "python"
    if not python.exists():
        raise MissingDependencyError("no environment for NeuroGym; make it once: benchmarks/neurogym_env.sh")
    environ = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}

    def measure(seconds: float) -> Rates:
        command = [str(python), str(script), "--seconds", str(seconds), "--repeats", "1"]
        done = subprocess.run(command, capture_output=True, text=True, env=environ)
        if done.returncode:
            raise MissingDependencyError(f"NeuroGym did not run: {done.stderr.strip().splitlines()[-1]}")
        rates: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["rates"]
        return {f"neurogym_{name}": float(rates[name]["median"]) for name in NEUROGYM_RATES}

    return Side(measure)


def limit_side(lanes: int = 4096) -> Side:
    """What NumPy can do at best with the noise and the memory traffic of random dots."""
    peer = _module("numpy_limit")
    return Side(lambda seconds: {"numpy_limit": float(peer.numpy_limit(lanes, seconds)["steps_per_second"])})


def torch_side(what: str = "dpa_gng", lanes: int = 64) -> Side:
    """PPO in a single file of PyTorch on our batch interface: agent-steps per second of whole iterations."""
    peer = _module("torch_ppo")
    engine = batch(what, lanes=lanes, seed=0, record=False)
    settings = peer.Settings(steps=engine.trial_steps(), memory_steps=engine.memory_steps())
    trainer = peer.Trainer(engine, settings, 0)
    trainer.iterate()
    return Side(lambda seconds: {"torch": rate(trainer.iterate, seconds, wall=True)})
