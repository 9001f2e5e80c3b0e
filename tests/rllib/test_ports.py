"""Nobody reaches the Ray of a local training from outside, nor from inside without its token."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray")

pytestmark = [
    pytest.mark.rllib,
    pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="lists sockets as Linux does"),
]

TRAINING = """
import os, glob, sys
from neuroparallel.rllib import init_ray, ppo_config
init_ray()
algorithm = ppo_config("random_dots", lanes=4, n_steps=10, lstm=0, num_env_runners=1).build_algo()
algorithm.train()
parents, holders = {}, {}
for place in glob.glob("/proc/[0-9]*"):
    try:
        parents[int(place[6:])] = int(open(place + "/stat").read().rsplit(")", 1)[1].split()[1])
        for descriptor in os.listdir(place + "/fd"):
            holders.setdefault(os.readlink(place + "/fd/" + descriptor), int(place[6:]))
    except OSError:
        pass
def ours(process):
    while process and process != os.getpid():
        process = parents.get(process, 0)
    return bool(process)
for version in ("tcp", "tcp6"):
    for line in open("/proc/net/" + version).readlines()[1:]:
        parts = line.split()
        if parts[3] == "0A" and ours(holders.get("socket:[" + parts[9] + "]", 0)):
            print("listens", parts[1].split(":")[0])
import ray
print("files", oct(os.stat(os.path.dirname(ray._private.worker._global_node.get_temp_dir_path())).st_mode & 0o777))
print("address", ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.readline()
algorithm.stop()
"""
CLIENT = """
import sys
from ray._raylet import GcsClient
print(len(GcsClient(address=sys.argv[1]).internal_kv_keys(b"", None)))
"""
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


def test_a_training_listens_on_loopback_and_answers_nobody_without_its_token(tmp_path: Path) -> None:
    open_env = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    open_env["HOME"] = str(tmp_path)  # where Ray writes its token
    training = subprocess.Popen(
        [sys.executable, "-c", TRAINING], env=open_env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert training.stdout is not None
        said: list[list[str]] = []
        while not said or said[-1][0] != "address":
            line = training.stdout.readline()
            assert line, "the training ended"
            said.append((line.split() or ["", ""])[:2])
        listening = [where for what, where in said[:-1] if what == "listens"]
        assert len(listening) >= 4
        assert set(listening) <= LOOPBACK
        assert ["files", "0o700"] in said
        address = said[-1][1]
        assert address.startswith("127.0.0.1:")
        assert _client(address, {**open_env, "RAY_AUTH_MODE": "token"}).returncode == 0
        for mode in ({"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "x" * 32}):
            refused = _client(address, {**open_env, **mode})
            assert refused.returncode != 0
            assert not refused.stdout.strip()
    finally:
        training.communicate("\n", timeout=60)


def _client(address: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CLIENT, address], env=env, capture_output=True, text=True, timeout=90, check=False
    )
