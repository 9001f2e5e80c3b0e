"""Analyses of trial tables: they read records only, so an animal's table will do as well."""

from neuroparallel.analysis.accuracy import performance
from neuroparallel.analysis.chronometrics import chronometric
from neuroparallel.analysis.detection import Sensitivity, dprime, sensitivity
from neuroparallel.analysis.diffusion import DiffusionFit, fit_diffusion
from neuroparallel.analysis.dual_task import dual_task_cost
from neuroparallel.analysis.earnings import reward_rate
from neuroparallel.analysis.ideal import ideal_accuracy
from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.analysis.learning import learning_curve, trials_to_criterion
from neuroparallel.analysis.pairing import response_order, response_pairs
from neuroparallel.analysis.psychometrics import (
    Psychometric,
    PsychometricFit,
    fit_psychometric,
    psychometric,
    signed_evidence,
)
from neuroparallel.analysis.refractory import Additivity, PrpCurve, Slope, additivity, prp_curve
from neuroparallel.analysis.responding import response_rates
from neuroparallel.analysis.stopping import (
    StopSignalEstimate,
    inhibition_function,
    integrate_stop_signal,
    stop_signal_reaction_time,
)
from neuroparallel.analysis.strategy import win_stay_lose_shift
from neuroparallel.analysis.switching import switch_cost
from neuroparallel.analysis.two_stage import StayProbabilities, stay_probabilities

__all__ = [
    "Additivity",
    "DiffusionFit",
    "PrpCurve",
    "Psychometric",
    "PsychometricFit",
    "Sensitivity",
    "Slope",
    "StayProbabilities",
    "StopSignalEstimate",
    "additivity",
    "chronometric",
    "dprime",
    "dual_task_cost",
    "fit_diffusion",
    "fit_psychometric",
    "ideal_accuracy",
    "inhibition_function",
    "integrate_stop_signal",
    "learning_curve",
    "performance",
    "prp_curve",
    "psychometric",
    "response_order",
    "response_pairs",
    "response_rates",
    "reward_rate",
    "sensitivity",
    "signed_evidence",
    "stay_probabilities",
    "stop_signal_reaction_time",
    "switch_cost",
    "trials_to_criterion",
    "wilson_interval",
    "win_stay_lose_shift",
]
