"""Trainer that runs RLlib's algorithm through the stages of a curriculum, with common clocks and counters."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray
import torch
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED

from neuroparallel.errors import ArgumentError, UsageError
from neuroparallel.rllib.cluster import check_ray, ray_runs
from neuroparallel.rllib.policy import Policy, load_policy
from neuroparallel.rllib.run_files import deferred

__all__ = ["Stage", "Trainer"]

_TRAINING = (
    *("lr", "gamma", "lambda_", "entropy_coeff", "vf_loss_coeff", "clip_param", "grad_clip"),
    *("train_batch_size_per_learner", "minibatch_size", "num_epochs", "num_envs_per_env_runner"),
    *("rollout_fragment_length", "num_env_runners"),
)
MOST_IDLE_S = 60.0  # without a sample, after which env runners are given up


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

    def settings(self) -> dict[str, Any]:
        """Return what learning is done with, every default resolved, by name."""
        model = {key: value for key, value in self.config.rl_module_spec.model_config.items() if key != "seed"}
        training = {name: getattr(self.config, name) for name in _TRAINING}
        return {**training, **model, "policies": self.names, "criterion": self.criterion}


class Trainer:
    """Trainer through stages; weights carry over from one to the next.

    Args:
        stages: At least one.
        earlier: The summary of a run to continue, with its ``checkpoint``; None for a new one.
        draws: Agents that draw their actions when they are tested.

    Attributes:
        sitting: Updates (``iteration``), steps and trials of this sitting.
        sitting_s: Seconds of training in this sitting.
        learner: Policy to the numbers that its latest update reported, as ``entropy`` and ``policy_loss``.
        best_reward: The largest reward of a single step since it was last set to nan; nan if it is not known.
    """

    def __init__(
        self, stages: list[Stage], earlier: Mapping[str, Any] | None = None, draws: Sequence[str] = ()
    ) -> None:
        self.stages, self.draws = stages, draws
        self.stage = 0
        self.sitting_s = 0.0
        self._before = {"seconds": 0.0, "iteration": 0, "steps": 0, "trials": 0}
        self.sitting = {"iteration": 0, "steps": 0, "trials": 0}
        self._idle_s = 0.0
        self.reward_per_trial = float("nan")
        self.correct: dict[str, float] = {}
        self.learner: dict[str, dict[str, float]] = {}
        self.best_reward = math.nan
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

    @property
    def entropy(self) -> dict[str, float]:
        """Policy to the entropy of its actions in the latest update, nats per step."""
        return {name: numbers["entropy"] for name, numbers in self.learner.items() if "entropy" in numbers}

    @property
    def learnt(self) -> bool:
        """Whether there was an update in this sitting."""
        return self.sitting["iteration"] > 0

    @property
    def is_finite(self) -> bool:
        """Whether every weight is a finite number."""
        return all(
            bool(torch.isfinite(weight).all())
            for module in self.policy.modules.values()
            for weight in module.state_dict().values()
        )

    def counters(self) -> dict[str, int]:
        """Updates, steps (of all lanes together, not times agents) and trials, over all stages and sittings."""
        return {key: int(self._before[key]) + value for key, value in self.sitting.items()}

    def iterate(self) -> None:
        """One update; an interrupt during it is raised when the clock has been read."""
        start = time.perf_counter()
        try:
            check_ray()
            result = self.algorithm.train()
        finally:
            self.sitting_s += time.perf_counter() - start
        report = result.get("env_runners", {})
        steps = _count(report.get(NUM_ENV_STEPS_SAMPLED, 0))
        self._wait_for_runners(steps, time.perf_counter() - start)
        if not steps:
            return
        self.sitting["iteration"] += 1
        self.sitting["steps"] += steps
        self.sitting["trials"] += _count(report.get("trials", 0))
        self.reward_per_trial = float(report.get("reward_per_trial", float("nan")))
        self.correct = {
            key.removeprefix("correct/"): float(value) for key, value in report.items() if key.startswith("correct/")
        }
        self.best_reward = float(np.fmax(self.best_reward, float(report.get("reward_max", math.nan))))
        policies, learners = set(self.stages[self.stage].names.values()), result.get("learners", {})
        self.learner = {name: _numbers(learners[name]) for name in sorted(policies & set(learners))}

    def _wait_for_runners(self, steps: int, seconds: float) -> None:
        """Let RLlib restart env runners that died; an update without them samples and learns nothing."""
        self._idle_s = 0.0 if steps else self._idle_s + seconds
        if self._idle_s > MOST_IDLE_S:
            raise UsageError(
                f"No env runner has sampled anything for {self._idle_s:.0f} s: they were killed or have no memory, and "
                "Ray could not restart them. Use fewer (num_env_runners=0 samples in this process)."
            )

    def next_stage(self) -> None:
        """Go on to the next stage with the weights learnt so far; Ctrl-C meanwhile is raised at its end."""
        with deferred():
            self._next_stage()

    def _next_stage(self) -> None:
        # With the optimiser's moments: one that begins anew makes first steps as large as the learning rate, whatever
        # the gradient, which is enough to undo what was learnt.
        learnt = self.algorithm.learner_group.get_state()
        self.algorithm.stop()
        self.stage += 1
        self.best_reward = math.nan
        self.algorithm = self._build()
        self.algorithm.learner_group.set_state(learnt)
        self.algorithm.env_runner_group.sync_weights(
            from_worker_or_learner_group=self.algorithm.learner_group, inference_only=True
        )

    def save(self, place: Path) -> None:
        """Write RLlib's checkpoint."""
        self.algorithm.save_to_path(str(place.resolve()))

    def stop(self) -> None:
        """Let go of the workers, if Ray has not ended before."""
        if ray_runs():
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
        try:
            self._check_fit(
                checkpoint, load_policy(checkpoint)
            )  # RLlib goes on without a word where something is missing
            self.algorithm.restore_from_path(str(checkpoint.resolve()))
        except ArgumentError:
            self.stop()
            raise
        except RuntimeError as error:  # of PyTorch, with a line for each weight
            self.stop()
            raise ArgumentError(
                f"the networks in {checkpoint} have other sizes than these; go on with the scenario and settings of "
                "their run, or train anew."
            ) from error
        except Exception as error:  # whatever unpickling damaged or foreign files raises
            self.stop()
            raise ArgumentError(
                f"the checkpoint {checkpoint} cannot be restored; it is damaged, or of another version of "
                f"neuroparallel or Ray ({type(error).__name__}: {error})."
            ) from error

    def _check_fit(self, checkpoint: Path, policy: Policy) -> None:
        """Refuse a checkpoint of other subjects, or of subjects that see or do something else."""
        names = self.stages[self.stage].names
        if policy.names != names:
            raise ArgumentError(
                _unfit(checkpoint, f"acts for {_seats(policy.names)}; the scenario has {_seats(names)}")
            )
        for name in sorted(set(names.values())):
            learnt, present = policy.modules[name], self.algorithm.get_module(name).unwrapped()
            for what in ("observation_space", "action_space"):
                pair = getattr(learnt, what), getattr(present, what)
                if pair[0] != pair[1]:
                    word = what.replace("_", " ")
                    raise ArgumentError(
                        _unfit(
                            checkpoint,
                            f"has the {word} {_short(pair[0])} for policy {name}; the scenario has {_short(pair[1])}",
                        )
                    )


def _numbers(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the plain numbers of a policy's report, without counts of steps."""
    plain = {name: value.item() if hasattr(value, "item") else value for name, value in report.items()}
    return {
        name: float(value)
        for name, value in plain.items()
        if isinstance(value, (int, float)) and not name.startswith("num_") and math.isfinite(value)
    }


def _count(value: Any) -> int:
    """Return a number of RLlib's report as a whole number; it is NaN where nothing was sampled."""
    return int(value) if math.isfinite(value) else 0


def _unfit(checkpoint: Path, problem: str) -> str:
    return (
        f"{checkpoint} does not fit the scenario: the checkpoint {problem}. Go on with the scenario of its run, or "
        "train anew."
    )


def _seats(names: Mapping[str, str]) -> str:
    return ", ".join(f"{agent} (policy {name})" for agent, name in names.items())


def _short(space: Any) -> str:
    """Return a space without its bounds, which may be long."""
    shape = getattr(space, "shape", None)
    return f"{type(space).__name__}{shape}" if type(space).__name__ == "Box" else str(space)
