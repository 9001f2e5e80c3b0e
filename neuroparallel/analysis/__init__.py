"""Analyses of trial tables: they read records only, so an animal's table will do as well."""

from neuroparallel.analysis.accuracy import performance
from neuroparallel.analysis.chronometrics import chronometric
from neuroparallel.analysis.coordination import coordination_rate, turn_taking
from neuroparallel.analysis.detection import Sensitivity, dprime, sensitivity
from neuroparallel.analysis.dual_task import dual_task_cost
from neuroparallel.analysis.earnings import reward_rate
from neuroparallel.analysis.ideal import ideal_accuracy
from neuroparallel.analysis.information import mutual_information, transfer_entropy
from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.analysis.learning import learning_curve, trials_to_criterion
from neuroparallel.analysis.psychometrics import (
    Psychometric,
    PsychometricFit,
    fit_psychometric,
    psychometric,
    signed_evidence,
)
from neuroparallel.analysis.reciprocity import memory_one
from neuroparallel.analysis.responding import response_rates
from neuroparallel.analysis.stopping import (
    StopSignalEstimate,
    integrate_stop_signal,
    stop_signal_reaction_time,
)
from neuroparallel.analysis.strategy import win_stay_lose_shift
from neuroparallel.analysis.welfare import exploitability, social_welfare

__all__ = [
    "Psychometric",
    "PsychometricFit",
    "Sensitivity",
    "StopSignalEstimate",
    "chronometric",
    "coordination_rate",
    "dprime",
    "dual_task_cost",
    "exploitability",
    "fit_psychometric",
    "ideal_accuracy",
    "integrate_stop_signal",
    "learning_curve",
    "memory_one",
    "mutual_information",
    "performance",
    "psychometric",
    "response_rates",
    "reward_rate",
    "sensitivity",
    "signed_evidence",
    "social_welfare",
    "stop_signal_reaction_time",
    "transfer_entropy",
    "trials_to_criterion",
    "turn_taking",
    "wilson_interval",
    "win_stay_lose_shift",
]
