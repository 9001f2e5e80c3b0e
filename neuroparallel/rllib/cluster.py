"""Start of Ray: offline, without telemetry, and without waiting for missing processors."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import signal
import stat
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import ray
import torch
from ray._private import ray_constants

from neuroparallel.errors import UsageError

__all__ = ["check_ray", "check_space", "init_ray", "one_thread", "ray_died", "ray_runs"]

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "1",
}
_NEEDED_MB = 300
_LONGEST_PLACE = 40  # of characters: the system limits the path of a socket to 104, of which Ray takes 60
_CLUSTER_SWITCH = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"


def init_ray(address: str | None = None, *, num_cpus: int | None = None, **options: Any) -> None:
    """Start Ray on this machine, or join a cluster; does nothing if Ray runs already.

    On this machine alone, Ray listens on the loopback address only, and asks for a token unless RAY_AUTH_MODE says
    otherwise. Nothing is sent anywhere, no dashboard is started and Ray's messages are kept to errors. On a
    cluster that asks for tokens, set RAY_AUTH_MODE=token for every command and for this program.

    Args:
        address: Of a cluster; by default RAY_ADDRESS, and without it this machine alone.
        num_cpus: Logical processors; at least 2, so that two Tune trials can run side by side.
        **options: For `ray.init`.

    Raises:
        UsageError: The disk is full.
    """
    quieten()
    if ray.is_initialized():
        return
    address = address or os.environ.get("RAY_ADDRESS")
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address:
        settings["address"] = address
    else:
        check_space(Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()))
        settings.update(
            address="local",  # or Ray would join what someone has started on this machine with `ray start`
            num_cpus=num_cpus or max(2, os.cpu_count() or 1),
            include_dashboard=False,
            object_store_memory=200 * 2**20,
            **_private_files(),
        )
    with nullcontext() if address else _loopback():
        ray.init(**{**settings, **options})
    if threading.current_thread() is threading.main_thread():
        # Run before Ray's own, which waits for its processes to end and leaves them behind if interrupted.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def ray_runs() -> bool:
    """Whether Ray runs, and its main processes on this machine, which this process started, are alive.

    Ray ends this process without an exception if it is called after one of them died.
    """
    return ray.is_initialized() and not ray_died()


def ray_died() -> bool:
    """Whether Ray was started by this process, and one of its two main processes has ended since."""
    if not ray.is_initialized():
        return False
    node = getattr(ray._private.worker, "_global_node", None)
    started = getattr(node, "all_processes", {})
    needed = [part for name in ("gcs_server", "raylet") for part in started.get(name, ())]
    return any(part.process.poll() is not None for part in needed)


def check_ray() -> None:
    """Make sure that Ray still runs.

    Raises:
        UsageError: It does not.
    """
    if not ray_runs():
        raise UsageError(
            "Ray has ended: its processes on this machine (raylet, GCS) were killed, or its memory is full. "
            "Start the program again."
        )


def _private_files() -> dict[str, str]:
    """Keep Ray's files where only this user gets in: Ray lets everybody write to its own, sockets included."""
    if os.environ.get("RAY_TMPDIR") or not hasattr(os, "getuid"):
        return {}
    place = Path(tempfile.gettempdir()) / f"neuroparallel-{os.getuid()}"
    if len(str(place)) > _LONGEST_PLACE:
        return {}
    place.mkdir(mode=0o700, exist_ok=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UsageError(
            f"{place} does not belong to you alone, so others could read and change Ray's files. Delete it, or name "
            "another directory with RAY_TMPDIR."
        )
    return {"_temp_dir": str(place / "ray")}


@contextmanager
def _loopback() -> Iterator[None]:
    """Let Ray take this machine's loopback address, so that nothing it starts listens on the network.

    Ray has this switch for Windows and macOS, where it is on by default, and reads it when it is imported; on Linux
    it replaces even ``_node_ip_address="127.0.0.1"`` by an address that can be reached from outside.
    """
    before, was = os.environ.get(_CLUSTER_SWITCH), ray_constants.ENABLE_RAY_CLUSTER
    os.environ[_CLUSTER_SWITCH], ray_constants.ENABLE_RAY_CLUSTER = "0", False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = was
        if before is None:
            del os.environ[_CLUSTER_SWITCH]
        else:
            os.environ[_CLUSTER_SWITCH] = before


def quieten() -> None:
    """Keep Ray's advice and deprecation notes, which concern its own code, off the screen."""
    for key, value in _QUIET.items():
        os.environ.setdefault(key, value)
    for name in ("ray", "ray.rllib", "ray.tune"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"ray\..*")


def one_thread() -> None:
    """Let torch use one thread, unless OMP_NUM_THREADS says otherwise.

    Networks of this size gain nothing from more, and on a busy machine threads that wait for each other have been
    seen to slow training down twentyfold.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)


def check_space(place: Path, megabytes: int = _NEEDED_MB) -> None:
    """Make sure that there is room to write.

    Args:
        place: Where; it need not exist yet.
        megabytes: How much.

    Raises:
        UsageError: There is less.
    """
    existing = place.expanduser().resolve()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free / 2**20
    if free < megabytes:
        raise UsageError(
            f"Only {free:.0f} MB are free at {existing}, but {megabytes} MB are needed. "
            "Free some space, or name another place (out=..., or RAY_TMPDIR for Ray's own files)."
        )
