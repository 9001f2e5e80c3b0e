"""Play 200 steps of random dots with random actions, and draw them: the simplest use of an environment.

python examples/01_random_dots.py
"""

from pathlib import Path

import neuroparallel as npar

STEPS = 200
PICTURE = Path("runs/random_dots.png")

env = npar.parallel_env("random_dots", seed=0, session={"steps": STEPS})
env.reset()
actions = env.action_space("subject_0")
actions.seed(0)
earned = 0.0
while env.agents:
    observations, rewards, terminations, truncations, infos = env.step({"subject_0": actions.sample()})
    earned += rewards["subject_0"]
print(env.trials())
print(f"earned {earned:.1f}: random actions break fixation nearly always")

# The same with a picture: `watch` records observations, actions and rewards.
traces, trials = npar.reporting.watch("random_dots", "random", steps=STEPS, seed=0)
PICTURE.parent.mkdir(exist_ok=True)
npar.plotting.plot_run(traces["subject_0"]).savefig(PICTURE)
print("drawn:", PICTURE)
