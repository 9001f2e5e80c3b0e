"""Search for good settings with a plain Ray Tuner and a plain PPOConfig.

Two trials run at a time, ASHA stops weak trials early, and checkpoints are saved. After Ctrl-C, the option --resume
continues the search.

    python examples/05_tune.py [--resume]
"""

import os
import sys
from pathlib import Path

from ray import tune
from ray.rllib.algorithms.ppo import PPO
from ray.tune.schedulers import ASHAScheduler

import neuroparallel as npar

BUDGET_S = float(os.environ.get("NEUROPARALLEL_EXAMPLE_BUDGET", 60))
ITERATIONS = max(2, int(2 * BUDGET_S))  # updates of every trial
SAMPLES = 4 if BUDGET_S >= 30 else 2
STORAGE, NAME = Path("runs").resolve(), "example_05"

npar.rllib.init_ray(num_cpus=2)
scenario = npar.Scenario.load("random_dots").replace(timing={"stimulus": 500})
config = npar.rllib.ppo_config(scenario, lanes=64)
config.training(lr=tune.loguniform(1e-3, 1e-2), entropy_coeff=tune.choice([0.01, 0.05, 0.1]))

if "--resume" in sys.argv:
    tuner = tune.Tuner.restore(str(STORAGE / NAME), "PPO", param_space=config, resume_unfinished=True)
else:
    tuner = tune.Tuner(
        "PPO",
        param_space=config,
        tune_config=tune.TuneConfig(
            metric="env_runners/correct",  # share of correct trials, with exploration
            mode="max",
            num_samples=SAMPLES,
            max_concurrent_trials=2,
            scheduler=ASHAScheduler(max_t=ITERATIONS, grace_period=max(1, ITERATIONS // 5)),
        ),
        run_config=tune.RunConfig(
            name=NAME,
            storage_path=str(STORAGE),
            stop={"training_iteration": ITERATIONS},
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=True, num_to_keep=1),
            verbose=0,
        ),
    )
results = tuner.fit()
if len(results) < SAMPLES or not all((result.metrics or {}).get("done") for result in results):
    sys.exit("Stopped early. To continue: python examples/05_tune.py --resume")
best = results.get_best_result("env_runners/correct", "max")
correct, updates = best.metrics["env_runners"]["correct"], best.metrics["training_iteration"]
print(f"{len(results)} settings tried; best lr {best.config['lr']:.2g}: {correct:.0%} correct after {updates} updates")

algorithm = PPO.from_checkpoint(best.checkpoint.path)  # continue the training, or use its module
print("restored:", type(algorithm.get_module("shared")).__name__)
algorithm.stop()
