"""Train a subject on two tasks at once, then test it and draw a trial, as `neuroparallel train dpa_gng` does.

python examples/04_train_dual_task.py            # about half a minute
"""

import os
from pathlib import Path

import neuroparallel as npar

BUDGET_S = float(os.environ.get("NEUROPARALLEL_EXAMPLE_BUDGET", 60))
RUN = Path("runs/example_04")


def show(progress: npar.rllib.Progress) -> None:
    """Print the learning curve during training."""
    if progress.evaluated:
        correct = ", ".join(f"{name} {100 * value:.0f} %" for name, value in progress.correct.items())
        print(f"{progress.seconds:5.1f} s  {progress.trials:7,} trials  {correct}")


earlier = RUN if (RUN / "summary.json").exists() else None  # a new run never overwrites an earlier one
result = npar.rllib.train("dpa_gng", out=RUN, resume=earlier, budget_s=BUDGET_S, seed=0, progress=show)
print("criterion met" if result.passed else "criterion not met; continue with train(resume=RUN)")

# The trial table of the final test, without exploration.
print(result.records)
print(npar.analysis.dual_task_cost(result.records))

# The saved policy needs no Ray: use it in a PettingZoo environment, or test it with a longer delay.
policy = npar.rllib.load_policy(RUN)
longer = npar.Scenario.load("dpa_gng").replace(**{"subjects.subject_0.streams.memory.timing.delay": 2400})
trials = npar.rllib.evaluate(policy, lanes=64, trials=4, env=npar.rllib.env_config(longer))
print("with twice the delay:", trials.performance())
for picture in npar.reporting.draw_run(RUN):
    print("drawn:", picture)
