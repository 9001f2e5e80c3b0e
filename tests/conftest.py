"""What all tests share: a quiet, single-threaded, repeatable process."""

import functools
import importlib
import importlib.util
import os
import secrets
import warnings
from pathlib import Path

import pytest

# Before anything imports NumPy, torch, matplotlib or Ray: these are read once.
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests compare times; two cores are shared
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # local clusters only; writes no token to $HOME

from hypothesis import HealthCheck, settings

# A shared machine stalls now and then, which says nothing about the code: no deadline. On CI
# the examples are the same every time, so that a failure there is never a matter of luck.
_common = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("local", max_examples=50, **_common)
settings.register_profile("ci", max_examples=50, derandomize=True, **_common)
settings.load_profile("ci" if os.environ.get("CI") else "local")

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items):
    """Skip, with the command that would help, what needs Ray where Ray is missing."""
    missing = [name for name in ("ray", "torch") if importlib.util.find_spec(name) is None]
    if not missing:
        return
    skip = pytest.mark.skip(reason=f"no {' or '.join(missing)}: pip install neuroparallel[rllib]")
    for item in items:
        if "rllib" in item.keywords:
            item.add_marker(skip)


@functools.cache
def load_all_of_rllib():
    """Import, once and unheard, what Tune imports when it looks up "PPO".

    DreamerV3's modules step a badly typed example environment when they are imported. Its warnings
    are those that must stay errors where our own environments cause them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("ray.rllib.algorithms.dreamerv3")


def pytest_runtest_setup(item):
    """Prepare for what is known to be noisy."""
    if "rllib" in item.keywords:
        load_all_of_rllib()


@pytest.fixture(autouse=True, scope="session")
def drawn_seeds():
    """Seeds that are drawn where none is given are 0, in fixtures of any scope, so that tests repeat."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neuroparallel.seeding.randbits", lambda bits: 0)
        yield


@pytest.fixture(autouse=True)
def entropy(request, monkeypatch):
    """Tests marked ``entropy`` draw real seeds."""
    if "entropy" in request.keywords:
        monkeypatch.setattr("neuroparallel.seeding.randbits", secrets.randbits)


@pytest.fixture(scope="session")
def fresh_environ():
    """Environment for a fresh Python process that finds this checkout, installed or not."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}
