"""Hyperparameter search with Ray Tune."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ray import tune as ray_tune
from ray.rllib.algorithms.ppo import PPO
from ray.tune.schedulers import ASHAScheduler

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.records.safe_files import write_text
from neuroparallel.rllib.cluster import check_space, init_ray
from neuroparallel.rllib.config import config_for
from neuroparallel.rllib.env_creation import load_scenario
from neuroparallel.rllib.policy import BEST, checkpoint_metadata
from neuroparallel.rllib.policy_keeper import scenario_of_policy
from neuroparallel.rllib.run_files import like_ctrl_c, write_scenario
from neuroparallel.rllib.settings import split_space
from neuroparallel.rllib.tracking import check_callbacks

__all__ = ["search_space", "tune"]

METRIC = "env_runners/correct"
LAWS = ("choice", "grid_search", "loguniform", "lograndint", "quniform", "randint", "randn", "uniform")


def search_space(section: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the `tune:` section of a scenario into Ray Tune's search spaces.

    Args:
        section: Name to value, or to ``{law: arguments}`` with a law of Ray Tune: ``{"lr":
            {"loguniform": [1e-4, 1e-2]}, "subjects.subject_0.streams.motion.params.sigma":
            {"choice": [0.5, 1, 2]}}``.

    Returns:
        Name to search space or value.

    Raises:
        ArgumentError: There is no such law.
    """
    return {name: _law(name, value) for name, value in section.items()}


def _law(name: str, value: Any) -> Any:
    if not isinstance(value, Mapping) or len(value) != 1:
        return value
    (law, arguments), *_ = value.items()
    if law not in LAWS:
        raise ArgumentError(f"tune.{name}: there is no law {law!r}.{nearest(str(law), LAWS)}")
    function = getattr(ray_tune, law)
    named, listed = isinstance(arguments, Mapping), isinstance(arguments, (list, tuple))
    try:
        if law in ("choice", "grid_search") and listed:
            return function(list(arguments))
        if named or listed:
            return function(**arguments) if named else function(*arguments)
    except (TypeError, ValueError):
        pass
    takes = ", ".join(inspect.signature(function).parameters)
    raise ArgumentError(f"tune.{name}: {value!r} does not fit; the law {law!r} takes a list of {takes}.")


def tune(
    what: Any,
    *,
    out: str | Path,
    samples: int = 8,
    iterations: int = 100,
    grace: int = 20,
    concurrent: int = 2,
    seed: int = 0,
    resume: bool = False,
    space: Mapping[str, Any] | None = None,
    metric: str = METRIC,
    callbacks: Sequence[Any] = (),
    **settings: Any,
) -> ray_tune.ResultGrid:
    """Try many settings, two at a time, and stop early those that fall behind (ASHA).

    The result is Ray Tune's; whoever knows Tune can do the same with ``tune.Tuner("PPO",
    param_space=config)`` and a configuration from `ppo_config`.

    Args:
        what: A scenario name, file, dict or Scenario.
        out: Directory of the experiment, with its checkpoints.
        samples: Settings to try.
        iterations: Updates per trial, at most.
        grace: Updates before a trial may be stopped.
        concurrent: Trials at a time.
        seed: Of the search, and of every trial unless ``seed`` itself is searched.
        resume: Continue an experiment that was interrupted.
        space: What to search, as in the scenario's ``tune:`` section, which it extends. Names with
            dots change the scenario, others are settings of `ppo_config`.
        metric: What to maximise; the share of right trials, with exploration.
        callbacks: Ray Tune's logger callbacks, as those for Weights & Biases and MLflow; each gets the results of all
            trials. Ray's own write ``progress.csv``, ``result.json`` and TensorBoard event files for each trial.
        **settings: As for `ppo_config`, for all trials.

    Returns:
        Ray Tune's results: ``.get_best_result().config``, ``.get_dataframe()``. ``best.json`` in `out` names the
        best trial, and ``scenario.yaml`` holds its task and settings: ``train("OUT/scenario.yaml")``.

    Raises:
        ArgumentError: There is nothing to search, or no experiment to resume.
        UsageError: There is no space left to write.
    """
    place = Path(out).expanduser().resolve()
    scenario = load_scenario(what)
    searched = search_space({**(scenario.tune or {}), **(space or {})})
    if not searched:
        raise ArgumentError(
            f"{scenario.name} has no tune: section; say what to search, there or as "
            "--set 'tune.lr={loguniform: [1e-4, 1e-2]}' (in Python: space={'lr': {'loguniform': [1e-4, 1e-2]}})."
        )
    callbacks = check_callbacks(callbacks)
    config = param_space(scenario, searched, seed, settings)
    check_space(place)
    init_ray()
    if resume:
        with like_ctrl_c():
            return _keep_best(place, _restore(place, config).fit(), metric)
    search = ray_tune.TuneConfig(
        metric=metric,
        mode="max",
        num_samples=samples,
        max_concurrent_trials=concurrent,
        scheduler=ASHAScheduler(time_attr="training_iteration", max_t=iterations, grace_period=min(grace, iterations)),
    )
    tuner = ray_tune.Tuner(PPO, param_space=config, tune_config=search, run_config=_kept(place, iterations, callbacks))
    with like_ctrl_c():
        return _keep_best(place, tuner.fit(), metric)


def _keep_best(place: Path, results: ray_tune.ResultGrid, metric: str) -> ray_tune.ResultGrid:
    """Name the best trial in ``best.json``, and write its scenario beside it, with which it can be trained fully."""
    try:
        best = results.get_best_result(metric=metric, mode="max")
    except RuntimeError:  # no trial got so far that it has the metric
        return results
    if best.checkpoint is None:
        return results
    checkpoint = Path(best.checkpoint.path)
    _, metadata = checkpoint_metadata(checkpoint)
    write_scenario(place, scenario_of_policy(metadata))
    description = {
        "trial": Path(best.path).name,
        "checkpoint": str(checkpoint.relative_to(place)),
        "metric": metric,
        "value": _value(best.metrics or {}, metric),
    }
    write_text(place / BEST, json.dumps(description, indent=1) + "\n")
    return results


def _value(metrics: Any, name: str) -> Any:
    """Return a metric by its name with slashes."""
    for part in name.split("/"):
        metrics = metrics.get(part) if isinstance(metrics, Mapping) else None
    return metrics


def _kept(place: Path, iterations: int, callbacks: Sequence[Any]) -> ray_tune.RunConfig:
    """Return where an experiment is kept, how long its trials last, and what is kept of them."""
    return ray_tune.RunConfig(
        name=place.name,
        storage_path=str(place.parent),
        verbose=0,
        stop={"training_iteration": iterations},
        checkpoint_config=ray_tune.CheckpointConfig(
            checkpoint_frequency=max(1, iterations // 4), checkpoint_at_end=True, num_to_keep=2
        ),
        failure_config=ray_tune.FailureConfig(max_failures=1),
        callbacks=list(callbacks) or None,
    )


def param_space(scenario: Any, searched: Mapping[str, Any], seed: int, settings: Mapping[str, Any]) -> Any:
    """Put search spaces into a configuration: those of the task into ``env_config``, the others where they belong.

    Args:
        scenario: A loaded scenario.
        searched: As `search_space` returns it.
        seed: Of every trial.
        settings: As for `ppo_config`.

    Returns:
        A PPOConfig with search spaces in it.
    """
    task, learning = split_space(searched)
    config = config_for(scenario, seed=seed, **settings)
    if task:
        config.environment(env_config={**config.env_config, "set": task})
    seeds = learning.pop("seed", None)
    if seeds is not None:
        config.debugging(seed=seeds)
        config.environment(env_config={**config.env_config, "seed": seeds})
    return config.training(**learning)


def _restore(place: Path, config: Any) -> ray_tune.Tuner:
    if not ray_tune.Tuner.can_restore(str(place)):
        raise ArgumentError(f"There is no experiment in {place} that could be resumed.")
    return ray_tune.Tuner.restore(str(place), PPO, param_space=config, resume_unfinished=True, restart_errored=True)
