"""Play 4096 lanes at once, and measure the best and the worst possible performance.

python examples/03_batch_oracle.py
"""

import time

import numpy as np

import neuroparallel as npar

LANES, STEPS = 4096, 100

batch = npar.batch("random_dots", lanes=LANES, seed=0)
observations, infos = batch.reset()
start = time.perf_counter()
for _ in range(STEPS):
    observations, rewards, terminations, truncations, infos = batch.step(batch.truth())
seconds = time.perf_counter() - start
print(f"{LANES * STEPS / seconds / 1e6:.1f} million steps per second, oracle included")
print("oracle:", batch.trials().performance())

# Names select reference agents. The ideal observer uses the evidence only.
for agent in ("random", "hold", "blind", "ideal_observer", "oracle"):
    trials = npar.simulate("random_dots", agents=agent, trials=2_000, seed=0)
    print(f"{agent:15} {np.nanmean(trials['correct']):.3f} correct, {trials['reward'].mean():.3f} earned per trial")
