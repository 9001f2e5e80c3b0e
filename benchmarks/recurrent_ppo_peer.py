"""How many steps and seconds does the peer need: RecurrentPPO (sb3-contrib) on NeuroGym's tasks?

Runs in NeuroGym's own environment, with sb3-contrib installed there:

    benchmarks/neurogym_env.sh
    .venv-neurogym/bin/python -m pip install sb3-contrib
    .venv-neurogym/bin/python benchmarks/recurrent_ppo_peer.py --seeds 0 1

Prints a line of JSON per run: steps and seconds (without tests) until the share of right trials of a greedy test first
exceeds the target. Early responses cost and do not abort a trial, as in NeuroGym by default. The same tasks of this
package, on the same rules: ``python benchmarks/sample_efficiency.py``.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import gymnasium
import neurogym  # noqa: F401 (registers the tasks)
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.vec_env import DummyVecEnv

TASKS: dict[str, tuple[str, float]] = {  # NeuroGym's id, and the share of trials that must be right
    "random_dots": ("PerceptualDecisionMaking-v0", 0.80),
    "delayed_comparison": ("DelayComparison-v0", 0.85),
    "context_decision": ("ContextDecisionMaking-v0", 0.80),
    "delayed_match_to_sample": ("DelayMatchSample-v0", 0.80),
    "go_nogo": ("GoNogo-v0", 0.95),
}
ENVS, STEPS, TEST_TRIALS = 16, 64, 400


def share_right(model: Any, task: str, seed: int) -> float:
    """Play greedy trials of a fresh environment, and return the share that was right."""
    env = gymnasium.make(task)
    observation, _ = env.reset(seed=10_000 + seed)
    state, right, trials = None, 0.0, 0
    while trials < TEST_TRIALS:
        action, state = model.predict(observation, state=state, deterministic=True)
        observation, _, _, _, info = env.step(int(action))
        if info.get("new_trial"):
            trials += 1
            right += float(info.get("performance", 0.0))
    return right / trials


def train(task: str, target: float, seed: int, budget: int) -> dict[str, Any]:
    """Train one subject; steps and seconds are None if it did not reach the target within the budget."""
    envs = DummyVecEnv([lambda: gymnasium.make(task) for _ in range(ENVS)])
    model = RecurrentPPO(
        "MlpLstmPolicy",
        envs,
        n_steps=STEPS,
        batch_size=256,
        n_epochs=4,
        learning_rate=3e-3,
        ent_coef=0.01,
        seed=seed,
        device="cpu",
        policy_kwargs={"lstm_hidden_size": 64, "net_arch": []},
    )
    seconds = 0.0
    while model.num_timesteps < budget:
        began = time.perf_counter()
        model.learn(4 * ENVS * STEPS, reset_num_timesteps=False)
        seconds += time.perf_counter() - began
        right = share_right(model, task, seed)
        if right > target:
            return {"steps": model.num_timesteps, "seconds": round(seconds, 2), "right": right}
    return {"steps": None, "seconds": None, "right": right}


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", nargs="*", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1])
    parser.add_argument("--budget", type=int, default=300_000, help="steps over all environments")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.names:
        task, target = TASKS[name]
        for seed in options.seeds:
            result = train(task, target, seed, options.budget)
            print(json.dumps({"task": name, "id": task, "target": target, "seed": seed, **result}), flush=True)


if __name__ == "__main__":
    main()
