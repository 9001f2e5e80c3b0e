"""Measure trial history: networks trained with two choices use it after errors too; others do not.

python examples/10_trial_history.py            # about six minutes
"""

import os
from pathlib import Path

import neuroparallel as npar

BUDGET_S = float(os.environ.get("NEUROPARALLEL_EXAMPLE_BUDGET", 180))
PICTURE = Path("runs/history_kernels.png")
PICTURE.parent.mkdir(exist_ok=True)

# Both networks are tested with two choices, in blocks that repeat or alternate with probability 0.8.
blocks = {"blocks": ["repeat", "clockwise"], "probability": 0.8, "block": {"hazard": 0.0125}}
two_left = [{"variable_choices": {"counts": [2]}}, {"trial_history": blocks}]
alone, many = npar.Scenario.load("trial_history_2afc"), npar.Scenario.load("trial_history_nchoice")
subjects = {
    "only two choices": (alone, alone, "side"),
    "up to 8 choices": (many, many.replace(modifiers=two_left), "direction"),
}
kernels = {}
for name, (grown, test, side) in subjects.items():
    result = npar.rllib.train(grown, budget_s=BUDGET_S, seed=0)
    result.policy.explore = True
    trials = npar.rllib.evaluate(result.policy, trials=200, env=npar.rllib.env_config(test))
    print(f"{name}: {result.trials:,} trials of training, {100 * trials['correct'].mean():.1f} % correct with two")
    print(npar.analysis.repeat_probability(trials))
    try:
        kernels[name] = found = npar.analysis.history_kernels(trials, side=side, lags=6)
    except npar.errors.ArgumentError as error:  # a network with little training may choose one option only
        print(error)
        continue
    before, after = found.bias_after_correct[0], found.bias_after_error[0]
    print(f"transition bias {before:.2f} after correct trials, {after:.2f} after errors")
    print(f"reset index {found.reset_index:.2f} ± {found.reset_index_error:.2f}")
if kernels:
    npar.plotting.plot_history_kernels(kernels, title="Transitions between correct trials").savefig(PICTURE)
    print("drawn:", PICTURE)
