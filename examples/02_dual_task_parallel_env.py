"""Play a dual task in a PettingZoo environment: one subject, two streams, one shared action.

python examples/02_dual_task_parallel_env.py
"""

import neuroparallel as npar

env = npar.parallel_env("dpa_gng", session={"trials": 20}, seed=3)
observations, infos = env.reset()
print("channels:", ", ".join(env.channel_names("subject_0")))

earned = 0.0
while env.agents:  # a session ends for all subjects at once
    now = env.truth()["subject_0"]  # the right action now; -1 where none is defined
    lick = {"subject_0": max(now, 0)}
    observations, rewards, terminations, truncations, infos = env.step(lick)
    earned += rewards["subject_0"]
    if infos["subject_0"]["memory.trial_end"]:
        outcome = npar.Outcome(infos["subject_0"]["memory.outcome"]).label
        print(f"trial {infos['subject_0']['memory.trial']}: memory {outcome}, earned {earned:.0f} in all")
        earned = 0.0

trials = env.trials()
print(trials)
print(npar.analysis.dual_task_cost(trials))  # accuracy with and without the other task; an oracle has no cost
