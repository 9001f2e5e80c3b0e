"""Tracking of the learning curve with TensorBoard's event files and Ray Tune's logger callbacks."""

from __future__ import annotations

import math
import os
import time
import uuid
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ray.tune.logger import LoggerCallback

from neuroparallel.errors import ArgumentError

__all__ = ["TensorBoardFiles", "TrackedRun", "Tracker", "check_callbacks"]


class TrackedRun:
    """Stand-in for Ray Tune's ``Trial``, for a training that Tune does not run.

    Args:
        name: Name of the scenario.
        config: Settings, as plain values.
        place: Directory of the run; None: the working directory, for what callbacks write.

    Attributes:
        trial_id: Name of this sitting, which no other has.
        experiment_dir_name: Name of the scenario, by which runs are grouped.
        local_path: Directory for files.
    """

    checkpoint = None

    def __init__(self, name: str, config: Mapping[str, Any], place: Path | None) -> None:
        self.trial_id = uuid.uuid4().hex[:8]
        self.experiment_dir_name = name
        self.trial_name = self.experiment_tag = f"{name}_{self.trial_id}"
        self.config, self.evaluated_params = dict(config), dict(config)
        self.local_path = self.path = self.logdir = str(place if place is not None else Path.cwd())

    def init_local_path(self) -> None:
        """Make the directory."""
        Path(self.local_path).mkdir(parents=True, exist_ok=True)

    def __str__(self) -> str:
        return self.trial_name


class TensorBoardFiles(LoggerCallback):
    """Write TensorBoard event files into the directory of a run, one for each sitting.

    A value that cannot be written, as on a full disk, ends the writing and not the training.
    """

    def __init__(self) -> None:
        self._writer: Any = None
        self._failed = False

    def log_trial_result(self, iteration: int, trial: Any, result: dict[str, Any]) -> None:
        """Write all numbers of an evaluation."""
        if self._failed:
            return
        # Not its SummaryWriter: that writes in a thread, and waits forever if the thread failed.
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        numbers = {name: value for name, value in result.items() if _is_number(value)}
        try:
            if self._writer is None:
                trial.init_local_path()
                self._writer = EventsWriter(os.path.join(trial.local_path, "events"))
            for name, value in numbers.items():
                summary = scalar(name, value)
                self._writer.write_event(Event(wall_time=time.time(), step=result["timesteps_total"], summary=summary))
            self._writer.flush()
        except OSError as error:
            self._failed = True
            self._close()
            warnings.warn(f"TensorBoard's event file cannot be written ({error}); it ends here.", stacklevel=2)

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        """Close the file."""
        self._close()

    def _close(self) -> None:
        if self._writer is not None:
            with suppress(OSError):
                # Not the writer's own close(), which syncs first and leaves the file open if the disk is full.
                self._writer._py_recordio_writer.close()
            self._writer = None


class Tracker:
    """Calls logger callbacks as Ray Tune does.

    Args:
        callbacks: Ray Tune's logger callbacks.
        run: What is tracked.
    """

    def __init__(self, callbacks: Sequence[Any], run: TrackedRun) -> None:
        self.callbacks, self.run = tuple(callbacks), run
        self._iteration = 0
        self._begun = False

    def report(self, row: Mapping[str, Any], learner: Mapping[str, Mapping[str, float]]) -> None:
        """Pass on a row of the learning curve.

        Args:
            row: As in ``history.csv``.
            learner: Policy to numbers of its latest update, as ``entropy`` and ``policy_loss``.
        """
        if not self.callbacks:
            return
        self._begin()
        self._iteration += 1
        result = {
            **row,
            **{f"learner/{policy}/{name}": value for policy, part in learner.items() for name, value in part.items()},
            "timesteps_total": int(row["steps"]),
            "training_iteration": int(row["iteration"]),
            "time_total_s": float(row["seconds"]),
            "trial_id": self.run.trial_id,
        }
        for callback in self.callbacks:
            callback.on_trial_result(self._iteration, [self.run], self.run, dict(result))

    def end(self, failed: bool) -> None:
        """End what was begun."""
        if not self._begun:
            return
        self._begun = False
        for callback in self.callbacks:
            end = callback.on_trial_error if failed else callback.on_trial_complete
            end(self._iteration, [self.run], self.run)
        for callback in self.callbacks:
            callback.on_experiment_end([self.run])

    def _begin(self) -> None:
        """Set callbacks up, at the first evaluation: a training that is refused leaves no trace anywhere."""
        if self._begun:
            return
        self._begun = True
        for callback in self.callbacks:
            callback.setup()
            callback.on_trial_start(self._iteration, [self.run], self.run)


def check_callbacks(callbacks: Any) -> tuple[Any, ...]:
    """Return callbacks as a tuple.

    Raises:
        ArgumentError: One is not a logger callback of Ray Tune.
    """
    given = tuple(callbacks) if isinstance(callbacks, (list, tuple)) else (callbacks,)
    for callback in given:
        if not isinstance(callback, LoggerCallback):
            raise ArgumentError(
                f"callbacks: {callback!r} is no logger callback; give a list of instances of classes derived from "
                "ray.tune.logger.LoggerCallback, as ray.air.integrations.wandb.WandbLoggerCallback(project='mine')."
            )
    return given


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
