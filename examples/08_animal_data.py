"""Analyse the trial table of an animal in the same way as that of a simulated subject.

python examples/08_animal_data.py
"""

from pathlib import Path

import neuroparallel as npar

TABLE, PICTURE = Path("runs/trials.csv"), Path("runs/psychometric.png")
TABLE.parent.mkdir(exist_ok=True)

# A rig writes one row per trial and one column per condition. Here the rig is simulated.
short = npar.make_task("random_dots", timing={"stimulus": 300})
npar.simulate(short, agents="ideal_observer", trials=5_000, seed=0).to_csv(TABLE)

trials = npar.Trials.read_csv(TABLE)
print(npar.analysis.performance(trials, by="coherence"))
curve = npar.analysis.psychometric(trials)
print(f"bias {curve.fit.bias:.2f} %, spread {curve.fit.spread:.2f} % coherence")
npar.plotting.plot_psychometric(trials).savefig(PICTURE)
print("drawn:", PICTURE)
