"""RLlib's algorithm, driven through the stages of a curriculum, with clocks and counters over all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED

from neuroparallel.errors import ArgumentError, UsageError
from neuroparallel.rllib.policy import Policy, load_policy

__all__ = ["Stage", "Trainer"]


@dataclass(frozen=True)
class Stage:
    """One stage of a curriculum.

    Attributes:
        config: RLlib's configuration.
        env: Its ``env_config``.
        names: Agent to policy name.
        criterion: What ends it, as in `Plan`; None: what ends the whole training.
    """

    config: Any
    env: dict[str, Any]
    names: dict[str, str]
    criterion: Mapping[str, float] | None = None

    @classmethod
    def of(cls, config: Any) -> Stage:
        """Read a stage off a configuration that `ppo_config` made."""
        return cls(config, dict(config.env_config), dict(config.policy_mapping_fn.names))


class Trainer:
    """Train through stages; weights carry over from one to the next.

    Args:
        stages: At least one.
        earlier: The summary of a run to continue, with its ``checkpoint``; None for a new one.
        draws: Agents that draw their actions when they are tested.

    Attributes:
        sitting: Updates (``iteration``), steps and trials of this sitting.
        sitting_s: Seconds of training in this sitting.
    """

    def __init__(
        self, stages: list[Stage], earlier: Mapping[str, Any] | None = None, draws: Sequence[str] = ()
    ) -> None:
        self.stages, self.draws = stages, draws
        self.stage = 0
        self.sitting_s = 0.0
        self._before = {"seconds": 0.0, "iteration": 0, "steps": 0, "trials": 0}
        self.sitting = {"iteration": 0, "steps": 0, "trials": 0}
        self.reward_per_trial = float("nan")
        self.correct: dict[str, float] = {}
        if earlier is not None:
            self.stage = min(int(earlier.get("stage") or 0), len(stages) - 1)
            self._before = {key: type(value)(earlier.get(key) or 0) for key, value in self._before.items()}
        self.algorithm = self._build()
        if earlier is not None:
            self._restore(Path(earlier["checkpoint"]))

    @property
    def env(self) -> dict[str, Any]:
        """The ``env_config`` of the present stage."""
        return self.stages[self.stage].env

    @property
    def criterion(self) -> Mapping[str, float] | None:
        """What ends the present stage, if it has a criterion of its own."""
        return self.stages[self.stage].criterion

    @property
    def last_stage(self) -> bool:
        """Whether no stage follows."""
        return self.stage == len(self.stages) - 1

    @property
    def seconds(self) -> float:
        """Of training, over all sittings."""
        return float(self._before["seconds"]) + self.sitting_s

    @property
    def policy(self) -> Policy:
        """The subject as it is now."""
        names = self.stages[self.stage].names
        modules = {name: self.algorithm.get_module(name).unwrapped() for name in set(names.values())}
        return Policy(modules, names, explore=self.draws, metadata={"env": self.env, "policies": names})

    def counters(self) -> dict[str, int]:
        """Updates, steps (of all lanes together, not times agents) and trials, over all stages and sittings."""
        return {key: int(self._before[key]) + value for key, value in self.sitting.items()}

    def iterate(self) -> None:
        """One update; an interrupt during it is raised when the clock has been read."""
        start = time.perf_counter()
        try:
            result = self.algorithm.train()
        finally:
            self.sitting_s += time.perf_counter() - start
        report = result["env_runners"]
        self.sitting["iteration"] += 1
        self.sitting["steps"] += int(report.get(NUM_ENV_STEPS_SAMPLED, 0))
        self.sitting["trials"] += int(report.get("trials", 0))
        self.reward_per_trial = float(report.get("reward_per_trial", float("nan")))
        self.correct = {
            key.removeprefix("correct/"): float(value) for key, value in report.items() if key.startswith("correct/")
        }

    def next_stage(self) -> None:
        """Go on to the next stage with the weights learnt so far."""
        weights = self.algorithm.learner_group.get_weights()
        self.algorithm.stop()
        self.stage += 1
        self.algorithm = self._build()
        self.algorithm.learner_group.set_weights(weights)
        self.algorithm.env_runner_group.sync_weights(
            from_worker_or_learner_group=self.algorithm.learner_group, inference_only=True
        )

    def save(self, place: Path) -> None:
        """Write RLlib's checkpoint."""
        self.algorithm.save_to_path(str(place.resolve()))

    def stop(self) -> None:
        """Let go of the workers."""
        self.algorithm.stop()

    def _build(self) -> Any:
        config = self.stages[self.stage].config.copy(copy_frozen=False)
        needed = 1 + config.num_env_runners * config.num_cpus_per_env_runner + config.num_learners
        there = ray.cluster_resources().get("CPU", 0)
        if needed > there:
            raise UsageError(
                f"{config.num_env_runners} workers need {needed:g} processors, but Ray has {there:g}. "
                "Use fewer (num_env_runners=0 samples in this process), or init_ray(num_cpus=...)."
            )
        return config.build_algo()

    def _restore(self, checkpoint: Path) -> None:
        load_policy(checkpoint)  # as RLlib goes on without a word where networks are missing
        try:
            self.algorithm.restore_from_path(str(checkpoint.resolve()))
        except RuntimeError as error:  # of PyTorch, with a line for each weight
            self.stop()
            raise ArgumentError(
                f"the networks in {checkpoint} have other sizes than these; go on with the scenario and settings of "
                "their run, or train anew."
            ) from error
