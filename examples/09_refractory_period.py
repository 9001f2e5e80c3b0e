"""Measure the psychological refractory period of subjects with a central bottleneck and with shared capacity.

python examples/09_refractory_period.py
"""

from pathlib import Path

import neuroparallel as npar

PICTURE = Path("runs/prp.png")
PICTURE.parent.mkdir(exist_ok=True)

subjects = {
    "bottleneck": npar.agents.Bottleneck(perception=100, central=225, motor=150),
    "capacity sharing": npar.agents.CapacitySharing(perception=100, central=225, motor=150, share=0.5),
}
for name, subject in subjects.items():
    trials = npar.simulate("prp", agents=subject, trials=4_000, per_lane=4, seed=0)
    found = npar.analysis.prp_curve(trials)
    print(f"{name}: slope of the second response {found.short.value:.2f}, of the first {found.short_1.value:.2f}")
    print(found.times)
    print(npar.analysis.response_order(trials))
    if name == "bottleneck":
        npar.plotting.plot_prp(trials).savefig(PICTURE)
        print("drawn:", PICTURE)
