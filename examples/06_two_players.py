"""Play matching pennies with two subjects: first reference agents, then learners.

python examples/06_two_players.py
"""

import os

import numpy as np

import neuroparallel as npar

BUDGET_S = float(os.environ.get("NEUROPARALLEL_EXAMPLE_BUDGET", 20))


def report(title: str, trials: npar.Trials) -> None:
    """Print how often each player chose the first option, and its reward."""
    print(title)
    for player in ("matcher", "mismatcher"):
        mine = trials.select(trials["subject"] == player)
        answered = mine["choice"] > 0
        first = np.mean(mine["choice"][answered] == 1) if answered.any() else float("nan")
        print(f"  {player:11} first option {first:.2f}, earns {mine['reward'].mean():.2f} per trial")


# A player that always takes the first option loses to a player that predicts it.
fixed = npar.simulate("matching_pennies", agents="oracle", trials=500, seed=0)
report("both take what comes first:", fixed)

# Two networks that see the other's last choice. Each learns to exploit the other, but not for long: in the only
# equilibrium both choose at random, and each earns one half.
result = npar.rllib.train("matching_pennies", policies="independent", budget_s=BUDGET_S, seed=0)
report(f"two learners after {result.trials:,} trials:", result.records)
