"""Figures of training, trials and behaviour; the only package that uses matplotlib.

Each function returns a ``matplotlib.figure.Figure``; ``figure.savefig("name.png")`` writes it. No
window is opened and no global state is touched.
"""

from neuroparallel.plotting.accuracy import plot_performance
from neuroparallel.plotting.choice_shares import plot_choices
from neuroparallel.plotting.history import plot_history_kernels
from neuroparallel.plotting.learning import plot_learning_curve
from neuroparallel.plotting.paradigms import plot_additivity, plot_inhibition, plot_prp, plot_stay, plot_switch_cost
from neuroparallel.plotting.psychometrics import plot_chronometric, plot_psychometric
from neuroparallel.plotting.traces import plot_run, plot_trial

__all__ = [
    "plot_additivity",
    "plot_choices",
    "plot_chronometric",
    "plot_history_kernels",
    "plot_inhibition",
    "plot_learning_curve",
    "plot_performance",
    "plot_prp",
    "plot_psychometric",
    "plot_run",
    "plot_stay",
    "plot_switch_cost",
    "plot_trial",
]
