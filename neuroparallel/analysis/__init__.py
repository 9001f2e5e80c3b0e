"""Analyses of trial tables, of simulated subjects or of animals."""

from neuroparallel.analysis.accuracy import performance
from neuroparallel.analysis.chronometrics import chronometric
from neuroparallel.analysis.coordination import coordination_rate, turn_taking
from neuroparallel.analysis.diffusion import DiffusionFit, fit_diffusion
from neuroparallel.analysis.dual_task import dual_task_cost
from neuroparallel.analysis.equilibrium import distance_to_equilibrium
from neuroparallel.analysis.history import (
    HistoryDesign,
    HistoryFit,
    HistoryKernels,
    history_design,
    history_kernels,
    repeat_probability,
)
from neuroparallel.analysis.ideal_observer import ideal_accuracy
from neuroparallel.analysis.information import mutual_information, transfer_entropy
from neuroparallel.analysis.intervals import wilson_interval
from neuroparallel.analysis.learning import learning_curve, trials_to_criterion
from neuroparallel.analysis.option_shares import choice_shares
from neuroparallel.analysis.psychometrics import (
    Psychometric,
    PsychometricFit,
    fit_psychometric,
    psychometric,
    signed_evidence,
)
from neuroparallel.analysis.reciprocity import memory_one
from neuroparallel.analysis.refractory import Additivity, PrpCurve, Slope, additivity, prp_curve
from neuroparallel.analysis.response_frequency import response_rates
from neuroparallel.analysis.response_pairing import response_order, response_pairs
from neuroparallel.analysis.reward_rates import reward_rate
from neuroparallel.analysis.signal_detection import Sensitivity, dprime, sensitivity
from neuroparallel.analysis.stopping import (
    StopSignalEstimate,
    inhibition_function,
    integrate_stop_signal,
    stop_signal_reaction_time,
)
from neuroparallel.analysis.strategy import win_stay_lose_shift
from neuroparallel.analysis.task_switching import switch_cost
from neuroparallel.analysis.trade_off import OperatingCharacteristic, operating_characteristic
from neuroparallel.analysis.two_stage import StayProbabilities, stay_probabilities
from neuroparallel.analysis.welfare import exploitability, social_welfare

__all__ = [
    "Additivity",
    "DiffusionFit",
    "HistoryDesign",
    "HistoryFit",
    "HistoryKernels",
    "OperatingCharacteristic",
    "PrpCurve",
    "Psychometric",
    "PsychometricFit",
    "Sensitivity",
    "Slope",
    "StayProbabilities",
    "StopSignalEstimate",
    "additivity",
    "choice_shares",
    "chronometric",
    "coordination_rate",
    "distance_to_equilibrium",
    "dprime",
    "dual_task_cost",
    "exploitability",
    "fit_diffusion",
    "fit_psychometric",
    "history_design",
    "history_kernels",
    "ideal_accuracy",
    "inhibition_function",
    "integrate_stop_signal",
    "learning_curve",
    "memory_one",
    "mutual_information",
    "operating_characteristic",
    "performance",
    "prp_curve",
    "psychometric",
    "repeat_probability",
    "response_order",
    "response_pairs",
    "response_rates",
    "reward_rate",
    "sensitivity",
    "signed_evidence",
    "social_welfare",
    "stay_probabilities",
    "stop_signal_reaction_time",
    "switch_cost",
    "transfer_entropy",
    "trials_to_criterion",
    "turn_taking",
    "wilson_interval",
    "win_stay_lose_shift",
]
